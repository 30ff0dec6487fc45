#include "lineage/world/instructions/dataset.h"

#include "lineage/base/digest.h"

namespace lineage {
namespace {

class InstructionDataset final : public Dataset {
 public:
  InstructionDataset(std::shared_ptr<const World> world, const InstructionConfig& config)
      : world_(std::move(world)),
        instructions_(*world_),
        config_(config),
        mixture_(instructions_, config) {}

  std::string name() const override {
    return "instructions: " + std::to_string(config_.examples) + " of " +
           std::to_string(mixture_.types().size()) + " types";
  }
  std::string digest() const override {
    return digest_of("instructions 1\n" + to_toml(world_->config()) + to_toml(config_));
  }
  int64_t size() const override { return config_.examples; }
  Example get(int64_t index) const override {
    return to_example(mixture_(static_cast<uint64_t>(index)));
  }

 private:
  std::shared_ptr<const World> world_;
  Instructions instructions_;
  InstructionConfig config_;
  InstructionMixture mixture_;
};

}  // namespace

DatasetPtr instruction_dataset(std::shared_ptr<const World> world,
                               const InstructionConfig& config) {
  return std::make_shared<InstructionDataset>(std::move(world), config);
}

}  // namespace lineage
