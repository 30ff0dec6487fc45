#include "lineage/checkpoint/adapters.h"

#include <gtest/gtest.h>

#include "lineage/base/rng.h"
#include "lineage/checkpoint/testing.h"

namespace lineage {
namespace {

using testing::random_model;
using testing::TempFolder;
using testing::tiny_config;

LoraConfig tiny_lora() {
  LoraConfig c;
  c.rank = 2, c.alpha = 6;
  c.targets = {LoraTarget::q, LoraTarget::v, LoraTarget::mlp_out};
  return c;
}

// Adapters that change something.
Model adapted_model(GptConfig config = tiny_config()) {
  Model model = random_model(config, 1);
  adapt(model, tiny_lora(), 2);
  const Rng rng(3);
  for (size_t i = 0; i < model.adapters->values().data<float>().size(); ++i)
    model.adapters->values().data<float>()[i] = 0.1f * rng.normal(i);
  return model;
}

Tensor hidden_of(const Model& model) {
  const int32_t tokens[] = {1, 5, 2, 9, 0, 3};
  return model.gpt->hidden(Tensor::from({1, 6}, tokens));
}

std::vector<float> floats_of(const Tensor& t) {
  return {t.data<float>().begin(), t.data<float>().end()};
}

TEST(Adapters, TheBaseIsInTheSameMemoryAndHasNone) {
  const Model plain = random_model(tiny_config(), 1);
  const Model model = adapted_model();
  const Model base = base_of(model);
  EXPECT_EQ(base.parameters->values().bytes(), model.parameters->values().bytes());
  EXPECT_EQ(floats_of(hidden_of(base)), floats_of(hidden_of(plain)));
  EXPECT_NE(floats_of(hidden_of(model)), floats_of(hidden_of(plain)));
  EXPECT_TRUE(testing::same_values(*model.parameters, *plain.parameters));
  EXPECT_EQ(&model.trained(), model.adapters.get());
  EXPECT_EQ(&base.trained(), base.parameters.get());
}

TEST(Adapters, AScalarHeadIsTrainedBesideThemAndMergedToo) {
  GptConfig config = tiny_config();
  config.scalar_head = true;
  Model model = adapted_model(config);
  const Model base = base_of(model);
  const auto head = [](const Model& m) { return floats_of(m.gpt->scalar_head.weight); };
  EXPECT_NE(head(model), head(base));
  const auto trained = head(model), before = floats_of(model.gpt->scalars(hidden_of(model)));
  merge(model);
  EXPECT_EQ(floats_of(model.parameters->at(kScalarHeadParameters[0]).value), trained);
  EXPECT_EQ(head(model), trained);
  const auto after = floats_of(model.gpt->scalars(hidden_of(model)));
  for (size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(before[i], after[i], 1e-5);
  // A head that is adapted starts as the model's own.
  Model again = random_model(config, 1);
  const auto own = head(again);
  adapt(again, tiny_lora(), 2);
  EXPECT_EQ(head(again), own);
  EXPECT_TRUE(again.trained().contains(kScalarHeadParameters[1]));
}

TEST(Adapters, AreWrittenAndReadAgainAndGiveTheMergedWeights) {
  const TempFolder folder;
  Model model = adapted_model();
  const AdapterSet set = {"base", "digest", adapters_of(model)};
  ASSERT_EQ(set.adapters.size(), 6u);
  EXPECT_EQ(set.adapters[1].matrix, "blocks.0.attention.qkv");
  EXPECT_EQ(set.adapters[1].rows, (ops::OutputRows{16, 8}));
  EXPECT_EQ(set.adapters[1].scale, 3);
  write_adapters(folder / "a", set);
  const AdapterSet back = read_adapters(folder / "a", tiny_config());
  EXPECT_EQ(back.base_name, "base");
  EXPECT_EQ(back.base_weights, "digest");
  ASSERT_EQ(back.adapters.size(), set.adapters.size());
  Model plain = random_model(tiny_config(), 1);
  for (const Adapter& a : back.adapters) {
    const auto same = std::ranges::find_if(
        set.adapters, [&](const Adapter& s) { return s.matrix == a.matrix && s.rows == a.rows; });
    ASSERT_NE(same, set.adapters.end());
    EXPECT_EQ(same->scale, a.scale);
    EXPECT_EQ(floats_of(same->a), floats_of(a.a));
    EXPECT_EQ(floats_of(same->b), floats_of(a.b));
    add_to(plain.parameters->at(a.matrix + ".weight").value, a);
  }
  merge(model);
  EXPECT_EQ(model.adapters, nullptr);
  const auto merged = floats_of(model.parameters->values()),
             added = floats_of(plain.parameters->values());
  for (size_t i = 0; i < merged.size(); ++i) ASSERT_NEAR(merged[i], added[i], 1e-6);
  merge(model);  // does nothing
  EXPECT_EQ(floats_of(model.parameters->values()), merged);
}

TEST(Adapters, DamagedFilesAreNamed) {
  const TempFolder folder;
  const fs::path file = folder / "a";
  const Tensor a = Tensor::zeros({2, 8}), b = Tensor::zeros({8, 2});
  const std::string key = "blocks.0.attention.qkv.16";
  const auto error = [&](const std::map<std::string, Tensor>& tensors,
                         const std::map<std::string, std::string>& metadata) {
    write_safetensors(file, tensors, metadata);
    return testing::error_of([&] { read_adapters(file, tiny_config()); });
  };
  const std::map<std::string, std::string> scale = {{"scale " + key, "2"}};
  EXPECT_EQ(error({{key + ".lora_a", a}, {key + ".lora_b", b}}, scale), "");
  EXPECT_SAYS(throw Error(error({{key + ".lora_a", a}}, scale)), "lora_b");
  EXPECT_SAYS(throw Error(error({{key + ".lora_b", b}}, scale)), "lora_a");
  EXPECT_SAYS(throw Error(error({{key + ".lora_c", b}}, scale)),
              "wanted names that end in .lora_a");
  EXPECT_SAYS(throw Error(error({{key + ".lora_a", a}, {key + ".lora_b", b}}, {})),
              "no scale of " + key);
  EXPECT_SAYS(
      throw Error(error({{key + ".lora_a", a}, {key + ".lora_b", b}}, {{"scale " + key, "inf"}})),
      "is \"inf\"; wanted a finite number");
  const std::pair<Shape, Shape> wrong[] = {{Shape{2, 7}, Shape{8, 2}},
                                           {Shape{2, 8}, Shape{8, 3}},
                                           {Shape{2, 8}, Shape{9, 2}},
                                           {Shape{16}, Shape{8, 2}}};
  for (const auto& [x, y] : wrong)
    EXPECT_SAYS(
        throw Error(error(
            {{key + ".lora_a", Tensor::zeros(x)}, {key + ".lora_b", Tensor::zeros(y)}}, scale)),
        "; the matrix is [24, 8]");
  const std::string other = "blocks.9.attention.qkv.0";
  EXPECT_SAYS(throw Error(error({{other + ".lora_a", a}, {other + ".lora_b", b}},
                                {{"scale " + other, "2"}})),
              "is of no matrix of the model");
  EXPECT_SAYS(throw Error(error({{"x.lora_a", a}, {"x.lora_b", b}}, {{"scale x", "2"}})),
              "wanted a matrix and its first row");
}

}  // namespace
}  // namespace lineage
