#include "lineage/abilities/continuation.h"
#include "lineage/abilities/ids.h"
#include "lineage/world/taxonomy.h"

namespace lineage {
namespace {

struct Claim {
  int animal;
  Property property;
};

// "a wren can" and "fly .", "a trout has" and "no fur .".
void split_property(const Claim& claim, bool has, Tokens& before, Tokens& after) {
  const Token word = *domain_words(Domain::animal, claim.animal).begin();
  const bool skill = claim.property <= Property::walk;
  before = TokenText("a").token(word).text(skill ? "can" : "has").take();
  TokenText rest;
  if (!has) rest.text(skill ? "not" : "no");
  after = rest.text(property_name(claim.property)).text(".").take();
}

// A claim of the wanted kind, and another animal that differs in the property: for exceptions one
// of the same class, so that the class alone does not decide.
Instance animal_item(const World& world, bool exception, bool stated, Draw& draw) {
  while (true) {
    const Claim claim{draw.below(kAnimals), static_cast<Property>(draw.below(kProperties))};
    if (is_exception(claim.animal, claim.property) != exception) continue;
    if (!exception && is_stated(world, claim.animal, claim.property) != stated) continue;
    const bool has = animal_has(claim.animal, claim.property);
    Claim other = claim;
    for (int tries = 0; tries < 64; ++tries) {
      other.animal = draw.below(kAnimals);
      if (is_exception(other.animal, claim.property)) continue;
      if (exception && kind_of(other.animal) != kind_of(claim.animal)) continue;
      if (animal_has(other.animal, claim.property) != has) break;
    }
    if (animal_has(other.animal, claim.property) == has) continue;  // all have it
    Instance item;
    Tokens right, wrong, answer;
    item.correct = draw.below(2);
    split_property(other, has, wrong, answer);
    split_property(claim, has, right, answer);
    item.contexts = {item.correct == 0 ? right : wrong, item.correct == 0 ? wrong : right};
    item.answers = {answer};
    item.cluster = tokens_to_words(right);
    return item;
  }
}

Instance material_item(const World& world, Draw& draw) {
  const auto floats = [&](int object) {
    return material_floats(world.value(Relation::material, object));
  };
  int object = draw.below(32), other = draw.below(32);
  while (is_stated(world, object)) object = draw.below(32);
  while (floats(other) == floats(object)) other = draw.below(32);
  Instance item;
  const auto context = [](int of) {
    return TokenText("the").words(domain_words(Domain::object, of)).take();
  };
  item.correct = draw.below(2);
  item.contexts = {context(item.correct == 0 ? object : other),
                   context(item.correct == 0 ? other : object)};
  item.answers = {words_to_tokens(floats(object) ? "floats ." : "sinks .")};
  item.cluster = tokens_to_words(context(object));
  return item;
}

Instance commonsense_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "probe commonsense", index));
  constexpr std::array<std::string_view, 4> kCells = {"stated", "inherited", "exception",
                                                      "material"};
  const size_t cell = index % 4;
  Instance item =
      cell == 3 ? material_item(world, draw) : animal_item(world, cell == 2, cell == 0, draw);
  item.cell = kCells[cell];
  return item;
}

}  // namespace

AbilityDefinition a04_commonsense() {
  WorldScenario commonsense = text_choice_scenario(
      "A04.commonsense", "Of which of two things something holds", 1068, commonsense_item);
  commonsense.spec.about = {
      .measures =
          "A statement such as “floats .” stands after each of two things. The model is "
          "right when it finds the statement likelier after the thing of which it holds.",
      .chance = "Two things, and the statement holds of one: a guess is right half of the time.",
      .low = "Near .50 the model does not know of which thing the statement holds.",
      .parts =
          "stated: the corpus says it of this animal. inherited: the corpus says it only of "
          "the class that the animal belongs to. exception: the animal differs from its class. "
          "material: what a thing is made of decides whether it floats."};
  return {.id = "A04",
          .tag = Ability::commonsense,
          .scenarios = {commonsense},
          .allowed = {{.cells = {"stated"},
                       .sources = {TrainingKind::text},
                       .checks = {Check::exact},
                       .why = "what is stated is to be known from the text"},
                      {.cells = {"exception"},
                       .sources = {TrainingKind::text},
                       .checks = {Check::exact},
                       .why = "an exception follows from nothing, so the text states it"}}};
}

}  // namespace lineage
