#include "lineage/text/tokenizer.h"

#include <gtest/gtest.h>

#include <thread>

#include "lineage/text/bpe_train.h"
#include "lineage/text/testing.h"
#include "lineage/text/unicode.h"

namespace lineage {
namespace {

const std::vector<std::string> kSpecials = {"<|endoftext|>", "<|user|>", "<|assistant|>",
                                            "<|user|>x", "<|endofturn|>"};

std::shared_ptr<const BpeTokenizer> trained(Pattern pattern = Pattern::gpt2) {
  std::string text;
  for (uint64_t i = 0; i < 200; ++i)
    text += testing::random_text(Rng(i).fold("text"), 60, testing::hard_parts(true)) +
            " the quick brown fox and the lazy dogs <| user |> endoftext\n";
  return train_bpe({.vocab = 600, .pattern = pattern, .specials = kSpecials},
                   std::vector<std::string_view>{text});
}

std::string random_bytes(Rng rng, size_t n) {
  std::string text;
  for (size_t i = 0; i < n; ++i) text += static_cast<char>(rng.bits(i));
  return text;
}

TEST(Tokenizer, AnyBytesRoundTrip) {
  for (Pattern pattern : {Pattern::gpt2, Pattern::cl100k}) {
    const auto tokenizer = trained(pattern);
    for (uint64_t seed = 0; seed < 2000; ++seed) {
      const Rng rng = Rng(seed).fold("round");
      const std::string text = seed % 2 ? random_bytes(rng, rng.fold("n").below(200, 0))
                                        : testing::random_text(rng, 30, testing::hard_parts(true));
      ASSERT_EQ(tokenizer->decode(tokenizer->encode(text)), text) << "seed " << seed;
    }
    EXPECT_EQ(tokenizer->encode(""), std::vector<Token>{});
  }
}

TEST(Tokenizer, TextCannotForgeSpecialTokens) {
  const auto tokenizer = trained();
  for (const std::string& text : kSpecials) {
    const std::string all = "a" + text + text + " " + text;
    for (Token t : tokenizer->encode(all)) EXPECT_FALSE(tokenizer->is_special(t)) << text;
    for (Token t : tokenizer->encode_with_specials(all, {})) EXPECT_FALSE(tokenizer->is_special(t));
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(all)), all);
  }
}

TEST(Tokenizer, SpecialTokensComeToWhoeverAsks) {
  const auto tokenizer = trained();
  const Token user = tokenizer->special(Special::user);
  EXPECT_EQ(user, tokenizer->find_special("<|user|>"));
  EXPECT_EQ(tokenizer->special(Special::end_of_turn), tokenizer->find_special("<|endofturn|>"));
  EXPECT_EQ(tokenizer->vocab(), user + 4);

  const auto ids = tokenizer->encode_with_specials("<|user|>the<|user|>x<|assistant|>");
  EXPECT_EQ(ids.front(), user);
  EXPECT_EQ(ids[ids.size() - 2], tokenizer->find_special("<|user|>x"));  // the longest
  EXPECT_EQ(ids.back(), tokenizer->special(Special::assistant));
  EXPECT_EQ(tokenizer->decode(ids), "<|user|>the<|user|>x<|assistant|>");

  const std::vector<std::string> allowed = {"<|user|>"};
  const auto some = tokenizer->encode_with_specials("<|user|><|assistant|>", allowed);
  EXPECT_EQ(some.front(), user);
  EXPECT_FALSE(tokenizer->is_special(some.back()));
}

TEST(Tokenizer, MissingSpecialTokensAndUnknownIdsAreErrors) {
  const auto tokenizer = trained();
  EXPECT_EQ(tokenizer->find_special(Special::system), std::nullopt);
  EXPECT_EQ(testing::error_of([&] { tokenizer->special(Special::system); }),
            "this tokenizer has no token for system; wanted one of <|system|>, <sys>");
  EXPECT_EQ(testing::error_of([&] { tokenizer->special(Special::pad); }),
            "this tokenizer has no token for pad; wanted one of <|pad|>, <pad>, [PAD], "
            "<|finetune_right_pad_id|>");
  const std::vector<std::string> unknown = {"<|no|>"};
  EXPECT_EQ(testing::error_of([&] { tokenizer->encode_with_specials("a", unknown); }),
            "\"<|no|>\" is no special token of this tokenizer; wanted one that is");
  for (Token bad : {-1, static_cast<Token>(tokenizer->vocab())}) {
    EXPECT_FALSE(tokenizer->contains(bad));
    EXPECT_FALSE(tokenizer->is_special(bad));
    EXPECT_EQ(testing::error_of([&] { tokenizer->decode(std::vector<Token>{bad}); }),
              "token " + std::to_string(bad) + " is not in this tokenizer's vocabulary of " +
                  std::to_string(tokenizer->vocab()) + " ids; wanted one that is");
  }
}

TEST(Tokenizer, BatchesAndThreadsChangeNothing) {
  for (Pattern pattern : {Pattern::gpt2, Pattern::cl100k}) {
    const auto tokenizer = trained(pattern);
    std::vector<std::string> texts;
    std::string all;
    for (uint64_t i = 0; i < 400; ++i) {
      texts.push_back(testing::random_text(Rng(i).fold("batch"), 40, testing::hard_parts(true)));
      for (int k = 0; k < 20; ++k) all += texts.back() + " lazy";
    }
    EXPECT_GT(all.size(), 1u << 19);
    EXPECT_EQ(tokenizer->encode_parallel(all), tokenizer->encode(all));
    const auto batch =
        tokenizer->encode_batch(std::vector<std::string_view>(texts.begin(), texts.end()));
    for (size_t i = 0; i < texts.size(); ++i) ASSERT_EQ(batch[i], tokenizer->encode(texts[i]));
  }
}

// One thread's memory of pieces must not serve another tokenizer.
TEST(Tokenizer, TwoTokenizersInTurn) {
  const auto a = trained(),
             b = train_bpe({.vocab = 300}, std::vector<std::string_view>{"xyzzy xyzzy"});
  const std::string text = "the xyzzy foxes 's quickest xyzzyx";
  const auto first_a = a->encode(text), first_b = b->encode(text);
  EXPECT_NE(first_a, first_b);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(a->encode(text), first_a);
    EXPECT_EQ(b->encode(text), first_b);
  }
  std::thread([&] { EXPECT_EQ(a->encode(text), first_a); }).join();
}

TEST(StreamDecoder, PiecesAreValidUtf8AndTogetherTheWhole) {
  const auto tokenizer = trained();
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const std::string text =
        testing::random_text(Rng(seed).fold("stream"), 30, testing::hard_parts(true));
    // One byte a token is the hardest; the tokens of the text are the usual.
    std::vector<Token> tokens = tokenizer->encode(text);
    if (seed % 2 == 0) {
      tokens.clear();
      for (char c : text) tokens.push_back(tokenizer->encode({&c, 1}).front());
    }
    StreamDecoder stream(*tokenizer);
    std::string streamed;
    for (Token t : tokens) {
      const std::string piece = stream.push(t);
      ASSERT_EQ(valid_utf8(piece), piece) << "seed " << seed;
      streamed += piece;
    }
    ASSERT_EQ(streamed + stream.finish(), valid_utf8(text)) << "seed " << seed;
  }
}

TEST(StreamDecoder, HoldsBackOnlyWhatIsUnfinished) {
  const auto tokenizer = trained();
  StreamDecoder stream(*tokenizer);
  const auto push = [&](char byte) { return stream.push(tokenizer->encode({&byte, 1}).front()); };
  EXPECT_EQ(push('\xF0'), "");
  EXPECT_EQ(push('\x9F'), "");
  EXPECT_EQ(push('\x8C'), "");
  EXPECT_EQ(push('\x8D'), "🌍");
  EXPECT_EQ(push('\xC3'), "");
  EXPECT_EQ(push('a'),
            "\xEF\xBF\xBD"
            "a");
  EXPECT_EQ(push('\xE2'), "");
  EXPECT_EQ(stream.finish(), "\xEF\xBF\xBD");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Tokenizer, DigestCoversAllThatMatters) {
  const BpeModel base = trained()->model();
  const std::string digest = BpeTokenizer(base).digest();
  EXPECT_EQ(BpeTokenizer(base).digest(), digest);
  EXPECT_EQ(digest.size(), 64u);
  const auto changed = [&](const auto& change) {
    BpeModel model = base;
    change(model);
    return BpeTokenizer(std::move(model)).digest();
  };
  EXPECT_NE(changed([](BpeModel& m) { m.pattern = Pattern::cl100k; }), digest);
  EXPECT_NE(changed([](BpeModel& m) { std::swap(m.merges[0], m.merges[1]); }), digest);
  EXPECT_NE(changed([](BpeModel& m) {
              m.merges.pop_back();
              m.tokens.pop_back();
            }),
            digest);
  EXPECT_NE(changed([](BpeModel& m) { m.specials[0].text = "<|other|>"; }), digest);
  EXPECT_NE(changed([](BpeModel& m) {
              m.added.push_back(m.specials.back());
              m.specials.pop_back();
            }),
            digest);
  EXPECT_NE(changed([](BpeModel& m) { m.begin_of_text = {m.specials[0].id}; }), digest);
  // Merges make every token, so keeping whole pieces changes nothing.
  EXPECT_EQ(changed([](BpeModel& m) { m.whole_pieces = true; }), digest);
}

}  // namespace
}  // namespace lineage
