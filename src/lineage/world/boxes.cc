#include "lineage/world/boxes.h"

#include <algorithm>
#include <cassert>

#include "lineage/world/template.h"

namespace lineage {
namespace {

void apply(const BoxStep& step, std::vector<int>& places) {
  int& place = places[step.object];
  if (step.operation == BoxOperation::swap)
    std::swap(place, places[step.other]);
  else
    place = step.container;
}

}  // namespace

Token box_object(int index) {
  assert(index < kBoxObjects);
  return Vocabulary::get().tokens("objects")[index];
}

Token box_container(int index) {
  assert(index < kBoxContainers);
  return Vocabulary::get().tokens("containers")[index];
}

std::vector<int> BoxScene::places(size_t count) const {
  std::vector<int> out = start;
  for (size_t i = 0; i < count; ++i) apply(steps[i], out);
  return out;
}

std::vector<int> BoxScene::changes() const {
  std::vector<int> now = start, count(start.size(), 0);
  for (const BoxStep& step : steps) {
    const std::vector<int> before = now;
    apply(step, now);
    for (size_t i = 0; i < now.size(); ++i) count[i] += now[i] != before[i];
  }
  return count;
}

BoxScene random_scene(Draw& draw, int objects, int containers, int steps) {
  BoxScene scene;
  scene.objects = draw.distinct(objects, kBoxObjects);
  scene.containers = draw.distinct(containers, kBoxContainers);
  for (int i = 0; i < objects; ++i) scene.start.push_back(draw.below(containers));
  const auto names = Vocabulary::get().tokens("first_names");
  for (int i = 0; i < steps; ++i) {
    BoxStep step{BoxOperation::move, draw.pick(names), draw.below(objects), 0};
    if (objects > 1 && draw.chance(0.25)) {
      step.operation = BoxOperation::swap;
      step.other = (step.object + draw.between(1, objects - 1)) % objects;
    } else {
      if (draw.chance(0.4)) step.operation = BoxOperation::put;
      // Somewhere else than now, so that each step changes something.
      const int now = scene.places(scene.steps.size())[step.object];
      step.container = (now + draw.between(1, containers - 1)) % containers;
    }
    scene.steps.push_back(step);
  }
  return scene;
}

std::vector<Template> box_sentences() {
  return templates({"the {o} is in the {c} .", "the {o} is now in the {c} .",
                    "{w} put the {o} in the {c} .", "{w} moved the {o} to the {c} .",
                    "{w} swapped the {o} and the {o} ."});
}

void write_start(DocumentWriter& out, const BoxScene& scene, size_t object) {
  static const Template form("the {o} is in the {c} .");
  form.write(out, {{'o', box_object(scene.objects[object])},
                   {'c', box_container(scene.containers[scene.start[object]])}});
}

void write_step(DocumentWriter& out, const BoxScene& scene, const BoxStep& step) {
  static const Template put("{p} put the {o} in the {c} ."), move("{p} moved the {o} to the {c} ."),
      swap("{p} swapped the {o} and the {x} .");
  const auto object = [&](int i) { return Phrase(box_object(scene.objects[i])); };
  const Slot person{'p', step.person}, thing{'o', object(step.object)};
  if (step.operation == BoxOperation::swap)
    return swap.write(out, {person, thing, {'x', object(step.other)}});
  const Template& form = step.operation == BoxOperation::put ? put : move;
  const int container = scene.containers[step.container];
  form.write(out, {person, thing, {'c', box_container(container)}});
}

void write_place(DocumentWriter& out, const BoxScene& scene, size_t object) {
  static const Template form("the {o} is now in the");
  form.write(out, {{'o', box_object(scene.objects[object])}});
}

}  // namespace lineage
