#include <algorithm>
#include <array>

#include "lineage/world/instructions/registry.h"
#include "lineage/world/instructions/task.h"

namespace lineage {
namespace {

uint64_t type_key(const InstructionType& t) {
  return item_key("wording", {static_cast<int64_t>(t.family), t.parameter, t.first, t.second});
}

}  // namespace

Wording draw_wording(const InstructionType& type, Paraphrases which, Draw& draw) {
  const int held = static_cast<int>(type_key(type) % (kPhrases * kFrames));
  if (which == Paraphrases::heldout) return {held / kFrames, held % kFrames};
  int i = draw.below(kPhrases * kFrames - 1);
  i += i >= held;
  return {i / kFrames, i % kFrames};
}

Tokens frame_prompt(const Task& task, AnswerFormat format, Wording wording) {
  TokenText text;
  constexpr std::array<std::string_view, kFrames> kBefore = {"", "please", "now", "", "you must"};
  const bool payload_first = wording.frame == 3 && !task.payload.empty();
  if (payload_first) text.add(task.payload).text(";");
  text.text(kBefore[wording.frame]).add(task.request);
  if (format != AnswerFormat::plain) text.text(",").add(format_words(format, wording.phrase));
  if (!payload_first && !task.payload.empty()) text.text(":").add(task.payload);
  if (wording.frame == 3) text.text("!");
  return text.take();
}

namespace {

// Persons of the H-half are never in tuning data. (Inverse facts name a value, not a person.)
bool asks_h_half(const World& world, const InstructionType& type, const Task& task) {
  if (type.family == Family::inverse_fact) return false;
  for (const Fact& f : task.record.facts)
    if (subject_domain(f.relation) == Domain::person)
      if (const Person* p = world.find_person(f.subject); p && !p->questioned) return true;
  return false;
}

std::optional<Task> draw_task(const InstructionType& type, const TaskInput& in) {
  if (type.first < 0) return family_entry(type.family).generate(in);
  const std::array<ListOp, 2> ops = {list_ops()[type.first],
                                     type.second < 0 ? ListOp{} : list_ops()[type.second]};
  return list_task(std::span(ops).first(type.second < 0 ? 1 : 2), type.domain, in);
}

}  // namespace

Demonstration Instructions::demonstration(const InstructionType& type, std::string_view stream,
                                          uint64_t index, Paraphrases paraphrases,
                                          double unknown_share) const {
  Draw draw(item_rng(*world_, stream, index));
  const ItemUse use = item_use(index);
  const Wording wording = draw_wording(type, paraphrases, draw);
  Task task = draw_for(use, family_info(type.family).name, [&]() -> std::optional<Task> {
    auto drawn =
        draw_task(type, {*world_, type.parameter, wording.phrase, use, unknown_share, draw});
    if (!drawn || (use == ItemUse::test && drawn->also_trained)) return std::nullopt;
    drawn->test_only |= is_test_key(drawn->key) || asks_h_half(*world_, type, *drawn);
    return drawn;
  });
  Demonstration d{.prompt = frame_prompt(task, type.format, wording),
                  .answer = format_answer(type.format, task.answer),
                  .family = type.family,
                  .record = std::move(task.record)};
  d.record.format = type.format;
  d.record.items = std::move(task.answer);
  d.accept = std::move(task.accept);
  d.key = task.key, d.test_only = task.test_only;
  return d;
}

}  // namespace lineage
