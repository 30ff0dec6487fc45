#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lineage/infer/engine.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

// A token as answers show it.
struct TokenEntry {
  Token token = -1;
  Token previous = -1;            // the one before it, which a vocabulary of words joins it to
  std::optional<float> log_prob;  // none for the first token of a prompt
  std::vector<TokenProb> top;     // the most likely ones there, in order
  int64_t offset = 0;             // characters of the text before it
};

// The bytes that a token adds to a text that ended with `previous`; a special token by its name.
std::string piece_of(const Tokenizer&, Token previous, Token);
// Characters (code points) of valid UTF-8.
int64_t characters(std::string_view utf8);

// What one choice of an answer gains at an event: text, and the tokens that are in it.
struct TextDelta {
  std::string text;
  std::vector<TokenEntry> entries;
  bool empty() const { return text.empty() && entries.empty(); }
};

// Turns the events of one sequence into the text and the tokens of a choice. The deltas of a
// streamed answer, one after another, are the unstreamed answer. A token is in the delta in which
// its text is certain; one whose text a stop text cut off whole is in none, but counts as
// generated.
class ChoiceText {
 public:
  struct Options {
    bool entries = false;      // wanted
    bool echo = false;         // the prompt is the beginning of the text
    int64_t hidden = 0;        // tokens at the prompt's beginning that its sender did not write
    bool starts_text = false;  // as an answer of a chat does: it is not joined to the prompt's text
  };
  // The tokenizer must outlive it. The prompt is not empty.
  ChoiceText(const Tokenizer&, std::vector<Token> prompt, Options);

  TextDelta push(const Engine::Event&);
  // Tokens drawn, the one of an end and those of a stop text among them.
  int64_t generated() const { return generated_; }
  double sum_log_probs() const { return sum_log_probs_; }
  std::optional<Completion::End> end() const { return end_; }
  const std::vector<Token>& tokens() const { return tokens_; }  // generated, without that of an end

 private:
  TextDelta echoed();
  void hold(const SampledToken&);

  const Tokenizer& tokenizer_;
  std::vector<Token> prompt_, tokens_;
  Options options_;
  std::vector<SampledToken> prompt_scores_;
  bool echo_due_;
  StreamDecoder decoder_;
  Token previous_;
  std::vector<std::pair<size_t, TokenEntry>> held_;  // with the bytes of text before it
  size_t decoded_ = 0, certain_ = 0;                 // bytes of generated text
  int64_t offset_ = 0;                               // characters before the next token
  int64_t generated_ = 0;
  double sum_log_probs_ = 0;
  size_t cut_ = 0;  // bytes that join it to the prompt, to be cut
  std::optional<Completion::End> end_;
};

}  // namespace lineage
