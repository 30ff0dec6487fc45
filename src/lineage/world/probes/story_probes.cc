#include <algorithm>
#include <array>

#include "lineage/world/item_split.h"
#include "lineage/world/probes/choices.h"
#include "lineage/world/probes/text_probes.h"
#include "lineage/world/text/generators.h"
#include "lineage/world/text/story_reader.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

// The first two sentences of a story that no corpus has: who, where, and what is wanted.
ProbeItem story_item(const World& world, uint64_t index) {
  const TextContext context(world);
  std::vector<Token> story = event_story(context, item_rng(world, "probe story", index)).tokens;
  story.pop_back();  // the end of text
  const Token stop = word_token(".");
  size_t end = 0;
  for (int sentences = 0; end < story.size() && sentences < 2; ++end)
    sentences += story[end] == stop;
  ProbeItem item;
  item.cell = "story";
  item.question.assign(story.begin(), story.begin() + static_cast<std::ptrdiff_t>(end));
  item.answers.emplace_back(story.begin() + static_cast<std::ptrdiff_t>(end), story.end());
  constexpr size_t kReference = 64;
  if (item.answers[0].size() > kReference) item.answers[0].resize(kReference);
  item.check = [](std::span<const Token> text) { return read_story({}, text).grammatical(); };
  item.details = [opening = item.question](std::span<const Token> text) {
    const StoryReport r = read_story(opening, text);
    return std::vector{r.consistent(), r.repeated()};
  };
  return item;
}

// Any document of the text corpus's kinds that is in no corpus, cut somewhere, and the next token.
ProbeItem next_token_item(const World& world, uint64_t index) {
  Draw draw(item_rng(world, "probe next token", index));
  const TextContext context(world);
  const Rng key = item_rng(world, "probe next text", index);
  std::vector<Token> text;
  switch (index % 5) {
    case 0:
      text = event_story(context, key).tokens;
      break;
    case 1:
      text = question_page(context, key).tokens;
      break;
    case 2:
      text = biography(context, draw.pick(world.persons()), key).tokens;
      break;
    case 3:
      text = informal_math(context, key).tokens;
      break;
    default:
      text = entry_list(context, key, 1).tokens;
  }
  const int longest = std::min(static_cast<int>(text.size()) - 1, 96);
  const auto at = static_cast<size_t>(draw.between(std::min(8, longest), longest));
  ProbeItem item;
  constexpr std::array<std::string_view, 5> kCells = {"story", "questions", "biography",
                                                      "mathematics", "register"};
  item.cell = kCells[index % 5];
  item.question.assign(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at));
  for (Token t = 0; t < Vocabulary::kWords; ++t) item.answers.push_back({t});
  item.correct = text[at];
  return item;
}

}  // namespace

std::vector<ProbeSet> story_probes() {
  ProbeSet set =
      written_set("A02.stories", "Sentences of a story gone on with that the grammar derives", 200,
                  64, story_item);
  set.goes_on = set.raw_only = true;
  set.about = {.measures =
                   "The model goes on with the first two sentences of a story, for 64 tokens, "
                   "each drawn at random by its probability (temperature .8). The score is the "
                   "share of its sentences that follow the grammar of Mica’s stories.",
               .chance = "Words in random order follow no grammar, so a guess scores 0.",
               .low =
                   "Near 0 the answer does not consist of sentences. The score is about grammar "
                   "alone: whether the story holds together is counted in rows below. Where A01 "
                   "is below .85, the row is not measurable here.",
               .accepts =
                   "Every sentence that the grammar allows counts. The answer shown is how the "
                   "story was written, which nobody can guess."};
  set.temperature = 0.8;
  set.details = {{"consistent", "mentions of a story's cast that fit its opening"},
                 {"repeated", "sentences that stand in the story already"}};
  return {set};
}

std::vector<ProbeSet> next_token_probes() {
  ProbeSet set =
      written_set("A26.next_token", "The next token of fixed text", 100, 2, next_token_item);
  set.about = {.measures =
                   "A text of the corpus’s kinds is cut somewhere, and the model picks the next "
                   "token out of the whole vocabulary.",
               .chance = "What the most frequent token scores when it is given to every item.",
               .low =
                   "Much of a text cannot be predicted, so no model reaches 1. What counts is the "
                   "change from parent to child: a fall says that the child predicts plain text "
                   "less well.",
               .parts = "The parts are kinds of text."};
  set.method = ProbeSet::Method::choose;
  set.headline = false;
  set.goes_on = set.raw_only = true;
  return {set};
}

}  // namespace lineage
