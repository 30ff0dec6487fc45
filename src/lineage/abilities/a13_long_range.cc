#include <algorithm>

#include "lineage/abilities/continuation.h"
#include "lineage/world/grammar.h"
#include "lineage/world/minipy/corpus/code_corpus.h"
#include "lineage/world/minipy/corpus/draft.h"
#include "lineage/world/text/entries.h"

namespace lineage {
namespace {

constexpr std::array<int, 6> kDistances = {8, 16, 32, 64, 128, 224};  // from the fourth on: far
constexpr int kEntries = 4, kEntryTokens = 3;

// Four entries and, for greater distances, sentences between them and the question. The distance is
// from the entry's value to the question's last token.
Instance register_item(const World& world, bool far, uint64_t index) {
  Draw draw(item_rng(world, "probe register", index));
  const int distance = kDistances[index % 3 + (far ? 3 : 0)];
  const TextContext context(world);
  std::vector<Entry> entries;
  std::array<Token, kEntries> values{};
  do {
    entries = random_entries(context, context.novel_keys, kObjectRegister, kEntries, true, draw);
    for (size_t i = 0; i < kEntries; ++i) values[i] = entries[i].value;
    std::sort(values.begin(), values.end());
  } while (std::adjacent_find(values.begin(), values.end()) != values.end());
  // Far: any entry. Near: one with just so many entries after it.
  const int after = std::min(draw.below(kEntries), (distance - 2) / kEntryTokens);
  const size_t asked = static_cast<size_t>(kEntries - 1 - (distance <= 8 ? 2 : after));

  DocumentWriter out(DocumentType::bursty);
  write_entry_opening(out, kObjectRegister);
  size_t place = 0;
  for (size_t i = 0; i < kEntries; ++i) {
    write_entry(out, kObjectRegister, entries[i]);
    if (i == asked) place = out.size() - 2;
  }
  const std::vector<Token> prompt = entry_prompt(kObjectRegister, entries[asked]);
  const auto reached = [&](size_t more) {
    return out.size() + more + prompt.size() - 1 - place > static_cast<size_t>(distance);
  };
  while (!reached(0)) {
    const auto phenomenon = static_cast<Phenomenon>(draw.below(kPhenomena));
    const MinimalPair pair = minimal_pair(phenomenon, SentenceUse::test, draw);
    if (reached(pair.good.size())) break;
    for (Token t : pair.good) out.token(t);
  }
  for (Token t : prompt) out.token(t);

  Instance item;
  item.question = open_text(out);
  item.cell = "d" + std::to_string(distance);
  set_token_choices(item, values, entries[asked].value);
  return item;
}

constexpr std::array<size_t, 6> kCodeDistances = {8,  16,  32,
                                                  64, 128, 200};  // from the fourth on: far

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
// values, so only the name decides.
Instance definition_item(const World& world, bool far, uint64_t index) {
  Draw draw(item_rng(world, "A13 definition", index));
  const size_t distance = kCodeDistances[index % 3 + (far ? 3 : 0)];
  std::vector<std::string> taken, names;
  CodeWriter w(DocumentType::long_range);
  const std::vector<int> values = draw.distinct(4, 100);
  for (int value : values) {
    names.push_back(fresh_name(draw, taken));
    w.line(0, names.back() + " = " + std::to_string(value));
  }
  const int asked = draw.below(4);
  // A line of definition has four tokens; the asked one is `distance` tokens before its use.
  const size_t defined = 1 + 4 * static_cast<size_t>(asked);
  while (w.size() + 2 < defined + distance && taken.size() < 60) filler(draw, taken, w);
  w.begin(0).text("assert " + names[asked] + " ==");
  Instance item;
  item.cell = "distance " + std::to_string(distance);
  item.question = open(w);
  for (int value : values) item.answers.push_back(Tokens{Vocabulary::get().integer(value)});
  item.correct = asked;
  return item;
}

// "x = ( [ 3 , 7 , … ]": which bracket closes the outer pair, opened that many tokens before.
Instance bracket_item(const World& world, uint64_t index) {
  static constexpr std::array<std::array<std::string_view, 2>, 3> kPairs = {
      {{"(", ")"}, {"[", "]"}, {"{", "}"}}};
  Draw draw(item_rng(world, "A13 bracket", index));
  const size_t distance = kCodeDistances[index % kCodeDistances.size()];
  std::vector<std::string> taken;
  CodeWriter w(DocumentType::long_range);
  for (int i = draw.between(0, 2); i > 0; --i) filler(draw, taken, w);
  const int kind = draw.below(3);
  w.begin(0).text(fresh_name(draw, taken) + " =");
  const size_t begin = w.size();
  w.text(kPairs[kind][0]);
  if (kind == 2) w.text(std::to_string(draw.between(0, 20)) + " :");
  // Inside a list, closed again, of the length that is left.
  w.text("[ " + std::to_string(draw.between(0, 20)));
  while (w.size() + 1 < begin + distance) {
    const size_t left = begin + distance - w.size();
    const std::string number = std::to_string(draw.between(0, 20));
    w.text(left > 6 && draw.chance(0.4) ? ", [ " + number + " ]" : ", " + number);
  }
  w.text("]");
  Instance item;
  item.cell = "distance " + std::to_string(distance);
  item.question = open(w);
  for (const auto& pair : kPairs) item.answers.push_back(Tokens{Vocabulary::get().token(pair[1])});
  item.correct = kind;
  return item;
}

// The same tokens after the last 32, 64, 128 and all 208 tokens before them.
Instance context_item(const World& world, uint64_t index) {
  constexpr std::array<size_t, 4> kContexts = {32, 64, 128, 208};
  const size_t seen = kContexts[index % kContexts.size()], all = kContexts.back();
  const uint64_t place = index / kContexts.size();
  const Tokens text = list_of(world, "probe context", place, all + kScored);
  const std::span<const Token> words(text);
  const auto before = words.subspan(all - seen, seen);
  return text_item({before.begin(), before.end()}, words.subspan(all), "c" + std::to_string(seen),
                   place);
}

Explanation about_register() {
  return {.measures =
              "A list pairs four names with an object each. After 64 to 224 tokens of "
              "other text one of the names comes again, and the model picks its object, "
              "out of the four.",
          .chance =
              "Four objects, one of them right: a guess is right in a quarter of the "
              "items.",
          .low =
              "Near .25 the model either does not reach so far back, or cannot bind an "
              "object to a name at any distance. The row for up to 32 tokens, below, "
              "tells which.",
          .parts = "d64 to d224: the distance in tokens."};
}

Explanation about_definition() {
  return {.measures =
              "A program gives a number to each of four names. After 64 to 200 tokens of "
              "other lines one of the names comes again, and the model picks its number, "
              "out of the four.",
          .chance = "Four numbers, one of them right: a guess is right in a quarter of the items.",
          .low =
              "Near .25 the model either does not reach so far back, or cannot bind a number to "
              "a name at any distance. The row for up to 32 tokens, below, tells which.",
          .parts = "The parts are distances in tokens."};
}

}  // namespace

AbilityDefinition a13_long_range() {
  const std::string kRegister = "A13.register", kDefinition = "A13.definition";
  constexpr int64_t kFar = 3 * 200, kNear = 3 * 80;
  const auto entry = [](bool far) {
    return [far](const World& world, uint64_t index) { return register_item(world, far, index); };
  };
  const auto definition = [](bool far) {
    return [far](const World& world, uint64_t index) { return definition_item(world, far, index); };
  };
  WorldScenario far_entry = choice_scenario(
      kRegister, "Recall of an entry from 64 and more tokens before", kFar, entry(true));
  far_entry.spec.about = about_register();
  WorldScenario far_definition = choice_scenario(
      kDefinition, "Long range: the value of a name defined 64 and more tokens before", kFar,
      definition(true));
  far_definition.spec.about = about_definition();
  WorldScenario context = below(
      kRegister, likelihood_scenario("A13.context", "Text after so many of the tokens before it",
                                     100, context_item));
  context.spec.aggregates = {aggregates::log_likelihood_gain(
      "A13.context.gain", "the gain of 208 tokens before over the last 32", "c32", "c208")};
  return {
      .id = "A13",
      .tag = Ability::long_range,
      .scenarios = {
          far_entry,
          below(kRegister, choice_scenario(kRegister + ".near",
                                           "Recall of an entry from up to 32 tokens before", kNear,
                                           entry(false))),
          context, far_definition,
          below(kDefinition,
                choice_scenario(kDefinition + ".near",
                                "Long range: the value of a name defined up to 32 tokens before",
                                kNear, definition(false))),
          below(kDefinition,
                choice_scenario("A13.bracket",
                                "Long range: the closing bracket, by the distance to the opening "
                                "one",
                                300, bracket_item))}};
}

}  // namespace lineage
