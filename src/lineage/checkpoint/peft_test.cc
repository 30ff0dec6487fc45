#include "lineage/checkpoint/peft.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "lineage/base/rng.h"
#include "lineage/checkpoint/adapters.h"
#include "lineage/checkpoint/huggingface/adapter_config.h"
#include "lineage/checkpoint/testing.h"

namespace lineage {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
using testing::random_model;
using testing::TempFolder;
using testing::tiny_config;

GptConfig tiny_opt() {
  GptConfig c = tiny_config();
  c.activation = Activation::relu, c.position_offset = 2, c.mlp_width = 24;
  return c;
}

// Queries, keys and values head by head in one layer, which rows of ours go through.
GptConfig tiny_neox() {
  GptConfig c = tiny_config();
  c.positions = Positions::rotary, c.rotary_width = 2;
  c.block_form = BlockForm::parallel, c.tied = false;
  return c;
}

// Gates and values of the MLP in layers of their own, and fewer keys than queries.
GptConfig tiny_llama() {
  GptConfig c = tiny_config();
  c.norm = Norm::rms, c.positions = Positions::rotary, c.activation = Activation::swiglu;
  c.bias = c.tied = false, c.kv_heads = 1;
  return c;
}

class Peft : public ::testing::Test {
 protected:
  // Writes folder/base, a random model, and folder/tuned, the same merged with random adapters.
  void write_models(const GptConfig& config, std::vector<LoraTarget> targets) {
    for (const char* name : {"base", "tuned", "adapter", "again", "back"})
      std::filesystem::remove_all(folder / name);
    Manifest manifest;
    manifest.config = frozen_model_config(config);
    manifest.node = "davinci";
    Model model = random_model(config, 1);
    const std::string base =
        Checkpoint::write(folder / "base", manifest, *model.parameters).weights;
    LoraConfig lora;
    lora.rank = 2, lora.alpha = 3, lora.targets = std::move(targets);
    adapt(model, lora, 2);
    const Rng rng(3);
    for (size_t i = 0; i < model.adapters->values().data<float>().size(); ++i)
      model.adapters->values().data<float>()[i] = 0.1f * rng.normal(i);
    const AdapterSet set = {"davinci", base, adapters_of(model)};
    merge(model);
    manifest.node = "tuned";
    Checkpoint::write(
        folder / "tuned", manifest, *model.parameters, nullptr,
        [&](const fs::path& staging) { write_adapters(staging / AdapterSet::kFile, set); });
  }

  json config() const { return json::parse(read_file(folder / "adapter/adapter_config.json")); }
  void change_config(const std::string& key, const json& value) {
    json changed = config();
    changed[key] = value;
    testing::write_bytes(folder / "adapter/adapter_config.json", changed.dump());
  }
  std::map<std::string, Tensor> tensors() const {
    std::map<std::string, Tensor> all;
    const SafetensorsFile file(folder / "adapter/adapter_model.safetensors");
    for (const StoredTensor& t : file.tensors()) all[t.name] = read_tensor(t);
    return all;
  }
  void write_tensors(const std::map<std::string, Tensor>& all) {
    write_safetensors(folder / "adapter/adapter_model.safetensors", all, {{"format", "pt"}});
  }
  void import(const ImportAdapterOptions& options = {}) {
    std::filesystem::remove_all(folder / "back");
    import_adapter(folder / "adapter", folder / "base", folder / "back", options);
  }
  std::string import_error(const ImportAdapterOptions& options = {}) {
    return error_of([&] { import(options); });
  }

  // Applies the adapter to the base in their own layout, W + alpha/r B A with the names and shapes
  // of theirs, and compares the result with the export of the merged model.
  void expect_theirs(bool transposed) {
    export_huggingface(folder / "base", folder / "base-hf");
    export_huggingface(folder / "tuned", folder / "tuned-hf");
    const SafetensorsFile base(folder / "base-hf/model.safetensors"),
        tuned(folder / "tuned-hf/model.safetensors");
    auto adapter = tensors();
    const json c = config();
    for (const StoredTensor& t : base.tensors()) {
      Tensor w = read_tensor(t);
      const Tensor wanted = tuned.read(t.name);
      const std::string module = "base_model.model." + t.name.substr(0, t.name.rfind('.'));
      double scale = 0;
      Tensor a, b;
      if (t.name.ends_with(".weight") && adapter.contains(module + ".lora_A.weight")) {
        a = adapter.at(module + ".lora_A.weight"), b = adapter.at(module + ".lora_B.weight");
        adapter.erase(module + ".lora_A.weight"), adapter.erase(module + ".lora_B.weight");
        scale = c.at("lora_alpha").get<double>() / c.at("r").get<double>();
        EXPECT_EQ(a.dim(0), c.at("r"));
      }
      for (int64_t i = 0; scale != 0 && i < w.dim(0); ++i)
        for (int64_t j = 0; j < w.dim(1); ++j) {
          const int64_t out = transposed ? j : i, in = transposed ? i : j;
          double sum = 0;
          for (int64_t r = 0; r < a.dim(0); ++r)
            sum += static_cast<double>(b.data<float>()[out * a.dim(0) + r]) *
                   a.data<float>()[r * a.dim(1) + in];
          w.data<float>()[i * w.dim(1) + j] += static_cast<float>(scale * sum);
        }
      for (int64_t i = 0; i < w.numel(); ++i)
        ASSERT_NEAR(w.data<float>()[i], wanted.data<float>()[i], 1e-6) << t.name;
    }
    EXPECT_TRUE(adapter.empty()) << adapter.begin()->first;
    for (const char* name : {"base-hf", "tuned-hf"}) std::filesystem::remove_all(folder / name);
  }

  // The adapter read onto its base is the tuned model, and is written again as it was.
  void expect_back() {
    import();
    const Model tuned = load_model(folder / "tuned"), back = load_model(folder / "back");
    const auto x = tuned.parameters->values().data<float>(),
               y = back.parameters->values().data<float>();
    for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], y[i], 1e-6);
    EXPECT_EQ(back.manifest.stage, "import");
    EXPECT_THAT(back.manifest.parents, ElementsAre(load_model(folder / "base").manifest.weights));
    export_adapter(folder / "back", folder / "again",
                   {.base_name = config().at("base_model_name_or_path")});
    for (const char* name : {"adapter_config.json", "adapter_model.safetensors"})
      EXPECT_EQ(read_file(folder / "again" / name), read_file(folder / "adapter" / name)) << name;
  }

  TempFolder folder;
};

constexpr LoraTarget kAll[] = {LoraTarget::q,      LoraTarget::k,
                               LoraTarget::v,      LoraTarget::attention_out,
                               LoraTarget::mlp_in, LoraTarget::mlp_out};

TEST_F(Peft, AnAdapterOfGpt2IsBesideItsFusedLayer) {
  write_models(tiny_config(), {LoraTarget::q, LoraTarget::v});
  std::vector<std::string> notes;
  export_adapter(folder / "tuned", folder / "adapter",
                 {.note = [&](const std::string& n) { notes.push_back(n); }});
  EXPECT_THAT(notes, ElementsAre(HasSubstr("its adapter has rank 4")));
  const json c = config();
  EXPECT_EQ(c.at("r"), 4);
  EXPECT_EQ(c.at("lora_alpha"), 6);
  EXPECT_EQ(c.at("fan_in_fan_out"), true);
  EXPECT_EQ(c.at("base_model_name_or_path"), "davinci");
  EXPECT_EQ(c.at("peft_type"), "LORA");
  EXPECT_THAT(c.at("target_modules").get<std::vector<std::string>>(), ElementsAre("c_attn"));
  EXPECT_TRUE(tensors().contains("base_model.model.transformer.h.1.attn.c_attn.lora_A.weight"));
  expect_theirs(/*transposed=*/true);
  expect_back();
}

TEST_F(Peft, OneAdapterOfAllThreeIsThreeOfSeparateLayers) {
  write_models(tiny_opt(), {LoraTarget::qkv});
  export_adapter(folder / "tuned", folder / "adapter");
  const json c = config();
  EXPECT_EQ(c.at("r"), 2);
  EXPECT_EQ(c.at("fan_in_fan_out"), false);
  EXPECT_THAT(c.at("target_modules").get<std::vector<std::string>>(),
              ElementsAre("k_proj", "q_proj", "v_proj"));
  expect_theirs(/*transposed=*/false);
  expect_back();
}

TEST_F(Peft, AnAdapterGoesWithTheRowsOfItsLayer) {
  write_models(tiny_neox(), {LoraTarget::k});
  export_adapter(folder / "tuned", folder / "adapter");
  EXPECT_EQ(config().at("r"), 2);
  expect_theirs(/*transposed=*/false);
  expect_back();
}

TEST_F(Peft, EveryTargetThereAndBack) {
  for (const GptConfig& model : {tiny_config(), tiny_opt(), tiny_neox(), tiny_llama()}) {
    write_models(model, {std::begin(kAll), std::end(kAll)});
    export_adapter(folder / "tuned", folder / "adapter", {.base_name = "hub/davinci"});
    if (model.activation == Activation::swiglu) expect_theirs(/*transposed=*/false);
    expect_back();
  }
  // c_proj is in attention and MLP: with one of them alone it is said with the layer it is in.
  write_models(tiny_config(), {LoraTarget::mlp_out});
  export_adapter(folder / "tuned", folder / "adapter");
  EXPECT_THAT(config().at("target_modules").get<std::vector<std::string>>(),
              ElementsAre("mlp.c_proj"));
  expect_theirs(true);
  expect_back();
}

TEST_F(Peft, RanksAndAlphasOfLayersAreRead) {
  write_models(tiny_opt(), {LoraTarget::q, LoraTarget::v});
  export_adapter(folder / "tuned", folder / "adapter");
  const auto original = tensors();
  // The same function with alpha / sqrt(r), and with patterns.
  change_config("use_rslora", true);
  change_config("lora_alpha", 3 / std::sqrt(2.0));
  write_tensors(original);
  import();
  const auto weights = [&](const char* name) {
    const Model m = load_model(folder / name);
    const auto v = m.parameters->values().data<float>();
    return std::vector<float>(v.begin(), v.end());
  };
  EXPECT_THAT(weights("back"), ::testing::Pointwise(::testing::FloatNear(1e-6f), weights("tuned")));
  change_config("use_rslora", false);
  change_config("lora_alpha", 100);
  change_config("r", 7);
  change_config("rank_pattern", {{"q_proj", 2}, {"self_attn.v_proj", 2}});
  change_config("alpha_pattern", {{"q_proj", 3},
                                  {"^model.decoder.layers.0.self_attn.v_proj", 3},
                                  {"model.decoder.layers.1.self_attn.v_proj", 3}});
  import();
  EXPECT_THAT(weights("back"), ::testing::Pointwise(::testing::FloatNear(1e-6f), weights("tuned")));
  change_config("rank_pattern", {{"q_proj", 2}, {"self_attn.v_proj", 2}, {"v_proj", 3}});
  EXPECT_THAT(import_error(), HasSubstr("rank_pattern has two values for "));
  change_config("rank_pattern", {{".*q_proj", 2}});
  EXPECT_THAT(import_error(), HasSubstr("the key \".*q_proj\"; wanted the name of a layer"));
}

TEST_F(Peft, AnAdapterOfAnotherBaseIsRefused) {
  write_models(tiny_config(), {LoraTarget::qkv});
  export_adapter(folder / "tuned", folder / "adapter");
  // Its digest says so, whatever the name.
  Manifest manifest;
  manifest.config = frozen_model_config(tiny_config());
  manifest.node = "davinci";
  std::filesystem::remove_all(folder / "base");
  Checkpoint::write(folder / "base", manifest, *random_model(tiny_config(), 9).parameters);
  EXPECT_THAT(import_error(), HasSubstr("the adapter is of a base with weights "));
  // Of PEFT, whose files have no digest, the name does.
  write_tensors(tensors());
  EXPECT_EQ(import_error(), "");
  change_config("base_model_name_or_path", "openai-community/gpt2");
  EXPECT_THAT(import_error(), HasSubstr("the adapter is of openai-community/gpt2; "));
  EXPECT_THAT(import_error(), HasSubstr(" | if it is the same model under another name: "
                                        "--base-name openai-community/gpt2"));
  EXPECT_EQ(import_error({.base_name = "openai-community/gpt2"}), "");
  EXPECT_NE(import_error({.base_name = "gpt2"}), "");
  std::vector<std::string> notes;
  change_config("base_model_name_or_path", nullptr);
  import({.note = [&](const std::string& n) { notes.push_back(n);
}
}  // namespace
);
EXPECT_THAT(notes, ElementsAre(HasSubstr("names no base")));
// Its shapes.
GptConfig wider = tiny_config();
wider.width = 16;
manifest.config = frozen_model_config(wider);
std::filesystem::remove_all(folder / "base");
Checkpoint::write(folder / "base", manifest, *random_model(wider, 9).parameters);
EXPECT_THAT(import_error(), HasSubstr("has shape [2, 8]; rank 2 and the base want [2, 16]"));
GptConfig shallow = tiny_config();
shallow.layers = 1;
manifest.config = frozen_model_config(shallow);
std::filesystem::remove_all(folder / "base");
Checkpoint::write(folder / "base", manifest, *random_model(shallow, 9).parameters);
EXPECT_THAT(import_error(), HasSubstr("h.1.attn.c_attn.lora_A.weight is of no layer of a gpt2"));
}  // namespace lineage

TEST_F(Peft, WhatIsNoPlainAdapterIsNamed) {
  write_models(tiny_config(), {LoraTarget::qkv});
  export_adapter(folder / "tuned", folder / "adapter");
  const json good = config();
  const auto error = [&](const char* key, const json& value) {
    change_config(key, value);
    const std::string said = import_error();
    testing::write_bytes(folder / "adapter/adapter_config.json", good.dump());
    return said;
  };
  EXPECT_EQ(error("init_lora_weights", "gaussian"), "");
  EXPECT_THAT(error("init_lora_weights", "pissa_niter_4"),
              HasSubstr("init_lora_weights is \"pissa_niter_4\"; wanted true, false"));
  EXPECT_THAT(error("peft_type", "IA3"), HasSubstr("peft_type is \"IA3\"; wanted \"LORA\""));
  EXPECT_THAT(error("use_dora", true), HasSubstr("use_dora is true; wanted none: "));
  EXPECT_THAT(error("bias", "all"), HasSubstr("bias is \"all\"; wanted \"none\""));
  EXPECT_THAT(error("modules_to_save", {"lm_head"}), HasSubstr("modules_to_save is [\"lm_head\"]"));
  EXPECT_THAT(error("task_type", "SEQ_CLS"), HasSubstr("task_type is \"SEQ_CLS\""));
  EXPECT_THAT(error("target_parameters", {"x"}), HasSubstr("target_parameters is [\"x\"]"));
  EXPECT_THAT(error("r", 0), HasSubstr("r is 0; wanted a rank from 1 to 65536"));
  EXPECT_THAT(error("r", 1e300), HasSubstr("r is 1e+300"));
  EXPECT_THAT(error("r", 3), HasSubstr("has shape [2, 8]; rank 3 and the base want [3, 8]"));
  EXPECT_THAT(error("use_newer_thing", 1), HasSubstr("use_newer_thing is 1; wanted no such key"));
  EXPECT_EQ(error("use_newer_thing", false), "");
  EXPECT_THAT(error("target_modules", {"c_proj"}),
              HasSubstr("has an adapter of transformer.h.0.attn.c_attn, which is none of the "
                        "target_modules of adapter_config.json"));
  EXPECT_EQ(error("target_modules", ".*c_attn"), "");
  const auto all = tensors();
  const auto with = [&](const std::string& name, const Tensor& t) {
    auto more = all;
    more[name] = t;
    write_tensors(more);
    return import_error();
  };
  const std::string layer = "base_model.model.transformer.h.0.attn.c_attn.";
  EXPECT_THAT(with(layer + "lora_magnitude_vector", Tensor::zeros({8})),
              HasSubstr("is of DoRA, which is not computed here"));
  EXPECT_THAT(with("base_model.model.transformer.wte.lora_embedding_A", Tensor::zeros({2, 11})),
              HasSubstr("is an adapter of an embedding"));
  EXPECT_THAT(with("base_model.model.lm_head.weight", Tensor::zeros({11, 8})),
              HasSubstr("is a layer that was saved whole"));
  EXPECT_THAT(
      with("base_model.model.transformer.h.0.mlp.c_fc.lora_A.weight", Tensor::zeros({2, 8})),
      HasSubstr("no tensor base_model.model.transformer.h.0.mlp.c_fc.lora_B.weight"));
  EXPECT_THAT(with(layer + "lora_A.weight", Tensor::full({2, 8}, NAN)),
              HasSubstr("has a value that is not finite"));
  write_tensors({});
  EXPECT_THAT(import_error(), HasSubstr("has no tensors; wanted an adapter"));
}

TEST_F(Peft, AFolderThatIsNoAdapterIsNamed) {
  write_models(tiny_config(), {LoraTarget::qkv});
  export_adapter(folder / "tuned", folder / "adapter");
  EXPECT_THAT(error_of([&] { export_adapter(folder / "tuned", folder / "adapter"); }),
              HasSubstr("is there already; wanted a new or an empty folder"));
  EXPECT_THAT(error_of([&] { export_adapter(folder / "base", folder / "none"); }),
              HasSubstr("has no adapter; wanted a model that was tuned with one"));
  EXPECT_THAT(error_of([&] { import_huggingface(folder / "adapter", folder / "none"); }),
              HasSubstr("is an adapter (LoRA); wanted the folder of a whole Hugging Face model"));
  const auto from = [&](const fs::path& at) {
    return error_of([&] { import_adapter(at, folder / "base", folder / "none"); });
  };
  EXPECT_THAT(from(folder / "missing"), HasSubstr("no such folder; wanted the folder of a PEFT"));
  EXPECT_THAT(from(folder / "base"), HasSubstr("no adapter_config.json"));
  export_huggingface(folder / "base", folder / "hf");
  EXPECT_THAT(from(folder / "hf"), HasSubstr("is a whole model"));
  std::filesystem::remove(folder / "adapter/adapter_model.safetensors");
  EXPECT_THAT(import_error(), HasSubstr("no adapter_model.safetensors"));
  EXPECT_FALSE(std::filesystem::exists(folder / "none"));
  EXPECT_FALSE(std::filesystem::exists(folder / "back"));
}

}  // namespace
}  // namespace lineage
