#pragma once

// Regular expressions by PCRE2: the oracle of the hand-written scanners, for tests only.

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lineage::testing {

class Pcre2 {
 public:
  // \s means White_Space here, as in the libraries that the patterns come from; PCRE2's own \s
  // has U+180E too.
  explicit Pcre2(std::string_view regex) {
    std::string pattern;
    for (size_t i = 0; i < regex.size(); ++i) {
      if (regex.substr(i, 2) == "\\s" || regex.substr(i, 2) == "\\S") {
        pattern += regex[++i] == 's' ? "\\p{White_Space}" : "\\P{White_Space}";
      } else {
        pattern += regex[i];
      }
    }
    int error = 0;
    PCRE2_SIZE where = 0;
    code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                              PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK, &error, &where, nullptr));
    if (!code_) throw std::runtime_error("pattern: error at " + std::to_string(where));
    pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);
    match_.reset(pcre2_match_data_create_from_pattern(code_.get(), nullptr));
  }

  // Length of the match that starts at `at`; 0 when there is none.
  size_t match(std::string_view text, size_t at) const {
    const int rc = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                               at, PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK, match_.get(), nullptr);
    if (rc < 1) return 0;
    const PCRE2_SIZE* span = pcre2_get_ovector_pointer(match_.get());
    return span[1] - span[0];
  }

 private:
  struct Free {
    void operator()(pcre2_code* p) const { pcre2_code_free(p); }
    void operator()(pcre2_match_data* p) const { pcre2_match_data_free(p); }
  };
  std::unique_ptr<pcre2_code, Free> code_;
  std::unique_ptr<pcre2_match_data, Free> match_;
};

}  // namespace lineage::testing
