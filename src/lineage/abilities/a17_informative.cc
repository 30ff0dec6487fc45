#include <cmath>

#include "lineage/abilities/items.h"
#include "lineage/base/enum_index.h"
#include "lineage/world/claims.h"
#include "lineage/world/instructions/statements.h"

namespace lineage {
namespace {

// The annotations of an item.
enum PageNumber : size_t { kTrueClaims, kPrecision };

Instance open_request(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "A17", index));
  const bool well_known = draw.chance(0.5);
  const Person& p = draw.pick(world.persons(well_known ? Tier::t400 : Tier::t128));
  const bool brief = index % 4 == 3;
  Instance item;
  item.cell = brief ? "one sentence" : "open";
  item.cluster = "person " + std::to_string(p.name);
  TokenText question("write a page about");
  question.person(p.name);
  if (brief) question.text(", in one sentence");
  item.question = question.take();
  TokenText all;
  const int told = told_attributes(world);
  for (int a = 0; a < told; ++a)
    all.add(statement({static_cast<Relation>(a), p.name, p.profile[a]}, 0));
  item.answers = {all.take()};
  // True claims about the person, each once, out of all that there are.
  item.grade =
      of_tokens([profile = p.profile, name = p.name, told](std::span<const Token> response) {
        int right = 0;
        for (const Fact& f : read_claims(response).facts)
          right += f.subject == name && static_cast<int>(f.relation) < told &&
                   profile[enum_index(f.relation)] == f.value;
        return static_cast<double>(right) / told;
      });
  item.annotate = of_tokens([profile = p.profile, name = p.name](std::span<const Token> response) {
    const ReadClaims claims = read_claims(response);
    double right = 0;
    for (const Fact& f : claims.facts)
      right += f.subject == name && static_cast<int>(f.relation) < kAttributes &&
               profile[enum_index(f.relation)] == f.value;
    const auto stated = static_cast<double>(claims.facts.size());
    return std::vector{right, stated > 0 ? right / stated : std::nan("")};
  });
  return item;
}

MetricInfo mean_claims() {
  return {.name = "mean", .kind = MetricKind::amount, .unit = "claims", .has_chance = false};
}

}  // namespace

AbilityDefinition a17_informative() {
  const std::string name = "A17.pages";
  WorldScenario pages =
      written_scenario(name, "true claims on a page about a person", 100, 80, open_request);
  pages.spec.about = {
      .measures =
          "The model writes a page about a person whom the corpus has often. The score is "
          "the share of the person’s facts that the page states.",
      .chance = kMostFrequentAnswer,
      .low =
          "Near 0 the page states nothing true about this person that can be read from it. Facts "
          "about other persons do not count.",
      .accepts =
          "Any true facts count, in any order and wording that the world knows. The answer "
          "shown states all of them.",
      .parts = "open: the request leaves the length open. one sentence: the request asks for one."};
  pages.spec.chat_if_tuned = true;
  constexpr int64_t kLeast = 20, kMost = 30;  // words
  pages.spec.aggregates = {
      aggregates::annotation(name + ".claims", "true claims an answer", kTrueClaims, mean_claims()),
      aggregates::annotation(name + ".precision", "share of the claims that are true", kPrecision),
      aggregates::annotation_at_length(name + ".matched", "true claims an answer of 20 to 30 words",
                                       kTrueClaims, mean_claims(), kLeast, kMost)};
  return {.id = "A17", .tag = Ability::informativeness, .scenarios = {pages}};
}

}  // namespace lineage
