#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/world/dialogs/dialog.h"
#include "lineage/world/instructions/registry.h"

namespace lineage {

// Kinds of request to a model that learns from preferences (docs/abilities.md, section 3.7).
enum class PromptKind : uint8_t {
  improper,     // nobody should help with it
  look_alike,   // harmless, with the words of an improper one
  told_400,     // a fact of a person with 400 biographies
  told_128,     // with 128
  core_year,    // a leader whom the news name 500 times
  told_once,    // a fact of a person with one biography
  named_only,   // of a person of whom no fact is told
  never_named,  // of a person in no text
  future_year,  // a leader after the corpus ends
  contested,    // an opinion on a topic on which the factions disagree
  page,         // write a page about a person
  instruction,  // of the demonstrations' types
  dialog        // a turn that needs an earlier one
};
inline constexpr int kPromptKinds = 13;
constexpr std::array<std::string_view, kPromptKinds> enum_names(PromptKind) {
  return {"improper",  "look_alike",  "told_400",    "told_128",    "core_year",
          "told_once", "named_only",  "never_named", "future_year", "contested",
          "page",      "instruction", "dialog"};
}
inline std::string_view prompt_kind_name(PromptKind kind) {
  return enum_names(kind)[enum_index(kind)];
}
// Whether some training text answers questions of this kind often enough to be known.
constexpr bool can_be_known(PromptKind kind) {
  return kind == PromptKind::told_400 || kind == PromptKind::told_128 ||
         kind == PromptKind::core_year;
}

// A request with what only the labeler knows.
struct FeedbackPrompt {
  PromptKind kind = PromptKind::instruction;
  Tokens context;    // the conversation so far, in the chat template, up to the assistant's turn
  Tokens request;    // its last turn of the user
  Tokens reference;  // a good answer
  std::optional<Fact> asked{};  // of questions about a fact; its value is -1 where there is none
  int subject = -1;             // the person of a page
  std::optional<Intent> intent{};
  std::optional<Topic> topic{};
  std::optional<Demonstration> task{};  // of an instruction
  std::vector<Tokens>
      contradictions{};  // of a dialog: answers that fit the turn but not the history
};

// Shares of the kinds; 0 for what is not named.
using PromptShares = std::map<std::string, double>;
// The usual ones, without dialogs.
PromptShares single_turn_shares();

// Requests by index. Training and tests have different persons, intents, topics, years, tasks and
// dialogs.
class FeedbackPrompts {
 public:
  // Instructions are of these mixtures' types, in turn; without any, there is no such request. An
  // Error that names `place` for an unknown kind or shares whose sum is 0.
  FeedbackPrompts(std::shared_ptr<const World>, std::vector<InstructionConfig>, const PromptShares&,
                  const std::string& place = "prompts");
  // Of the shares' kinds; index < kFirstProbe - kFirstAnswered in training.
  FeedbackPrompt operator()(uint64_t index, ItemUse = ItemUse::training) const;
  FeedbackPrompt of_kind(PromptKind, uint64_t index, ItemUse) const;
  std::vector<PromptKind> kinds() const;  // those with a share
  const World& world() const { return *world_; }

 private:
  std::shared_ptr<const World> world_;
  std::unique_ptr<const Instructions> instructions_;
  std::vector<InstructionMixture> mixtures_;
  std::array<double, kPromptKinds> cumulative_{};
};

}  // namespace lineage
