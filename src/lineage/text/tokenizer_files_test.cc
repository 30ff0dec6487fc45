#include "lineage/text/tokenizer_files.h"

#include <gtest/gtest.h>

#include <fstream>

#include "lineage/base/file.h"
#include "lineage/text/bpe_train.h"
#include "lineage/text/byte_alphabet.h"
#include "lineage/text/testing.h"

namespace lineage {
namespace {

// 256 bytes in GPT-2's order (space 220, h 71, e 68, l 75, o 78), "he" 256, "ll" 257, "hell" 258,
// " hell" 259, then two special tokens.
BpeModel small(Pattern pattern = Pattern::gpt2) {
  BpeModel model;
  model.pattern = pattern;
  for (uint8_t byte : byte_order()) model.tokens.emplace_back(1, static_cast<char>(byte));
  for (const char* text : {"he", "ll", "hell", " hell"}) model.tokens.emplace_back(text);
  model.merges = {{71, 68, 256}, {75, 75, 257}, {256, 257, 258}, {220, 258, 259}};
  model.specials = {{260, "<|endoftext|>"}, {261, "<|user|>"}};
  return model;
}

std::vector<Token> begin_of(const Tokenizer& tokenizer) {
  return {tokenizer.begin_of_text().begin(), tokenizer.begin_of_text().end()};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string json_error(const std::string& json) {
  return testing::error_of([&] { parse_huggingface(json, "t.json"); });
}

// The error after one change to the small tokenizer's file.
std::string json_error(const std::string& from, const std::string& to) {
  return json_error(replaced(huggingface_json(small()), from, to));
}

TEST(HuggingfaceJson, HoldsEverything) {
  for (Pattern pattern : {Pattern::gpt2, Pattern::cl100k}) {
    BpeModel model = small(pattern);
    model.specials.push_back({270, "</s>\"\\é"});
    model.added.push_back({265, "   "});
    model.begin_of_text = {261, 260};
    const BpeTokenizer tokenizer(model);
    const auto again = parse_huggingface(huggingface_json(model), "t.json");
    EXPECT_EQ(again->digest(), tokenizer.digest());
    EXPECT_EQ(begin_of(*again), (std::vector<Token>{261, 260}));
    EXPECT_EQ(again->vocab(), 271);
    EXPECT_EQ(again->specials(), tokenizer.specials());
    EXPECT_EQ(again->encode("x hello   hell"), (std::vector<Token>{87, 259, 78, 265, 258}));
  }
}

TEST(HuggingfaceJson, KeepsTokensThatOnlyWholePiecesMake) {
  BpeModel model = small();
  model.tokens.emplace_back("zz");
  model.specials[0].id = 270;
  model.specials[1].id = 271;
  EXPECT_EQ(BpeTokenizer(model).encode("zz").size(), 2u);
  model.whole_pieces = true;
  const auto again = parse_huggingface(huggingface_json(model), "t.json");
  EXPECT_EQ(again->encode("zz zzz"), (std::vector<Token>{260, 220, 89, 89, 89}));
  EXPECT_EQ(again->digest(), BpeTokenizer(model).digest());
}

TEST(HuggingfaceJson, ReadsMergesAsPairs) {
  std::string json = huggingface_json(small());
  for (const char* merge : {"h e", "l l", "he ll", "Ġ hell"}) {
    const std::string text = merge;
    const size_t space = text.find(' ');
    json = replaced(json, "\"" + text + "\"",
                    "[\"" + text.substr(0, space) + "\", \"" + text.substr(space + 1) + "\"]");
  }
  EXPECT_EQ(parse_huggingface(json, "t.json")->digest(), BpeTokenizer(small()).digest());
}

// Other writers' spellings of the same: no type, null post-processor, Removed + invert.
TEST(HuggingfaceJson, ReadsOtherSpellings) {
  std::string json = replaced(huggingface_json(small()), "\"type\": \"BPE\",", "");
  EXPECT_EQ(parse_huggingface(json, "t.json")->digest(), BpeTokenizer(small()).digest());
  json = replaced(huggingface_json(small(Pattern::cl100k)), "\"Isolated\", \"invert\": false",
                  "\"Removed\", \"invert\": true");
  EXPECT_EQ(parse_huggingface(json, "t.json")->digest(),
            BpeTokenizer(small(Pattern::cl100k)).digest());
  json = replaced(huggingface_json(small()), "\"post_processor\": {",
                  R"("post_processor": {"type": "RobertaProcessing", "sep": ["<|user|>", 261],
         "cls": ["<|endoftext|>", 260]}, "unused": {)");
  EXPECT_EQ(begin_of(*parse_huggingface(json, "t.json")), (std::vector<Token>{260}));
}

// A file that calls a turn's token ordinary would let text forge the turn.
TEST(HuggingfaceJson, TokensWithAPartAreAlwaysSpecial) {
  std::string json = huggingface_json(small());
  while (json.find("\"special\": true") != std::string::npos)
    json = replaced(json, "\"special\": true", "\"special\": false");
  const auto tokenizer = parse_huggingface(json, "t.json");
  EXPECT_TRUE(tokenizer->is_special(261));
  EXPECT_EQ(tokenizer->encode("<|user|>").size(), 8u);
}

TEST(HuggingfaceJson, EveryTruncationIsAnError) {
  const std::string json = huggingface_json(small());
  for (size_t size = 0; size < json.size() - 2; size += 7) {
    const std::string error = json_error(json.substr(0, size));
    ASSERT_EQ(error.find("t.json: not JSON at byte "), 0u) << error;
  }
}

TEST(HuggingfaceJson, BadFilesAreErrors) {
  EXPECT_EQ(json_error("{}"), "t.json: no \"model\"; wanted it there");
  EXPECT_EQ(json_error("[]"), "t.json: no \"model\"; wanted it there");
  EXPECT_EQ(json_error(std::string(100, '[')),
            "t.json: nested deeper than 64; wanted a JSON document of fewer levels");
  EXPECT_EQ(json_error(R"({"model": {"type": "Unigram"}})"),
            "t.json: model.type is \"Unigram\"; wanted BPE or WordLevel");
  EXPECT_EQ(json_error("\"vocab\"", "\"words\""), "t.json: model: no \"vocab\"; wanted it there");
  EXPECT_EQ(json_error("\"merges\"", "\"joins\""), "t.json: model: no \"merges\"; wanted it there");
  EXPECT_EQ(json_error("\"he\": 256", "\"he\": 255"),
            "t.json: \"Ń\" and another token share the id 255; wanted one id each");
  EXPECT_EQ(json_error("\"he\": 256", "\"!\": 256"),
            "t.json: the key \"!\" is twice in one object; wanted it once");
  EXPECT_EQ(
      json_error("\"he\": 256", "\"he\": 99999999"),
      "t.json: the id of \"he\" is 99999999; wanted a number from 0 to 1548, as there are 262 "
      "tokens");
  EXPECT_EQ(
      json_error("\"he\": 256", "\"he\": -1"),
      "t.json: the id of \"he\" is -1; wanted a number from 0 to 1548, as there are 262 tokens");
  EXPECT_EQ(json_error("\"he\": 256", "\"he\": \"x\""),
            "t.json: the id of \"he\" is \"x\"; wanted a number from 0 to 1548, as there are 262 "
            "tokens");
  EXPECT_EQ(json_error("\"he\": 256", "\"hé▁\": 256"),
            "t.json: the token \"hé▁\" is not written in the byte alphabet of GPT-2; wanted a "
            "byte-level vocabulary");
}

TEST(HuggingfaceJson, BadMergesAreErrors) {
  EXPECT_EQ(json_error("\"h e\"", "\"h ee\""),
            "t.json: model.merges[0]: \"ee\" is not in the vocabulary; wanted two tokens of it");
  EXPECT_EQ(json_error("\"h e\"", "\"h x\""),
            "t.json: model.merges[0]: \"hx\" is not in the vocabulary; wanted the token that this "
            "merge makes");
  EXPECT_EQ(json_error("\"h e\"", "\"he\""),
            "t.json: model.merges[0]: \"he\"; wanted two tokens and a space between");
  EXPECT_EQ(json_error("\"h e\"", "7"),
            "t.json: model.merges[0]: neither \"a b\" nor [\"a\", \"b\"]; wanted one of these");
}

TEST(HuggingfaceJson, BadAddedTokensAreErrors) {
  EXPECT_EQ(
      json_error("{\"id\": 260", "{\"id\": 259"),
      "t.json: the added token \"<|endoftext|>\" has the id 259, in the vocabulary 260; wanted "
      "the same");
  EXPECT_EQ(
      json_error("{\"id\": 260, \"content\": \"<|endoftext|>\"",
                 "{\"id\": 259, \"content\": \"<e>\""),
      "t.json: the special token \"<e>\" and the token \"Ġhell\" share the id 259; wanted one "
      "id each");
  EXPECT_EQ(json_error("\"content\": \"<|endoftext|>\"", "\"content\": \"\""),
            "t.json: an added token without content; wanted its text");
  EXPECT_EQ(json_error("{\"id\": 261, \"content\": \"<|user|>\"",
                       "{\"id\": 262, \"content\": \"<|user|>\""),
            "t.json: the added token \"<|user|>\" has the id 262, in the vocabulary 261; wanted "
            "the same");
}

TEST(HuggingfaceJson, WhatIsNotSupportedIsRefused) {
  EXPECT_EQ(json_error("\"normalizer\": null", "\"normalizer\": {\"type\": \"NFKC\"}"),
            "t.json: a normalizer (NFKC), which changes the text; wanted NFC, or Prepend of \"▁\" "
            "and Replace of \" \" by \"▁\"");
  EXPECT_EQ(json_error("\"normalizer\": null",
                       "\"normalizer\": {\"type\": \"Prepend\", \"prepend\": \"▁\"}"),
            "t.json: the normalizer has Prepend without Replace of \" \" by \"▁\"; wanted both");
  EXPECT_EQ(json_error("\"dropout\": null", "\"dropout\": 0.1"),
            "t.json: model.dropout is not 0; wanted none, as tokens must not depend on chance");
  EXPECT_EQ(json_error("\"byte_fallback\": false", "\"byte_fallback\": true"),
            "t.json: model.byte_fallback is set beside ByteLevel; wanted one of them");
  EXPECT_EQ(json_error("\"end_of_word_suffix\": null", "\"end_of_word_suffix\": \"</w>\""),
            "t.json: model.end_of_word_suffix is \"</w>\"; wanted none");
  EXPECT_EQ(json_error(replaced(huggingface_json(small(Pattern::cl100k)),
                                "\"add_prefix_space\": false", "\"add_prefix_space\": true")),
            "t.json: the ByteLevel pre-tokenizer has add_prefix_space behind another step, so that "
            "a space goes before every piece; wanted false");
  EXPECT_EQ(
      json_error("\"use_regex\": true", "\"use_regex\": false"),
      "t.json: the ByteLevel pre-tokenizer has no pattern; wanted use_regex or a Split before "
      "it");
  EXPECT_EQ(
      json_error("{\"type\": \"ByteLevel\"", "{\"type\": \"UnicodeScripts\""),
      "t.json: the pre_tokenizer is UnicodeScripts, which is not supported; wanted ByteLevel, or a "
      "Sequence of Split or Digits and ByteLevel, or Metaspace");
  EXPECT_EQ(json_error("{\"type\": \"ByteLevel\"", "{\"type\": \"Metaspace\""),
            "t.json: the Metaspace pre-tokenizer's replacement is \"\"; wanted \"▁\"");
  const std::string metaspace = replaced(huggingface_json(small()), "{\"type\": \"ByteLevel\"",
                                         R"({"type": "Metaspace", "replacement": "▁")");
  EXPECT_EQ(json_error(metaspace),
            "t.json: the decoder is ByteLevel; wanted Replace of \"▁\" by \" \", ByteFallback, "
            "Fuse and Strip, or Metaspace");
  EXPECT_EQ(
      json_error(
          replaced(metaspace, "\"Metaspace\"", "\"Metaspace\", \"prepend_scheme\": \"last\"")),
      "t.json: the Metaspace pre-tokenizer's prepend_scheme is \"last\"; wanted first, always "
      "or never");
  EXPECT_EQ(
      json_error(replaced(huggingface_json(small(Pattern::cl100k)), "\"Split\"", "\"Digits\"")),
      "t.json: the pre_tokenizer is a Sequence of Digits and ByteLevel, which is not "
      "supported; wanted ByteLevel, or a Sequence of Split or Digits and ByteLevel, or "
      "Metaspace");
  EXPECT_EQ(json_error(replaced(huggingface_json(small(Pattern::starcoder)), "_digits\": true",
                                "_digits\": false")),
            "t.json: the pre-tokenizer Digits keeps numbers whole; wanted individual_digits");
  const std::string json = huggingface_json(small(Pattern::cl100k));
  EXPECT_EQ(json_error(replaced(json, "\\\\p{N}{1,3}", "\\\\p{N}{1,4}")).substr(0, 52),
            "t.json: the Split pre-tokenizer's pattern is \"(?i:'s");
  EXPECT_EQ(json_error(replaced(json, "Isolated", "MergedWithNext")),
            "t.json: the Split pre-tokenizer's behavior is \"MergedWithNext\"; wanted Isolated");
}

TEST(HuggingfaceJson, WritingRefusesWhatReadingWouldConfuse) {
  BpeModel model = small();
  model.specials[0].text = "Ġhell";
  EXPECT_EQ(testing::error_of([&] { huggingface_json(model); }),
            "tokenizer: two tokens would be written \"Ġhell\" in the vocabulary; wanted different "
            "ones");
  model.specials[0].text = "\xFF";
  EXPECT_EQ(testing::error_of([&] { huggingface_json(model); }),
            "the text of a special token is not UTF-8; wanted UTF-8 for a JSON file");
}

// The results of the npm package tokenizers for such files.
TEST(HuggingfaceJson, ReadsOldAndMergedFilesAsTokenizersDoes) {
  const auto encoded = [](const std::string& json, std::string_view text) {
    return parse_huggingface(json, "t.json")->encode(text);
  };
  const std::string good = huggingface_json(small());
  const auto all = (std::vector<Token>{258});
  EXPECT_EQ(encoded(replaced(good, "\"h e\"", "\"#version: 0.2 - Trained by x\", \"h e\""), "hell"),
            all);
  // The last of two equal merges counts, so that "e l" goes before "h e".
  const std::string repeated = replaced(replaced(good, "\"he\": 256", "\"he\": 256, \"el\": 265"),
                                        "\"h e\"", "\"h e\", \"e l\", \"h e\"");
  EXPECT_EQ(encoded(repeated, "hel"), (std::vector<Token>{71, 265}));
  // The first of two added tokens with one text counts.
  const std::string twice =
      replaced(good, "\"added_tokens\": [",
               R"("added_tokens": [{"id": 270, "content": "foo"}, {"id": 271, "content": "foo"},)");
  EXPECT_EQ(encoded(twice, "foo"), (std::vector<Token>{270}));
}

// As `tokenizers`: without unk_token such a byte is left out, else it becomes that token.
TEST(HuggingfaceJson, BytesThatAreNoTokensAreLeftOutOrUnknown) {
  std::string json = replaced(huggingface_json(small()), "\"!\": 0", "\"!!\": 0");
  const auto encoded = [&] { return parse_huggingface(json, "t.json")->encode("he!!ll!"); };
  EXPECT_EQ(encoded(), (std::vector<Token>{256, 257}));
  json = replaced(json, "\"unk_token\": null", "\"unk_token\": \"<|user|>\"");
  EXPECT_EQ(encoded(), (std::vector<Token>{256, 261, 261, 257, 261}));
  json = replaced(json, "\"fuse_unk\": false", "\"fuse_unk\": true");
  EXPECT_EQ(encoded(), (std::vector<Token>{256, 261, 257, 261}));
  EXPECT_EQ(parse_huggingface(
                huggingface_json(
                    dynamic_cast<const BpeTokenizer&>(*parse_huggingface(json, "t.json")).model()),
                "t.json")
                ->digest(),
            parse_huggingface(json, "t.json")->digest());
  json = replaced(json, "\"unk_token\": \"<|user|>\"", "\"unk_token\": \"<unk>\"");
  EXPECT_EQ(json_error(json),
            "t.json: model.unk_token is \"<unk>\", which is no token; wanted one");
}

std::string template_of(const std::string& single) {
  return R"("post_processor": {"type": "TemplateProcessing", "single": [)" + single +
         R"(], "special_tokens": {"<|user|>": {"id": "<|user|>", "ids": [261], "tokens": ["<|user|>"]},
          "both": {"id": "both", "ids": [260, 261], "tokens": ["<|endoftext|>", "<|user|>"]}}},
          "unused": {)";
}

TEST(HuggingfaceJson, TextsBeginWithAllTokensOfTheTemplate) {
  const auto with = [](const std::string& single) {
    return replaced(huggingface_json(small()), "\"post_processor\": {", template_of(single));
  };
  const std::string user = R"({"SpecialToken": {"id": "<|user|>"}})",
                    a = R"({"Sequence": {"id": "A"}})";
  const auto begin = [&](const std::string& single) {
    return begin_of(*parse_huggingface(with(single), "t.json"));
  };
  EXPECT_EQ(begin(user + "," + user + "," + a), (std::vector<Token>{261, 261}));
  EXPECT_EQ(begin(R"({"SpecialToken": {"id": "both"}},)" + a + "," + user),
            (std::vector<Token>{260, 261}));
  EXPECT_EQ(begin(a), std::vector<Token>{});
  EXPECT_EQ(json_error(with(user)),
            "t.json: the post_processor's \"single\" has no text; wanted A in it");
  EXPECT_EQ(json_error(with(R"({"SpecialToken": {"id": "<s>"}},)" + a)),
            "t.json: the post_processor names \"<s>\" without ids; wanted them in its "
            "special_tokens");
  const auto tokenizer = parse_huggingface(with(user + "," + a), "t.json");
  EXPECT_EQ(tokenizer->before_text(), (std::vector<Token>{261}));
  EXPECT_EQ(tokenizer->encode_from_beginning("he"), (std::vector<Token>{261, 256}));
  EXPECT_EQ(parse_huggingface(huggingface_json(small()), "t.json")->before_text(),
            (std::vector<Token>{260}));
}

std::string with_eos(const std::string& text) {
  return replaced(replaced(huggingface_json(small()), "\"content\": \"<|endoftext|>\"",
                           "\"content\": \"" + text + "\""),
                  "\"<|endoftext|>\": 260", "\"" + text + "\": 260");
}

TEST(SideFiles, NameTheTokenThatEndsTexts) {
  const std::string json = with_eos("[EOS]");
  EXPECT_EQ(parse_huggingface(json, "t.json")->find_special(Special::end_of_text), std::nullopt);
  SideFiles by_map, by_config, by_id, by_list;
  by_map.special_tokens_map_json = R"({"eos_token": "[EOS]"})";
  by_config.tokenizer_config_json = R"({"eos_token": {"content": "[EOS]"}, "bos_token": null})";
  by_id.config_json = R"({"eos_token_id": 260, "n_layer": 2})";
  by_list.generation_config_json = R"({"eos_token_id": [50256, 260]})";
  for (const SideFiles& files : {by_map, by_config, by_id, by_list}) {
    const auto tokenizer = parse_huggingface(json, "t.json", files);
    EXPECT_EQ(tokenizer->special(Special::end_of_text), 260);
    // Our own file keeps it.
    const auto* bpe = dynamic_cast<const BpeTokenizer*>(tokenizer.get());
    const auto again = parse_huggingface(huggingface_json(bpe->model()), "again");
    EXPECT_EQ(again->special(Special::end_of_text), 260);
    EXPECT_EQ(again->digest(), tokenizer->digest());
    EXPECT_EQ(BpeTokenizer(parse_gpt2(gpt2_files(bpe->model()))).digest(), tokenizer->digest());
  }
  try {
    parse_huggingface(json, "t.json")->special(Special::end_of_text);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(
        e.hint(),
        "it has [EOS], <|user|>; name the one that ends a text in tokenizer_config.json beside "
        "the tokenizer (\"eos_token\": \"[EOS]\") and take the tokenizer or the model in again");
  }
}

// Files of one meaning make one tokenizer, with the digest that it has without them.
TEST(SideFiles, ThatSayWhatTheTextsSayChangeNothing) {
  const auto plain = parse_huggingface(huggingface_json(small()), "t.json");
  SideFiles files;
  files.special_tokens_map_json = R"({"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"})";
  files.tokenizer_config_json = R"({"pad_token": "!", "add_prefix_space": false})";
  files.config_json = R"({"eos_token_id": 50256})";
  files.added_tokens_json = R"({"<|user|>": 261})";
  EXPECT_EQ(parse_huggingface(huggingface_json(small()), "t.json", files)->digest(),
            plain->digest());
}

TEST(SideFiles, AddTokensThatTokenizerJsonLacks) {
  SideFiles files;
  files.added_tokens_json = R"({"foo": 270, "<mine>": 271})";
  files.special_tokens_map_json = R"({"additional_special_tokens": ["<mine>"]})";
  files.tokenizer_config_json =
      R"({"added_tokens_decoder": {"272": {"content": "<sp>", "special": true}}})";
  const auto tokenizer = parse_huggingface(huggingface_json(small()), "t.json", files);
  EXPECT_EQ(tokenizer->encode("foohe"), (std::vector<Token>{270, 256}));
  EXPECT_EQ(tokenizer->find_special("<mine>"), 271);
  EXPECT_EQ(tokenizer->find_special("<sp>"), 272);
  const auto error = [&](SideFiles f) {
    f.folder = "x/";
    return testing::error_of([&] { parse_huggingface(huggingface_json(small()), "t.json", f); });
  };
  files.added_tokens_json = R"({"<|user|>": 270})";
  EXPECT_EQ(error(files),
            "x/added_tokens.json: \"<|user|>\" has the id 270, in t.json 261; wanted the same");
  files.added_tokens_json.clear();
  files.tokenizer_config_json =
      R"({"added_tokens_decoder": {"272": {"content": "bar", "lstrip": true}}})";
  EXPECT_EQ(parse_huggingface(huggingface_json(small()), "t.json", files)->encode("he  barhe"),
            (std::vector<Token>{256, 272, 256}));
}

TEST(SideFiles, PutASpaceBeforeTexts) {
  SideFiles files;
  files.tokenizer_config_json = R"({"add_prefix_space": true})";
  const auto tokenizer = parse_huggingface(huggingface_json(small()), "t.json", files);
  EXPECT_EQ(tokenizer->encode("hell"), (std::vector<Token>{259}));
  EXPECT_EQ(tokenizer->encode(" hell"), (std::vector<Token>{259}));
  EXPECT_EQ(tokenizer->encode_after("hell"), (std::vector<Token>{258}));
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("hell")), " hell");
  Gpt2Files gpt2 = gpt2_files(small());
  gpt2.tokenizer_config_json = files.tokenizer_config_json;
  EXPECT_EQ(BpeTokenizer(parse_gpt2(gpt2)).encode("hell"), (std::vector<Token>{259}));
  EXPECT_EQ(
      testing::error_of([&] { gpt2_files(dynamic_cast<const BpeTokenizer&>(*tokenizer).model()); }),
      "tokenizer: text is changed before it is cut, or its tokens are not of bytes; "
      "vocab.json + merges.txt cannot hold that");
  BpeModel spaced = small();
  spaced.space_before.at = SpaceBefore::At::segments;
  files.tokenizer_config_json = R"({"add_prefix_space": false})";
  EXPECT_EQ(parse_huggingface(huggingface_json(spaced), "t.json", files)->digest(),
            BpeTokenizer(small()).digest());
  files.tokenizer_config_json = R"({"add_prefix_space": true})";
  EXPECT_EQ(testing::error_of([&] {
              parse_huggingface(huggingface_json(small(Pattern::cl100k)), "t.json", files);
            }),
            "tokenizer_config.json: add_prefix_space is true, and t.json says the opposite; wanted "
            "both to say the same");
}

TEST(SideFiles, WhatChangesTheTextIsRefused) {
  SideFiles files;
  Gpt2Files gpt2 = gpt2_files(small());
  gpt2.tokenizer_config_json = R"({"tokenizer_class": "Qwen2Tokenizer"})";
  EXPECT_EQ(
      testing::error_of([&] { parse_gpt2(gpt2); }),
      "tokenizer_config.json: tokenizer_class is \"Qwen2Tokenizer\", whose pattern vocab.json "
      "and merges.txt do not tell; wanted GPT2Tokenizer");
  gpt2.tokenizer_config_json = R"({"tokenizer_class": "GPT2TokenizerFast"})";
  EXPECT_EQ(BpeTokenizer(parse_gpt2(gpt2)).digest(), BpeTokenizer(small()).digest());
  BpeModel begins = small();
  begins.begin_of_text = {260};
  files.tokenizer_config_json = R"({"add_bos_token": false})";
  EXPECT_EQ(
      testing::error_of([&] { parse_huggingface(huggingface_json(begins), "t.json", files); }),
      "tokenizer_config.json: add_bos_token is false, and the post_processor of "
      "tokenizer.json begins texts with a token; wanted both to say the same");
  files.tokenizer_config_json = R"({"add_bos_token": true, "bos_token": "<|endoftext|>"})";
  EXPECT_EQ(begin_of(*parse_huggingface(huggingface_json(small()), "t.json", files)),
            (std::vector<Token>{260}));
}

TEST(Gpt2Files, MayHaveAMarkWindowsLinesAndRepeatedMerges) {
  Gpt2Files files = gpt2_files(small());
  std::string lines;
  for (char c : "\xEF\xBB\xBF" + files.merges_txt + "l l\n")
    lines += c == '\n' ? "\r\n" : std::string(1, c);
  files.merges_txt = replaced(lines, "l l\r\n", "");
  files.vocab_json = "\xEF\xBB\xBF" + files.vocab_json;
  const BpeTokenizer tokenizer(parse_gpt2(files));
  EXPECT_EQ(tokenizer.encode("hello"), BpeTokenizer(small()).encode("hello"));
}

TEST(Gpt2Files, HoldSpecialTokensAndTheFirstToken) {
  BpeModel model = small();
  model.specials.push_back({280, "<odd>"});
  model.begin_of_text = {280};
  const BpeTokenizer tokenizer(model);
  EXPECT_EQ(BpeTokenizer(parse_gpt2(gpt2_files(model))).digest(), tokenizer.digest());
  const testing::TempFolder folder;
  tokenizer.save(folder / "deep/new", TokenizerFormat::gpt2);
  EXPECT_EQ(Tokenizer::load(folder / "deep/new")->digest(), tokenizer.digest());
}

// As OPT's files: ids in another order than the merges, and no added_tokens.json.
TEST(Gpt2Files, SpecialTokensAreFoundWithoutAList) {
  Gpt2Files files = gpt2_files(small());
  files.added_tokens_json.clear();
  files.vocab_json =
      replaced(files.vocab_json, "\"<|endoftext|>\": 260, \"<|user|>\": 261",
               "\"</s>\": 260, \"<pad>\": 261, \"madeupword0000\": 262, \"<x>\": 263");
  files.special_tokens_map_json = R"({"bos_token": {"content": "</s>"}, "more": ["<x>"]})";
  files.tokenizer_config_json = R"({"add_bos_token": true, "bos_token": {"content": "</s>"}})";
  const BpeTokenizer tokenizer(parse_gpt2(files));
  EXPECT_EQ(tokenizer.special(Special::end_of_text), 260);
  EXPECT_EQ(tokenizer.special(Special::pad), 261);
  EXPECT_EQ(tokenizer.find_special("<x>"), 263);
  EXPECT_EQ(begin_of(tokenizer), (std::vector<Token>{260}));
  EXPECT_FALSE(tokenizer.is_special(262));
  EXPECT_EQ(tokenizer.decode(std::vector<Token>{262}), "madeupword0000");
  EXPECT_EQ(tokenizer.encode("madeupword0000").size(), 14u);
  EXPECT_EQ(testing::error_of([&] { tokenizer.save("/", TokenizerFormat::tiktoken); }),
            "tokenizer: its merges do not follow from the order of its ids; wanted that for a rank "
            "file");
}

TEST(Gpt2Files, BadFilesAreErrors) {
  const auto error = [](const auto& change) {
    Gpt2Files files = gpt2_files(small());
    change(files);
    return testing::error_of([&] { BpeTokenizer(parse_gpt2(files), "vocab.json"); });
  };
  EXPECT_EQ(error([](auto& f) { f.vocab_json.resize(100); }),
            "vocab.json: not JSON at byte 101 of 100; wanted a whole JSON document");
  EXPECT_EQ(error([](auto& f) { f.vocab_json = "[]"; }),
            "vocab.json: no vocabulary; wanted tokens and their ids");
  EXPECT_EQ(error([](auto& f) { f.merges_txt += "he llo\n"; }),
            "merges.txt:6: \"llo\" is not in the vocabulary; wanted two tokens of it");
  EXPECT_EQ(error([](auto& f) { f.merges_txt += "a b c\n"; }),
            "merges.txt:6: \"a b c\"; wanted two tokens and a space between");
  EXPECT_EQ(error([](auto& f) { f.added_tokens_json = "{\"<|user|>\": 300}"; }),
            "vocab.json: \"<|user|>\" has another id in added_tokens.json; wanted the same");
  EXPECT_EQ(error([](auto& f) { f.added_tokens_json = "7"; }),
            "added_tokens.json: no object; wanted one");
  EXPECT_EQ(error([](auto& f) { f.vocab_json = replaced(f.vocab_json, ": 256", ": 255"); }),
            "vocab.json: \"Ń\" and another token share the id 255; wanted one id each");
  EXPECT_EQ(error([](auto& f) { f.vocab_json = replaced(f.vocab_json, "\"he\"", "\"▁he\""); }),
            "vocab.json: the token \"▁he\" is not written in the byte alphabet of GPT-2; wanted a "
            "byte-level vocabulary");
  EXPECT_EQ(
      error([](auto& f) {
        f.tokenizer_config_json = R"({"add_bos_token": true, "bos_token": "<no>"})";
      }),
      "tokenizer_config.json: add_bos_token is set, but bos_token is no special token; wanted "
      "one");
}

TEST(Gpt2Files, MergesThatAreCutOffAreAnError) {
  std::string text;
  for (uint64_t i = 0; i < 200; ++i)
    text += testing::random_text(Rng(i), 60, testing::hard_parts(false));
  const auto tokenizer = train_bpe({.vocab = 456}, std::vector<std::string_view>{text});
  ASSERT_EQ(tokenizer->vocab(), 456);
  Gpt2Files files = gpt2_files(tokenizer->model());
  files.merges_txt.resize(files.merges_txt.rfind('\n', files.merges_txt.size() / 3) + 1);
  const std::string error =
      testing::error_of([&] { BpeTokenizer(parse_gpt2(files), "vocab.json"); });
  EXPECT_NE(error.find(" merges do not make "), std::string::npos) << error;
  EXPECT_NE(error.find(" of the 455 tokens; wanted merges for nearly all"), std::string::npos);
}

TEST(Gpt2Files, WritingRefusesWhatTheyCannotHold) {
  EXPECT_EQ(testing::error_of([] { gpt2_files(small(Pattern::cl100k)); }),
            "tokenizer: its pattern is not GPT-2's; wanted that for vocab.json + merges.txt");
  BpeModel model = small();
  model.added.push_back({280, "  "});
  EXPECT_EQ(testing::error_of([&] { gpt2_files(model); }),
            "tokenizer: some pieces become tokens without merges; vocab.json + merges.txt cannot "
            "hold that");
  EXPECT_EQ(testing::error_of([&] { tiktoken_ranks(model); }),
            "tokenizer: the text \"  \" is always one token; a rank file cannot hold that");
}

TEST(RankFile, ComesBackWithItsOptions) {
  const BpeModel model = small();
  const RankFileOptions options{Pattern::gpt2, model.specials, 260};
  const BpeModel again = parse_tiktoken(tiktoken_ranks(model), options, "t.tiktoken");
  EXPECT_EQ(BpeTokenizer(again).digest(), BpeTokenizer(model).digest());
}

TEST(RankFile, BadFilesAreErrors) {
  const std::string good = tiktoken_ranks(small());
  const auto error = [](const std::string& text, const RankFileOptions& options = {}) {
    return testing::error_of(
        [&] { BpeTokenizer(parse_tiktoken(text, options, "r.tiktoken"), "r.tiktoken"); });
  };
  EXPECT_EQ(error(good), "");
  EXPECT_EQ(error(good + "\r\n\n"), "");
  const auto line_error = [&](const std::string& line) { return error(good + line + "\n"); };
  for (const char* line : {"aGVs", "aGVs ", "aGVs x", "aGVs -1", "aGVs 1.5", "aGV 300", "a=Vs 300",
                           "==== 300", " 300", "aGVs 300 1", "aGVs 99999999999999999999"})
    EXPECT_EQ(line_error(line), "r.tiktoken:261: \"" + std::string(line) +
                                    "\"; wanted the base64 of a token, a space and its rank");
  EXPECT_EQ(line_error("aGVs 259"), "r.tiktoken: two tokens have the rank 259; wanted one");
  EXPECT_EQ(line_error("aGVs 1000000"),
            "r.tiktoken: the rank 1000000; wanted at most 1546, as there are 261 tokens");
  EXPECT_EQ(line_error("aGU= 300"), "r.tiktoken: the token \"he\" has two ids; wanted one");
  EXPECT_EQ(
      error("aGU= 300\n"),
      "r.tiktoken: 256 of the 256 bytes are no tokens (the first is \"Ā\"); wanted all, so that "
      "any text can be encoded");
  EXPECT_EQ(error(good, {Pattern::gpt2, {}, 50256}),
            "r.tiktoken: 260 ranks; wanted 50256, as its name says which file it is");
  EXPECT_EQ(
      error(good, {Pattern::gpt2, {{259, "<e>"}}, 0}),
      "r.tiktoken: the special token \"<e>\" and the token \"Ġhell\" share the id 259; wanted "
      "one id each");
  EXPECT_EQ(
      error(good, {Pattern::gpt2, {{300, "<e>"}, {300, "<f>"}}, 0}),
      "r.tiktoken: the special token \"<f>\" shares the id 300 with another; wanted one each");
  EXPECT_EQ(error(good, {Pattern::gpt2, {{300, "<e>"}, {301, "<e>"}}, 0}),
            "r.tiktoken: the special token \"<e>\" stands there twice; wanted it once");
  EXPECT_EQ(
      error(good, {Pattern::gpt2, {{1 << 28, "<e>"}}, 0}),
      "r.tiktoken: the special token \"<e>\" has the id 268435456; wanted one near the others");
  EXPECT_EQ(error(good, {Pattern::gpt2, {{300, ""}}, 0}),
            "r.tiktoken: a special token without text; wanted at least one character");
}

TEST(Model, BadMergesAndFirstTokensAreErrors) {
  const auto error = [](const auto& change) {
    BpeModel model = small();
    change(model);
    return testing::error_of([&] { BpeTokenizer(std::move(model), "m"); });
  };
  EXPECT_EQ(error([](BpeModel& m) {
              m.merges.push_back({260, 1, 2});
            }),
            "m: merge 5 joins a token that is not in the vocabulary; wanted both there");
  EXPECT_EQ(error([](BpeModel& m) {
              m.merges.push_back({-5, 99999, 2});
            }),
            "m: merge 5 joins a token that is not in the vocabulary; wanted both there");
  EXPECT_EQ(error([](BpeModel& m) {
              m.merges.push_back({0, 1, 2});
            }),
            "m: merge 5 (\"!\" \"\"\") makes \"!\"\", which is no token; wanted it there");
  EXPECT_EQ(error([](BpeModel& m) { m.begin_of_text = {5}; }),
            "m: the token before every text has the id 5, which is no special token; wanted one");
  EXPECT_EQ(error([](BpeModel& m) { m.tokens.emplace_back(5000, 'x'); }),
            "m: a token of 5000 bytes; wanted at most 4096");
}

TEST(Load, FindsWhatLiesThere) {
  const testing::TempFolder folder;
  const BpeTokenizer tokenizer(small());
  const auto error = [](const fs::path& path) {
    return testing::error_of([&] { Tokenizer::load(path); });
  };
  EXPECT_EQ(error(folder.path()), folder.path().string() +
                                      ": no tokenizer in this folder; wanted tokenizer.json, "
                                      "vocab.json + merges.txt or one *.tiktoken");
  tokenizer.save(folder / "mine.tiktoken", TokenizerFormat::tiktoken);
  EXPECT_EQ(error(folder.path()),
            (folder / "mine.tiktoken").string() +
                ": the name does not say which pattern the ranks belong to; wanted one that starts "
                "with r50k, gpt2, p50k, p50k_edit or cl100k");
  EXPECT_EQ(load_tiktoken(folder / "mine.tiktoken", {Pattern::gpt2, small().specials, 0})->digest(),
            tokenizer.digest());
  fs::copy(folder / "mine.tiktoken", folder / "cl100k.tiktoken");
  EXPECT_EQ(error(folder.path()), folder.path().string() +
                                      ": several .tiktoken files in this folder; wanted "
                                      "tokenizer.json, vocab.json + merges.txt or one *.tiktoken");
  EXPECT_EQ(error(folder / "cl100k.tiktoken"),
            (folder / "cl100k.tiktoken").string() +
                ": 260 ranks; wanted 100256, as its name says which file it is");
  tokenizer.save(folder.path(), TokenizerFormat::gpt2);
  EXPECT_EQ(Tokenizer::load(folder.path())->digest(), tokenizer.digest());
  fs::rename(folder / "vocab.json", folder / "encoder.json");
  fs::rename(folder / "merges.txt", folder / "vocab.bpe");
  EXPECT_EQ(Tokenizer::load(folder / "vocab.bpe")->digest(), tokenizer.digest());
  tokenizer.save(folder / "other.json");
  EXPECT_EQ(Tokenizer::load(folder / "other.json")->digest(), tokenizer.digest());
  // The halves of both pairs of names belong together.
  fs::rename(folder / "vocab.bpe", folder / "merges.txt");
  EXPECT_EQ(Tokenizer::load(folder / "merges.txt")->digest(), tokenizer.digest());
  fs::remove(folder / "merges.txt");
  EXPECT_EQ(error(folder / "encoder.json"),
            (folder / "vocab.bpe").string() +
                ": is not there; wanted the merges that belong to encoder.json");
  std::ofstream(folder / "merges.txt")
      << "version https://git-lfs.github.com/spec/v1\noid sha256:" << std::string(64, 'a')
      << "\nsize 456318\n";
  EXPECT_EQ(error(folder / "encoder.json"),
            (folder / "merges.txt").string() +
                ": is a Git LFS pointer, not the file itself; wanted merges, one a line");
  std::ofstream(folder / "tokenizer.model") << "x";
  EXPECT_EQ(
      error(folder / "tokenizer.model"),
      (folder / "tokenizer.model").string() +
          ": is a SentencePiece model, which is not read; wanted tokenizer.json, vocab.json + "
          "merges.txt or *.tiktoken");
  std::ofstream(folder / "notes.md") << "hello";
  EXPECT_EQ(error(folder / "notes.md"),
            (folder / "notes.md").string() +
                ": not known as a tokenizer's file; wanted "
                "tokenizer.json, vocab.json + merges.txt or *.tiktoken");
  EXPECT_NE(error(folder / "none.json").find("none.json: cannot open"), std::string::npos);
}

}  // namespace
}  // namespace lineage
