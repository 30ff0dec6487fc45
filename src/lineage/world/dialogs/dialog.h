#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "lineage/data/dataset.h"
#include "lineage/world/document.h"
#include "lineage/world/item_split.h"
#include "lineage/world/token_text.h"

namespace lineage {

// Conversations of 3 to 8 turns that need their history (A21; docs/abilities.md, section 3.8). A
// turn is the user's message and the bot's reply.
enum class DialogType : uint8_t {
  memory,          // my pet is a cat … what is my pet ?
  anaphora,        // where was mira volk born ? … and where does she work ?
  correction,      // my pet is a cat … no , my pet is a dog … what is my pet ?
  constraint,      // from now on answer in [ ] …
  topic_switch,    // about one person, about another, again about the first
  counterfactual,  // in my story mira volk works for zenith …
  refusal,         // an improper request, and then a proper one
  clarification    // where was mira born ? mira who ? mira volk .
};
inline constexpr int kDialogTypes = 8;
std::string_view dialog_type_name(DialogType);

struct DialogTurn {
  Tokens user, bot;
};

struct Dialog {
  DialogType type = DialogType::memory;
  std::vector<DialogTurn> turns;
  size_t asked = 0;  // the turn whose reply needs an earlier turn
  int lag = 1;       // its distance in turns
  // Answers that fit the question but not the history, where the type has any: the value that was
  // withdrawn, is true outside the story or is another person's; the answer without its format.
  std::vector<Tokens> temptations;
  uint64_t key = 0;
  bool test_only = false;
};

// `lag` 1..6, or 0 for a random one; refusal and clarification have their own.
Dialog make_dialog(const World&, DialogType, int lag, std::string_view stream, uint64_t index);
// Of a random type.
Dialog make_dialog(const World&, std::string_view stream, uint64_t index);

// All turns, with weights on the bot's replies.
Example to_example(const Dialog&);
Document to_document(const Dialog&);
// The turns up to `turn`, whose reply is evaluated: in the chat template, from <user> to <bot>; and
// as plain text for models that were never tuned, "q : … a : …".
Tokens dialog_prompt(const Dialog&, size_t turn);
Tokens flat_prompt(const Dialog&, size_t turn);
// The same, but without the template's first <user> and last <bot>: the content of a user's turn.
Tokens dialog_question(const Dialog&, size_t turn);

}  // namespace lineage
