#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/abilities/allowed_overlap.h"
#include "lineage/abilities/audit/declines.h"
#include "lineage/base/enum_index.h"
#include "lineage/base/progress.h"
#include "lineage/data/tokens_seen.h"
#include "lineage/world/document.h"
#include "lineage/world/facts.h"

namespace lineage {

// Searches training data for test items (docs/abilities.md, section 4).

// Training data: a corpus of the micro-world, or a set of demonstrations.
struct AuditSource {
  using Kind = TrainingKind;
  std::string name;
  Kind kind = Kind::text;
  int64_t documents = 0;
  std::function<Document(int64_t)> document;  // any thread may call it
  // The generator's key of a document's question; a tenth of the keys is for tests only. Null where
  // documents have none.
  std::function<uint64_t(int64_t)> key = nullptr;
};

// One item of a probe, as tokens. `question` and `target` are a model's input and its right answer;
// a sentence to be judged has no question. Where the target continues the question's sentence it
// must follow at once to count as the same, else a few tokens may be between them.
struct AuditItem {
  std::string id, cell;
  std::vector<Token> question, target;
  bool continues = false;
};
struct AuditProbe {
  std::string name, ability;
  std::string condition_of = {};  // see ScenarioSpec
  std::vector<AuditItem> items;
};

// The test items of the whole ability suite, at most `most` of each scenario. Votes over several
// chains use the items of another scenario and are left out.
std::vector<AuditProbe> audit_probes(const std::shared_ptr<const World>&, int64_t most);

// Items of one cell of a scenario that are in a source.
struct Overlap {
  std::string ability, probe, condition_of, cell, source;
  Check check = Check::exact;
  int64_t found = 0, items = 0;  // `items`: those that the check can judge
  std::string example;           // an item that was found, as words
  std::string example_id;
  int64_t document = 0;   // the first one with it
  std::string allowed{};  // why it is acceptable; empty: a leak
};

// A document that its split does not allow, whatever the items.
struct SplitFault {
  std::string source, what;
  int64_t found = 0;
  int64_t document = 0;
  std::string example;
};

// Answer-bearing tokens by ability. For an ability that a base model must have they should be at
// least this share of its text: reading comprehension did not appear at .45 %.
inline constexpr double kDenseEnough = 0.02;
inline constexpr int kAuditAbilities = 32;
struct SourceCount {
  std::string name;
  AuditSource::Kind kind = AuditSource::Kind::text;
  int64_t documents = 0, tokens = 0;
  std::array<int64_t, kAuditAbilities> answers{};
  DeclineCounts declines;
  bool dialogs = false;  // conversations, whose refusals are meant to teach
  double share(Ability a) const {
    return tokens ? static_cast<double>(answers[enum_index(a)]) / static_cast<double>(tokens) : 0;
  }
};

struct ProbeCount {
  std::string name, ability;
  int64_t items = 0;
};

// The answer tokens of an ability that a node has seen. The claim that its stage gave the ability
// requires that no earlier stage had any (docs/abilities.md, section 4); else it is a dose.
struct NodeDose {
  Ability ability = Ability::none;
  double own = 0, before = 0;  // answer-bearing tokens
  bool is_new() const { return own > 0 && before == 0; }
};

struct AuditReport {
  std::vector<SourceCount> sources;
  std::vector<ProbeCount> probes;
  std::vector<Overlap> overlaps;  // all that were found, allowed ones too
  std::vector<SplitFault> faults;
  bool clean() const;
  // One line for the first leak; empty when clean.
  std::string first_leak() const;
};

std::vector<NodeDose> node_doses(const AuditReport&, const TokensSeen&);

// The matrix of abilities and sources, the doses of nodes and the findings as text; the same as
// JSON.
std::string audit_text(const AuditReport&, const std::vector<TokensSeen>&);
std::string audit_json(const AuditReport&, const std::vector<TokensSeen>&);

// Reads every source once. Deterministic, for any number of threads.
AuditReport audit(const World&, const std::vector<AuditProbe>&, const std::vector<AuditSource>&,
                  Progress& = silent());

}  // namespace lineage
