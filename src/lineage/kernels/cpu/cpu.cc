#include "lineage/kernels/cpu/cpu.h"

namespace lineage {

std::string_view CpuKernels::name() const { return "cpu"; }

const Kernels& cpu_kernels() {
  static const CpuKernels kernels;
  return kernels;
}

}  // namespace lineage
