#include "lineage/abilities/ids.h"
#include "lineage/abilities/items.h"
#include "lineage/world/boxes.h"

namespace lineage {
namespace {

// A scene with an object that changed its place at least once, or never.
Instance box_item(const World& world, uint64_t index, bool changed) {
  Draw draw(item_rng(world, changed ? "probe moved" : "probe unmoved", index));
  const int steps = changed ? 1 + static_cast<int>(index % 8) : static_cast<int>(index % 9);
  while (true) {
    const BoxScene scene = random_scene(draw, 4, 5, steps);
    const std::vector<int> changes = scene.changes();
    std::vector<size_t> fit;
    for (size_t i = 0; i < changes.size(); ++i)
      if ((changes[i] > 0) == changed) fit.push_back(i);
    if (fit.empty()) continue;
    const size_t asked = draw.pick(fit);
    DocumentWriter out(DocumentType::story);
    for (size_t i = 0; i < scene.objects.size(); ++i) write_start(out, scene, i);
    for (const BoxStep& step : scene.steps) write_step(out, scene, step);
    write_place(out, scene, asked);
    Instance item;
    item.question = open_text(out);
    item.cell = "steps" + std::to_string(steps);
    const int place = scene.places(scene.steps.size())[asked];
    std::vector<Token> containers;
    for (int i = 0; i < kBoxContainers; ++i) containers.push_back(box_container(i));
    set_token_choices(item, containers, box_container(scene.containers[place]));
    item.baseline = 1.0 / static_cast<double>(scene.containers.size());  // one of the scene's
    return item;
  }
}

Explanation about_moved() {
  return {.measures =
              "Things lie in containers, and persons move them. The model says where one "
              "thing is that was moved, out of eight containers.",
          .chance = "One of the scene’s own containers at random: the scene has five.",
          .low =
              "The thing’s first place is mostly the wrong answer here, so a model that "
              "remembers first places but does not follow the moves falls below chance. "
              "The same model does well on things that stayed, which are a part of this "
              "row.",
          .parts = "steps1 to steps8: how many sentences move something."};
}

}  // namespace

AbilityDefinition a14_tracking() {
  const auto boxes = [](bool changed) {
    return
        [changed](const World& world, uint64_t index) { return box_item(world, index, changed); };
  };
  WorldScenario moved =
      choice_scenario(kMovedBoxes, "Where a thing is that was moved", 800, boxes(true));
  moved.spec.about = about_moved();
  WorldScenario unmoved = below(
      kMovedBoxes,
      choice_scenario("A14.boxes.unmoved", "Where a thing is that stayed", 300, boxes(false)));
  moved.continues_text = unmoved.continues_text = true;
  return {.id = "A14", .tag = Ability::entity_tracking, .scenarios = {moved, unmoved}};
}

}  // namespace lineage
