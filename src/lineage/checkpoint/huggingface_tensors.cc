#include "lineage/checkpoint/huggingface_tensors.h"

#include <cstring>

#include "lineage/base/error.h"

namespace lineage {
namespace {

std::vector<std::string> prefixes(HuggingFaceFamily family) {
  if (family == HuggingFaceFamily::gpt2) return {"transformer.", ""};
  return {"model.decoder.", "decoder.", ""};
}

std::string position_embedding(HuggingFaceFamily family) {
  return family == HuggingFaceFamily::gpt2 ? "wpe.weight" : "embed_positions.weight";
}

// Collects the parts, spelling each layer's weight and bias once.
class Parts {
 public:
  explicit Parts(const GptConfig& c) : C(c.width), F(c.hidden_width()) {}
  void table(const std::string& theirs, const std::string& ours, int64_t rows) {
    all.push_back({theirs, ours, {rows, C}});
  }
  void norm(const std::string& theirs, const std::string& ours) {
    all.push_back({theirs + ".weight", ours + ".weight", {C}});
    all.push_back({theirs + ".bias", ours + ".bias", {C}});
  }
  void conv1d(const std::string& theirs, const std::string& ours, int64_t in, int64_t out) {
    all.push_back({theirs + ".weight", ours + ".weight", {in, out}, 0, true});
    all.push_back({theirs + ".bias", ours + ".bias", {out}});
  }
  void linear(const std::string& theirs, const std::string& ours, int64_t in, int64_t out,
              int64_t row = 0) {
    all.push_back({theirs + ".weight", ours + ".weight", {out, in}, row});
    all.push_back({theirs + ".bias", ours + ".bias", {out}, row});
  }
  const int64_t C, F;
  std::vector<HuggingFacePart> all;
};

void add_gpt2(Parts& parts, const GptConfig& c) {
  parts.table("wte.weight", "token_embedding.weight", c.vocab);
  parts.table("wpe.weight", "position_embedding.weight", c.context);
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string h = "h." + std::to_string(i), block = "blocks." + std::to_string(i);
    parts.norm(h + ".ln_1", block + ".norm1");
    parts.conv1d(h + ".attn.c_attn", block + ".attention.qkv", parts.C, 3 * parts.C);
    parts.conv1d(h + ".attn.c_proj", block + ".attention.out", parts.C, parts.C);
    parts.norm(h + ".ln_2", block + ".norm2");
    parts.conv1d(h + ".mlp.c_fc", block + ".mlp.in", parts.C, parts.F);
    parts.conv1d(h + ".mlp.c_proj", block + ".mlp.out", parts.F, parts.C);
  }
  parts.norm("ln_f", "norm");
}

void add_opt(Parts& parts, const GptConfig& c) {
  const int64_t C = parts.C;
  parts.table("embed_tokens.weight", "token_embedding.weight", c.vocab);
  parts.table("embed_positions.weight", "position_embedding.weight", c.context + c.position_offset);
  parts.norm("final_layer_norm", "norm");
  for (int64_t i = 0; i < c.layers; ++i) {
    const std::string layer = "layers." + std::to_string(i), block = "blocks." + std::to_string(i);
    const std::string qkv = block + ".attention.qkv";  // its rows: queries, keys, values
    parts.linear(layer + ".self_attn.k_proj", qkv, C, C, C);
    parts.linear(layer + ".self_attn.v_proj", qkv, C, C, 2 * C);
    parts.linear(layer + ".self_attn.q_proj", qkv, C, C, 0);
    parts.linear(layer + ".self_attn.out_proj", block + ".attention.out", C, C);
    parts.norm(layer + ".self_attn_layer_norm", block + ".norm1");
    parts.linear(layer + ".fc1", block + ".mlp.in", C, parts.F);
    parts.linear(layer + ".fc2", block + ".mlp.out", parts.F, C);
    parts.norm(layer + ".final_layer_norm", block + ".norm2");
  }
}

// out(columns, rows) = in(rows, columns)ᵀ, in tiles that fit the cache.
void transpose(std::span<const float> in, std::span<float> out, int64_t rows, int64_t columns) {
  constexpr int64_t kTile = 32;
  for (int64_t r0 = 0; r0 < rows; r0 += kTile)
    for (int64_t c0 = 0; c0 < columns; c0 += kTile)
      for (int64_t r = r0; r < std::min(rows, r0 + kTile); ++r)
        for (int64_t c = c0; c < std::min(columns, c0 + kTile); ++c)
          out[static_cast<size_t>(c * rows + r)] = in[static_cast<size_t>(r * columns + c)];
}

}  // namespace

std::vector<HuggingFacePart> huggingface_parts(HuggingFaceFamily family, const GptConfig& config,
                                               bool head) {
  Parts parts(config);
  if (family == HuggingFaceFamily::gpt2)
    add_gpt2(parts, config);
  else
    add_opt(parts, config);
  if (head)
    parts.table(std::string(kHeadName), config.tied ? "token_embedding.weight" : "lm_head.weight",
                config.vocab);
  return parts.all;
}

std::string with_prefix(const TensorPrefixes& prefixes, const std::string& theirs) {
  return (theirs == kHeadName ? prefixes.wrapper : prefixes.body) + theirs;
}

std::string token_embedding(HuggingFaceFamily family) {
  return family == HuggingFaceFamily::gpt2 ? "wte.weight" : "embed_tokens.weight";
}

TensorPrefixes find_prefixes(HuggingFaceFamily family, const SafetensorsFolder& folder,
                             const std::string& place) {
  std::string tried;
  for (const std::string& embedding : {token_embedding(family), position_embedding(family)}) {
    for (const std::string& prefix : prefixes(family)) {
      const std::string name = prefix + embedding;
      if (embedding == token_embedding(family)) tried += (tried.empty() ? "" : " or ") + name;
      std::vector<std::string> wrappers;
      for (const SafetensorsFile& file : folder.files())
        for (const StoredTensor& t : file.tensors())
          if (t.name == name || t.name.ends_with("." + name))
            wrappers.push_back(t.name.substr(0, t.name.size() - name.size()));
      if (wrappers.size() > 1)
        throw Error(place + ": both " + wrappers[0] + name + " and " + wrappers[1] + name +
                        " are there; wanted the tensors of one model",
                    "save the language model alone, and import that");
      if (wrappers.size() == 1) return {wrappers[0] + prefix, wrappers[0]};
    }
  }
  throw Error(place + ": no tensor " + tried + "; a " + std::string(model_type(family)) +
                  " model wants one of them",
              "check that config.json and the tensors are of one model");
}

TensorPrefixes default_prefixes(HuggingFaceFamily family) { return {prefixes(family).front(), ""}; }

bool is_other_head(std::string_view name) {
  for (const std::string_view head :
       {"v_head.", "value_head.", "score.", "classifier.", "multiple_choice_head.", "qa_outputs."})
    if (name.starts_with(head)) return true;
  return false;
}

bool is_buffer(std::string_view name) {
  for (const std::string_view tail : {".attn.bias", ".attn.masked_bias", ".position_ids"})
    if (name.ends_with(tail)) return true;
  return false;
}

void import_part(const HuggingFacePart& part, const StoredTensor& theirs, const Tensor& ours) {
  if (part.transposed) {
    const Tensor whole = Tensor::empty(theirs.shape);
    read_floats(theirs, whole.data<float>());
    transpose(whole.data<float>(), ours.data<float>(), whole.dim(0), whole.dim(1));
  } else {
    read_floats(theirs, ours.rows(part.row, part.row + part.shape[0]).data<float>());
  }
}

Tensor export_part(const HuggingFacePart& part, const StoredTensor& ours) {
  Tensor theirs = Tensor::empty(part.shape);
  if (part.transposed) {
    const Tensor whole = read_tensor(ours);
    transpose(whole.data<float>(), theirs.data<float>(), whole.dim(0), whole.dim(1));
  } else {
    const int64_t begin = part.row * (part.shape.numel() / part.shape[0]) * size_of(DType::f32);
    std::memcpy(theirs.bytes(), ours.data.data() + begin, static_cast<size_t>(theirs.byte_size()));
  }
  return theirs;
}

}  // namespace lineage
