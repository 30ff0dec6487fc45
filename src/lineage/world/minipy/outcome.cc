#include "lineage/world/minipy/outcome.h"

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
  return kNames[static_cast<size_t>(outcome)];
}

}  // namespace lineage::minipy
