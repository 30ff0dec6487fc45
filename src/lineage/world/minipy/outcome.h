#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lineage::minipy {

// The end of a minipy program. The names down to value_error are CPython's exception classes; a
// clean end has none. The rest are our own: syntax outside the subset, and the limits that keep
// every program finite.
enum class Outcome : uint8_t {
  ok,
  assertion_error,
  attribute_error,
  index_error,
  key_error,
  name_error,
  recursion_error,
  runtime_error,
  type_error,
  unbound_local_error,
  value_error,
  zero_division_error,
  syntax_error,
  integer_overflow,  // beyond 64 bits
  step_limit,
  memory_limit,
  output_limit,
  unsupported,  // Python, but outside the subset
};
std::string_view outcome_name(Outcome);  // "IndexError", "StepLimit", …; "" for ok

// Thrown inside minipy and by parse(); run() turns it into a result.
struct Fault {
  Outcome outcome;
  std::string message;
  int32_t line = 0;  // from 1; 0: unknown
};

}  // namespace lineage::minipy
