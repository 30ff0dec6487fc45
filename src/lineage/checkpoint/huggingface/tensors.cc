#include "lineage/checkpoint/huggingface/tensors.h"

#include <algorithm>
#include <cstring>

#include "lineage/base/error.h"

namespace lineage {
namespace {

// out(columns, rows) = in(rows, columns)ᵀ, in tiles that fit the cache.
void transpose(std::span<const float> in, std::span<float> out, int64_t rows, int64_t columns) {
  constexpr int64_t kTile = 32;
  for (int64_t r0 = 0; r0 < rows; r0 += kTile)
    for (int64_t c0 = 0; c0 < columns; c0 += kTile)
      for (int64_t r = r0; r < std::min(rows, r0 + kTile); ++r)
        for (int64_t c = c0; c < std::min(columns, c0 + kTile); ++c)
          out[c * rows + r] = in[r * columns + c];
}

// to(inner, outer, n) from (outer, inner, n), n following from the size.
void swap_axes(std::span<const float> from, std::span<float> to, int64_t outer, int64_t inner) {
  const int64_t n = static_cast<int64_t>(from.size()) / (outer * inner);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < inner; ++i)
      std::copy_n(from.begin() + (o * inner + i) * n, n, to.begin() + (i * outer + o) * n);
}

constexpr int64_t kQkv = 3;

}  // namespace

std::vector<HuggingFacePart> huggingface_parts(const HuggingFaceFamily& family,
                                               const GptConfig& config, bool head) {
  PartList parts;
  family.add_parts(parts, config);
  if (head)
    parts.head(std::string(family.head), config.tied ? "token_embedding.weight" : "lm_head.weight",
               config.vocab, config.embedding_channels());
  return parts.take();
}

std::string with_prefix(const TensorPrefixes& prefixes, const HuggingFacePart& part) {
  return (part.head ? prefixes.wrapper : prefixes.body) + part.theirs;
}

TensorPrefixes find_prefixes(const HuggingFaceFamily& family,
                             std::span<const HuggingFacePart> parts,
                             const SafetensorsFolder& folder, const std::string& place) {
  std::string tried;
  for (const std::string_view ours : {"token_embedding.weight", "position_embedding.weight"}) {
    const auto embedding = std::ranges::find(parts, ours, &HuggingFacePart::ours);
    if (embedding == parts.end()) continue;
    for (const std::string_view prefix : family.prefixes) {
      const std::string name = std::string(prefix) + embedding->theirs;
      if (ours == "token_embedding.weight") tried += (tried.empty() ? "" : " or ") + name;
      std::vector<std::string> wrappers;
      for (const SafetensorsFile& file : folder.files())
        for (const StoredTensor& t : file.tensors())
          if (t.name == name || t.name.ends_with("." + name))
            wrappers.push_back(t.name.substr(0, t.name.size() - name.size()));
      if (wrappers.size() > 1)
        throw Error(place + ": both " + wrappers[0] + name + " and " + wrappers[1] + name +
                        " are there; wanted the tensors of one model",
                    "save the language model alone, and import that");
      if (wrappers.size() == 1) return {wrappers[0] + std::string(prefix), wrappers[0]};
    }
  }
  throw Error(place + ": no tensor " + tried + "; a " + std::string(family.model_type) +
                  " model wants one of them",
              "check that config.json and the tensors are of one model");
}

TensorPrefixes default_prefixes(const HuggingFaceFamily& family) {
  return {std::string(family.prefixes.front()), ""};
}

bool is_other_head(std::string_view name) {
  for (const std::string_view head :
       {"v_head.", "value_head.", "score.", "classifier.", "multiple_choice_head.", "qa_outputs."})
    if (name.starts_with(head)) return true;
  return false;
}

bool is_buffer(const HuggingFaceFamily& family, std::string_view name) {
  return name.ends_with(".position_ids") ||
         std::ranges::any_of(family.buffers,
                             [&](std::string_view tail) { return name.ends_with(tail); });
}

void import_part(const HuggingFacePart& part, const StoredTensor& theirs, const Tensor& ours) {
  if (part.order == PartOrder::same)
    return read_floats(theirs, ours.rows(part.row, part.row + part.shape[0]).data<float>());
  const Tensor whole = Tensor::empty(theirs.shape);
  read_floats(theirs, whole.data<float>());
  if (part.order == PartOrder::transposed)
    transpose(whole.data<float>(), ours.data<float>(), whole.dim(0), whole.dim(1));
  else
    swap_axes(whole.data<float>(), ours.data<float>(), part.heads, kQkv);
}

Tensor export_part(const HuggingFacePart& part, const StoredTensor& ours) {
  Tensor theirs = Tensor::empty(part.shape);
  if (part.order == PartOrder::same) {
    const int64_t begin = part.row * (part.shape.numel() / part.shape[0]) * size_of(DType::f32);
    std::memcpy(theirs.bytes(), ours.data.data() + begin, static_cast<size_t>(theirs.byte_size()));
    return theirs;
  }
  const Tensor whole = read_tensor(ours);
  if (part.order == PartOrder::transposed)
    transpose(whole.data<float>(), theirs.data<float>(), whole.dim(0), whole.dim(1));
  else
    swap_axes(whole.data<float>(), theirs.data<float>(), kQkv, part.heads);
  return theirs;
}

}  // namespace lineage
