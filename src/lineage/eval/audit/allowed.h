#pragma once

#include <span>
#include <string_view>

#include "lineage/eval/audit/audit.h"

namespace lineage {

// An overlap that the design wants, or that chance explains: how much of it, and why.
struct AllowedOverlap {
  std::string_view probe;    // how its name begins
  std::string_view cell;     // how its cell begins; empty: every cell
  std::string_view sources;  // kinds of source: "text", "code", "demonstrations"; parted by spaces
  std::string_view checks;   // names of checks, parted by spaces
  double share;              // of the items, at most
  std::string_view why;
};
std::span<const AllowedOverlap> allowed_overlaps();

// Why such an overlap is none to worry about; empty when nothing allows it.
std::string_view allowed_reason(const Overlap&, AuditSource::Kind);

}  // namespace lineage
