#include "lineage/checkpoint/huggingface.h"

#include <gmock/gmock.h>

#include <cstring>
#include <set>

#include "lineage/base/json.h"
#include "lineage/checkpoint/huggingface/config.h"
#include "lineage/checkpoint/huggingface/layout.h"
#include "lineage/checkpoint/huggingface/tensors.h"
#include "lineage/checkpoint/testing.h"
#include "lineage/text/chat.h"
#include "lineage/text/word_tokenizer.h"

namespace lineage {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using testing::error_of;
using testing::has;
using ::testing::HasSubstr;
using testing::random_model;
using testing::TempFolder;
using testing::tiny_config;
using testing::write_bytes;

GptConfig opt_config() {
  GptConfig c = tiny_config();
  c.activation = Activation::relu;
  c.position_offset = 2;
  c.mlp_width = 24;
  return c;
}

GptConfig llama_config() {
  GptConfig c = tiny_config();
  c.norm = Norm::rms;
  c.activation = Activation::swiglu;
  c.positions = Positions::rotary;
  c.bias = c.tied = false;
  c.kv_heads = 1;
  c.mlp_width = 12;
  return c;
}

GptConfig neox_config() {
  GptConfig c = tiny_config();
  c.activation = Activation::gelu_erf;
  c.positions = Positions::rotary;
  c.rotary_width = 2;
  c.block_form = BlockForm::parallel;
  c.mlp_width = 12;
  c.tied = false;
  return c;
}

GptConfig bloom_config() {
  GptConfig c = tiny_config();
  c.positions = Positions::alibi;
  c.embedding_norm = true;
  return c;
}

// A folder of theirs, held in memory so that tests can change it before it is written.
struct Theirs {
  json config;
  std::map<std::string, std::pair<StoredType, Tensor>> tensors;
  std::map<std::string, std::pair<TensorHeader, std::string>> buffers;

  void write(const fs::path& folder, const std::string& name = "model.safetensors") const {
    fs::create_directories(folder);
    write_bytes(folder / "config.json", config.dump());
    std::vector<TensorHeader> headers;
    for (const auto& [key, t] : tensors) headers.push_back({key, t.first, t.second.shape()});
    for (const auto& [key, b] : buffers) headers.push_back({key, b.first.type, b.first.shape});
    SafetensorsWriter writer(folder / name, headers, {{"format", "pt"}});
    for (const auto& [key, t] : tensors) writer.write(t.second);
    for (const auto& [key, b] : buffers) writer.write(std::as_bytes(std::span(b.second)));
    writer.commit();
  }
  void rename(const std::string& from, const std::string& to) {
    decltype(tensors) renamed;
    for (auto& [key, t] : tensors)
      renamed[key.starts_with(from) ? to + key.substr(from.size()) : key] = t;
    tensors = std::move(renamed);
  }
};

class HuggingFace : public ::testing::Test {
 protected:
  // The export of a random model.
  Theirs theirs(const GptConfig& config, uint64_t seed = 1) {
    const fs::path model = folder_ / "native", out = folder_ / "exported";
    fs::remove_all(model);
    fs::remove_all(out);
    Manifest m;
    m.config = frozen_model_config(config);
    weights_ = Checkpoint::write(model, m, *random_model(config, seed).parameters).weights;
    export_huggingface(model, out);
    Theirs t;
    t.config = json::parse(read_file(out / "config.json"));
    const SafetensorsFile file(out / "model.safetensors");
    for (const StoredTensor& s : file.tensors()) t.tensors[s.name] = {s.type, read_tensor(s)};
    return t;
  }

  std::string import_error(const Theirs& t) {
    fs::remove_all(folder_ / "theirs");
    fs::remove_all(folder_ / "model");
    t.write(folder_ / "theirs");
    return error_of([&] { import_huggingface(folder_ / "theirs", folder_ / "model"); });
  }

  // Imports the folder "theirs" and exports it again: every file of tensors must come back.
  Manifest expect_round_trip() {
    fs::remove_all(folder_ / "model");
    fs::remove_all(folder_ / "back");
    notes_.clear();
    const Manifest m =
        import_huggingface(folder_ / "theirs", folder_ / "model", {.note = take_note()});
    export_huggingface(folder_ / "model", folder_ / "back");
    for (const auto& entry : fs::directory_iterator(folder_ / "theirs")) {
      const fs::path back = folder_ / "back" / entry.path().filename();
      if (entry.path().extension() != ".safetensors") continue;
      const SafetensorsFile before(entry.path()), after(back);
      EXPECT_EQ(before.tensors().size(), after.tensors().size());
      EXPECT_EQ(before.metadata(), after.metadata());
      for (const StoredTensor& t : before.tensors()) {
        const StoredTensor& same = after.at(t.name);
        EXPECT_EQ(t.type, same.type) << t.name;
        EXPECT_EQ(t.shape, same.shape) << t.name;
        EXPECT_TRUE(std::ranges::equal(t.data, same.data)) << t.name;
      }
    }
    EXPECT_EQ(read_file(folder_ / "theirs/config.json"), read_file(folder_ / "back/config.json"));
    return m;
  }
  Manifest expect_round_trip(const Theirs& t) {
    fs::remove_all(folder_ / "theirs");
    t.write(folder_ / "theirs");
    return expect_round_trip();
  }

  // Collects the notes, except for that of a missing tokenizer, since most tests have none.
  OnNote take_note() {
    return [this](const std::string& note) {
      if (!note.starts_with("the folder has no tokenizer")) notes_.push_back(note);
    };
  }

  TempFolder folder_;
  std::vector<std::string> notes_;
  std::string weights_;  // of the model that theirs() made
};

TEST_F(HuggingFace, ExportsANativeModelAsGpt2) {
  const Theirs t = theirs(tiny_config());
  EXPECT_EQ(t.config["model_type"], "gpt2");
  EXPECT_EQ(t.config["activation_function"], "gelu_new");
  EXPECT_EQ(t.config["n_embd"], 8);
  EXPECT_EQ(t.config["n_inner"], 32);
  EXPECT_EQ(t.config["n_positions"], 6);
  EXPECT_TRUE(t.config["eos_token_id"].is_null());
  EXPECT_EQ(t.tensors.size(), 4u + 2 * 12);
  // Conv1D: element (in, out) of theirs is (out, in) of ours.
  const Model model = random_model(tiny_config(), 1);
  const Tensor& ours = model.parameters->at("blocks.1.mlp.in.weight").value;
  const Tensor& conv = t.tensors.at("transformer.h.1.mlp.c_fc.weight").second;
  EXPECT_EQ(conv.shape(), Shape({8, 32}));
  EXPECT_EQ(conv.data<float>()[3 * 32 + 5], ours.data<float>()[5 * 8 + 3]);
  EXPECT_EQ(expect_round_trip(t).weights, weights_);
}

TEST_F(HuggingFace, ExportsANativeModelAsOpt) {
  const Theirs t = theirs(opt_config());
  EXPECT_EQ(t.config["model_type"], "opt");
  EXPECT_EQ(t.config["ffn_dim"], 24);
  EXPECT_EQ(t.tensors.at("model.decoder.embed_positions.weight").second.shape(), Shape({8, 8}));
  const Model model = random_model(opt_config(), 1);
  const auto qkv = model.parameters->at("blocks.0.attention.qkv.bias").value.data<float>();
  int part = 0;
  for (const char* name : {"q_proj", "k_proj", "v_proj"}) {
    const auto& bias =
        t.tensors.at("model.decoder.layers.0.self_attn." + std::string(name) + ".bias");
    EXPECT_TRUE(std::ranges::equal(bias.second.data<float>(), qkv.subspan(8u * part++, 8))) << name;
  }
  EXPECT_EQ(expect_round_trip(t).weights, weights_);
}

// One model of each family, or more where it has variants.
TEST_F(HuggingFace, EveryFamilyComesBack) {
  struct Row {
    const char* model_type;
    GptConfig config;
    const char* tensor;
  };
  const auto changed = [](GptConfig c, auto change) {
    change(c);
    return c;
  };
  const GptConfig llama = llama_config();
  const Row rows[] = {
      {"llama", llama, "model.layers.1.self_attn.k_proj.weight"},
      {"llama", changed(llama, [](auto& c) { c.tied = true; }), "model.norm.weight"},
      {"llama", changed(llama, [](auto& c) { c.head_width = 6; }), "lm_head.weight"},
      {"llama", changed(llama, [](auto& c) { c.mlp_bias = Biases::yes; }),
       "model.layers.0.mlp.up_proj.bias"},
      {"llama", changed(llama, [](auto& c) { c.qkv_bias = c.attention_bias = Biases::yes; }),
       "model.layers.0.self_attn.o_proj.bias"},
      {"llama",
       changed(llama,
               [](auto& c) {
                 c.rotary_scaling = {RotaryScalingKind::llama3, 8, 1, 4, 64};
               }),
       "model.embed_tokens.weight"},
      {"llama",
       changed(llama,
               [](auto& c) {
                 c.rotary_scaling = {RotaryScalingKind::linear, 2};
               }),
       "model.embed_tokens.weight"},
      {"mistral",
       changed(llama, [](auto& c) { c.window = 3, c.window_blocks = WindowBlocks::all; }),
       "model.norm.weight"},
      {"qwen2", changed(llama, [](auto& c) { c.qkv_bias = Biases::yes; }),
       "model.layers.0.self_attn.q_proj.bias"},
      {"qwen2",
       changed(llama,
               [](auto& c) {
                 c.qkv_bias = Biases::yes;
                 c.window = 3, c.window_blocks = WindowBlocks::all, c.window_from = 1;
               }),
       "model.layers.0.self_attn.q_proj.bias"},
      {"qwen3", changed(llama, [](auto& c) { c.qk_norm = true; }),
       "model.layers.0.self_attn.k_norm.weight"},
      {"gpt_neox", neox_config(), "gpt_neox.layers.0.attention.query_key_value.weight"},
      {"gpt_neox", changed(neox_config(), [](auto& c) { c.block_form = BlockForm::pre_norm; }),
       "embed_out.weight"},
      {"gpt_neox",
       changed(neox_config(), [](auto& c) { c.qkv_bias = c.attention_bias = Biases::no; }),
       "gpt_neox.final_layer_norm.bias"},
      {"bloom", bloom_config(), "transformer.word_embeddings_layernorm.bias"},
      {"opt",
       changed(opt_config(),
               [](auto& c) { c.block_form = BlockForm::post_norm, c.embedding_width = 4; }),
       "model.decoder.project_in.weight"},
      {"opt", changed(opt_config(), [](auto& c) { c.bias = false, c.norm_bias = Biases::yes; }),
       "model.decoder.layers.0.fc1.weight"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.model_type);
    const Theirs t = theirs(row.config);
    EXPECT_EQ(t.config["model_type"], row.model_type);
    EXPECT_TRUE(t.tensors.contains(row.tensor)) << row.tensor;
    EXPECT_EQ(expect_round_trip(t).weights, weights_);
    EXPECT_EQ(to_toml(Checkpoint::open(folder_ / "model").model_config().canonical()),
              to_toml(row.config.canonical()));
  }
}

// Row d of q, k or v of head h is row h·3D + d, + D, + 2D of the fused matrix.
TEST_F(HuggingFace, QueriesKeysAndValuesAreTakenHeadByHead) {
  for (const GptConfig& config : {neox_config(), bloom_config()}) {
    const Theirs t = theirs(config);
    const Model model = random_model(config, 1);
    const std::string fused = t.config["model_type"] == "bloom"
                                  ? "transformer.h.1.self_attention.query_key_value.bias"
                                  : "gpt_neox.layers.1.attention.query_key_value.bias";
    const auto theirs_bias = t.tensors.at(fused).second.data<float>();
    const auto ours = model.parameters->at("blocks.1.attention.qkv.bias").value.data<float>();
    for (size_t head = 0; head < 2; ++head)
      for (size_t part = 0; part < 3; ++part)
        for (size_t d = 0; d < 4; ++d)
          EXPECT_EQ(theirs_bias[(head * 3 + part) * 4 + d], ours[(part * 2 + head) * 4 + d]);
  }
}

TEST_F(HuggingFace, ReadsTheKeysOfTransformers5) {
  GptConfig config = llama_config();
  config.rotary_theta = 20000;
  config.rotary_scaling = {RotaryScalingKind::linear, 4};
  Theirs t = theirs(config);
  t.config.erase("rope_theta");
  t.config.erase("rope_scaling");
  t.config["rope_parameters"] = {{"rope_theta", 20000.0}, {"rope_type", "linear"}, {"factor", 4}};
  t.config["eos_token_id"] = {2, 4};
  t.config["dtype"] = "float32";
  ASSERT_EQ(import_error(t), "");
  EXPECT_EQ(to_toml(Checkpoint::open(folder_ / "model").model_config().canonical()),
            to_toml(config.canonical()));
  Theirs neox = theirs(neox_config());
  neox.config.erase("rotary_pct");
  neox.config.erase("rotary_emb_base");
  neox.config["rope_parameters"] = {
      {"rope_theta", 10000.0}, {"rope_type", "default"}, {"partial_rotary_factor", 0.5}};
  ASSERT_EQ(import_error(neox), "");
  EXPECT_EQ(Checkpoint::open(folder_ / "model").model_config().rotary_width, 2);
}

TEST_F(HuggingFace, KeysOfScalingHaveTwoNames) {
  Theirs t = theirs(llama_config());
  t.config["rope_scaling"] = {{"type", "linear"}, {"factor", 2.5}};
  ASSERT_EQ(import_error(t), "");
  EXPECT_EQ(Checkpoint::open(folder_ / "model").model_config().rotary_scaling,
            (RotaryScaling{RotaryScalingKind::linear, 2.5}));
  t.config["rope_scaling"] = {{"rope_type", "default"}};
  ASSERT_EQ(import_error(t), "");
  EXPECT_EQ(Checkpoint::open(folder_ / "model").model_config().rotary_scaling, RotaryScaling());
}

TEST_F(HuggingFace, AbsentKeysHaveTheDefaultsOfTheirFamily) {
  const auto read = [&](const json& config) {
    write_bytes(folder_ / "config.json", config.dump());
    return read_huggingface_config(folder_ / "config.json").model;
  };
  const GptConfig llama = read({{"model_type", "llama"}, {"num_attention_heads", 64}});
  EXPECT_EQ(llama.kv_heads, 64);
  EXPECT_EQ(llama.attention(0).head_width, 64);
  EXPECT_EQ(llama.norm_eps, 1e-6);
  EXPECT_FALSE(llama.tied);
  const GptConfig mistral = read({{"model_type", "mistral"}});
  EXPECT_EQ(mistral.kv_heads, 8);
  EXPECT_EQ(mistral.attention(0).window, 4096);
  EXPECT_EQ(read({{"model_type", "mistral"}, {"sliding_window", nullptr}}).window, 0);
  EXPECT_EQ(read({{"model_type", "mistral"}, {"num_key_value_heads", nullptr}}).kv_heads, 32);
  EXPECT_EQ(read({{"model_type", "qwen3"}, {"hidden_size", 1024}}).head_width, 128);
  const GptConfig neox = read({{"model_type", "gpt_neox"}});
  EXPECT_EQ(neox.rotary_width, 24);  // a quarter of 96
  EXPECT_EQ(neox.block_form, BlockForm::parallel);
  EXPECT_TRUE(read({{"model_type", "bloom"}}).tied);
  json qwen2 = {{"model_type", "qwen2"}, {"sliding_window", 64}, {"max_window_layers", 30}};
  EXPECT_EQ(read(qwen2).window, 0);
  qwen2["use_sliding_window"] = true;
  EXPECT_EQ(read(qwen2).attention(29).window, 0);
  EXPECT_EQ(read(qwen2).attention(30).window, 64);
  qwen2["max_window_layers"] = 32;
  EXPECT_EQ(read(qwen2).window, 0);
}

TEST_F(HuggingFace, ReadsEveryPrefix) {
  Theirs gpt2 = theirs(tiny_config());
  gpt2.rename("transformer.", "");
  EXPECT_EQ(expect_round_trip(gpt2).weights, weights_);
  for (const char* prefix : {"decoder.", ""}) {
    Theirs opt = theirs(opt_config());
    opt.rename("model.decoder.", prefix);
    EXPECT_EQ(expect_round_trip(opt).weights, weights_);
  }
  Theirs llama = theirs(llama_config());
  llama.rename("model.", "");
  EXPECT_EQ(expect_round_trip(llama).weights, weights_);
  Theirs neox = theirs(neox_config());
  neox.rename("gpt_neox.", "");
  EXPECT_EQ(expect_round_trip(neox).weights, weights_);
  Theirs bloom = theirs(bloom_config());
  bloom.rename("transformer.", "");
  EXPECT_EQ(expect_round_trip(bloom).weights, weights_);
}

TEST_F(HuggingFace, ReadsWhatAWrapperSaved) {
  for (const char* wrapper : {"module.", "_orig_mod.", "module._orig_mod.model."}) {
    Theirs t = theirs(tiny_config());
    t.tensors["lm_head.weight"] = t.tensors.at("transformer.wte.weight");
    t.rename("", wrapper);
    EXPECT_EQ(expect_round_trip(t).weights, weights_);
    EXPECT_THAT(notes_,
                ElementsAre(HasSubstr("tensor names begin with \"" + std::string(wrapper))));
  }
  for (const GptConfig& config : {llama_config(), neox_config()}) {
    Theirs t = theirs(config);
    t.rename("", "base_model.model.");
    EXPECT_EQ(expect_round_trip(t).weights, weights_);
  }
  Theirs two = theirs(tiny_config());
  two.tensors["other.transformer.wte.weight"] = two.tensors.at("transformer.wte.weight");
  EXPECT_TRUE(
      has(import_error(two), "both other.transformer.wte.weight and transformer.wte.weight"));
}

TEST_F(HuggingFace, KeepsOtherHeadsButDoesNotReadThem) {
  Theirs t = theirs(tiny_config());
  t.tensors["v_head.summary.weight"] = {StoredType::f32, Tensor::full({1, 8}, 2)};
  t.tensors["score.weight"] = {StoredType::f16, Tensor::full({2, 8}, 1)};
  EXPECT_EQ(expect_round_trip(t).weights, weights_);
  EXPECT_THAT(notes_, ElementsAre("kept for an export, but no part of the model: score.weight, "
                                  "v_head.summary.weight"));
}

TEST_F(HuggingFace, ReadsATiedPairOfWhichTheHeadAloneIsThere) {
  Theirs t = theirs(tiny_config());
  t.rename("transformer.wte.weight", "lm_head.weight");
  EXPECT_EQ(expect_round_trip(t).weights, weights_);
  EXPECT_THAT(notes_, ElementsAre("no wte.weight: lm_head.weight is the embedding too"));
  t.config["tie_word_embeddings"] = false;
  EXPECT_TRUE(has(import_error(t), "no tensor transformer.wte.weight"));
}

TEST_F(HuggingFace, RoundsDoubles) {
  Theirs t = theirs(tiny_config());
  for (auto& [name, tensor] : t.tensors) tensor.first = StoredType::f64;
  EXPECT_EQ(expect_round_trip(t).weights, weights_);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("28 tensors are F64: rounded to F32")));
}

TEST_F(HuggingFace, KnowsTheFamilyWithoutItsName) {
  Theirs t = theirs(tiny_config());
  t.config.erase("model_type");
  EXPECT_EQ(expect_round_trip(t).weights, weights_);
  EXPECT_THAT(notes_,
              ElementsAre("config.json has no model_type: read as gpt2, by its architectures"));
  t.config.erase("architectures");
  EXPECT_EQ(expect_round_trip(t).weights, weights_);
  t.config["afn"] = "gelu";  // GPT-1
  EXPECT_TRUE(has(import_error(t), "model_type is absent; wanted \"gpt2\", \"opt\""));
  Theirs opt = theirs(opt_config());
  opt.config.erase("model_type");
  EXPECT_EQ(expect_round_trip(opt).weights, weights_);
}

// Python's json.dumps puts spaces, old writers do not fill up, some put __metadata__ at the end.
TEST_F(HuggingFace, GivesHeadersBackAsTheyWereSpelled) {
  theirs(tiny_config()).write(folder_ / "theirs");
  const fs::path file = folder_ / "theirs/model.safetensors";
  const std::string bytes = read_file(file);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  const json header = json::parse(bytes.substr(8, length));
  const std::string elements = bytes.substr(8 + length);
  nlohmann::ordered_json last;
  for (const auto& [name, entry] : header.items())
    if (name != "__metadata__") last[name] = entry;
  last["__metadata__"] = header["__metadata__"];
  for (const std::string& text : {header.dump(), last.dump(1), last.dump() + "     "}) {
    length = text.size();
    std::string again(8, '\0');
    std::memcpy(again.data(), &length, sizeof length);
    again += text + elements;
    write_bytes(file, again);
    expect_round_trip();
    EXPECT_EQ(read_file(folder_ / "back/model.safetensors"), again);
  }
}

TEST_F(HuggingFace, KeepsSmallTextsAndTellsWhatItLeaves) {
  theirs(tiny_config()).write(folder_ / "theirs");
  const std::map<std::string, std::string> texts = {
      {"README.md", "# a model\n"}, {"chat_template.jinja", "{{ x }}"}, {"LICENSE", "MIT"}};
  for (const auto& [name, text] : texts) write_bytes(folder_ / "theirs" / name, text);
  write_bytes(folder_ / "theirs/optimizer.pt", std::string("PK\3\4") + std::string(60, '\0'));
  write_bytes(folder_ / "theirs/layout.json", "{}");
  fs::create_directory(folder_ / "theirs/runs");
  expect_round_trip();
  EXPECT_THAT(notes_, ElementsAre("left behind: layout.json, optimizer.pt, runs/"));
  for (const auto& [name, text] : texts) EXPECT_EQ(read_file(folder_ / "back" / name), text);
  EXPECT_FALSE(fs::exists(folder_ / "back/optimizer.pt"));
}

TEST_F(HuggingFace, ImportsWeightsWithoutATokenizerThatIsNotRead) {
  theirs(tiny_config()).write(folder_ / "theirs");
  const std::string unread = R"({"model": {"type": "Unigram"}})";
  write_bytes(folder_ / "theirs/tokenizer.json", unread);
  try {
    import_huggingface(folder_ / "theirs", folder_ / "model");
    FAIL();
  } catch (const Error& e) {
    EXPECT_TRUE(has(e.what(), "model.type is \"Unigram\"; wanted BPE or WordLevel"));
    EXPECT_TRUE(has(e.hint(), "; --no-tokenizer imports the weights without it"));
  }
  const Manifest m =
      import_huggingface(folder_ / "theirs", folder_ / "model", {.tokenizer = false});
  EXPECT_EQ(m.weights, weights_);
  EXPECT_EQ(m.tokenizer, "");
  export_huggingface(folder_ / "model", folder_ / "back");
  EXPECT_EQ(read_file(folder_ / "back/tokenizer.json"), unread);
}

TEST_F(HuggingFace, TellsWhatAFolderHoldsInsteadOfWeights) {
  theirs(tiny_config()).write(folder_ / "theirs");
  const fs::path weights = folder_ / "theirs/model.safetensors";
  const auto error = [&] {
    return error_of([&] { import_huggingface(folder_ / "theirs", folder_ / "model"); });
  };
  write_bytes(weights, "version https://git-lfs.github.com/spec/v1\noid sha256:" +
                           std::string(64, 'a') + "\nsize 548105171\n");
  EXPECT_TRUE(has(error(), "is a Git LFS pointer, not the file itself; wanted a safetensors file"));
  fs::remove(weights);
  write_bytes(folder_ / "theirs/pytorch_model.bin", "x");
  EXPECT_TRUE(has(error(), "no model.safetensors.index.json, but pytorch_model.bin; wanted one"));
  fs::rename(folder_ / "theirs/pytorch_model.bin",
             folder_ / "theirs/model-00001-of-00002.safetensors");
  EXPECT_TRUE(has(error(), "but model-00001-of-00002.safetensors; wanted one"));
  write_bytes(
      folder_ / "theirs/model.safetensors.index.json",
      R"({"weight_map": {"a": "one", "b": "two", "c": "model-00001-of-00002.safetensors"}})");
  EXPECT_TRUE(has(error(), "theirs: no one, two; model.safetensors.index.json lists 3 shards"));
  EXPECT_SAYS(import_huggingface(folder_ / "theirs/config.json", folder_ / "model"),
              "config.json: is a file; wanted the folder of a Hugging Face model");
  Theirs lora = theirs(tiny_config());
  lora.tensors["transformer.h.0.attn.c_attn.lora_A.weight"] = {StoredType::f32,
                                                               Tensor::zeros({8, 2})};
  fs::remove_all(folder_ / "theirs");
  EXPECT_TRUE(has(import_error(lora), "lora_A.weight is of an adapter (LoRA)"));
}

TEST_F(HuggingFace, ATunedModelIsExportedWithItsTemplate) {
  const auto exported = [&](const std::string& stage, const std::vector<std::string>& specials) {
    const WordTokenizer words(
        word_model({"cat", "dog", "User:", "Assistant:", "System:", "\n"}, specials));
    GptConfig config = tiny_config();
    config.vocab = 20;
    Manifest m;
    m.stage = stage;
    m.chats = stage != "pretrain";
    m.config = frozen_model_config(config);
    fs::remove_all(folder_ / "model");
    fs::remove_all(folder_ / "out");
    notes_.clear();
    Checkpoint::write(folder_ / "model", m, *random_model(config, 1).parameters, &words);
    export_huggingface(folder_ / "model", folder_ / "out", {.note = take_note()});
    return json::parse(read_file(folder_ / "out/tokenizer_config.json"));
  };
  json config = exported("sft", chat_specials());
  EXPECT_TRUE(
      config["chat_template"].get<std::string>().starts_with("{% for message in messages %}"));
  EXPECT_EQ(config["additional_special_tokens"].size(), 4u);
  EXPECT_EQ(json::parse(read_file(folder_ / "out/generation_config.json"))["eos_token_id"],
            (std::vector<int>{6, 10}));
  EXPECT_FALSE(exported("pretrain", chat_specials()).contains("chat_template"));
  EXPECT_FALSE(exported("feedme", {"<|endoftext|>"}).contains("chat_template"));
  EXPECT_THAT(notes_,
              ElementsAre(HasSubstr("no chat_template: the tokenizer has no tokens for turns")));
}

TEST_F(HuggingFace, KeepsHalvesAsTheyWere) {
  for (const StoredType type : {StoredType::f16, StoredType::bf16}) {
    Theirs t = theirs(tiny_config());
    for (auto& [name, tensor] : t.tensors) tensor.first = type;
    expect_round_trip(t);
  }
}

TEST_F(HuggingFace, KeepsBuffersButDoesNotReadThem) {
  Theirs t = theirs(tiny_config());
  for (const char* layer : {"0", "1"}) {
    const std::string attn = "transformer.h." + std::string(layer) + ".attn.";
    t.buffers[attn + "bias"] = {{"", StoredType::boolean, {1, 1, 3, 3}},
                                {1, 0, 0, 1, 1, 0, 1, 1, 1}};
    t.buffers[attn + "masked_bias"] = {{"", StoredType::f32, {}}, std::string("\0\x40\x1c\xc6", 4)};
  }
  EXPECT_EQ(expect_round_trip(t).weights, weights_);
  const SafetensorsFile kept(folder_ / "model/huggingface/buffers.safetensors");
  EXPECT_EQ(kept.tensors().size(), 2u);  // both layers' masks are kept once
  t.buffers.at("transformer.h.0.attn.bias").second[1] = 1;
  EXPECT_EQ(expect_round_trip(t).weights, weights_);
  const std::pair<TensorHeader, std::string> two = {{"", StoredType::f32, {2}}, "12345678"};
  Theirs llama = theirs(llama_config());
  llama.buffers["model.layers.0.self_attn.rotary_emb.inv_freq"] = two;
  llama.buffers["model.rotary_emb.inv_freq"] = two;
  EXPECT_EQ(expect_round_trip(llama).weights, weights_);
  Theirs neox = theirs(neox_config());
  for (const char* name : {"bias", "masked_bias", "rotary_emb.inv_freq"})
    neox.buffers["gpt_neox.layers.0.attention." + std::string(name)] = two;
  EXPECT_EQ(expect_round_trip(neox).weights, weights_);
}

TEST_F(HuggingFace, ReadsTiedAndUntiedHeads) {
  Theirs t = theirs(tiny_config());
  t.tensors["lm_head.weight"] = t.tensors.at("transformer.wte.weight");
  EXPECT_EQ(expect_round_trip(t).weights, weights_);
  t.tensors["lm_head.weight"].second = Tensor::full({11, 8}, 2);
  EXPECT_TRUE(has(import_error(t), "lm_head.weight differs from transformer.wte.weight"));
  t.config["tie_word_embeddings"] = false;
  expect_round_trip(t);
  EXPECT_FALSE(Checkpoint::open(folder_ / "model").model_config().tied);
  t.tensors.erase("lm_head.weight");
  EXPECT_TRUE(has(import_error(t), "no tensor lm_head.weight; config.json wants one of shape"));

  GptConfig untied = opt_config();
  untied.tied = false;
  const Theirs u = theirs(untied);
  EXPECT_TRUE(u.tensors.contains("lm_head.weight"));
  EXPECT_EQ(expect_round_trip(u).weights, weights_);
}

TEST_F(HuggingFace, ReadsAndWritesShards) {
  theirs(tiny_config());
  fs::remove_all(folder_ / "theirs");
  export_huggingface(folder_ / "native", folder_ / "theirs", {.shard_bytes = 2000});
  EXPECT_FALSE(fs::exists(folder_ / "theirs/model.safetensors"));
  const json index = json::parse(read_file(folder_ / "theirs/model.safetensors.index.json"));
  EXPECT_EQ(index["weight_map"].size(), 4u + 2 * 12);
  std::set<std::string> files;
  for (const auto& [name, file] : index["weight_map"].items()) files.insert(file);
  EXPECT_GT(files.size(), 2u);
  int64_t total = 0;
  for (const std::string& name : files) {
    const SafetensorsFile file(folder_ / "theirs" / name);
    for (const StoredTensor& t : file.tensors()) total += t.bytes();
  }
  EXPECT_EQ(index["metadata"]["total_size"], total);
  EXPECT_EQ(expect_round_trip().weights, weights_);
  EXPECT_EQ(json::parse(read_file(folder_ / "back/model.safetensors.index.json")), index);
  const std::string spelled = index.dump();  // as another program would
  write_bytes(folder_ / "theirs/model.safetensors.index.json", spelled);
  expect_round_trip();
  EXPECT_EQ(read_file(folder_ / "back/model.safetensors.index.json"), spelled);
}

TEST_F(HuggingFace, NamesTheTensorThatDoesNotFit) {
  const Theirs good = theirs(tiny_config());
  Theirs t = good;
  t.tensors.erase("transformer.h.1.ln_2.bias");
  EXPECT_TRUE(has(import_error(t),
                  "no tensor transformer.h.1.ln_2.bias; config.json wants one of "
                  "shape [8]"));
  t = good;
  t.tensors["transformer.h.1.ln_2.bias"].second = Tensor::zeros({7});
  EXPECT_TRUE(
      has(import_error(t), "transformer.h.1.ln_2.bias has shape [7]; config.json wants [8]"));
  t = good;
  t.tensors["transformer.h.1.ln_3.bias"] = t.tensors["transformer.h.1.ln_2.bias"];
  EXPECT_TRUE(has(import_error(t), "tensor transformer.h.1.ln_3.bias is none of a gpt2 model"));
  EXPECT_TRUE(has(import_error(t), "did you mean transformer.h.1.ln_"));
  t = good;
  t.tensors["transformer.ln_f.bias"] = {StoredType::i32, Tensor::zeros({8}, DType::i32)};
  EXPECT_TRUE(has(import_error(t), "transformer.ln_f.bias is I32; wanted F32, F16, BF16 or F64"));
  t = good;
  t.rename("transformer.wte", "transformer.wtx");
  EXPECT_TRUE(has(import_error(t), "no tensor transformer.wte.weight; config.json wants one"));
  t.rename("transformer.wpe", "transformer.wpx");
  EXPECT_TRUE(has(import_error(t), "no tensor transformer.wte.weight or wte.weight"));
  t = good;
  t.config["n_layer"] = 1000;  // before memory is taken for them
  EXPECT_TRUE(has(import_error(t), "no tensor transformer.h.2.ln_1.weight"));
  t.config["vocab_size"] = 1 << 28;
  EXPECT_TRUE(has(import_error(t), "transformer.wte.weight has shape [11, 8]; config.json wants"));
  EXPECT_FALSE(Checkpoint::exists(folder_ / "model"));
}

TEST_F(HuggingFace, NamesTheKeyThatCannotBe) {
  const Theirs gpt2 = theirs(tiny_config()), opt = theirs(opt_config());
  const auto refusal = [&](const Theirs& good, const std::string& key, const json& value) {
    Theirs t = good;
    t.config[key] = value;
    return import_error(t);
  };
  EXPECT_TRUE(has(refusal(gpt2, "model_type", "mamba"),
                  "model_type is \"mamba\"; wanted \"gpt2\", \"opt\", \"llama\", "));
  EXPECT_TRUE(has(refusal(gpt2, "activation_function", "quick_gelu"),
                  "activation_function is \"quick_gelu\"; wanted one of gelu_new"));
  EXPECT_TRUE(has(refusal(gpt2, "scale_attn_by_inverse_layer_idx", true),
                  "scale_attn_by_inverse_layer_idx is true; wanted false"));
  EXPECT_TRUE(has(refusal(gpt2, "scale_attn_weights", false), "scale_attn_weights is false"));
  EXPECT_TRUE(has(refusal(gpt2, "add_cross_attention", true), "add_cross_attention is true"));
  EXPECT_TRUE(has(refusal(gpt2, "pruned_heads", {{"0", {1}}}), "pruned_heads is"));
  EXPECT_TRUE(has(refusal(gpt2, "quantization_config", {{"bits", 4}}), "quantization_config is"));
  EXPECT_TRUE(has(refusal(gpt2, "n_head", 3), "n_head is 3; wanted a divisor of the width 8"));
  EXPECT_TRUE(has(refusal(gpt2, "n_embd", "8"), "n_embd is \"8\"; wanted an integer"));
  EXPECT_TRUE(has(refusal(gpt2, "n_embd", 0), "n_embd is 0; wanted an integer from 1"));
  EXPECT_TRUE(has(refusal(gpt2, "n_layer", int64_t{1} << 60), "n_layer is 1152921504606846976"));
  EXPECT_TRUE(has(refusal(gpt2, "layer_norm_epsilon", -1), "layer_norm_epsilon is -1; wanted a"));
  EXPECT_TRUE(has(refusal(opt, "do_layer_norm_before", false),
                  "final_layer_norm.bias is none of a opt model"));
  EXPECT_TRUE(has(refusal(opt, "word_embed_proj_dim", 4),
                  "embed_tokens.weight has shape [11, 8]; config.json wants [11, 4]"));
  const Theirs llama = theirs(llama_config()), neox = theirs(neox_config()),
               bloom = theirs(bloom_config());
  for (const char* kind : {"yarn", "dynamic", "longrope", "su", "mrope"}) {
    EXPECT_TRUE(has(refusal(llama, "rope_scaling", {{"rope_type", kind}, {"factor", 2}}),
                    "rope_scaling: rope_type is \"" + std::string(kind) + "\"; wanted"));
    EXPECT_TRUE(has(refusal(llama, "rope_scaling", {{"type", kind}, {"factor", 2}}),
                    "rope_scaling: type is \"" + std::string(kind) + "\"; wanted \"default\""));
    EXPECT_TRUE(has(refusal(neox, "rope_parameters", {{"rope_type", kind}}),
                    "rope_parameters: rope_type is"));
  }
  EXPECT_TRUE(has(refusal(llama, "rope_scaling", {{"rope_type", "linear"}}),
                  "rope_scaling: factor is absent; wanted a number above 0"));
  EXPECT_TRUE(has(refusal(llama, "rope_scaling", {{"rope_type", "llama3"}, {"factor", 8}}),
                  "rope_scaling: low_freq_factor is absent"));
  EXPECT_TRUE(has(refusal(llama, "rope_scaling", 3), "rope_scaling is 3; wanted an object"));
  EXPECT_TRUE(has(refusal(llama, "rope_parameters", {{"full_attention", {{"rope_theta", 1e4}}}}),
                  "rope_parameters: full_attention is"));
  EXPECT_TRUE(has(refusal(llama, "hidden_act", "gelu"), "hidden_act is \"gelu\"; wanted silu"));
  EXPECT_TRUE(has(refusal(llama, "num_key_value_heads", 3),
                  "num_key_value_heads is 3; wanted a divisor of num_attention_heads, 2"));
  EXPECT_TRUE(has(refusal(llama, "num_local_experts", 8), "num_local_experts is 8; wanted none"));
  EXPECT_TRUE(has(refusal(llama, "quantization_config", {{"bits", 4}}), "quantization_config is"));
  EXPECT_TRUE(has(refusal(llama, "hidden_size", 16),
                  "embed_tokens.weight has shape [11, 8]; config.json wants [11, 16]"));
  EXPECT_TRUE(has(refusal(llama, "attention_bias", true),
                  "no tensor model.layers.0.self_attn.q_proj.bias; config.json wants one of "
                  "shape [8]"));
  EXPECT_TRUE(has(refusal(neox, "rotary_pct", 0.3), "rotary_pct is 0.3; wanted a part of the 4"));
  EXPECT_TRUE(has(refusal(bloom, "apply_residual_connection_post_layernorm", true),
                  "apply_residual_connection_post_layernorm is true; wanted false"));
  EXPECT_TRUE(has(refusal(bloom, "n_inner", 5), "n_inner is 5; wanted null, or four times"));
  EXPECT_TRUE(has(refusal(opt, "_remove_final_layer_norm", true), "_remove_final_layer_norm"));
  EXPECT_TRUE(has(refusal(opt, "enable_bias", false), "fc1.bias is none of a opt model"));
  EXPECT_TRUE(has(refusal(opt, "layer_norm_elementwise_affine", false), "elementwise_affine"));
}

TEST_F(HuggingFace, KnowsTheActivations) {
  Theirs t = theirs(tiny_config());
  const std::pair<const char*, Activation> known[] = {{"gelu_new", Activation::gelu_tanh},
                                                      {"gelu_pytorch_tanh", Activation::gelu_tanh},
                                                      {"gelu", Activation::gelu_erf},
                                                      {"relu", Activation::relu},
                                                      {"relu2", Activation::relu_squared}};
  for (const auto& [name, activation] : known) {
    t.config["activation_function"] = name;
    ASSERT_EQ(import_error(t), "");
    EXPECT_EQ(Checkpoint::open(folder_ / "model").model_config().activation, activation) << name;
  }
}

TEST_F(HuggingFace, SaysWhatTheFormatCannotHold) {
  const auto refusal = [&](auto change) {
    GptConfig c = tiny_config();
    change(c);
    return error_of([&] { theirs(c); });
  };
  EXPECT_TRUE(has(refusal([](auto& c) { c.positions = Positions::none; }),
                  "native: no format of Hugging Face can say this model: model.positions is none, "
                  "where gpt2 wants learned"));
  EXPECT_TRUE(has(refusal([](auto& c) { c.activation = Activation::swiglu; }),
                  "model.activation is swiglu"));
  EXPECT_TRUE(has(refusal([](auto& c) { c.norm = Norm::rms; }), "model.norm is rms"));
  EXPECT_TRUE(has(refusal([](auto& c) { c.bias = false; }), "model.bias is false"));
  EXPECT_TRUE(has(refusal([](auto& c) { c.qk_norm = true; }), "model.qk_norm is true"));
  EXPECT_TRUE(has(refusal([](auto& c) { c.scalar_head = true; }), "model.scalar_head is true"));
  EXPECT_TRUE(has(refusal([](auto& c) { c.token_shift = true; }), "model.token_shift is true"));
  EXPECT_TRUE(has(refusal([](auto& c) { c.window = 3; }), "model.window is 3"));
  EXPECT_TRUE(has(refusal([](auto& c) { c.kv_heads = 1; }), "model.kv_heads is 1"));
  EXPECT_TRUE(has(refusal([](auto& c) { c.head_width = 2; }), "model.head_width is 2"));
  EXPECT_TRUE(has(refusal([](auto& c) { c.position_offset = 1; }), "model.position_offset is 1"));
  EXPECT_TRUE(has(refusal([](auto& c) { c.position_offset = 2, c.norm_eps = 1e-6; }),
                  "model.norm_eps is 1e-06"));
  EXPECT_FALSE(fs::exists(folder_ / "exported"));
}

// The micro-world's models have qwen3's parts but for the activation.
TEST_F(HuggingFace, SaysWhichPresetCouldBeExported) {
  const auto refusal = [](const GptConfig& c) -> std::pair<std::string, std::string> {
    try {
      writable_family(c, "m");
    } catch (const Error& e) {
      return {e.what(), e.hint()};
    }
    return {};
  };
  GptConfig modern = llama_config();
  modern.qk_norm = modern.tied = true;
  modern.activation = Activation::relu_squared;
  EXPECT_EQ(refusal(modern).first,
            "m: no format of Hugging Face can say this model: model.activation is relu_squared, "
            "where qwen3 wants swiglu");
  EXPECT_EQ(refusal(modern).second,
            "grow it again with preset = \"qwen3\", whose models can be exported");
  GptConfig shifted = tiny_config();
  shifted.token_shift = true;
  EXPECT_EQ(refusal(shifted).second,
            "grow it again with preset = \"gpt3\", whose models can be exported");
}

TEST_F(HuggingFace, RefusesALayoutOfAFamilyThatItDoesNotKnow) {
  EXPECT_SAYS(parse_layout(R"({"family": "mamba", "prefix": "", "head": false})", "layout.json"),
              "layout.json: family is \"mamba\"; wanted \"gpt2\", \"opt\"");
}

// Whatever a config.json has no key for must be refused, not dropped.
TEST_F(HuggingFace, AFamilySaysAModelOnlyIfItReadsItBack) {
  EXPECT_EQ(writable_family(tiny_config(), "m").model_type, "gpt2");
  EXPECT_EQ(writable_family(opt_config(), "m").model_type, "opt");
  GptConfig spelled = tiny_config();
  spelled.kv_heads = spelled.heads;
  spelled.head_width = spelled.width / spelled.heads;
  spelled.mlp_width = 4 * spelled.width;
  spelled.zero_residual = true;  // no property of a trained model
  EXPECT_EQ(writable_family(spelled, "m").model_type, "gpt2");
  GptConfig none = opt_config();
  none.norm_eps = 1e-6;
  EXPECT_SAYS(writable_family(none, "m"),
              "m: no format of Hugging Face can say this model: model.position_offset is 2, where "
              "gpt2 wants 0; model.norm_eps is 1e-06, where opt wants 1e-05");
  GptConfig uneven = tiny_config();
  uneven.head_width = 4, uneven.width = 9;
  EXPECT_SAYS(writable_family(uneven, "m"), "n_head is 2; wanted a divisor of the width 9");
}

TEST_F(HuggingFace, CarriesTheTokenizer) {
  const WordTokenizer words(word_model({"cat", "dog"}, {"<|endoftext|>"}));
  Manifest m;
  m.config = frozen_model_config(tiny_config());
  Checkpoint::write(folder_ / "model", m, *random_model(tiny_config(), 1).parameters, &words);
  export_huggingface(folder_ / "model", folder_ / "out");
  const json config = json::parse(read_file(folder_ / "out/config.json"));
  EXPECT_EQ(config["eos_token_id"], 2);
  EXPECT_EQ(json::parse(read_file(folder_ / "out/tokenizer_config.json"))["eos_token"],
            "<|endoftext|>");
  import_huggingface(folder_ / "out", folder_ / "again");
  EXPECT_EQ(load_model(folder_ / "again").tokenizer->digest(), words.digest());
  export_huggingface(folder_ / "again", folder_ / "back");
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "config.json"})
    EXPECT_EQ(read_file(folder_ / "back" / name), read_file(folder_ / "out" / name));

  Theirs small = theirs(tiny_config());
  small.config["vocab_size"] = 2;
  small.tensors["transformer.wte.weight"].second = Tensor::zeros({2, 8});
  small.write(folder_ / "small");
  words.save(folder_ / "small/tokenizer.json");
  EXPECT_SAYS(import_huggingface(folder_ / "small", folder_ / "small_model"),
              "small: the tokenizer has 3 tokens; the model has 2 rows");
}

TEST_F(HuggingFace, SaysWhatIsWrongWithAFolder) {
  EXPECT_SAYS(import_huggingface(folder_ / "absent", folder_ / "model"), "absent: no such folder");
  fs::create_directories(folder_ / "empty");
  EXPECT_SAYS(import_huggingface(folder_ / "empty", folder_ / "model"),
              "empty: no config.json; wanted the folder of a Hugging Face model");
  Theirs t = theirs(tiny_config());
  t.write(folder_ / "theirs");
  fs::remove(folder_ / "theirs/model.safetensors");
  EXPECT_SAYS(import_huggingface(folder_ / "theirs", folder_ / "model"),
              "no model.safetensors and");
  EXPECT_SAYS(export_huggingface(folder_ / "native", folder_ / "exported"),
              "exported: is there already; wanted a new or an empty folder");
  EXPECT_SAYS(export_huggingface(folder_ / "absent", folder_ / "out"), "absent: no such folder");
}

TEST_F(HuggingFace, SeesDamageInWhatItKeeps) {
  Theirs t = theirs(tiny_config());
  t.write(folder_ / "theirs");
  import_huggingface(folder_ / "theirs", folder_ / "model");
  testing::flip(folder_ / "model/huggingface/config.json", 3);
  EXPECT_SAYS(export_huggingface(folder_ / "model", folder_ / "out"),
              "huggingface/config.json: its digest is not the manifest's");
  testing::flip(folder_ / "model/weights.safetensors",
                fs::file_size(folder_ / "model/weights.safetensors") - 1);
  EXPECT_SAYS(export_huggingface(folder_ / "model", folder_ / "out"),
              "weights.safetensors: the digest is");
  EXPECT_FALSE(fs::exists(folder_ / "out/config.json"));
}

}  // namespace
}  // namespace lineage
