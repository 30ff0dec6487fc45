#pragma once

#include <string>
#include <vector>

#include "lineage/abilities/audit/audit.h"

namespace lineage {

// Content that no document may have, whatever the items (docs/abilities.md, section 4): persons of
// the H-half in questions, shadows, years after the cutoff, programs whose key is for tests.
class SplitRules {
 public:
  explicit SplitRules(const World&);

  enum Rule : uint8_t { kQuestioned, kShadow, kYear, kProgram, kKey, kRules };
  static std::string_view name(Rule);
  // The rules that a document breaks, as bits.
  uint32_t broken(const Document&, AuditSource::Kind) const;

 private:
  bool asks_about_h_half(std::span<const Token>, AuditSource::Kind) const;
  bool names_h_half(std::span<const Token> asked) const;
  int person_at(std::span<const Token>, size_t i) const;  // -1: none

  std::vector<uint8_t> h_half_, shadow_;  // by name
};

}  // namespace lineage
