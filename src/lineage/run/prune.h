#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lineage {

// The kinds of things that may be removed from a run folder, as no tree names them any more.
enum class Unnamed : uint8_t {
  node,       // OUT/nodes/NAME-IDENTITY, grown or cut
  state,      // training states and best weights of a node that is grown
  data,       // OUT/data/SOURCE-KEY
  tokenizer,  // OUT/tokenizers/KEY.json
  scores      // rows of OUT/scores.sqlite
};
constexpr std::array<std::string_view, 5> enum_names(Unnamed) {
  return {"node", "state", "data", "tokenizer", "scores"};
}

struct UnnamedThing {
  Unnamed kind;
  std::filesystem::path path;  // of the folder or file; a state's is its node's folder
  int64_t bytes = 0;           // of `scores`: approximate
  std::string about;           // "cut before it was grown", "of 3 models"; may be empty
  std::string stays;           // the reason to keep it: "in use by process 123"; empty: removed
};

struct PruneReport {
  std::vector<UnnamedThing> things;  // by kind, then by path
  std::vector<std::string> notes;    // things not examined and why, a line each
  int64_t bytes() const;             // of the things to remove
};

// Lists the things that no tree of a run folder names. A tree names by links alone:
//
// - A node is named when a link anywhere below RUN/trees leads to it: of a recipe, a further seed
//   or a folder that somebody made; also by a link in .growing, which stands for a node that a cut
//   run was to grow. The nodes that a named one was grown from are named with it.
// - Tokenised data and tokenizers are named when the manifest of a named node has their digest.
//   While a tree is half grown the data of its other nodes are unknown, so all of them stay.
// - Scores are named when their node is. Those of models outside the run stay.
//
// Changes nothing. An Error when the folder is not a run's or has no tree, since then everything
// would be removed.
PruneReport list_unnamed(const std::filesystem::path& run);

// Removes them. Things in use by a running `grow`, not written by Lineage or behind a link stay,
// and the report says so.
PruneReport prune(const std::filesystem::path& run);

}  // namespace lineage
