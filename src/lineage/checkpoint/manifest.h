#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace lineage {

// A report's groups of stages.
enum class StageKind : uint8_t { base, tuned, feedback };
constexpr std::array<std::string_view, 3> enum_names(StageKind) {
  return {"base", "tuned", "feedback"};
}

// A stage for readers of a report.
struct StageText {
  StageKind kind = StageKind::base;
  std::string title{};  // "instruction tuning"; empty in old manifests
  std::string about{};  // a sentence, or empty
  bool operator==(const StageText&) const = default;
};

// The origin of a model: enough to rebuild it, and to trace an ability back to its stage.
struct Manifest {
  std::string stage;  // "pretrain", "sft", "import"
  StageText stage_text;
  bool chats = false;    // it has learned conversations in its tokenizer's ChatTemplate
  std::string node;      // its name in the recipe
  std::string identity;  // digest of all that determines the node; empty outside a recipe
  std::vector<std::string> parents;  // their `weights`: pretrained base, reward model, ...
  std::map<std::string, nlohmann::json> datasets;  // per source: documents, bytes, digest, ...
  std::string tokenizer;  // Tokenizer::digest(); empty when the model has none
  std::string config;     // frozen TOML; its table [model] is the GptConfig
  std::string world;      // TOML of the micro-world it was trained on; empty: none
  std::string code;       // version of the program
  uint64_t seed = 0;
  int64_t step = 0, tokens = 0;
  std::string weights;                       // digest of the tensors: this model's own name
  std::string created;                       // 2024-05-31T12:00:00Z; set by the writer
  std::map<std::string, std::string> files;  // further files of the checkpoint -> SHA-256
  bool operator==(const Manifest&) const = default;
};

// JSON, closed by a digest of the rest so that damage is seen. Equal manifests, equal bytes.
std::string to_json(const Manifest&);
// `place` names the file in errors.
Manifest parse_manifest(std::string_view json, const std::string& place);

// This moment in the format of `created`.
std::string utc_now();

}  // namespace lineage
