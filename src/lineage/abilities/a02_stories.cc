#include <algorithm>

#include "lineage/abilities/ids.h"
#include "lineage/abilities/items.h"
#include "lineage/world/text/generators.h"
#include "lineage/world/text/story_reader.h"

namespace lineage {
namespace {

// The annotations of an item.
enum StoryNumber : size_t { kConsistent, kRepeated };

// The first two sentences of a story that no corpus has: the hero, the place and the wish.
Instance story_item(const World& world, uint64_t index) {
  const TextContext context(world);
  std::vector<Token> story = event_story(context, item_rng(world, "probe story", index)).tokens;
  story.pop_back();  // the end of text
  const Token stop = word_token(".");
  size_t end = 0;
  for (int sentences = 0; end < story.size() && sentences < 2; ++end)
    sentences += story[end] == stop;
  Instance item;
  item.cell = "story";
  const Tokens opening(story.begin(), story.begin() + static_cast<std::ptrdiff_t>(end));
  item.question = opening;
  Tokens rest(story.begin() + static_cast<std::ptrdiff_t>(end), story.end());
  constexpr size_t kReference = 64;
  if (rest.size() > kReference) rest.resize(kReference);
  item.answers = {rest};
  item.grade =
      of_tokens([](std::span<const Token> text) { return read_story({}, text).grammatical(); });
  item.annotate = of_tokens([opening](std::span<const Token> text) {
    const StoryReport r = read_story(opening, text);
    return std::vector{r.consistent(), r.repeated()};
  });
  return item;
}

}  // namespace

AbilityDefinition a02_stories() {
  const std::string kStories = "A02.stories";
  WorldScenario stories = written_scenario(
      kStories, "Sentences of a story gone on with that the grammar derives", 200, 64, story_item);
  stories.continues_text = true;
  stories.spec.templates = {PromptSpec::Template::raw};
  stories.spec.prompt.sampling.temperature = 0.8;
  stories.spec.prerequisite = {kGrammar, "", 0.85};
  stories.spec.about = {
      .measures =
          "The model goes on with the first two sentences of a story, for 64 tokens, each "
          "drawn at random by its probability (temperature .8). The score is the share of "
          "its sentences that follow the grammar of Mica’s stories.",
      .chance = "Words in random order follow no grammar, so a guess scores 0.",
      .low =
          "Near 0 the answer does not consist of sentences. The score is about grammar alone: "
          "whether the story holds together is counted in rows below. Where A01 is below .85, "
          "the row is not measurable here.",
      .accepts =
          "Every sentence that the grammar allows counts. The answer shown is how the story "
          "was written, which nobody can guess."};
  stories.spec.aggregates = {
      aggregates::annotation(kStories + ".consistent",
                             "mentions of a story's cast that fit its opening", kConsistent),
      aggregates::annotation(kStories + ".repeated", "sentences that stand in the story already",
                             kRepeated, {.name = "mean", .better = Better::lower}),
      aggregates::distinct_triples(kStories + ".distinct3")};
  return {
      .id = "A02",
      .tag = Ability::open_generation,
      .scenarios = {stories},
      .allowed = {{.cells = {},
                   .sources = {TrainingKind::text},
                   .checks = {Check::grams},
                   .share = 0.01,
                   .why = "a story that repeats a sentence is soon like another; any story goes "
                          "on with it that the grammar derives, so there is no answer to know"}}};
}

}  // namespace lineage
