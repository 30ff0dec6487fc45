#include "lineage/abilities/instruction_items.h"

namespace lineage {
namespace {

// The annotations of an item.
enum InstructionNumber : size_t { kContent };

Instance as_item(const Demonstration& d, const InstructionType& type, std::string cell) {
  Instance item;
  item.cell = std::move(cell);
  item.cluster = type_name(type);
  item.question = d.prompt;
  item.answers = {d.answer};
  item.grade =
      of_tokens([d](std::span<const Token> response) { return d.judge(response).correct ? 1 : 0; });
  item.annotate = of_tokens([d](std::span<const Token> response) {
    return std::vector{response.empty() ? 0 : d.judge(response).content};
  });
  return item;
}

}  // namespace

std::shared_ptr<const Instructions> instructions(const World& world) {
  thread_local const World* last = nullptr;
  thread_local std::shared_ptr<const Instructions> made;
  thread_local uint64_t seed = 0;
  if (last != &world || seed != world.config().seed) {
    made = std::make_shared<const Instructions>(world);
    last = &world, seed = world.config().seed;
  }
  return made;
}

Instance typed_item(const World& world, const InstructionType& type, std::string_view stream,
                    uint64_t index, std::string cell, int shots, Paraphrases paraphrases) {
  const auto all = instructions(world);
  Instance item =
      as_item(all->demonstration(type, stream, index, paraphrases), type, std::move(cell));
  for (int i = 0; i < shots; ++i) {
    const Demonstration e = all->demonstration(type, stream, example_index(index, i), paraphrases);
    item.examples.push_back({e.prompt, {}, e.answer});
  }
  return item;
}

WorldScenario instruction_scenario(std::string name, std::string title, int64_t n,
                                   int64_t max_tokens, ItemFunction item) {
  WorldScenario s = written_scenario(name, title, n, max_tokens, std::move(item));
  s.spec.about.accepts = kSeveralAnswers;
  s.spec.aggregates = {
      aggregates::annotation(name + ".content", title + ", whatever the form", kContent)};
  return s;
}

}  // namespace lineage
