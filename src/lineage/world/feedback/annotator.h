#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lineage/base/config.h"
#include "lineage/base/rng.h"
#include "lineage/world/feedback/utility.h"

namespace lineage {

// What annotators go by. `length` prefers the longer answer; `permuted` has the utility of another
// answer to the same prompt, at random.
enum class LabelsBy : uint8_t { utility, length, permuted };
constexpr std::array<std::string_view, 3> enum_names(LabelsBy) {
  return {"utility", "length", "permuted"};
}

struct LabelerConfig {
  LabelsBy by = LabelsBy::utility;
  double agreement = 0.75;
  UtilityConfig utility{};
};

template <class V>
void fields(V& v, LabelerConfig& c) {
  v("by", c.by,
    "what annotators go by: utility; length: the longer answer; permuted: the utility of another "
    "answer");
  v("agreement", c.agreement,
    "share of the pairs of answers that two annotators rank alike; their noise follows from it. 1: "
    "none",
    between(0.5, 1));
  fields(v, c.utility);
}

// An answer as annotators see it.
struct RatedAnswer {
  AnswerReading reading;
  int64_t tokens = 0;
};

// Three annotators: one without a taste of its own, one who likes long answers, and one who is
// strict about falsehoods. P(a before b) = σ((u_a - u_b) / noise) for the utilities of each
// (Bradley & Terry 1952), for all answers to a prompt at once (Plackett-Luce). Answers of the same
// utility are a tie.
enum class Annotator : uint8_t { neutral, verbose, strict };
inline constexpr int kAnnotators = 3;

class Annotators {
 public:
  // `noise` is that at which any two of them agree on the share of pairs that is wanted, on average
  // over these prompts.
  Annotators(const LabelerConfig&, std::span<const std::vector<RatedAnswer>> prompts);

  double noise() const { return noise_; }
  // The share of untied pairs on which two annotators agree, expected at this noise.
  double agreement() const { return agreement_at(noise_); }
  // Ranks, 1 the best, of the answers to a prompt, by one of the annotators; `key` decides who, and
  // the noise.
  std::vector<int> rank(std::span<const RatedAnswer>, const Rng& key) const;
  std::vector<int> rank(std::span<const RatedAnswer>, Annotator, const Rng& key) const;
  // What this annotator would say without noise.
  std::vector<double> utilities(std::span<const RatedAnswer>, Annotator) const;

 private:
  double agreement_at(double noise) const;

  LabelerConfig config_;
  double noise_ = 0;
  // Of pairs of answers: the difference of utilities for each annotator.
  std::vector<std::array<double, kAnnotators>> differences_;
};

// Ranks by a number, 1 for the greatest; equal numbers are a tie.
std::vector<int> ranks_of(std::span<const double> utilities);

}  // namespace lineage
