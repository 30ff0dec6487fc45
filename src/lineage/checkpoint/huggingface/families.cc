#include "lineage/checkpoint/huggingface/family.h"

namespace lineage {

extern const HuggingFaceFamily gpt2_family, opt_family, llama_family, mistral_family, qwen2_family,
    qwen3_family, gpt_neox_family, bloom_family;

std::span<const HuggingFaceFamily* const> huggingface_families() {
  static constexpr const HuggingFaceFamily* kFamilies[] = {
      &gpt2_family,  &opt_family,   &llama_family,    &mistral_family,
      &qwen2_family, &qwen3_family, &gpt_neox_family, &bloom_family};
  return kFamilies;
}

const HuggingFaceFamily* find_huggingface_family(std::string_view model_type) {
  for (const HuggingFaceFamily* family : huggingface_families())
    if (family->model_type == model_type) return family;
  return nullptr;
}

std::string huggingface_family_names() {
  std::string names;
  for (const HuggingFaceFamily* family : huggingface_families())
    names += (names.empty()                             ? "\""
              : family == huggingface_families().back() ? " or \""
                                                        : ", \"") +
             std::string(family->model_type) + "\"";
  return names;
}

}  // namespace lineage
