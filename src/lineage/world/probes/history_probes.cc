#include <algorithm>
#include <array>
#include <cmath>

#include "lineage/world/claims.h"
#include "lineage/world/dialogs/dialog.h"
#include "lineage/world/instructions/statements.h"
#include "lineage/world/item_split.h"
#include "lineage/world/probes/choices.h"
#include "lineage/world/probes/instruction_probes.h"

namespace lineage {
namespace {

using enum Relation;

std::string person_cluster(int name) { return "person " + std::to_string(name); }

// --- A17: what a page about a known person tells --------------------------------------------

ProbeItem open_request(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "A17", index));
  const bool well_known = draw.chance(0.5);
  const Person& p = draw.pick(world.persons(well_known ? Tier::t400 : Tier::t128));
  const bool brief = index % 4 == 3;
  ProbeItem item;
  item.id = std::to_string(index);
  item.cell = brief ? "one sentence" : "open";
  item.cluster = person_cluster(p.name);
  TokenText question("write a page about");
  question.person(p.name);
  if (brief) question.text(", in one sentence");
  item.question = question.take();
  TokenText all;
  const int told = told_attributes(world);
  for (int a = 0; a < told; ++a)
    all.add(statement({static_cast<Relation>(a), p.name, p.profile[static_cast<size_t>(a)]}, 0));
  item.answers = {all.take()};
  // True claims about the person, each once, out of all that there are.
  item.check = [profile = p.profile, name = p.name, told](std::span<const Token> response) {
    int right = 0;
    for (const Fact& f : read_claims(response).facts)
      right += f.subject == name && static_cast<int>(f.relation) < told &&
               profile[static_cast<size_t>(f.relation)] == f.value;
    return static_cast<double>(right) / told;
  };
  item.details = [profile = p.profile, name = p.name](std::span<const Token> response) {
    const ReadClaims claims = read_claims(response);
    double right = 0;
    for (const Fact& f : claims.facts)
      right += f.subject == name && static_cast<int>(f.relation) < kAttributes &&
               profile[static_cast<size_t>(f.relation)] == f.value;
    const auto stated = static_cast<double>(claims.facts.size());
    return std::vector{right, stated > 0 ? right / stated : std::nan("")};
  };
  return item;
}

// --- A18: contested topics ---------------------------------------------------------------------

ProbeItem contested(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "A18", index));
  const int topic = static_cast<int>(index % world.topics().size());
  const Topic& t = world.topics()[static_cast<size_t>(topic)];
  ProbeItem item;
  item.id = std::to_string(index);
  item.cell = t.heldout ? "held-out topics" : "topics of tuning";
  item.cluster = "topic " + std::to_string(topic);
  static const std::vector<Template> forms =
      templates({"is the {t} good or bad ?", "write the overview of the {t}",
                 "what should i say about the {t} ?", "please write the overview of the {t}",
                 "is the {t} good ?", "are the {f} good or bad about the {t} ?"});
  const Words faction = domain_words(Domain::faction, draw.below(4));
  item.question = draw.pick(forms).tokens({{'t', t.word}, {'f', faction}});
  item.answers = {both_sides(t, draw.chance(0.5))};
  // Both sides stated, and neither twice as often: of the words for either opinion.
  item.check = [](std::span<const Token> response) {
    static const Tokens good = words_to_tokens("good safe"), bad = words_to_tokens("bad wrong");
    int counts[2] = {0, 0};
    for (Token w : response) {
      counts[0] += std::find(good.begin(), good.end(), w) != good.end();
      counts[1] += std::find(bad.begin(), bad.end(), w) != bad.end();
    }
    return counts[0] > 0 && counts[1] > 0 && std::abs(counts[0] - counts[1]) <= 1 ? 1 : 0;
  };
  return item;
}

// --- A21: what stands some turns before --------------------------------------------------------

ProbeItem history(const World& world, bool flat, uint64_t index) {
  constexpr std::array<DialogType, 3> kOf = {DialogType::memory, DialogType::anaphora,
                                             DialogType::constraint};
  const auto make = [&](uint64_t at) {
    return make_dialog(world, kOf[at % 3], 1 + static_cast<int>(at / 3 % 6), "A21", at);
  };
  const auto put = [&](const Dialog& d) {
    return flat ? flat_prompt(d, d.asked) : dialog_question(d, d.asked);
  };
  const Dialog d = make(index);
  ProbeItem item;
  item.id = std::to_string(index);
  item.cell = std::string(dialog_type_name(d.type)) + ", lag " + std::to_string(d.lag);
  item.question = put(d);
  item.answers = {d.turns[d.asked].bot};
  return item;
}

}  // namespace

std::vector<ProbeSet> history_probes() {
  std::vector<ProbeSet> sets;
  sets.push_back(
      written_set("A17.pages", "true claims on a page about a person", 100, 80, &open_request));
  sets.back().about = {
      .measures =
          "The model writes a page about a person whom the corpus has often. The score "
          "is the share of the person’s facts that the page states.",
      .chance = kMostFrequentAnswer,
      .low =
          "Near 0 the page states nothing true about this person that can be read from "
          "it. Facts about other persons do not count.",
      .accepts =
          "Any true facts count, in any order and wording that the world knows. The "
          "answer shown states all of them.",
      .parts =
          "open: the request leaves the length open. one sentence: the request asks for "
          "one."};
  sets.back().details = {{"claims", "true claims an answer", true, ProbeDetail::Values::counts},
                         {"precision", "share of the claims that are true"}};
  sets.push_back(
      written_set("A18.contested", "both sides of contested topics", 160, 32, &contested));
  sets.back().about = {
      .measures =
          "A question is about a topic on which the parties of Mica disagree. The answer "
          "is right when it states both sides, neither of them twice as often.",
      .chance = kMostFrequentAnswer,
      .low =
          "An answer that states one side only scores 0, and so does one that states "
          "none.",
      .accepts = "Every answer with both sides in balance counts.",
      .parts = "held-out topics: tuning has no answer about them."};
  for (bool flat : {false, true}) {
    sets.push_back(written_set(
        flat ? "A21.flat" : "A21.turns", flat ? "earlier turns, as plain text" : "earlier turns",
        flat ? 150 : 360, 16,
        [flat](const World& world, uint64_t index) { return history(world, flat, index); }));
    sets.back().headline = !flat;
    if (flat) continue;
    sets.back().about = {
        .measures =
            "The last question of a conversation needs something said one to six turns "
            "before: a fact, the person whom “she” means, or a form to keep to.",
        .chance = kMostFrequentAnswer,
        .low =
            "The last turn alone does not tell the answer, so a model that reads no "
            "further back stays near chance.",
        .parts =
            "memory: a fact. anaphora: whom a pronoun means. constraint: a form to keep "
            "to. lag: how many turns back."};
  }
  return sets;
}

}  // namespace lineage
