#include "lineage/stages/preflight.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "lineage/base/error.h"
#include "lineage/train/machine.h"

namespace lineage {
namespace {

namespace fs = std::filesystem;

// Bytes already used by an interrupted run's checkpoint; the next one replaces it.
int64_t bytes_in(const fs::path& folder) {
  int64_t bytes = 0;
  std::error_code error;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator();
       it.increment(error))
    if (it->is_regular_file(error)) bytes += static_cast<int64_t>(it->file_size(error));
  return bytes;
}

void check_memory(const NodeToGrow& node, int ranks, int64_t have) {
  const int64_t wanted = node.plan.memory_bytes * ranks;
  if (wanted <= have) return;
  throw Error(fmt::format("{}: needs about {} of memory{}; this machine has {} free", node.place,
                          size_text(wanted), ranks > 1 ? fmt::format(" for {} ranks", ranks) : "",
                          size_text(have)),
              "lower pretrain.micro_tokens, model.context or the size of the model");
}

}  // namespace

void check_resources(const std::vector<NodeToGrow>& nodes, const fs::path& out, int ranks) {
  const int64_t memory = available_memory(), disk = free_disk(out);
  int64_t kept = 0;  // by the nodes before this one, once they are grown
  for (const NodeToGrow& node : nodes) {
    check_memory(node, ranks, memory);
    const int64_t wanted = kept + node.plan.disk_bytes - bytes_in(node.folder);
    if (wanted > disk)
      throw Error(
          fmt::format("{}: needs about {} of disk{}; {} has {} free", node.place, size_text(wanted),
                      kept > 0 ? " with the nodes before it" : "", out.string(), size_text(disk)),
          "free some space, or choose another disk with --out");
    kept += node.plan.parameters * size_of(DType::f32) + metrics_bytes(node.plan.steps);
  }
}

int max_parallel_nodes(const std::vector<NodeToGrow>& nodes, const fs::path& out, int at_once) {
  // How many of the largest go into `have`.
  const auto fit = [&](int64_t StagePlan::*bytes, int64_t have) {
    std::vector<int64_t> wanted;
    for (const NodeToGrow& node : nodes) wanted.push_back(node.plan.*bytes);
    std::ranges::sort(wanted, std::greater());
    int count = 0;
    for (const int64_t w : wanted) {
      if ((have -= w) < 0) break;
      ++count;
    }
    return count;
  };
  return std::max(1, std::min({at_once, fit(&StagePlan::memory_bytes, available_memory()),
                               fit(&StagePlan::disk_bytes, free_disk(out))}));
}

std::string size_text(int64_t bytes) {
  constexpr int64_t kKiB = 1 << 10, kMiB = 1 << 20, kGiB = 1 << 30;
  const auto in = [bytes](int64_t unit) { return (bytes + unit - 1) / unit; };
  if (bytes < 10 * kMiB) return fmt::format("{} KiB", in(kKiB));
  if (bytes < 10 * kGiB) return fmt::format("{} MiB", in(kMiB));
  return fmt::format("{} GiB", in(kGiB));
}

}  // namespace lineage
