#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/checkpoint/model.h"
#include "lineage/documents/document_index.h"
#include "lineage/infer/engine.h"
#include "lineage/run/tool_calls.h"
#include "lineage/text/chat.h"

namespace lineage {

// An Error for a model that was not tuned on conversations, even if its tokenizer has the roles'
// tokens; it names the tuned ones of the same run. An imported model may have been: then a note
// says that this is unknown. `folder` is the model's as the user named it.
std::optional<std::string> check_can_chat(const Model&, const std::string& folder);

// The tokens at which a completion ends: of the text, and of a turn for a model that knows turns.
std::vector<Token> stop_tokens(const Tokenizer&, bool turns);

// Cuts the blanks before an answer that comes piece by piece: a vocabulary of words has one between
// the last word of the prompt and the answer's first.
class LeadingBlanks {
 public:
  std::string_view cut(std::string_view piece);

 private:
  bool begun_ = false;
};

// A turn with the tokens that the model reads. Those of an answer are the model's own, which
// encoding its text need not restore.
struct ChatTurn {
  Role role = Role::user;
  std::string text;
  std::vector<Token> tokens;
};

// The turns of a conversation with one model. The tokenizer must outlive it.
class ChatHistory {
 public:
  explicit ChatHistory(const Tokenizer& tokenizer) : tokenizer_(&tokenizer), form_(tokenizer) {}

  void say(Role, const std::string& text);
  void answer(std::vector<Token>, std::string text);
  // The system's turn, before all others; an empty text: none.
  void set_system(const std::string& text);
  // Takes back the last turns, up to the user's last one with it; false if the user said nothing.
  bool undo();
  void undo_answer();  // takes back the last turn if it is an answer
  void clear();        // all turns but the system's at the beginning
  const std::vector<ChatTurn>& turns() const { return turns_; }

  struct Prompt {
    std::vector<Token> tokens;
    int64_t left_out = 0;  // turns
  };
  // The tokens to answer from. Beyond `most` of them the oldest turns are left out, whole exchanges
  // from a user's turn to the next; the system's turns at the beginning and the user's last one
  // stay, so that there can be more tokens than that.
  // `behind_user` is added to the user's last turn.
  Prompt prompt(int64_t most, std::span<const Token> behind_user = {}) const;

 private:
  size_t first_after_system() const;

  const Tokenizer* tokenizer_;
  ChatTemplate form_;
  std::vector<ChatTurn> turns_;
};

struct ChatAnswer {
  std::string text;
  int64_t left_out = 0;  // turns, as the context has no room for them
  int64_t tokens = 0;
  Completion::End end = Completion::End::stop;
  std::vector<ToolRun> runs = {};       // calls that were run for it
  std::vector<FoundLine> sources = {};  // lines that the model read
};

// What a conversation has beside the model.
struct ChatAids {
  bool run_calls = false;                    // the models' calls are run
  const DocumentIndex* documents = nullptr;  // whose lines stand behind the user's last turn
  int64_t lines = 4;                         // of them, at most
};

// A conversation with one model, or with several at once: each answers the same turns of the user,
// with a history of its own.
class ChatSession {
 public:
  struct Node {
    std::string name;
    Model model;  // with a tokenizer
  };
  // `sampling` without stop tokens: each node adds its own.
  // An Error where calls are to be run and no node knows any. The documents must outlive it.
  ChatSession(std::vector<Node>, Sampling, ChatAids = {});

  size_t size() const { return nodes_.size(); }
  const std::string& name(size_t node) const { return nodes_[node].name; }
  const Model& model(size_t node) const { return nodes_[node].model; }
  const ChatHistory& history(size_t node) const { return nodes_[node].history; }

  // The i-th retry of an answer is drawn with the seed plus i.
  void set_seed(uint64_t seed) { sampling_.seed = seed, retries_ = 0; }
  void set_temperature(double);
  const Sampling& sampling() const { return sampling_; }
  // The seed of the last answers.
  uint64_t seed_used() const { return sampling_.seed + retries_; }

  // Called with the new text of a node's answer, for one node after another; false stops all of
  // them, and what they have written so far is their answer.
  using OnText = std::function<bool(size_t node, std::string_view text)>;
  // The answers of all nodes. After an Error, as for a message that is longer than a context, the
  // history is as before.
  std::vector<ChatAnswer> ask(const std::string& text, const OnText& = {});
  // The last answers, drawn again with another seed. An Error if there are none, or if another seed
  // changes nothing.
  std::vector<ChatAnswer> retry(const OnText& = {});

  // The system's turn; an empty text: none. An Error, which names the node, if a tokenizer has no
  // token of its role.
  void set_system(const std::string& text);
  // Takes back the user's last turn and its answers; an Error if there is none.
  void undo();
  void clear();  // all turns but the system's

  // Writes a line of JSON for each node, {"model": NAME, "messages": [...]}, as read_record() reads
  // them. Exchanges with a blank answer, which it refuses, are left out; returns their number. An
  // Error when the path is taken, or when there is nothing to save.
  int64_t save(const fs::path&) const;

 private:
  struct Talk {
    std::string name;
    Model model;
    std::unique_ptr<LanguageModel> lm;
    ChatHistory history;
  };
  struct TalkPrompt : ChatHistory::Prompt {
    std::vector<FoundLine> sources;
  };
  TalkPrompt prompt_of(const Talk&) const;
  // Generates an answer in as many parts as it has; its tokens are those of all parts, and of the
  // results between them.
  Completion generate(Talk&, const std::vector<Token>& prompt, ChatAnswer&,
                      const LanguageModel::OnText&);
  std::vector<ChatAnswer> answer(const OnText&);

  std::vector<Talk> nodes_;
  Sampling sampling_;
  ChatAids aids_;
  uint64_t retries_ = 0;
};

}  // namespace lineage
