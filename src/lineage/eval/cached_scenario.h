#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "lineage/eval/scenario.h"

namespace lineage {

// A scenario that makes its items once, for many models on any number of threads.
class CachedScenario final : public Scenario {
 public:
  explicit CachedScenario(std::shared_ptr<const Scenario> scenario)
      : Scenario(scenario->spec()), scenario_(std::move(scenario)) {}

  std::vector<Instance> items(ItemSet set, int64_t n) const override {
    const std::scoped_lock lock(mutex_);
    const auto [at, fresh] = made_.try_emplace({set, n});
    if (fresh) at->second = scenario_->items(set, n);
    return at->second;
  }

 private:
  std::shared_ptr<const Scenario> scenario_;
  mutable std::mutex mutex_;
  mutable std::map<std::pair<ItemSet, int64_t>, std::vector<Instance>> made_;
};

}  // namespace lineage
