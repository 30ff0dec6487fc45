#include "lineage/world/minipy/corpus/code_corpus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "lineage/base/error.h"
#include "lineage/world/minipy/corpus/draft.h"

namespace lineage {
namespace {

constexpr int64_t kTokens = 300'000;

CodeConfig config(Rung rung) {
  CodeConfig c;
  c.rung = rung;
  return c;
}

std::string text(const Document& d) { return Vocabulary::get().tokenizer()->decode(d.tokens); }

// Its words without <src:code> and the end of text.
std::span<const Token> program(const Document& d) {
  return std::span(d.tokens).subspan(1, d.tokens.size() - 2);
}

std::vector<Document> documents(Rung rung, int64_t n, uint64_t seed = 1) {
  const CodeCorpus corpus(config(rung), seed, kTokens);
  std::vector<Document> all;
  for (int64_t i = 0; i < std::min(n, corpus.documents()); ++i) all.push_back(corpus.document(i));
  return all;
}

TEST(CodeCorpus, EveryRungHasTheTokensAskedFor) {
  for (Rung rung :
       {Rung::c0, Rung::c1, Rung::c2, Rung::c3, Rung::c4, Rung::arithmetic, Rung::procedure}) {
    const CodeCorpus corpus(config(rung), 1, kTokens);
    int64_t tokens = 0;
    for (int64_t i = 0; i < corpus.documents(); ++i) {
      const Document d = corpus.document(i);
      ASSERT_EQ(d.tokens.size(), d.tags.size());
      ASSERT_EQ(d.tokens.back(), Vocabulary::kEndOfText);
      // Permuting may lengthen a document by another's answers.
      ASSERT_LE(d.tokens.size(), rung == Rung::c3 ? 320u : 250u);
      tokens += static_cast<int64_t>(d.tokens.size());
    }
    EXPECT_NEAR(static_cast<double>(tokens), kTokens, 0.05 * kTokens) << enum_name(rung);
  }
  EXPECT_EQ(CodeCorpus(config(Rung::text), 1, kTokens).documents(), 0);
}

TEST(CodeCorpus, FormsHaveTheirShares) {
  std::map<DocumentType, double> share;
  double all = 0;
  for (const Document& d : documents(Rung::c2, 1 << 20)) {
    share[d.type] += static_cast<double>(d.tokens.size());
    all += static_cast<double>(d.tokens.size());
  }
  const std::map<DocumentType, double> wanted = {
      {DocumentType::script, .22}, {DocumentType::function, .22},   {DocumentType::repl, .12},
      {DocumentType::trace, .10},  {DocumentType::class_tree, .12}, {DocumentType::long_range, .12},
      {DocumentType::bugfix, .10}};
  for (const auto& [type, s] : wanted)
    EXPECT_NEAR(share[type] / all, s, 0.025) << document_type_name(type);
  EXPECT_EQ(share.size(), wanted.size());
}

TEST(CodeCorpus, DocumentsDependOnSeedAndIndexOnly) {
  const CodeCorpus one(config(Rung::c2), 1, kTokens), same(config(Rung::c2), 1, kTokens),
      other(config(Rung::c2), 2, kTokens);
  int differ = 0;
  for (int64_t i : {0, 77, 5, 500}) {
    EXPECT_EQ(one.document(i).tokens, same.document(i).tokens);
    differ += one.document(i).tokens != other.document(i).tokens;
  }
  EXPECT_EQ(differ, 4);
  EXPECT_THROW(one.document(-1), Error);
  EXPECT_THROW(one.document(one.documents()), Error);
  EXPECT_THROW(CodeCorpus(config(Rung::c2), 1, -1), Error);
  CodeConfig none;
  none.shares = {0, 0, 0, 0, 0, 0, 0};
  EXPECT_THROW(CodeCorpus(none, 1, 10), Error);
}

// A script prints what its comments claim.
TEST(CodeCorpus, CommentsAndAssertsAreTrue) {
  int scripts = 0, programs = 0;
  for (const Document& d : documents(Rung::c2, 1500)) {
    if (d.type == DocumentType::repl || d.type == DocumentType::bugfix) continue;
    const minipy::RunResult r = minipy::run_words(program(d));
    ASSERT_EQ(r.outcome, minipy::Outcome::ok) << text(d) << r.message;
    EXPECT_LE(r.greatest, 999);
    EXPECT_LE(r.steps, 200);
    ++programs;
    if (d.type != DocumentType::script && d.type != DocumentType::class_tree) continue;
    ++scripts;
    std::vector<Token> said, printed;
    for (size_t i = 0; i < d.tokens.size(); ++i)
      if (d.tags[i].answer) said.push_back(d.tokens[i]);
    std::string output = r.output;
    std::replace(output.begin(), output.end(), '\n', ' ');
    minipy::write_text(output, printed);
    EXPECT_EQ(said, printed) << text(d);
  }
  EXPECT_GT(scripts, 300);
  EXPECT_GT(programs, 900);
}

TEST(CodeCorpus, RungsShowWhatTheyMay) {
  const Token comment = Vocabulary::get().token("#"), prompt = Vocabulary::get().token(">>>"),
              claim = Vocabulary::get().token("assert"), quote = Vocabulary::get().token("\"");
  const auto any = [](const Document& d, Token t) {
    return std::find(d.tokens.begin(), d.tokens.end(), t) != d.tokens.end();
  };
  for (const Document& d : documents(Rung::c0, 800)) {
    EXPECT_FALSE(any(d, comment) || any(d, prompt) || any(d, claim) || any(d, quote)) << text(d);
    EXPECT_NE(d.type, DocumentType::trace);
    for (size_t i = 0; i < d.tokens.size(); ++i)
      EXPECT_NE(d.tags[i].ability, Ability::code_understanding);
  }
  for (const Document& d : documents(Rung::c1, 800)) EXPECT_NE(d.type, DocumentType::trace);
  const Token plus = Vocabulary::get().token("+");
  for (const Document& d : documents(Rung::c4, 100)) {
    EXPECT_EQ(d.type, DocumentType::brackets);
    EXPECT_FALSE(any(d, plus));
  }
}

// Rung c3 has the outputs of c2, in other places.
TEST(CodeCorpus, PermutingKeepsSyntaxAndOutputsAndBreaksMeaning) {
  const auto straight = documents(Rung::c2, 400), permuted = documents(Rung::c3, 400);
  std::map<Token, int> balance;
  int same = 0, outputs = 0;
  for (size_t i = 0; i < straight.size(); ++i) {
    ASSERT_EQ(straight[i].type, permuted[i].type);
    std::vector<Token> code[2];
    for (const Document* d : {&straight[i], &permuted[i]})
      for (size_t k = 0; k < d->tokens.size(); ++k) {
        const bool output = d->tags[k].answer && d->tags[k].ability == Ability::code_understanding;
        if (output) balance[d->tokens[k]] += d == &straight[i] ? 1 : -1;
        if (!output && d->type != DocumentType::long_range)
          code[d == &straight[i] ? 0 : 1].push_back(d->tokens[k]);
      }
    EXPECT_EQ(code[0], code[1]);
    same += straight[i].tokens == permuted[i].tokens;
    ++outputs;
  }
  for (const auto& [token, n] : balance) EXPECT_EQ(n, 0);
  EXPECT_LT(same, outputs / 20);
}

// Answers of long modules are part of the program, so it must still be one, and none for tests.
TEST(CodeCorpus, PermutedModulesCanBeReadAndAreForTraining) {
  int modules = 0;
  for (const Document& d : documents(Rung::c3, 1500)) {
    if (d.type != DocumentType::long_range) continue;
    ++modules;
    const auto parsed = minipy::parse(minipy::read_words(program(d)).items);
    EXPECT_NE(minipy::canonical_hash(*parsed) % 10, 0u) << text(d);
  }
  EXPECT_GT(modules, 100);
}

TEST(CodeCorpus, ProgramsOfProbesAreNeverInTraining) {
  for (const Document& d : documents(Rung::c2, 1500)) {
    if (d.type != DocumentType::script && d.type != DocumentType::class_tree &&
        d.type != DocumentType::long_range && d.type != DocumentType::trace)
      continue;
    EXPECT_NE(minipy::canonical_hash(*minipy::parse(minipy::read_words(program(d)).items)) % 10,
              0u);
  }
  CodeContext probe;
  probe.test = true;
  int found = 0;
  for (uint64_t i = 0; found < 30; ++i) {
    Draw draw(Rng(9).fold(i));
    const auto d = make_script(probe, draw);
    if (!d) continue;
    ++found;
    EXPECT_EQ(minipy::canonical_hash(*minipy::parse(minipy::read_words(program(*d)).items)) % 10,
              0u);
  }
}

TEST(CodeCorpus, AnswersAreDenseEnough) {
  std::map<Ability, int64_t> answers;
  int64_t tokens = 0;
  for (const Document& d : documents(Rung::c2, 2000)) {
    tokens += static_cast<int64_t>(d.tokens.size());
    for (const TokenTag& t : d.tags)
      if (t.answer) ++answers[t.ability];
  }
  EXPECT_GT(answers[Ability::code_understanding] * 50, tokens);  // 2 %
  EXPECT_GT(answers[Ability::code_generation] * 50, tokens);
  EXPECT_GT(answers[Ability::long_range] * 200, tokens);
}

TEST(CodeCorpus, DistancesOfLongRangeUsesSpread) {
  std::map<int, int> octaves;
  for (const Document& d : documents(Rung::c2, 3000)) {
    if (d.type != DocumentType::long_range) continue;
    // From "assert name ==" back to "name =".
    for (size_t i = 3; i < d.tokens.size(); ++i) {
      if (!d.tags[i].answer || d.tokens[i - 1] != Vocabulary::get().token("==")) continue;
      for (size_t k = i - 3; k > 0; --k)
        if (d.tokens[k] == d.tokens[i - 2] && d.tokens[k + 1] == Vocabulary::get().token("=")) {
          ++octaves[static_cast<int>(std::log2(static_cast<double>(i - k)))];
          break;
        }
    }
  }
  for (int octave : {3, 4, 5, 6, 7}) EXPECT_GT(octaves[octave], 10) << octave;
}

}  // namespace
}  // namespace lineage
