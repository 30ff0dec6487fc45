#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "lineage/world/minipy/corpus/code_forms.h"

namespace lineage {

// The code corpus of a world at a size in tokens (docs/abilities.md, section 3.4). Documents by
// index are each a pure function of (config, seed, index), so any thread may make any document at
// any time. The forms have their shares by tokens; every rung has the same number of tokens, up to
// the scatter of document lengths. Programs with a canonical hash, and specs with a key, divisible
// by ten are left to the probes.
//
// The order is not shuffled: documents 4k .. 4k + 3 have one form, and rung c3 permutes the
// outputs among them.
class CodeCorpus {
 public:
  CodeCorpus(const CodeConfig&, uint64_t seed, int64_t tokens);

  const CodeConfig& config() const { return config_; }
  int64_t documents() const { return documents_; }  // none for Rung::text
  int64_t tokens() const { return tokens_; }        // as requested; the actual number is close
  Document document(int64_t index) const;

 private:
  enum Form : uint8_t {
    kScript,
    kFunction,
    kRepl,
    kTrace,
    kClassTree,
    kLongRange,
    kBugfix,
    kControl,
    kForms
  };

  Form form_of(int64_t group) const;
  Document make(Form, int64_t index) const;
  Document permuted(int64_t index) const;

  CodeConfig config_;
  Rng key_;
  int64_t tokens_, documents_ = 0;
  CodeContext context_;
  std::array<double, kForms> until_{};  // cumulative chance of a form, by documents
};

}  // namespace lineage
