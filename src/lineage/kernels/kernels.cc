#include "lineage/kernels/kernels.h"

#include <atomic>

#include "lineage/base/error.h"

namespace lineage {
namespace {
std::atomic<const Kernels*> override_kernels{nullptr};
}

const Kernels& kernels(Device device) {
  require(device == Device::cpu, "device: cuda; this binary was built for the CPU alone");
  const Kernels* chosen = override_kernels.load(std::memory_order_relaxed);
  return chosen ? *chosen : cpu_kernels();
}

UseKernels::UseKernels(const Kernels& k) : outer_(override_kernels.exchange(&k)) {}
UseKernels::~UseKernels() { override_kernels = outer_; }

}  // namespace lineage
