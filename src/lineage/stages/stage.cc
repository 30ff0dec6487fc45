#include "lineage/stages/stage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lineage/base/error.h"

namespace lineage {

// One file each.
const Stage& pretrain_stage();
const Stage& sft_stage();
const Stage& feedme_stage();
const Stage& reward_stage();
const Stage& ppo_stage();
const Stage& grpo_stage();
const Stage& dpo_stage();
const Stage& best_of_n_stage();
const Stage& moderation_stage();
const Stage& import_stage();

namespace {

std::vector<const Stage*> stages() {
  return {&pretrain_stage(),   &sft_stage(),   &feedme_stage(), &reward_stage(),
          &ppo_stage(),        &grpo_stage(),  &dpo_stage(),    &best_of_n_stage(),
          &moderation_stage(), &import_stage()};
}

}  // namespace

std::vector<std::string_view> stage_names() {
  std::vector<std::string_view> names;
  for (const Stage* s : stages()) names.push_back(s->name());
  return names;
}

std::vector<std::string> StageReads::names() const {
  std::vector<std::string> names;
  for (const auto& [name, weight] : sets) names.push_back(name);
  for (const auto& [name, weight] : texts) names.push_back(name);
  names.insert(names.end(), others.begin(), others.end());
  return names;
}

int64_t metrics_bytes(int64_t steps) {
  constexpr int64_t kBytesAStep = 180;
  return kBytesAStep * steps;
}

const Stage& stage_for(std::string_view kind, const std::string& place) {
  for (const Stage* s : stages())
    if (s->name() == kind) return *s;
  const std::vector<std::string_view> names = stage_names();
  const std::string near = nearest_name(kind, std::vector<std::string>(names.begin(), names.end()));
  throw Error(
      fmt::format("{}: stage is \"{}\"; wanted one of {}", place, kind, fmt::join(names, ", ")),
      near.empty() ? "" : "did you mean \"" + near + "\"?");
}

const Stage& stage_of(const RecipeNode& node) { return stage_for(node.stage, node.place); }

}  // namespace lineage
