#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lineage/world/item_split.h"
#include "lineage/world/probes/choices.h"
#include "lineage/world/probes/text_probes.h"
#include "lineage/world/text/generators.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

constexpr size_t kScored = 16;  // tokens of text that an item asks the probability of

// The first tokens of a list of entries that is in no corpus: of all documents it is what comes
// before that tells most of what comes next.
Tokens list_of(const World& world, std::string_view stream, uint64_t place, size_t tokens) {
  const TextContext context(world);
  for (uint64_t attempt = 0;; ++attempt) {
    Tokens text = entry_list(context, item_rng(world, stream, place).fold(attempt), 1).tokens;
    if (text.size() <= tokens) continue;  // the last is the end of text
    text.resize(tokens);
    return text;
  }
}

ProbeItem text_item(Tokens question, std::span<const Token> scored, std::string cell,
                    uint64_t place) {
  ProbeItem item;
  item.question = std::move(question);
  item.answers = {Tokens(scored.begin(), scored.end())};
  item.cell = std::move(cell);
  item.cluster = "text " + std::to_string(place);
  return item;
}

// The same tokens after the last 32, 64, 128 and all 208 that stand before them.
ProbeItem context_item(const World& world, uint64_t index) {
  constexpr std::array<size_t, 4> kContexts = {32, 64, 128, 208};
  const size_t seen = kContexts[index % kContexts.size()], all = kContexts.back();
  const uint64_t place = index / kContexts.size();
  const Tokens text = list_of(world, "probe context", place, all + kScored);
  const std::span<const Token> words(text);
  const auto before = words.subspan(all - seen, seen);
  return text_item({before.begin(), before.end()}, words.subspan(all), "c" + std::to_string(seen),
                   place);
}

// Tokens after 20 and after 200 of the same document.
ProbeItem position_item(const World& world, uint64_t index) {
  constexpr std::array<size_t, 2> kPositions = {20, 200};
  const size_t at = kPositions[index % kPositions.size()];
  const uint64_t place = index / kPositions.size();
  const Tokens text = list_of(world, "probe position", place, kPositions.back() + kScored);
  const std::span<const Token> words(text);
  return text_item({text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at)},
                   words.subspan(at, kScored), "at" + std::to_string(at), place);
}

// Words without any order, and again from the first on: what comes next is what came next.
ProbeItem repetition_item(const World& world, uint64_t index) {
  constexpr std::array<int, 3> kPeriods = {8, 16, 24};
  const Vocabulary& v = Vocabulary::get();
  Draw draw(item_rng(world, "probe repetition", index));
  const int period = kPeriods[index % kPeriods.size()];
  Tokens pool;
  for (std::string_view block : {"objects", "foods", "jobs", "adjectives", "first_names"})
    for (Token word : v.tokens(block))
      if (std::find(pool.begin(), pool.end(), word) == pool.end()) pool.push_back(word);
  Tokens words;
  for (int i : draw.distinct(period, static_cast<int>(pool.size())))
    words.push_back(pool[static_cast<size_t>(i)]);
  const int again = draw.between(2, period - 1);
  ProbeItem item;
  item.cell = "period " + std::to_string(period);
  item.question = joined({words, std::span(words).first(static_cast<size_t>(again))});
  set_token_choices(item, words, words[static_cast<size_t>(again)]);
  return item;
}

ProbeSet read_set(std::string name, std::string title, int64_t n, ProbeSet::Method method,
                  std::function<ProbeItem(const World&, uint64_t)> item) {
  ProbeSet set = written_set(std::move(name), std::move(title), n, static_cast<int64_t>(kScored),
                             std::move(item));
  set.method = method;
  set.headline = false;
  set.goes_on = set.raw_only = true;
  return set;
}

}  // namespace

std::vector<ProbeSet> context_probes() {
  using enum ProbeSet::Method;
  return {read_set("A05.prefix_match", "Words without order that come again", 300, choose,
                   repetition_item),
          read_set("A05.position", "Text at 20 and at 200 tokens of a document", 100, likelihood,
                   position_item),
          read_set("A13.context", "Text after so many of the tokens before it", 100, likelihood,
                   context_item)};
}

}  // namespace lineage
