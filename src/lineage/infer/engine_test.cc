#include "lineage/infer/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "lineage/base/error.h"
#include "lineage/ops/ops.h"
#include "lineage/tensor/pool.h"
#include "lineage/text/word_tokenizer.h"

namespace lineage {
namespace {

constexpr int64_t kVocab = 23;

std::shared_ptr<const Tokenizer> letters() {
  std::vector<std::string> words;
  for (char c = 'a'; static_cast<int64_t>(words.size()) < kVocab - 1; ++c) words.emplace_back(1, c);
  return std::make_shared<WordTokenizer>(word_model(words, {"<|endoftext|>"}));
}

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() : gpt(parameters.root(), config()) {
    parameters.allocate(false);
    parameters.initialize(11);
    for (float& x : parameters.values().data<float>()) x *= 4;  // so that tokens differ clearly
    model = language_model(gpt, *tokenizer, {4, 0, 5});
  }
  static GptConfig config() {
    GptConfig c;
    c.layers = 2;
    c.width = 32;
    c.heads = 4;
    c.context = 40;
    c.vocab = kVocab;
    return c;
  }
  Completion one(const std::vector<Token>& prompt, const Sampling& s) {
    return model->generate(std::vector<std::vector<Token>>{prompt}, std::vector<Sampling>{s})[0];
  }

  std::shared_ptr<const Tokenizer> tokenizer = letters();
  Parameters parameters;
  Gpt gpt;
  std::unique_ptr<LanguageModel> model;
};

Sampling sampling(double temperature, int64_t max_tokens, uint64_t seed = 0) {
  Sampling s;
  s.temperature = temperature;
  s.max_tokens = max_tokens;
  s.seed = seed;
  return s;
}

TEST_F(EngineTest, AnEmptyContextIsAllThatATextBeginsWith) {
  WordModel words = dynamic_cast<const WordTokenizer&>(*tokenizer).model();
  words.words.resize(kVocab - 3);
  words.specials = {{kVocab - 3, "<s>"}, {kVocab - 2, "<sop>"}, {kVocab - 1, "[EOS]"}};
  const auto first = [&](const WordModel& m, std::vector<Token> context) {
    const WordTokenizer begins(m);
    return language_model(gpt, begins)
        ->score(std::vector<ScoreRequest>{{context, {1, 2}}})[0]
        .log_prob;
  };
  EXPECT_THROW(first(words, {}), Error);  // nothing begins a text
  words.begin_of_text = {kVocab - 3, kVocab - 2};
  EXPECT_EQ(first(words, {}), first(words, {kVocab - 3, kVocab - 2}));
  EXPECT_NE(first(words, {}), first(words, {kVocab - 3}));
}

// All events of one sequence, with others beside it.
std::vector<Engine::Event> events_of(Engine& engine, Engine::Slot slot) {
  std::vector<Engine::Event> all;
  for (bool ended = false; !ended;)
    for (Engine::Event& e : engine.step()) {
      if (e.end) engine.release(e.slot);
      if (e.slot != slot) continue;
      ended = ended || e.end;
      all.push_back(std::move(e));
    }
  return all;
}

TEST_F(EngineTest, APromptIsScoredWhateverTheStepsReadAndTheCacheHolds) {
  const PackedGpt packed(gpt);
  const std::vector<Token> prompt = {3, 1, 4, 1, 5, 2, 6};
  Sampling s = sampling(0, 2);
  s.score_prompt = true, s.top_log_probs = 3, s.log_probs_of = LogProbsOf::model;
  const auto expected = model->score(std::vector<ScoreRequest>{{{3}, {1, 4, 1, 5, 2, 6}}})[0];
  std::vector<SampledToken> first;
  for (const int64_t rows : {1, 3, 256}) {
    Engine engine(packed, *tokenizer, {3, 0, rows});
    engine.release(engine.admit(prompt, sampling(0, 1)));
    engine.admit(prompt, sampling(1, 5));
    engine.step();  // another reads the same prompt
    std::vector<SampledToken> scored;
    int64_t drawn = 0;
    for (Engine::Event& e : events_of(engine, engine.admit(prompt, s))) {
      EXPECT_TRUE(drawn == 0 || e.prompt.empty());
      drawn += e.draw.has_value();
      std::ranges::move(e.prompt, std::back_inserter(scored));
    }
    EXPECT_EQ(drawn, 2);
    ASSERT_EQ(scored.size(), prompt.size() - 1);
    if (first.empty()) first = scored;
    for (size_t i = 0; i < scored.size(); ++i) {
      EXPECT_EQ(scored[i].token, prompt[i + 1]);
      EXPECT_NEAR(scored[i].log_prob, expected.log_probs[i], 1e-5);
      EXPECT_EQ(scored[i].log_prob, first[i].log_prob) << "bit for bit";
      ASSERT_EQ(scored[i].top.size(), 3u);
      EXPECT_GE(scored[i].top[0].log_prob, scored[i].log_prob);
    }
  }
}

TEST_F(EngineTest, APromptOfAWholeContextIsScoredWithoutNewTokens) {
  const PackedGpt packed(gpt);
  std::vector<Token> prompt(40, 2);
  Sampling s = sampling(0, 0);
  s.score_prompt = true;
  Engine engine(packed, *tokenizer, {2, 0, 16});
  size_t scored = 0;
  const auto events = events_of(engine, engine.admit(prompt, s));
  for (const Engine::Event& e : events) scored += e.prompt.size();
  EXPECT_EQ(scored, 39u);
  EXPECT_EQ(events.back().end, Completion::End::length);
  EXPECT_THROW(engine.admit(prompt, sampling(0, 1)), Error);
}

TEST_F(EngineTest, TheTokenOfAnEndIsReported) {
  const PackedGpt packed(gpt);
  const Completion c = one({3, 1}, sampling(0, 3));
  Sampling s = sampling(0, 3);
  s.stop_tokens = {c.tokens[1]};
  Engine engine(packed, *tokenizer, {2, 0, 16});
  const auto events = events_of(engine, engine.admit({3, 1}, s));
  const auto first = std::ranges::find(c.tokens, c.tokens[1]) - c.tokens.begin();
  ASSERT_EQ(std::ssize(events), first + 1);
  EXPECT_FALSE(events.back().draw);
  EXPECT_EQ(events.back().stop_token->token, c.tokens[1]);
  EXPECT_EQ(events.back().stop_token->log_prob, c.log_probs[static_cast<size_t>(first)]);
}

TEST_F(EngineTest, PenaltiesCountWhatWasGenerated) {
  Sampling s = sampling(0, 20);
  s.presence_penalty = 1e6;
  const Completion c = one({3, 1}, s);
  EXPECT_EQ(std::set<Token>(c.tokens.begin(), c.tokens.end()).size(), c.tokens.size())
      << "no token comes twice";
  s.logit_bias = {{kVocab, 1.0f}};
  EXPECT_THROW(one({3, 1}, s), Error);
}

TEST_F(EngineTest, GreedyAgreesWithTheFullForward) {
  std::vector<Token> tokens = {3, 1, 4, 1, 5};
  const Completion c = one(tokens, sampling(0, 12));
  for (size_t i = 0; i < c.tokens.size(); ++i) {
    const Tensor row =
        Tensor::from({1, static_cast<int64_t>(tokens.size())}, std::span<const int32_t>(tokens));
    const Tensor logits = gpt.logits(gpt.hidden(row));
    const auto last = logits.data<float>().last(kVocab);
    EXPECT_EQ(c.tokens[i], std::max_element(last.begin(), last.end()) - last.begin());
    double total = 0;
    for (float l : last) total += std::exp(static_cast<double>(l));
    EXPECT_NEAR(c.log_probs[i], last[c.tokens[i]] - std::log(total), 1e-4);
    tokens.push_back(c.tokens[i]);
  }
  EXPECT_EQ(c.end, Completion::End::length);
}

// Finite weights, as the checkpoint makes sure, whose products are not.
TEST_F(EngineTest, AModelThatComputesNoNumbersIsAnError) {
  for (float& x : parameters.values().data<float>()) x = 1e38f;
  model = language_model(gpt, *tokenizer, {4, 0, 5});
  const auto says = [](const auto& ask) {
    try {
      ask();
    } catch (const Error& e) {
      return std::string(e.what()).find("model: the log-probability of a token is ") == 0;
    }
    return false;
  };
  const std::vector<ScoreRequest> requests = {{{1, 2}, {3}}};
  EXPECT_TRUE(says([&] { one({1, 2, 3}, sampling(0, 3)); }));
  EXPECT_TRUE(says([&] { one({1, 2, 3}, sampling(1, 3)); }));
  EXPECT_TRUE(says([&] { model->score(requests); }));
  EXPECT_TRUE(says([&] { model->score_next(std::vector<NextRequest>{{{1, 2}, {3, 4}}}); }));
  EXPECT_TRUE(says([&] { model->answer(requests, std::vector<Sampling>{sampling(0, 2)}); }));
}

TEST_F(EngineTest, ATemperatureNearZeroDrawsTheMostLikely) {
  EXPECT_EQ(one({3, 1, 4}, sampling(1e-300, 8)).tokens, one({3, 1, 4}, sampling(0, 8)).tokens);
}

// More prompts than slots, of many lengths, prompts longer than a step reads: each has the result
// of running alone, bit for bit.
TEST_F(EngineTest, ANeighbourChangesNothing) {
  std::vector<std::vector<Token>> prompts;
  std::vector<Sampling> samplings;
  for (int i = 0; i < 11; ++i) {
    std::vector<Token> p;
    for (int j = 0; j <= 3 * i % 17; ++j) p.push_back((7 * i + 3 * j) % kVocab);
    prompts.push_back(p);
    samplings.push_back(sampling(1, 3 + i, static_cast<uint64_t>(100 + i)));
  }
  const auto together = model->generate(prompts, samplings);
  for (size_t i = 0; i < prompts.size(); ++i) {
    const Completion alone = one(prompts[i], samplings[i]);
    EXPECT_EQ(alone.tokens, together[i].tokens) << i;
    EXPECT_EQ(alone.log_probs, together[i].log_probs) << i;
  }
}

TEST_F(EngineTest, ScoresWhatItGenerates) {
  const std::vector<Token> prompt = {2, 7};
  const Completion c = one(prompt, sampling(1, 10, 5));
  const auto scored = model->score(std::vector<ScoreRequest>{{prompt, c.tokens}, {{1}, {2, 3}}});
  ASSERT_EQ(scored[0].log_probs.size(), c.tokens.size());
  for (size_t i = 0; i < c.tokens.size(); ++i)
    EXPECT_NEAR(scored[0].log_probs[i], c.log_probs[i], 1e-4);
  EXPECT_EQ(scored[1].log_probs.size(), 2u);
}

// One reading of the prompt for both gives the results of two, in any batch.
TEST_F(EngineTest, AnswersAndScoresAReferenceFromOneReading) {
  std::vector<ScoreRequest> requests;
  std::vector<std::vector<Token>> prompts;
  std::vector<Sampling> samplings;
  for (int i = 0; i < 11; ++i) {
    ScoreRequest r;
    for (int j = 0; j <= 3 * i % 17; ++j) r.context.push_back((7 * i + 3 * j) % kVocab);
    for (int j = 0; j < i % 4 * 3; ++j) r.continuation.push_back((5 * i + 2 * j) % kVocab);
    prompts.push_back(r.context);
    samplings.push_back(sampling(i % 2, 2 + i, static_cast<uint64_t>(100 + i)));
    requests.push_back(std::move(r));
  }
  const auto completions = model->generate(prompts, samplings);
  const auto answers = model->answer(requests, samplings);
  const auto scored = model->score(requests);
  const auto plain = model->LanguageModel::answer(requests, samplings);  // the definition
  for (size_t i = 0; i < requests.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(answers[i].completion.tokens, completions[i].tokens);
    EXPECT_EQ(answers[i].completion.log_probs, completions[i].log_probs);
    EXPECT_EQ(plain[i].completion.tokens, completions[i].tokens);
    ASSERT_EQ(answers[i].reference.log_probs.size(), requests[i].continuation.size());
    EXPECT_NEAR(answers[i].reference.log_prob, scored[i].log_prob, 1e-3);
    EXPECT_NEAR(plain[i].reference.log_prob, scored[i].log_prob, 1e-6);
    for (size_t t = 0; t < requests[i].continuation.size(); ++t)
      EXPECT_NEAR(answers[i].reference.log_probs[t], scored[i].log_probs[t], 1e-4);
    const auto alone =
        model->answer(std::span(requests).subspan(i, 1), std::span(samplings).subspan(i, 1));
    EXPECT_EQ(alone[0].reference.log_probs, answers[i].reference.log_probs);
  }
  // The longest that fits, and one more.
  const std::vector<Sampling> one_token = {sampling(0, 1)};
  ScoreRequest longest{std::vector<Token>(38, 1), {1, 2, 3}};
  EXPECT_EQ(model->answer({&longest, 1}, one_token)[0].reference.log_probs.size(), 3u);
  longest.continuation.push_back(4);
  EXPECT_THROW(model->answer({&longest, 1}, one_token), Error);
  EXPECT_THROW(model->answer(std::vector<ScoreRequest>{{{1}, {kVocab}}}, one_token), Error);
}

// Samples of one prompt and prompts that begin alike read their common part once, and have the
// results of an engine of their own.
TEST_F(EngineTest, SharedBeginningsAreReadOnce) {
  const auto prompt = [](int64_t kind, int64_t length) {
    std::vector<Token> p;
    for (int64_t j = 0; j < length; ++j)
      p.push_back(static_cast<Token>((j < 20 ? 3 * j + 1 : 5 * kind + 7 * j) % kVocab));
    return p;
  };
  std::vector<ScoreRequest> requests;
  std::vector<Sampling> samplings;
  for (int kind = 0; kind < 5; ++kind)
    for (int s = 0; s < 3; ++s) {
      requests.push_back({prompt(kind, 26 + kind), {}});
      if (s == 0) requests.back().continuation = {1, 2, 3};
      samplings.push_back(
          sampling(1, 1 + (kind + 2 * s) % 5, static_cast<uint64_t>(10 * kind + s)));
    }
  const auto together = model->answer(requests, samplings);
  for (size_t i = 0; i < requests.size(); ++i) {
    SCOPED_TRACE(i);
    const auto fresh = language_model(gpt, *tokenizer, {1, 0, 5});
    const auto alone =
        fresh->answer(std::span(requests).subspan(i, 1), std::span(samplings).subspan(i, 1));
    EXPECT_EQ(together[i].completion.tokens, alone[0].completion.tokens);
    EXPECT_EQ(together[i].completion.log_probs, alone[0].completion.log_probs);
    EXPECT_EQ(together[i].reference.log_probs, alone[0].reference.log_probs);
  }

  const PackedGpt packed(gpt);
  Engine engine(packed, *tokenizer, {4, 0, 5});
  const auto run = [&] {
    while (true) {
      const auto events = engine.step();
      if (events.empty() && engine.active() == 0) break;
      for (const auto& e : events)
        if (e.end) engine.release(e.slot);
      if (engine.active() == 0) break;
    }
  };
  for (int s = 0; s < 4; ++s) engine.admit(prompt(1, 30), sampling(1, 1, 5));
  run();
  EXPECT_EQ(engine.rows_computed(), 30 + 3);
  engine.admit(prompt(2, 30), sampling(1, 1, 5));  // after its like was released
  run();
  EXPECT_EQ(engine.rows_computed(), 30 + 3 + 10);
  EXPECT_EQ(engine.prefixes().wanted - engine.prefixes().copied, 30 + 3 + 10);
}

// Long prompts that come one after another into the first slot do not keep the others waiting.
TEST_F(EngineTest, PromptsAreReadInTheOrderInWhichTheyCame) {
  const PackedGpt packed(gpt);
  Engine engine(packed, *tokenizer, {3, 0, 5});
  std::vector<std::vector<Token>> prompts;
  for (Token t = 0; t < 8; ++t) prompts.push_back({t, 1, 2, 3, t});
  size_t next = 0;
  std::vector<size_t> of_slot(3), ended;
  while (ended.size() < prompts.size()) {
    while (next < prompts.size() && !engine.full()) {
      const Engine::Slot slot = engine.admit(prompts[next], sampling(0, 1));
      of_slot[static_cast<size_t>(slot)] = next++;
    }
    for (const Engine::Event& e : engine.step()) {
      ASSERT_TRUE(e.end);
      ended.push_back(of_slot[static_cast<size_t>(e.slot)]);
      engine.release(e.slot);
    }
  }
  EXPECT_TRUE(std::ranges::is_sorted(ended));
}

TEST_F(EngineTest, NextTokensAreScoredAsContinuationsAre) {
  const std::vector<NextRequest> requests = {{{2, 7, 1}, {0, 5, 22}}, {{4}, {3}}, {{9, 9}, {}}};
  const auto next = model->score_next(requests);
  const auto by_score = model->LanguageModel::score_next(requests);  // the definition
  ASSERT_EQ(next.size(), 3u);
  for (size_t i = 0; i < next.size(); ++i) {
    ASSERT_EQ(next[i].size(), requests[i].candidates.size());
    for (size_t c = 0; c < next[i].size(); ++c) EXPECT_NEAR(next[i][c], by_score[i][c], 1e-5);
  }
  EXPECT_THROW(model->score_next(std::vector<NextRequest>{{{}, {1}}}), Error);
  EXPECT_THROW(model->score_next(std::vector<NextRequest>{{{1}, {kVocab}}}), Error);
}

TEST(EngineMemoryTest, ReservedMemoryIsEnoughForEveryStep) {
  GptConfig config;
  config.layers = 1, config.width = 256, config.heads = 4, config.context = 100;
  config.vocab = kVocab;
  Parameters parameters;
  const Gpt gpt(parameters.root(), config);
  parameters.allocate(false);
  parameters.initialize(1);
  const PackedGpt packed(gpt);
  const auto tokenizer = letters();
  Engine engine(packed, *tokenizer, {4, 0, 64});
  pool::trim();
  const auto held = [] { return pool::stats().in_use + pool::stats().cached; };
  const int64_t before = held();
  engine.reserve_memory();
  const int64_t reserved = held() - before;
  for (int64_t n = 1; n <= 70; n += 3) {  // prompts and batches of all sizes, scored and not
    Sampling s = sampling(1, 3, static_cast<uint64_t>(n));
    s.score_prompt = n % 2 == 0;
    std::vector<Engine::Slot> slots;
    for (int64_t k = 0; k <= n % 4; ++k)
      slots.push_back(engine.admit(std::vector<Token>(static_cast<size_t>(n + k), Token(k)), s));
    for (int i = 0; i < 12; ++i) engine.step();
    for (const Engine::Slot slot : slots) engine.release(slot);
  }
  // A small tensor may take a large block, and small scratch may come later: at this size that is a
  // third, and .3 % of what a server of a nano model uses.
  EXPECT_LE(held() - before, reserved + reserved / 2) << reserved;
}

TEST_F(EngineTest, StopsAtTokensTextsAndTheContext) {
  const std::vector<Token> prompt = {3, 1, 4};
  const Completion all = one(prompt, sampling(0, 1000));
  EXPECT_EQ(static_cast<int64_t>(all.tokens.size()), 40 - 3 + 1);  // the last one is never read
  EXPECT_EQ(all.end, Completion::End::length);

  Sampling s = sampling(0, 1000);
  s.stop_tokens = {all.tokens[4]};
  const Completion by_token = one(prompt, s);
  EXPECT_EQ(by_token.end, Completion::End::stop);
  EXPECT_LE(by_token.tokens.size(), 4u);

  s = sampling(0, 1000);
  s.stop = {all.text.substr(4, 3)};
  const Completion by_text = one(prompt, s);
  EXPECT_EQ(by_text.end, Completion::End::stop);
  EXPECT_EQ(by_text.text, all.text.substr(0, all.text.find(s.stop[0])));
  EXPECT_EQ(one(prompt, sampling(0, 0)).tokens.size(), 0u);
}

TEST_F(EngineTest, StreamsAllTextAndCanBeCancelled) {
  std::string streamed;
  const std::vector<std::vector<Token>> prompts = {{5, 6}};
  const std::vector<Sampling> s = {sampling(1, 20, 9)};
  const auto c = model->generate(prompts, s, [&](size_t, std::string_view text) {
    streamed += text;
    return true;
  });
  EXPECT_EQ(streamed, c[0].text);
  int calls = 0;
  const auto cut =
      model->generate(prompts, s, [&](size_t, std::string_view) { return ++calls < 3; });
  EXPECT_EQ(cut[0].end, Completion::End::cancelled);
  EXPECT_LT(cut[0].tokens.size(), c[0].tokens.size());
}

TEST_F(EngineTest, BadPromptsAreNamed) {
  const auto says = [&](std::vector<Token> prompt) -> std::string {
    try {
      one(prompt, sampling(0, 1));
    } catch (const Error& e) {
      return e.what();
    }
    return {};
  };
  EXPECT_EQ(says({}), "prompt: is empty; wanted at least one token");
  EXPECT_EQ(says({99}), "prompt: token 99; the vocabulary has 23");
  EXPECT_EQ(says(std::vector<Token>(40, 1)),
            "prompt: has 40 tokens; the model's context is 40 for prompt and completion together");
  EXPECT_EQ(one({1}, sampling(0, 2)).tokens.size(), 2u);  // the engine is still of use
}

}  // namespace
}  // namespace lineage
