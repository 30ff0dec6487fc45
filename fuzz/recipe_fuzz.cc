// TOML recipes: parses any bytes, walks every table, and reads them as a config. An Error is the
// right answer to nonsense; anything else (a crash, a hang, another exception) is a bug.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/base/error.h"

namespace {

using lineage::ConfigNode;
using lineage::Error;

struct Node {
  std::string stage = "pretrain";
  std::vector<std::string> parents;
  int64_t steps = 1;
  double lr = 1e-3;
};
template <class V>
void fields(V& v, Node& c) {
  v("stage", c.stage, "");
  v("parents", c.parents, "");
  v("steps", c.steps, "", lineage::at_least(1));
  v("lr", c.lr, "");
}

struct Recipe {
  std::string title;
  uint64_t seed = 0;
  bool resume = true;
  std::vector<Node> list;
  std::map<std::string, Node> nodes;
  std::map<std::string, double> weights;
};
template <class V>
void fields(V& v, Recipe& c) {
  v("title", c.title, "");
  v("seed", c.seed, "");
  v("resume", c.resume, "");
  v("list", c.list, "");
  v("nodes", c.nodes, "");
  v("weights", c.weights, "");
}

void walk(const ConfigNode& node) {
  for (const std::string& key : node.keys()) {
    if (!node.has(key) || node.place(key).empty()) std::abort();
    try {
      walk(node.child(key));
    } catch (const Error&) {  // not a table
    }
  }
}

}  // namespace

// The first line is a `--set` assignment, the rest the document.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(text.find('\n'), text.size());
  try {
    ConfigNode node = ConfigNode::parse(text.substr(std::min(end + 1, text.size())), "fuzz.toml");
    walk(node);
    try {
      ConfigNode changed = node;
      changed.set(text.substr(0, end));
      changed.merge_under(node);
      walk(changed);
    } catch (const Error&) {
    }
    // A config read once must be written and read again without loss.
    const std::string frozen = lineage::to_toml(lineage::read_config<Recipe>(node));
    const Recipe again = lineage::read_config<Recipe>(ConfigNode::parse(frozen, "frozen.toml"));
    if (lineage::to_toml(again) != frozen) std::abort();
  } catch (const Error&) {
  }
  return 0;
}
