#pragma once

#include <cstdint>
#include <string>

namespace lineage::minipy {

// A random program in Python source over the whole subset, wider than the corpus, to compare the
// interpreter with another: about 15 % of the programs raise an exception on purpose. A pure
// function of (seed, index); most programs, not all, stay within the default limits.
std::string random_program(uint64_t seed, int64_t index);

}  // namespace lineage::minipy
