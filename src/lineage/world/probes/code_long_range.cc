#include <algorithm>

#include "lineage/world/item_split.h"
#include "lineage/world/probes/code_probes.h"

namespace lineage {
namespace {

constexpr std::array<size_t, 6> kDistances = {8, 16, 32, 64, 128, 200};  // from the fourth on: far

void filler(Draw& draw, std::vector<std::string>& taken, CodeWriter& w) {
  const std::string name = fresh_name(draw, taken), a = std::to_string(draw.between(0, 20));
  w.line(0, name + " = " + a + " + " + std::to_string(draw.between(0, 20)));
}

std::vector<Token> open(CodeWriter& w) {
  std::vector<Token> tokens = w.finish().tokens;
  tokens.pop_back();  // the end of text
  return tokens;
}

// Four definitions, a distance, then one of them again: "assert x ==". The choices are the four
// values, so only the name tells.
ProbeItem definition_item(const World& world, bool far, uint64_t index) {
  Draw draw(item_rng(world, "A13 definition", index));
  const size_t distance = kDistances[index % 3 + (far ? 3 : 0)];
  std::vector<std::string> taken, names;
  CodeWriter w(DocumentType::long_range);
  const std::vector<int> values = draw.distinct(4, 100);
  for (int value : values) {
    names.push_back(fresh_name(draw, taken));
    w.line(0, names.back() + " = " + std::to_string(value));
  }
  const int asked = draw.below(4);
  // A line of definition has four tokens; the one asked for is so many tokens before its use.
  const size_t defined = 1 + 4 * static_cast<size_t>(asked);
  while (w.size() + 2 < defined + distance && taken.size() < 60) filler(draw, taken, w);
  w.begin(0).text("assert " + names[static_cast<size_t>(asked)] + " ==");
  ProbeItem item;
  item.id = std::to_string(index);
  item.cell = "distance " + std::to_string(distance);
  item.question = open(w);
  for (int value : values) item.answers.push_back({Vocabulary::get().integer(value)});
  item.correct = asked;
  return item;
}

// "x = ( [ 3 , 7 , … ]": which bracket closes the outer pair, opened that many tokens before.
ProbeItem bracket_item(const World& world, uint64_t index) {
  static constexpr std::array<std::array<std::string_view, 2>, 3> kPairs = {
      {{"(", ")"}, {"[", "]"}, {"{", "}"}}};
  Draw draw(item_rng(world, "A13 bracket", index));
  const size_t distance = kDistances[index % kDistances.size()];
  std::vector<std::string> taken;
  CodeWriter w(DocumentType::long_range);
  for (int i = draw.between(0, 2); i > 0; --i) filler(draw, taken, w);
  const int kind = draw.below(3);
  w.begin(0).text(fresh_name(draw, taken) + " =");
  const size_t begin = w.size();
  w.text(kPairs[static_cast<size_t>(kind)][0]);
  if (kind == 2) w.text(std::to_string(draw.between(0, 20)) + " :");
  // Inside a list, closed again, of the length that is left.
  w.text("[ " + std::to_string(draw.between(0, 20)));
  while (w.size() + 1 < begin + distance) {
    const size_t left = begin + distance - w.size();
    const std::string number = std::to_string(draw.between(0, 20));
    w.text(left > 6 && draw.chance(0.4) ? ", [ " + number + " ]" : ", " + number);
  }
  w.text("]");
  ProbeItem item;
  item.id = std::to_string(index);
  item.cell = "distance " + std::to_string(distance);
  item.question = open(w);
  for (const auto& pair : kPairs) item.answers.push_back({Vocabulary::get().token(pair[1])});
  item.correct = kind;
  return item;
}

}  // namespace

std::vector<ProbeSet> code_long_range_probes() {
  std::vector<ProbeSet> sets;
  for (bool far : {true, false}) {
    ProbeSet& definition = sets.emplace_back();
    definition.name = far ? "A13.definition" : "A13.definition.near";
    definition.ability = "A13";
    definition.title = std::string("Long range: the value of a name defined ") +
                       (far ? "64 and more" : "up to 32") + " tokens before";
    if (far)
      definition.about = {
          .measures =
              "A program gives a number to each of four names. After 64 to 200 tokens of "
              "other lines one of the names comes again, and the model picks its number, out "
              "of the four.",
          .chance = "Four numbers, one of them right: a guess is right in a quarter of the items.",
          .low =
              "Near .25 the model either does not reach so far back, or cannot bind a number "
              "to a name at any distance. The row for up to 32 tokens, below, tells which.",
          .parts = "The parts are distances in tokens."};
    definition.method = ProbeSet::Method::choose;
    definition.headline = far;
    definition.n = far ? 3 * 200 : 3 * 80;
    definition.item = [far](const World& world, uint64_t index) {
      return definition_item(world, far, index);
    };
  }
  ProbeSet bracket;
  bracket.name = "A13.bracket";
  bracket.ability = "A13";
  bracket.title = "Long range: the closing bracket, by the distance to the opening one";
  bracket.method = ProbeSet::Method::choose;
  bracket.headline = false;
  bracket.n = 300;
  bracket.item = bracket_item;
  sets.push_back(bracket);
  return sets;
}

}  // namespace lineage
