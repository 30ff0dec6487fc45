#include "lineage/world/problems/gathering.h"

#include <algorithm>
#include <cassert>
#include <optional>

namespace lineage {
namespace {

Gathering draw_gathering(int steps, Draw& draw) {
  const Vocabulary& v = Vocabulary::get();
  const auto names = v.tokens("first_names"), foods = v.tokens("foods");
  const std::vector<int> food = draw.distinct(steps + 1, 8), who = draw.distinct(steps + 3, 64);
  Gathering g;
  std::vector<int64_t> key = {steps};
  size_t person = 0;
  const auto hold = [&](int i, int amount) {
    g.holdings.push_back({names[who[person++]], amount, foods[food[i]]});
  };
  const int doubled = draw.below(steps);  // the food that two persons have
  for (int i = 0; i <= steps; ++i) {
    hold(i, draw.between(1, 9));
    key.push_back(g.holdings.back().amount);
    if (i < steps) g.wanted.push_back(g.holdings.back().food);
    // Both have as many, so that the formal reading has one answer.
    if (i == doubled) hold(i, g.holdings.back().amount);
  }
  draw.shuffle(g.holdings);
  g.key = item_key("gathering", key);
  g.test_only = is_test_key(g.key);
  return g;
}

const Gathering::Holding& first_holder(const Gathering& g, Token food) {
  return *std::find_if(g.holdings.begin(), g.holdings.end(),
                       [&](const auto& h) { return h.food == food; });
}

Tokens recipe_step(const Gathering::Holding& h) {
  return TokenText("use")
      .number(h.amount)
      .token(h.food)
      .text("from")
      .token(h.person)
      .text(".")
      .take();
}

}  // namespace

Gathering make_gathering(int steps, ItemUse use, Draw& draw) {
  assert(2 <= steps && steps <= 6);
  return draw_for(use, "gathering", [&] { return std::optional(draw_gathering(steps, draw)); });
}

Gathering make_gathering(const World& world, int steps, std::string_view stream, uint64_t index) {
  Draw draw(item_rng(world, stream, index));
  return make_gathering(steps, item_use(index), draw);
}

Tokens gathering_text(const Gathering& g) {
  TokenText text;
  for (const auto& h : g.holdings)
    text.token(h.person).text("has").number(h.amount).token(h.food).text(".");
  text.text("use");
  for (size_t i = 0; i < g.wanted.size(); ++i) {
    if (i > 0) text.text(i + 1 == g.wanted.size() ? "and" : ",");
    text.token(g.wanted[i]);
  }
  return text.text(".").take();
}

Tokens recipe_question() { return words_to_tokens("from who ?"); }
Tokens formal_question() { return words_to_tokens("how many ?"); }

std::vector<Tokens> recipe_steps(const Gathering& g) {
  std::vector<Tokens> steps;
  for (Token food : g.wanted) steps.push_back(recipe_step(first_holder(g, food)));
  return steps;
}

std::vector<Tokens> formal_steps(const Gathering& g) {
  std::vector<Tokens> steps;
  int total = 0;
  for (Token food : g.wanted) {
    const int amount = first_holder(g, food).amount;
    total += amount;
    steps.push_back(TokenText("use").number(amount).text(", now").number(total).text(".").take());
  }
  return steps;
}

Tokens formal_answer(const Gathering& g) {
  int total = 0;
  for (Token food : g.wanted) total += first_holder(g, food).amount;
  return TokenText().number(total).take();
}

RecipeReport read_recipe(const Gathering& g, std::span<const Token> response) {
  std::vector<bool> taken(g.wanted.size(), false);
  RecipeReport report;
  for (Tokens& sentence : split_tokens(response, word_token("."))) {
    sentence.push_back(word_token("."));
    const auto holding = std::find_if(g.holdings.begin(), g.holdings.end(),
                                      [&](const auto& h) { return recipe_step(h) == sentence; });
    const auto wanted = holding == g.holdings.end()
                            ? g.wanted.end()
                            : std::find(g.wanted.begin(), g.wanted.end(), holding->food);
    const size_t i = static_cast<size_t>(wanted - g.wanted.begin());
    const bool good = wanted != g.wanted.end() && !taken[i];
    if (good) taken[i] = true;
    (good ? report.right : report.wrong) += 1;
  }
  return report;
}

double score_recipe(const Gathering& g, std::span<const Token> response) {
  const RecipeReport r = read_recipe(g, response);
  return std::max(0.0, (r.right - r.wrong) / static_cast<double>(g.wanted.size()));
}

double score_formal(const Gathering& g, std::span<const Token> response) {
  for (std::string_view mark : {"answer", "now"}) {
    const auto at = std::find(response.rbegin(), response.rend(), word_token(mark));
    if (at == response.rend()) continue;
    Tokens value(at.base(), response.end());
    while (!value.empty() && value.back() == word_token(".")) value.pop_back();
    return value == formal_answer(g) ? 1 : 0;
  }
  return std::equal(response.begin(), response.end(), formal_answer(g).begin(),
                    formal_answer(g).end())
             ? 1
             : 0;
}

int formal_prefix(const Gathering& g, std::span<const Token> response) {
  int prefix = 0;
  for (const Tokens& step : formal_steps(g)) {
    if (response.size() < step.size() || !std::equal(step.begin(), step.end(), response.begin()))
      break;
    response = response.subspan(step.size());
    ++prefix;
  }
  return prefix;
}

}  // namespace lineage
