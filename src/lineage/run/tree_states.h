#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lineage/base/file.h"
#include "lineage/checkpoint/manifest.h"

namespace lineage {

// The trees of a run folder at this moment, also while a process grows them.

enum class NodeStatus : uint8_t {
  grown,
  growing,    // a process holds the folder's lock
  paused,     // begun, and no process works on it
  waiting,    // not begun
  unreadable  // its checkpoint is missing, damaged or of another version: see `problem`
};
constexpr std::array<std::string_view, 5> enum_names(NodeStatus) {
  return {"grown", "growing", "paused", "waiting", "unreadable"};
}

// A node as grown from one seed.
struct NodeState {
  uint64_t seed = 0;
  fs::path folder{};  // the node's own, links resolved
  NodeStatus status = NodeStatus::waiting;
  int64_t step = 0, tokens = 0;
  std::optional<int64_t> steps{};  // in all; none: not known
  std::string key{};               // in the database of scores; empty unless grown
  std::string problem{};
};

struct TreeNode {
  std::string name, stage{}, kind{},
      title{};                         // kind, title: of the stage (StageText), may be empty
  std::vector<std::string> parents{};  // names
  bool control = false;
  std::string control_of{};
  std::vector<NodeState> seeds{};
};

struct TreeState {
  std::string name{};
  fs::path folder{};
  std::vector<uint64_t> seeds{};
  std::vector<TreeNode> nodes{};  // parents before children where the recipe is known
  std::string problem{};          // with what all of its nodes share; empty: none
  bool growing() const;
  const TreeNode* node(const std::string& called) const;
};

// Reads them, and keeps what does not change between two readings. One thread uses it.
class TreeReader {
 public:
  // By name. An Error when the path is no run folder.
  std::vector<TreeState> read(const fs::path& run);
  // The names alone.
  static std::vector<std::string> names(const fs::path& run);
  TreeState read_tree(const fs::path& run, const std::string& name);

 private:
  struct KnownManifest {
    std::string stamp;
    Manifest manifest;
  };
  struct KnownRecipe {
    std::string toml{};
    std::vector<TreeNode> nodes{};  // without seeds
    std::optional<uint64_t> seed{};
    std::string problem{};
  };
  const KnownRecipe& recipe_of(const fs::path& tree, const std::string& toml);
  const Manifest& manifest_of(const fs::path& folder);
  uint64_t grown_seed(const fs::path& links);
  void add_seed(TreeState&, const fs::path& links, uint64_t seed);
  void add_grown(TreeState&, const fs::path& link, uint64_t seed);
  void name_parents(TreeState&);

  std::map<fs::path, KnownManifest> manifests_;  // by folder
  std::map<fs::path, KnownRecipe> recipes_;      // by tree
};

// Size and time of last change of a file, "" without one: another text is another content.
std::string file_stamp(const fs::path&);

}  // namespace lineage
