#include <array>

#include "lineage/world/dialogs/script.h"
#include "lineage/world/instructions/format.h"
#include "lineage/world/instructions/task.h"
#include "lineage/world/template.h"

namespace lineage {
namespace {

// A user's statement about themselves, and their later question about it.
struct OwnFact {
  Template said, asked;
  std::string_view values;  // a block of the vocabulary
};

const std::array<OwnFact, 6>& own_facts() {
  static const std::array<OwnFact, 6> all = {
      {{Template("my name is {v} ."), Template("what is my name ?"), "first_names"},
       {Template("my pet is a {v} ."), Template("what is my pet ?"), "animals"},
       {Template("my home is {v} ."), Template("where is my home ?"), "cities"},
       {Template("my job is {v} ."), Template("what is my job ?"), "jobs"},
       {Template("i like {v} ."), Template("what do i like ?"), "foods"},
       {Template("my colour is {v} ."), Template("what is my colour ?"), "colours"}}};
  return all;
}

Token other_value(const OwnFact& fact, Token than, Draw& draw) {
  Token value;
  do value = draw.pick(Vocabulary::get().tokens(fact.values));
  while (value == than);
  return value;
}

Tokens said(const OwnFact& fact, Token value) { return fact.said.tokens({{'v', value}}); }
Tokens sure() { return words_to_tokens("sure ."); }

}  // namespace

DialogDraft::Small DialogDraft::small_task() {
  constexpr std::array<Family, 3> kOf = {Family::sum, Family::sum, Family::reverse};
  for (;;) {
    const int which = draw.below(3);
    const TaskInput in{world, which, 0, use, 0, draw};
    const ListOp reverse{ListOp::Kind::reverse};
    auto task = kOf[which] == Family::sum
                    ? family_entry(Family::sum).generate(in)
                    : list_task(std::span(&reverse, 1), ListDomain::words, in);
    if (!task || is_test_key(task->key) != (use == ItemUse::test)) continue;
    TokenText question;
    question.add(task->request);
    if (!task->payload.empty()) question.text(":").add(task->payload);
    return {question.take(), task->answer};
  }
}

void DialogDraft::fill(int turns) {
  for (int i = 0; i < turns; ++i) {
    const Small task = small_task();
    say(task.question, format_answer(AnswerFormat::plain, task.answer));
  }
}

void draft_memory(DialogDraft& d, int lag) {
  const std::vector<int> which = d.draw.distinct(2, 6);
  const OwnFact& fact = own_facts()[which[0]];
  const OwnFact& beside = own_facts()[which[1]];
  const Token value = other_value(fact, -1, d.draw);
  d.say(said(beside, other_value(beside, -1, d.draw)), sure());
  d.say(said(fact, value), sure());
  d.fill(lag - 1);
  d.say(fact.asked.tokens({}), {value});
  d.dialog.asked = d.dialog.turns.size() - 1;
  d.dialog.temptations = {{other_value(fact, value, d.draw)}};
}

void draft_correction(DialogDraft& d, int lag) {
  const OwnFact& fact = d.draw.pick(own_facts());
  const Token wrong = other_value(fact, -1, d.draw), right = other_value(fact, wrong, d.draw);
  d.say(said(fact, wrong), sure());
  if (d.draw.chance(0.3)) d.say(fact.asked.tokens({}), {wrong});
  d.say(TokenText("no ,").add(said(fact, right)).take(), TokenText("sorry .").take());
  d.fill(lag - 1);
  d.say(fact.asked.tokens({}), {right});
  d.dialog.asked = d.dialog.turns.size() - 1;
  d.dialog.temptations = {{wrong}};
}

void draft_constraint(DialogDraft& d, int lag) {
  constexpr std::array<AnswerFormat, 3> kFormats3 = {AnswerFormat::brackets, AnswerFormat::tag,
                                                     AnswerFormat::sentence};
  const AnswerFormat format = d.draw.pick(kFormats3);
  d.fill(d.draw.below(2));
  d.say(TokenText("from now on answer").add(format_words(format, 0)).text(".").take(), sure());
  for (int i = 0; i < lag; ++i) {
    const DialogDraft::Small task = d.small_task();
    d.say(task.question, format_answer(format, task.answer));
    if (i + 1 == lag) d.dialog.temptations = {format_answer(AnswerFormat::plain, task.answer)};
  }
  d.dialog.asked = d.dialog.turns.size() - 1;
}

}  // namespace lineage
