#include "lineage/comm/communicator.h"

namespace lineage {
namespace {

class SingleProcess final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void abandon() noexcept override {}

 private:
  std::shared_ptr<Collective> start(Kind, Tensor, std::vector<int64_t>) override { return nullptr; }
  void wait_for_change(int64_t) override {}
};

}  // namespace

std::unique_ptr<Communicator> single_process() { return std::make_unique<SingleProcess>(); }

}  // namespace lineage
