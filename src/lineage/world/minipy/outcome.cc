#include "lineage/world/minipy/outcome.h"

#include "lineage/base/enum_index.h"

namespace lineage::minipy {

std::string_view outcome_name(Outcome outcome) {
  static constexpr std::string_view kNames[] = {"",
                                                "AssertionError",
                                                "AttributeError",
                                                "IndexError",
                                                "KeyError",
                                                "NameError",
                                                "RecursionError",
                                                "RuntimeError",
                                                "TypeError",
                                                "UnboundLocalError",
                                                "ValueError",
                                                "ZeroDivisionError",
                                                "SyntaxError",
                                                "IntegerOverflow",
                                                "StepLimit",
                                                "MemoryLimit",
                                                "OutputLimit",
                                                "Unsupported"};
  return kNames[enum_index(outcome)];
}

}  // namespace lineage::minipy
