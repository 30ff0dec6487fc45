#pragma once

#include "lineage/world/dialogs/dialog.h"

namespace lineage {

// State that the makers of dialogs share.
struct DialogDraft {
  const World& world;
  Draw& draw;
  ItemUse use;
  Dialog dialog{};

  void say(Tokens user, Tokens bot) { dialog.turns.push_back({std::move(user), std::move(bot)}); }
  // A turn that has nothing to do with the rest: a sum or a short list. As an answer in a format,
  // it shows that the bot keeps to a constraint.
  struct Small {
    Tokens question;
    std::vector<Tokens> answer;
  };
  Small small_task();
  void fill(int turns);  // adds `turns` small tasks with plain answers
};

// Each writes the turns and sets `asked`; make_dialog() does the rest.
void draft_memory(DialogDraft&, int lag);
void draft_correction(DialogDraft&, int lag);
void draft_constraint(DialogDraft&, int lag);
void draft_anaphora(DialogDraft&, int lag);
void draft_topic_switch(DialogDraft&, int lag);
void draft_counterfactual(DialogDraft&, int lag);
void draft_refusal(DialogDraft&);
void draft_clarification(DialogDraft&);

}  // namespace lineage
