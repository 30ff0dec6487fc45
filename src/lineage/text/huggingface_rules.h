#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "lineage/text/bpe_model.h"
#include "lineage/text/side_files.h"

namespace lineage {

// --- Fields of a tokenizer.json, whose objects often lack some.
[[noreturn]] void refuse_json(const std::string& place, const std::string& seen_and_wanted);
// The member of an object; null where there is none.
const nlohmann::json& field(const nlohmann::json& object, const char* key);
// "" unless it is a string.
std::string text_of(const nlohmann::json& object, const char* key);
bool flag(const nlohmann::json& object, const char* key, bool otherwise);
// "Digits", "none", "a Sequence of Digits and ByteLevel".
std::string shown_steps(const nlohmann::json& step);

// --- What `normalizer`, `pre_tokenizer`, `decoder` and `model` say of text, for a BPE model. An
// Error for a step that is not done here.
struct BpeRules {
  Symbols symbols = Symbols::bytes;
  Pattern pattern = Pattern::gpt2;
  bool byte_fallback = true;
  bool words = false;
  SpaceBefore space_before;
  bool nfc = false;

  // Whether text is changed before `normalized` tokens are found.
  bool normalizes() const { return nfc || space_before.normalizer; }
  void give(BpeModel&) const;
};
BpeRules read_bpe_rules(const nlohmann::json& root, const SideFacts&, const std::string& place);

// What no model here does: dropout, marks of subwords, and a normalizer for words.
void refuse_unsupported(const nlohmann::json& model, const std::string& place);
void refuse_normalizer(const nlohmann::json& root, const std::string& place);

}  // namespace lineage
