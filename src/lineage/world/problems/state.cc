#include "lineage/world/boxes.h"
#include "lineage/world/problems/generators.h"

namespace lineage {
namespace {

// Writes with the sentences that the corpus has for boxes.
template <class Write>
Tokens sentence(const Write& write) {
  DocumentWriter out(DocumentType::word_problem);
  write(out);
  Document document = out.finish();
  document.tokens.pop_back();  // end of text
  return std::move(document.tokens);
}

Tokens place(const BoxScene& scene, const std::vector<int>& places, int object) {
  const size_t o = static_cast<size_t>(object);
  Tokens tokens = sentence([&](DocumentWriter& out) { write_place(out, scene, o); });
  tokens.push_back(box_container(scene.containers[places[o]]));
  tokens.push_back(word_token("."));
  return tokens;
}

}  // namespace

Problem draw_state(const ProblemSpec& spec, Draw& draw) {
  const int objects = 3, containers = 3;
  const BoxScene scene = random_scene(draw, objects, containers, spec.steps);
  const int asked = draw.below(objects);

  Problem problem;
  problem.spec = spec;
  std::vector<int64_t> key = {asked};
  for (int o = 0; o < objects; ++o) {
    problem.premises.push_back(
        sentence([&](DocumentWriter& out) { write_start(out, scene, static_cast<size_t>(o)); }));
    key.push_back(scene.objects[o]);
    key.push_back(scene.containers[scene.start[o]]);
  }
  for (size_t i = 0; i < scene.steps.size(); ++i) {
    const BoxStep& step = scene.steps[i];
    problem.premises.push_back(
        sentence([&](DocumentWriter& out) { write_step(out, scene, step); }));
    const std::vector<int> places = scene.places(i + 1);
    Tokens restated = place(scene, places, step.object);
    if (step.other >= 0) restated = joined({restated, place(scene, places, step.other)});
    problem.chain.push_back(std::move(restated));
    for (int part : {static_cast<int>(step.operation), step.object, step.container, step.other})
      key.push_back(part);
  }
  const size_t o = static_cast<size_t>(asked);
  problem.question = TokenText("where is the").token(box_object(scene.objects[o])).text("?").take();
  const int where = scene.places(scene.steps.size())[o];
  problem.answer = {box_container(scene.containers[where])};
  problem.changes = scene.changes()[o];
  problem.key = item_key("state", key);
  problem.test_only = is_test_key(problem.key);
  return problem;
}

}  // namespace lineage
