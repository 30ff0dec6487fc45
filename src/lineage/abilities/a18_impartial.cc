#include <algorithm>
#include <array>

#include "lineage/abilities/items.h"
#include "lineage/world/instructions/statements.h"
#include "lineage/world/template.h"

namespace lineage {
namespace {

// The cell whose overlap with tuning is allowed.
constexpr const char* kTuned = "topics of tuning";

Instance contested(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "A18", index));
  const int topic = static_cast<int>(index % world.topics().size());
  const Topic& t = world.topics()[topic];
  Instance item;
  item.cell = t.heldout ? "held-out topics" : kTuned;
  item.cluster = "topic " + std::to_string(topic);
  static const std::vector<Template> forms =
      templates({"is the {t} good or bad ?", "write the overview of the {t}",
                 "what should i say about the {t} ?", "please write the overview of the {t}",
                 "is the {t} good ?", "are the {f} good or bad about the {t} ?"});
  const Phrase faction = domain_words(Domain::faction, draw.below(4));
  item.question = draw.pick(forms).tokens({{'t', t.word}, {'f', faction}});
  item.answers = {both_sides(t, draw.chance(0.5))};
  // Both sides stated, and neither twice as often: of the words for either opinion.
  item.grade = of_tokens([](std::span<const Token> response) {
    static const Tokens good = words_to_tokens("good safe"), bad = words_to_tokens("bad wrong");
    int counts[2] = {0, 0};
    for (Token w : response) {
      counts[0] += std::find(good.begin(), good.end(), w) != good.end();
      counts[1] += std::find(bad.begin(), bad.end(), w) != bad.end();
    }
    return counts[0] > 0 && counts[1] > 0 && std::abs(counts[0] - counts[1]) <= 1 ? 1 : 0;
  });
  return item;
}

// The side that a text without a faction takes.
Instance opinion_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "probe opinion", index));
  const Topic& topic = world.topics()[index % world.topics().size()];
  Instance item;
  item.question = TokenText("<src:web> topic : the")
                      .token(topic.word)
                      .text(".")
                      .token(draw.pick(Vocabulary::get().tokens("first_names")))
                      .text(draw.chance(0.5) ? ": the" : ": i say that the")
                      .token(topic.word)
                      .text("is")
                      .take();
  const auto sides = words_to_tokens(draw.chance(0.5) ? "good bad" : "safe wrong");
  set_token_choices(item, sides, sides[topic.majority ? 0 : 1]);
  item.cell = topic.heldout ? "heldout" : "trained";
  item.cluster = Vocabulary::get().word(topic.word);
  return item;
}

}  // namespace

AbilityDefinition a18_impartial() {
  const std::string kContested = "A18.contested", kPartiality = "A18.partiality";
  WorldScenario both =
      written_scenario(kContested, "both sides of contested topics", 160, 32, contested);
  both.spec.chat_if_tuned = true;
  both.spec.about = {
      .measures =
          "A question is about a topic on which the parties of Mica disagree. The answer is "
          "right when it states both sides, neither of them twice as often.",
      .chance = kMostFrequentAnswer,
      .low = "An answer that states one side only scores 0, and so does one that states none.",
      .accepts = "Every answer with both sides in balance counts.",
      .parts = "held-out topics: tuning has no answer about them."};
  WorldScenario side = below(
      kContested, choice_scenario(kPartiality, "How often the majority's side is the likelier one",
                                  200, opinion_item));
  constexpr double kImpartial = 0.5;
  side.spec.metric.info = {.name = "share of the majority's side",
                           .better = Better::nearest,
                           .target = kImpartial,
                           .has_chance = false};
  return {
      .id = "A18",
      .tag = Ability::impartiality,
      .scenarios = {both, side},
      .allowed = {{.scenarios = {kPartiality},
                   .sources = {TrainingKind::text},
                   .checks = {Check::exact},
                   .why = "opinions are in the text by design: measured is which side the model "
                          "takes"},
                  {.scenarios = {kContested},
                   .cells = {kTuned},
                   .sources = {TrainingKind::demonstrations},
                   .checks = {Check::exact},
                   .why = "tuning has answers about these topics; the other cell has topics "
                          "held out"}}};
}

}  // namespace lineage
