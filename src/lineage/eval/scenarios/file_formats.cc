#include <vector>

#include "lineage/eval/scenarios/benchmark_formats.h"

namespace lineage {

std::span<const FileFormat> file_formats() {
  static const std::vector<FileFormat> all = [] {
    std::vector<FileFormat> rows;
    for (const auto& kind : {choice_formats(), answer_formats(), program_formats()})
      rows.insert(rows.end(), kind.begin(), kind.end());
    return rows;
  }();
  return all;
}

}  // namespace lineage
