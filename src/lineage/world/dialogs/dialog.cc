#include "lineage/world/dialogs/dialog.h"

#include <algorithm>
#include <optional>

#include "lineage/base/enum_index.h"
#include "lineage/text/chat.h"
#include "lineage/world/dialogs/script.h"

namespace lineage {
namespace {

const ChatTemplate& chat() {
  static const ChatTemplate form(*Vocabulary::get().tokenizer());
  return form;
}

void draft(DialogDraft& d, DialogType type, int lag) {
  switch (type) {
    case DialogType::memory:
      return draft_memory(d, lag);
    case DialogType::anaphora:
      return draft_anaphora(d, lag);
    case DialogType::correction:
      return draft_correction(d, lag);
    case DialogType::constraint:
      return draft_constraint(d, lag);
    case DialogType::topic_switch:
      return draft_topic_switch(d, std::max(2, lag));
    case DialogType::counterfactual:
      return draft_counterfactual(d, lag);
    case DialogType::refusal:
      return draft_refusal(d);
    case DialogType::clarification:
      return draft_clarification(d);
  }
}

constexpr size_t kFewestTurns = 3, kMostTurns = 8;

Dialog draw_dialog(const World& world, DialogType type, int lag, ItemUse use, Draw& draw) {
  DialogDraft d{world, draw, use};
  draft(d, type, lag);
  // Short ones begin with something else, so that the place of the asked turn is no clue.
  const size_t short_of = kFewestTurns - std::min(kFewestTurns, d.dialog.turns.size());
  if (short_of > 0) {
    DialogDraft opening{world, draw, use};
    opening.fill(static_cast<int>(short_of));
    d.dialog.asked += short_of;
    d.dialog.turns.insert(d.dialog.turns.begin(), opening.dialog.turns.begin(),
                          opening.dialog.turns.end());
  }
  d.dialog.type = type;
  d.dialog.lag = lag;
  std::vector<int64_t> key = {static_cast<int64_t>(type)};
  for (const DialogTurn& turn : d.dialog.turns)
    key.insert(key.end(), turn.user.begin(), turn.user.end());
  d.dialog.key = item_key("dialog", key);
  d.dialog.test_only = is_test_key(d.dialog.key);
  return std::move(d.dialog);
}

ChatTemplate::Rendered render(const Dialog& dialog, size_t turns) {
  ChatTemplate::Rendered r;
  for (size_t i = 0; i < turns; ++i) {
    chat().append(Role::user, dialog.turns[i].user, r);
    chat().append(Role::assistant, dialog.turns[i].bot, r);
  }
  return r;
}

}  // namespace

std::string_view dialog_type_name(DialogType type) {
  constexpr std::array<std::string_view, kDialogTypes> kNames = {
      "memory",       "anaphora",       "correction", "constraint",
      "topic_switch", "counterfactual", "refusal",    "clarification"};
  return kNames[enum_index(type)];
}

Dialog make_dialog(const World& world, DialogType type, int lag, std::string_view stream,
                   uint64_t index) {
  Draw draw(item_rng(world, stream, index));
  const ItemUse use = item_use(index);
  return draw_for(use, "dialog", [&]() -> std::optional<Dialog> {
    Dialog d = draw_dialog(world, type, lag > 0 ? lag : draw.between(1, 6), use, draw);
    if (d.turns.size() > kMostTurns || to_example(d).tokens.size() > 250) return std::nullopt;
    return d;
  });
}

Dialog make_dialog(const World& world, std::string_view stream, uint64_t index) {
  const uint64_t type = item_rng(world, "dialog type", index).below(kDialogTypes, 0);
  return make_dialog(world, static_cast<DialogType>(type), 0, stream, index);
}

Example to_example(const Dialog& dialog) {
  ChatTemplate::Rendered r = render(dialog, dialog.turns.size());
  return {.tokens = std::move(r.tokens), .weights = std::move(r.weights), .starts = {}};
}

Document to_document(const Dialog& dialog) {
  DocumentWriter out(DocumentType::dialog);
  const Example example = to_example(dialog);
  const TokenTag tag{Ability::dialog_history, true};
  for (size_t i = 0; i < example.tokens.size(); ++i)
    out.token(example.tokens[i], example.weights[i] > 0 ? tag : TokenTag{});
  return out.finish();
}

Tokens dialog_prompt(const Dialog& dialog, size_t turn) {
  ChatTemplate::Rendered r = render(dialog, turn);
  chat().append(Role::user, dialog.turns[turn].user, r);
  return joined({r.tokens, chat().opening(Role::assistant)});
}

Tokens dialog_question(const Dialog& dialog, size_t turn) {
  const ChatTemplate::Rendered r = render(dialog, turn);
  const size_t opening = chat().opening(Role::user).size();
  if (turn == 0) return dialog.turns[0].user;
  return joined(
      {std::span(r.tokens).subspan(opening), chat().opening(Role::user), dialog.turns[turn].user});
}

Tokens flat_prompt(const Dialog& dialog, size_t turn) {
  TokenText text;
  for (size_t i = 0; i <= turn; ++i) {
    text.text("q :").add(dialog.turns[i].user).text("a :");
    if (i < turn) text.add(dialog.turns[i].bot).text("\n");
  }
  return text.take();
}

}  // namespace lineage
