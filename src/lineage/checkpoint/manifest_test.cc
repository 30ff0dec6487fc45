#include "lineage/checkpoint/manifest.h"

#include "lineage/base/digest.h"
#include "lineage/base/json.h"
#include "lineage/checkpoint/testing.h"

namespace lineage {
namespace {

Manifest example() {
  Manifest m;
  m.stage = "sft";
  m.stage_text = {StageKind::tuned, "instruction tuning", "It learns to answer."};
  m.chats = true;
  m.node = "follow";
  m.identity = "1d";
  m.parents = {"aa", "bb"};
  m.datasets["books"] = {{"documents", 3}, {"licence", "CC0"}, {"epochs", 0.43}};
  m.tokenizer = "cc";
  m.config = "[model]\nlayers = 2\n";
  m.world = "seed = 4\n";
  m.code = "0.1.0";
  m.seed = ~uint64_t{0};
  m.step = 12;
  m.tokens = int64_t{1} << 50;
  m.weights = "dd";
  m.created = "2024-05-31T12:00:00Z";
  m.files["huggingface/config.json"] = "ee";
  return m;
}

TEST(Manifest, ComesBackAsWritten) {
  EXPECT_EQ(parse_manifest(to_json(example()), "m"), example());
  EXPECT_EQ(parse_manifest(to_json(Manifest{}), "m"), Manifest{});
  EXPECT_EQ(to_json(example()), to_json(example()));
}

TEST(Manifest, OfAnEarlierVersionHasTodaysKeys) {
  Manifest earlier = example();
  earlier.config =
      "[model]\nlayers = 2\nhidden = 24\nprevious_token = true\n\n[feedme]\n"
      "least_rating = 6.0\n";
  EXPECT_EQ(parse_manifest(to_json(earlier), "m").config,
            "[model]\nlayers = 2\nmlp_width = 24\ntoken_shift = true\n\n[feedme]\n"
            "min_rating = 6.0\n");
}

// Identities are digests of this text: a key that all models have gives each of them another one.
TEST(Manifest, TheFrozenModelHasTheKeysOfTheFirstVersionAndWhatDiffers) {
  EXPECT_EQ(frozen_model_config(GptConfig()),
            "[model]\nlayers = 12\nwidth = 768\nheads = 12\nkv_heads = 0\nhead_width = 0\n"
            "mlp_width = 0\ncontext = 1024\nvocab = 0\nnorm = \"layer\"\nnorm_eps = 1e-05\n"
            "activation = \"gelu_tanh\"\npositions = \"learned\"\nposition_offset = 0\n"
            "rotary_theta = 10000.0\nqk_norm = false\ntoken_shift = false\nbias = true\n"
            "tied = true\nscalar_head = false\nwindow = 0\ninit_std = 0.02\n"
            "zero_residual = false\n");
  GptConfig c;
  c.block_form = BlockForm::parallel;
  c.rotary_scaling = {RotaryScalingKind::linear, 2};
  const std::string text = frozen_model_config(c);
  EXPECT_NE(text.find("block_form = \"parallel\"\n\n[model.rotary_scaling]\nkind = \"linear\"\n"),
            std::string::npos)
      << text;
}

TEST(Manifest, SeesEveryChangedByte) {
  const std::string text = to_json(example());
  for (size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    Manifest seen;
    const std::string error = testing::error_of([&] { seen = parse_manifest(damaged, "m"); });
    EXPECT_TRUE(!error.empty() || seen == example()) << i;  // white space may change
  }
  for (size_t size = 0; size + 1 < text.size(); ++size)
    EXPECT_NE(testing::error_of([&] { parse_manifest(text.substr(0, size), "m"); }), "") << size;
}

TEST(Manifest, SaysWhatIsWrong) {
  EXPECT_SAYS(parse_manifest("{", "m.json"),
              "m.json: not JSON at byte 2 of 1; wanted a whole JSON document");
  EXPECT_SAYS(parse_manifest("[1]", "m.json"), "m.json: [1]; wanted a JSON object");
  EXPECT_SAYS(parse_manifest("{}", "m.json"), "m.json: no key format; wanted it");
  EXPECT_SAYS(parse_manifest(R"({"format":2})", "m.json"), "m.json: format is 2; wanted 1");
  std::string edited = to_json(example());
  edited.replace(edited.find("sft"), 3, "ppo");
  EXPECT_SAYS(parse_manifest(edited, "m.json"), "m.json: its digest is not that of its content");
}

TEST(Manifest, TellsTheTime) { EXPECT_EQ(utc_now().size(), example().created.size()); }

TEST(JsonObjects, NameTheKeyAndWhatWasWanted) {
  const JsonObject o = JsonObject::parse(
      R"({"a":"x","n":3,"big":9223372036854775808,"d":0.5,"null":null,"list":[1]})", "f");
  EXPECT_EQ(o.get<int64_t>("n"), 3);
  EXPECT_EQ(o.get<double>("n"), 3.0);
  EXPECT_EQ(o.get_or<int64_t>("absent", 4), 4);
  EXPECT_EQ(o.get_or<int64_t>("null", 5), 5);
  EXPECT_SAYS(o.get<int64_t>("a"), "f: a is \"x\"; wanted an integer");
  EXPECT_SAYS(o.get<int64_t>("d"), "f: d is 0.5; wanted an integer");
  EXPECT_SAYS(o.get<int64_t>("big"), "f: big is 9223372036854775808; wanted an integer");
  EXPECT_SAYS(o.get<bool>("n"), "f: n is 3; wanted true or false");
  EXPECT_SAYS(o.get<double>("a"), "f: a is \"x\"; wanted a number");
  EXPECT_SAYS(o.get<std::string>("n"), "f: n is 3; wanted a string");
  EXPECT_SAYS(o.get<uint64_t>("absent"), "f: no key absent; wanted it");
  EXPECT_SAYS(o.child("n"), "f: n is 3; wanted an object");
  EXPECT_SAYS(o.list("n"), "f: n is 3; wanted an array");
}

TEST(Manifest, OfAnOldModelSaysWhatAModelWrote) {
  Manifest m = example();
  m.datasets["feedme"] = {{"kind", "answers rated by the labeler"}};
  m.datasets["rated"] = {{"kind", "answers rated in files"}};
  const Manifest old = parse_manifest(to_json(m), "m.json");
  EXPECT_EQ(old.datasets.at("feedme").value("generated", false), true);
  EXPECT_EQ(old.datasets.at("rated").value("generated", false), false);
}

TEST(Manifest, OfAnOldModelSaysWhetherItChats) {
  for (const auto& [stage, chats] :
       {std::pair("sft", true), {"feedme", true}, {"pretrain", false}}) {
    Manifest m = example();
    m.stage = stage;
    auto json = nlohmann::json::parse(to_json(m));
    for (const char* key : {"stage_text", "chats", "digest"}) json.erase(key);
    json["digest"] = digest_of(json.dump());
    const Manifest old = parse_manifest(json.dump(), "m.json");
    EXPECT_EQ(old.chats, chats) << stage;
    EXPECT_EQ(old.stage_text.kind, chats ? StageKind::tuned : StageKind::base);
  }
}

}  // namespace
}  // namespace lineage
