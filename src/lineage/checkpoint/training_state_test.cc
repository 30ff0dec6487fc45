#include "lineage/checkpoint/training_state.h"

#include <signal.h>
#include <sys/resource.h>

#include <cmath>

#include "lineage/base/rng.h"
#include "lineage/checkpoint/safetensors.h"
#include "lineage/checkpoint/testing.h"

namespace lineage {
namespace {

using testing::error_of;
using testing::has;
using testing::TempFolder;
using testing::write_bytes;

NamedTensors tensors_of(float value) {
  return {{"m", Tensor::full({3, 2}, value)},
          {"order", Tensor::from({2}, std::vector<int32_t>{static_cast<int32_t>(value), -7})}};
}

void expect_state(const std::optional<TrainingState>& state, int64_t step, float value) {
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->step, step);
  EXPECT_EQ(state->tensors.at("m").data<float>()[5], value);
  EXPECT_EQ(state->tensors.at("order").data<int32_t>()[0], static_cast<int32_t>(value));
}

TEST(TrainingStates, ComeBackAsSaved) {
  const TempFolder folder;
  EXPECT_EQ(load_training_state(folder.path()), std::nullopt);
  EXPECT_EQ(load_training_state(folder / "absent"), std::nullopt);
  const nlohmann::json json = {{"loss", 0.1}, {"tokens", int64_t{1} << 60}, {"text", "ä\n"}};
  save_training_state(folder / "run", 12, tensors_of(3), json);
  EXPECT_TRUE(fs::exists(folder / "run/training-000000000012.safetensors"));
  const auto state = load_training_state(folder / "run");
  expect_state(state, 12, 3);
  EXPECT_EQ(state->json, json);
  EXPECT_EQ(state->json["loss"].get<double>(), 0.1);
  EXPECT_TRUE(state->damaged.empty());
}

TEST(TrainingStates, GoIntoMemoryThatIsThere) {
  const TempFolder folder;
  save_training_state(folder.path(), 1, tensors_of(3), {});
  const NamedTensors mine = tensors_of(0);
  const auto state = load_training_state(folder.path(), mine);
  EXPECT_EQ(mine.at("m").data<float>()[0], 3);
  EXPECT_EQ(state->tensors.at("m").bytes(), mine.at("m").bytes());
  const auto load = [&](const NamedTensors& into) {
    return error_of([&] { load_training_state(folder.path(), into); });
  };
  EXPECT_TRUE(has(load({{"m", Tensor::zeros({3, 2})}}), "tensor order is not of this run"));
  EXPECT_TRUE(
      has(load({{"v", Tensor::zeros({3})}}), "no tensor v; the run wants one of shape [3]"));
  EXPECT_TRUE(has(load({{"m", Tensor::zeros({2, 3})}}), "tensor m: shape [3, 2]; wanted [2, 3]"));
  EXPECT_TRUE(has(load({{"m", Tensor::zeros({3, 2}, DType::i32)}}), "tensor m: dtype is F32"));
}

TEST(TrainingStates, KeepTheLastOneAlone) {
  const TempFolder folder;
  for (const int64_t step : {1, 5, 3}) save_training_state(folder.path(), step, tensors_of(3), {});
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
  expect_state(load_training_state(folder.path()), 3, 3);
  write_bytes(folder / "metrics.jsonl", "");
  write_bytes(folder / "training-000000000009.safetensors.partial.1.0", "");
  remove_training_state(folder.path());
  EXPECT_EQ(load_training_state(folder.path()), std::nullopt);
  EXPECT_TRUE(fs::exists(folder / "metrics.jsonl"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(TrainingStates, FallBackToTheOlderOneThatIsWhole) {
  const TempFolder folder, newer;
  save_training_state(folder.path(), 1, tensors_of(1), {});
  save_training_state(newer.path(), 2, tensors_of(2), {});
  // Killed between the rename of the new one and the removal of the old.
  const fs::path path = folder / "training-000000000002.safetensors";
  fs::copy(newer / "training-000000000002.safetensors", path);
  expect_state(load_training_state(folder.path()), 2, 2);
  const std::string good = read_file(path);
  for (size_t i = 0; i < good.size(); i += 3) {
    std::string damaged = good;
    damaged[i] = static_cast<char>(damaged[i] ^ 2);
    write_bytes(path, damaged);
    const auto state = load_training_state(folder.path());
    ASSERT_TRUE(state.has_value());
    if (state->step == 2) continue;  // a space of the header that is as good as another
    expect_state(state, 1, 1);
    ASSERT_EQ(state->damaged.size(), 1u);
    EXPECT_TRUE(has(state->damaged[0], "training-000000000002.safetensors"));
  }
  for (size_t size = 0; size < good.size(); size += 11) {
    write_bytes(path, good.substr(0, size));
    expect_state(load_training_state(folder.path()), 1, 1);
  }
}

TEST(TrainingStates, SayWhenNoneIsWhole) {
  const TempFolder folder;
  save_training_state(folder.path(), 4, tensors_of(1), {});
  const fs::path path = folder / "training-000000000004.safetensors";
  testing::flip(path, fs::file_size(path) - 1);
  EXPECT_SAYS(load_training_state(folder.path()),
              "training-000000000004.safetensors: its digest is not that of its content");
  EXPECT_SAYS(load_training_state(folder.path()), "to start this stage from its beginning");
  write_safetensors(path, tensors_of(1));
  EXPECT_SAYS(load_training_state(folder.path()), "no state in __metadata__");
  EXPECT_SAYS(save_training_state(folder.path(), -1, {}, {}), "training state of step -1");
}

TEST(TrainingStates, SurviveAWriteThatFails) {
  const TempFolder folder;
  save_training_state(folder.path(), 1, tensors_of(1), {});
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{100, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string error =
      error_of([&] { save_training_state(folder.path(), 2, tensors_of(2), {}); });
  setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_TRUE(has(error, "cannot write")) << error;
  expect_state(load_training_state(folder.path()), 1, 1);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(TrainingStates, SurviveAKillAtAnyMoment) {
  const TempFolder folder;
  save_training_state(folder.path(), 0, tensors_of(0), {});
  const Rng rng(11);
  int64_t last = 0;
  for (uint64_t round = 0; round < 20; ++round) {
    testing::KilledProcess writer([&, step = last]() mutable {
      ++step;
      save_training_state(folder.path(), step, tensors_of(static_cast<float>(step)), {});
    });
    ::usleep(static_cast<useconds_t>(500 + rng.below(8000, round)));
    ASSERT_TRUE(writer.kill());
    const auto state = load_training_state(folder.path());
    ASSERT_TRUE(state.has_value());
    EXPECT_TRUE(state->damaged.empty());
    EXPECT_GE(state->step, last);
    expect_state(state, state->step, static_cast<float>(state->step));
    last = state->step;
  }
}

}  // namespace
}  // namespace lineage
