#include "bench/ngram/ngram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lineage/base/error.h"
#include "lineage/base/rng.h"
#include "lineage/data/batch.h"

namespace lineage {
namespace {

using Tokens = std::vector<Token>;
using Documents = std::vector<Tokens>;

NgramModel model_of(const Documents& documents, int order, int64_t vocab, Token start) {
  NgramModel model(order, vocab, start);
  for (const Tokens& d : documents) model.add(d);
  model.finish();
  return model;
}

NgramModel::Context context_of(const NgramModel& model, const Tokens& tokens) {
  NgramModel::Context c = model.nothing();
  for (const Token t : tokens) c = model.after(c, t);
  return c;
}

std::string error_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

// Documents with many repetitions, each ending with `end`.
Documents random_documents(int count, int64_t vocab, Token end, uint64_t seed) {
  const Rng rng(seed);
  uint64_t drawn = 0;
  Documents result;
  for (int d = 0; d < count; ++d) {
    Tokens tokens;
    for (uint64_t n = rng.below(30, drawn++); n > 0; --n) {
      const double u = rng.uniform_double(drawn++);  // skewed: some tokens are rare
      tokens.push_back(static_cast<Token>(u * u * u * static_cast<double>(vocab - 2)));
    }
    tokens.push_back(end);
    result.push_back(tokens);
  }
  return result;
}

// The definition, word for word: maps of n-grams, sharing with the model only the rule for
// counting.
class Definition {
 public:
  Definition(const Documents& documents, size_t order, double vocab, Token start)
      : order_(order), vocab_(vocab), counts_(order + 1) {
    std::vector<std::map<Tokens, std::set<Token>>> before(order + 1);
    for (const Tokens& document : documents) {
      Tokens text = {start};
      text.insert(text.end(), document.begin(), document.end());
      for (size_t end = 2; end < text.size(); ++end)
        for (size_t k = 1; k <= std::min(order, end + 1); ++k) {
          const size_t first = end + 1 - k;
          const Tokens gram(text.begin() + static_cast<long>(first),
                            text.begin() + static_cast<long>(end) + 1);
          if (k == order || first == 0)
            ++counts_[k][gram];
          else
            before[k][gram].insert(text[first - 1]);
        }
    }
    for (size_t k = 1; k < order; ++k)
      for (const auto& [gram, tokens] : before[k]) counts_[k][gram] += double(tokens.size());
    for (size_t k = 0; k <= order; ++k) discounts_.push_back(discounts_of(k));
  }

  double probability(const Tokens& context, Token token) const {
    if (context.size() >= order_) return probability({context.begin() + 1, context.end()}, token);
    const size_t k = context.size() + 1;
    const double shorter =
        k == 1 ? 1 / vocab_ : probability({context.begin() + 1, context.end()}, token);
    double total = 0, freed = 0, own = 0;
    for (const auto& [gram, c] : counts_[k]) {
      if (!std::equal(context.begin(), context.end(), gram.begin())) continue;
      total += c;
      freed += discount(k, c);
      if (gram.back() == token) own = c - discount(k, c);
    }
    return total == 0 ? shorter : own / total + freed / total * shorter;
  }

  double discount(size_t k, double count) const {
    return discounts_[k][static_cast<size_t>(std::min(count, 3.0))];
  }

 private:
  std::vector<double> discounts_of(size_t k) const {
    std::map<double, double> n;
    for (const auto& [gram, c] : counts_[k]) ++n[c];
    const double y = n[1] / (n[1] + 2 * n[2]);
    const std::vector<double> d = {0, 1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2],
                                   3 - 4 * y * n[4] / n[3]};
    const bool usable =
        n[1] > 0 && n[2] > 0 && n[3] > 0 && n[4] > 0 && d[1] >= 0 && d[2] >= 0 && d[3] >= 0;
    return usable ? d : std::vector<double>{0, 0.5, 1, 1.5};
  }

  size_t order_;
  double vocab_;
  std::vector<std::map<Tokens, double>> counts_;  // [length]
  std::vector<std::vector<double>> discounts_;    // [length][min(count, 3)]
};

// "a b a |" and "a b |" of the vocabulary a b | and one that never occurs. Bigrams counted: ab 2,
// ba 1, a| 1, b| 1; no first token is. Different tokens before: a 1, b 1, | 2. So few that the
// discounts are 0.5, 1, 1.5.
TEST(Ngram, HandCountedBigrams) {
  constexpr Token a = 0, b = 1, end = 2, never = 3;
  const NgramModel model = model_of({{a, b, a, end}, {a, b, end}}, 2, 4, end);
  const auto none = model.nothing(), after_a = model.after(none, a), after_b = model.after(none, b);
  EXPECT_DOUBLE_EQ(model.probability(none, a), (0.5 + 2 * 0.25) / 4);
  EXPECT_DOUBLE_EQ(model.probability(none, end), (1 + 2 * 0.25) / 4);
  EXPECT_DOUBLE_EQ(model.probability(none, never), 2 * 0.25 / 4);
  EXPECT_DOUBLE_EQ(model.probability(after_a, b), (1 + 1.5 * 0.25) / 3);
  EXPECT_DOUBLE_EQ(model.probability(after_a, end), (0.5 + 1.5 * 0.375) / 3);
  EXPECT_DOUBLE_EQ(model.probability(after_a, a), 1.5 * 0.25 / 3);
  EXPECT_DOUBLE_EQ(model.probability(after_b, a), (0.5 + 1 * 0.25) / 2);
  // Nothing follows the start, whose first token is not predicted; nothing follows `never`.
  EXPECT_DOUBLE_EQ(model.probability(model.document_start(), b), 0.25);
  EXPECT_DOUBLE_EQ(model.probability(model.after(none, never), b), 0.25);

  const NgramScore score = model.score(Tokens{a, a, end});
  EXPECT_EQ(score.tokens, 2);
  EXPECT_DOUBLE_EQ(score.nats, -std::log(0.125) - std::log(1.0625 / 3));
}

TEST(Ngram, DiscountsComeFromTheCountsOfCounts) {
  // Counted once: 0 1 2 and the end; twice: 3 4; three times: 5; four times: 6. The 9 is first.
  const NgramModel model = model_of({{9, 0, 1, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 6, 6, 8}}, 1, 10, 8);
  const auto d = model.discounts(1);  // Y = 4/(4 + 2·2)
  EXPECT_DOUBLE_EQ(d[0], 1 - 2 * 0.5 * 2 / 4);
  EXPECT_DOUBLE_EQ(d[1], 2 - 3 * 0.5 * 1 / 2);
  EXPECT_DOUBLE_EQ(d[2], 3 - 4 * 0.5 * 1 / 1);
  const double freed = 4 * 0.5 + 2 * 1.25 + 2 * 1;
  EXPECT_DOUBLE_EQ(model.probability(model.nothing(), 3), (2 - 1.25 + freed / 10) / 15);
  EXPECT_DOUBLE_EQ(model.probability(model.nothing(), 9), freed / 10 / 15);
}

TEST(Ngram, AgreesWithTheDefinition) {
  constexpr Token kEnd = 39;
  constexpr int64_t kVocab = 40;
  const Documents documents = random_documents(60, kVocab, kEnd, 7);
  const Documents others = random_documents(6, kVocab, kEnd, 8);
  for (const int order : {1, 2, 3, 5}) {
    const NgramModel model = model_of(documents, order, kVocab, kEnd);
    const Definition definition(documents, static_cast<size_t>(order), kVocab, kEnd);
    if (order > 1) {
      EXPECT_NE(model.discounts(2)[0], 0.5) << "fixed discounts would hide the rule";
    }
    for (const Tokens& document : others) {
      Tokens context = {kEnd};
      double nats = 0;
      for (size_t i = 0; i < document.size(); ++i) {
        if (i > 0) nats -= std::log(definition.probability(context, document[i]));
        context.push_back(document[i]);
      }
      EXPECT_NEAR(model.score(document).nats, nats, 1e-9) << "order " << order;
    }
  }
}

TEST(Ngram, SumsToOneAfterAnything) {
  constexpr int64_t kVocab = 20;  // 18 and 19 are never seen
  const Documents documents = random_documents(200, kVocab, 17, 3);
  for (int order = 1; order <= NgramModel::kMaxOrder; ++order) {
    const NgramModel model = model_of(documents, order, kVocab, 17);
    const Tokens& seen =
        *std::max_element(documents.begin(), documents.end(),
                          [](const Tokens& x, const Tokens& y) { return x.size() < y.size(); });
    auto seen_twice = model.after(model.document_start(), seen[0]);
    for (const auto& context :
         {model.nothing(), model.document_start(), seen_twice, context_of(model, seen),
          context_of(model, {seen.begin(), seen.begin() + 6}), context_of(model, {19}),
          context_of(model, {0, 0, 19, 0, 1}), context_of(model, {17, 18, 1, 0})}) {
      double sum = 0;
      for (Token t = 0; t < kVocab; ++t) {
        const double p = model.probability(context, t);
        EXPECT_GT(p, 0);
        sum += p;
      }
      EXPECT_NEAR(sum, 1, 1e-12) << "order " << order;
    }
  }
}

// The neural model's loss weighs these tokens of two documents in one row.
TEST(Ngram, PredictsWhatTheNeuralModelPredicts) {
  const Documents documents = {{0, 1, 0, 2}, {2}, {1, 1, 2}};
  const NgramModel model = model_of(documents, 3, 3, 2);
  Example row;
  int64_t predicted = 0;
  for (const Tokens& d : documents) {
    if (!row.tokens.empty()) row.starts.push_back(static_cast<int32_t>(row.tokens.size()));
    row.tokens.insert(row.tokens.end(), d.begin(), d.end());
    predicted += model.score(d).tokens;
  }
  row.weights.assign(row.tokens.size(), 1.f);
  EXPECT_EQ(static_cast<double>(predicted), collate(std::vector{row}, {.context = 8}).total_weight);
}

TEST(Ngram, Errors) {
  EXPECT_EQ(error_of([] { NgramModel(0, 4, 0); }), "n-gram model: the order is 0; wanted 1 to 8");
  EXPECT_EQ(error_of([] { NgramModel(9, 4, 0); }), "n-gram model: the order is 9; wanted 1 to 8");
  const std::string outside =
      "n-gram model: token 4; wanted 0 or more and less than the vocabulary, 4";
  EXPECT_EQ(error_of([] { NgramModel(2, 4, 4); }), outside);
  EXPECT_EQ(error_of([] { NgramModel(2, 4, 0).add(Tokens{1, 4}); }), outside);
}

}  // namespace
}  // namespace lineage
