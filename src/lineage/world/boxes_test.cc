#include "lineage/world/boxes.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

namespace lineage {
namespace {

// Reads the words of a scene and carries out its moves.
TEST(Boxes, PlacesAreWhatTheTextSays) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Draw draw{Rng(seed)};
    const BoxScene scene =
        random_scene(draw, draw.between(1, 5), draw.between(2, 6), draw.below(9));
    DocumentWriter out(DocumentType::story);
    for (size_t i = 0; i < scene.objects.size(); ++i) write_start(out, scene, i);
    for (const BoxStep& step : scene.steps) write_step(out, scene, step);
    std::istringstream text(Vocabulary::get().tokenizer()->decode(out.finish().tokens));
    std::map<std::string, std::string> place;
    std::string a, b, c, d, e, f, stop;
    while (text >> a && a != "<eos>") {
      text >> b >> c >> d;
      if (a == "the") {  // the O is in the C .
        text >> e >> f >> stop;
        place[b] = f;
      } else {  // P put the O in the C . / P swapped the O and the O .
        text >> e >> e >> f >> stop;
        if (b == "swapped")
          std::swap(place[d], place[f]);
        else
          place[d] = f;
      }
    }
    const std::vector<int> places = scene.places(scene.steps.size());
    for (size_t i = 0; i < scene.objects.size(); ++i)
      EXPECT_EQ(place.at(std::string(Vocabulary::get().word(box_object(scene.objects[i])))),
                Vocabulary::get().word(box_container(scene.containers[places[i]])));
  }
}

TEST(Boxes, ChangesCountRealMovesOnly) {
  BoxScene scene;
  scene.objects = {0, 1};
  scene.containers = {0, 1, 2};
  scene.start = {0, 0};
  scene.steps = {{BoxOperation::swap, 0, 0, 0, 1},  // both in the same place
                 {BoxOperation::move, 0, 0, 2},
                 {BoxOperation::swap, 0, 0, 0, 1}};
  EXPECT_EQ(scene.changes(), (std::vector<int>{2, 1}));
  EXPECT_EQ(scene.places(3), (std::vector<int>{0, 2}));
}

}  // namespace
}  // namespace lineage
