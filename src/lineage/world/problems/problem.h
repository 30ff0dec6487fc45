#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/world/item_split.h"
#include "lineage/world/token_text.h"

namespace lineage {

// Word problems whose answer takes several steps (A12; docs/abilities.md, section 3.5).
enum class ProblemFamily : uint8_t {
  quantity,  // tom has 7 apples . ann has 5 more than tom . how many does ann have ?
  hop,       // what is the home of the employer of mira volk ?
  state      // the lamp is in the box . tom moved the lamp to the bag . where is the lamp ?
};
inline constexpr std::array kProblemFamilies = {ProblemFamily::quantity, ProblemFamily::hop,
                                                ProblemFamily::state};
std::string_view problem_family_name(ProblemFamily);

struct ProblemSpec {
  ProblemFamily family = ProblemFamily::quantity;
  int steps = 2;  // operations: 1..6 for quantity, 2..3 for hop, 0..8 for state
  // quantity: 1 has values 0..20 and premises in order; 2 has values 0..99, premises shuffled among
  // one or two that do not matter.
  int level = 1;
};
// The most steps in tuning; more are out of distribution.
inline constexpr int kTunedSteps = 4;

struct Problem {
  ProblemSpec spec;
  std::vector<Tokens> premises;  // sentences with their full stop
  Tokens question;               // "how many does bob have ?"
  std::vector<Tokens> chain;     // one sentence a step, each re-stating the values it uses
  Tokens answer;
  int changes = 0;      // state: how often the object in question changed its place
  std::string cluster;  // of the probes: the subject of the question
  uint64_t key = 0;     // hash(structure, values)
  bool test_only = false;
  bool partly_trained = false;  // for tests only, but training may hold most of its chain
};

// Premises and question; and the chain's sentences one after another.
Tokens problem_text(const Problem&);
Tokens chain_text(const Problem&);

// A problem of that shape, for training or test by the item's index (see item_split.h).
Problem make_problem(const World&, const ProblemSpec&, std::string_view stream, uint64_t index);
// The same with draws that the caller makes.
Problem make_problem(const World&, const ProblemSpec&, ItemUse, Draw&);

// A chain of relations over stored facts, beginning at a person. Persons of T128 and T400 only.
struct HopPath {
  std::vector<Relation> relations;
};
// The paths of `steps` steps, 1..3, that this world's attributes allow.
std::vector<HopPath> hop_paths(const World&, int steps);

}  // namespace lineage
