#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lineage {

// The scores of an item's choices as bytes (docs/formats.md, "scores.sqlite"): up to 16 as floats;
// more, such as the log-probabilities of a whole vocabulary, in 65,535 steps between the least and
// the greatest, so within 1/131,070 of their range. Scores are finite.
std::string pack_scores(std::span<const double>);
// Empty for any other bytes.
std::vector<double> unpack_scores(std::string_view);

}  // namespace lineage
