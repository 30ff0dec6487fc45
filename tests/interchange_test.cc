// Models of Hugging Face against what the reference implementation computed from them: every folder
// of $LINEAGE_FIXTURES, with every backend. A folder holds config.json, the tensors, and in
// expected.safetensors input_ids, targets, logits, loss, grad.* and a greedy continuation; where
// there is a train.safetensors, ten steps of AdamW as well.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "huggingface_fixture.h"
#include "lineage/base/error.h"
#include "lineage/ops/ops.h"
#include "lineage/ops/tape.h"

namespace lineage {
namespace {

using namespace lineage::testing;

fs::path fixtures_folder() {
  if (const char* folder = std::getenv("LINEAGE_FIXTURES")) return folder;
  if (const char* shared = std::getenv("LINEAGE_SHARED")) return fs::path(shared) / "fixtures";
  return fs::path(LINEAGE_SOURCE_DIR) / "../shared/fixtures";
}

std::vector<fs::path> fixtures() {
  std::vector<fs::path> folders;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(fixtures_folder(), absent))
    if (fs::exists(entry.path() / "expected.safetensors")) folders.push_back(entry.path());
  std::ranges::sort(folders);
  return folders;
}

// Tokens to predict, all of one weight; those below zero do not count.
struct Targets {
  explicit Targets(const Tensor& targets)
      : ids(targets.view({targets.numel()})), weights(Tensor::zeros({targets.numel()})) {
    for (size_t i = 0; i < ids.data<int32_t>().size(); ++i)
      if (ids.data<int32_t>()[i] >= 0) weights.data<float>()[i] = 1, total += 1;
  }
  Tensor ids, weights;
  float total = 0;
};

class Interchange : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (fixtures().empty())
      GTEST_SKIP() << "no fixtures in " << fixtures_folder() << "; set LINEAGE_FIXTURES";
  }
  static const Kernels& backend() {
    return GetParam() == std::string("reference") ? reference_kernels() : cpu_kernels();
  }
  template <class Body>
  void for_every_fixture(const Body& body) {
    const UseKernels use(backend());
    for (const fs::path& folder : fixtures()) {
      SCOPED_TRACE(folder.filename().string());
      Fixture fixture(folder);
      body(fixture);
    }
  }
  // The worst of a measure, for the log: the value to compare with the tolerance.
  static void report(const Fixture& fixture, const char* what, double worst) {
    std::printf("  %-12s %-12s %-28s %.2e\n", GetParam(), fixture.folder().filename().c_str(), what,
                worst);
  }
};

TEST_P(Interchange, LogitsAndLoss) {
  for_every_fixture([](Fixture& f) {
    const SafetensorsFile expected = f.file("expected.safetensors");
    const Tensor wanted = expected.read("logits");
    const Tensor logits = f.model.gpt->logits(f.model.gpt->hidden(expected.read("input_ids")));
    ASSERT_EQ(logits.numel(), wanted.numel());
    const double difference = largest_difference(logits, wanted);
    report(f, "logits, absolute", difference);
    EXPECT_LE(difference, 1e-4);

    const Targets targets(expected.read("targets"));
    const Tensor loss = ops::cross_entropy(logits, targets.ids, targets.weights, targets.total);
    const double error = relative_error(loss, expected.read("loss"));
    report(f, "loss, relative", error);
    EXPECT_LE(error, 1e-5);
  });
}

// Both ways of taking the loss, the whole logits and the chunked ones, have the same gradients.
TEST_P(Interchange, Gradients) {
  for_every_fixture([](Fixture& f) {
    const SafetensorsFile expected = f.file("expected.safetensors");
    const Targets targets(expected.read("targets"));
    double largest = 0, worst = 0;
    for (const StoredTensor& t : expected.tensors())
      if (t.name.starts_with("grad.")) largest = std::max(largest, norm_of(read_tensor(t)));
    for (const bool chunked : {false, true}) {
      Tape tape;
      f.model.parameters->watch(tape, /*accumulate=*/false);
      const Gpt& gpt = *f.model.gpt;
      const Tensor hidden = gpt.hidden(expected.read("input_ids"));
      const Tensor loss = chunked ? ops::linear_cross_entropy(hidden, gpt.head(), targets.ids,
                                                              targets.weights, targets.total)
                                  : ops::cross_entropy(gpt.logits(hidden), targets.ids,
                                                       targets.weights, targets.total);
      EXPECT_LE(relative_error(loss, expected.read("loss")), 1e-5);
      tape.backward(loss);
      f.compare(
          expected, "grad.", [](const Parameter& p) { return p.grad; },
          [&](const std::string& name, const Tensor& seen, const Tensor& wanted) {
            // The softmax does not change with a key's bias: its gradient is rounding alone.
            const double error = relative_error(seen, wanted, 1e-3 * largest);
            worst = std::max(worst, error);
            EXPECT_LE(error, 1e-4) << name;
          });
    }
    report(f, "gradients, relative", worst);
  });
}

TEST_P(Interchange, GreedyContinuation) {
  for_every_fixture([](Fixture& f) {
    constexpr int64_t kNew = 12;
    const Tensor wanted = f.file("expected.safetensors").read("greedy");
    const int64_t length = wanted.numel();
    std::vector<int32_t> tokens(wanted.data<int32_t>().begin(),
                                wanted.data<int32_t>().end() - kNew);
    while (static_cast<int64_t>(tokens.size()) < length) {
      const auto n = static_cast<int64_t>(tokens.size());
      const Tensor logits = f.model.gpt->logits(f.model.gpt->hidden(Tensor::from({1, n}, tokens)));
      const Tensor last = logits.rows(n - 1, n);
      tokens.push_back(static_cast<int32_t>(std::ranges::max_element(last.data<float>()) -
                                            last.data<float>().begin()));
    }
    EXPECT_TRUE(std::ranges::equal(tokens, wanted.data<int32_t>()));
  });
}

// lr 3e-3 after four steps of linear warm-up, betas .9 and .95, weight decay .1 on tensors of two
// or more dimensions, gradients clipped to a global norm of 1.
struct Optimizer {
  explicit Optimizer(Parameters& all)
      : parameters(all), m(Tensor::zeros({all.numel()})), v(Tensor::zeros({all.numel()})) {}

  // Returns the norm of the gradients before clipping.
  double step() {
    const double norm = std::sqrt(kernels().sum_squares(parameters.grads()));
    AdamWStep s;
    s.step = ++steps;
    s.lr = 3e-3f * std::min(1.0f, static_cast<float>(steps) / 4);
    s.grad_scale = static_cast<float>(std::min(1.0, 1.0 / (norm + 1e-6)));  // as PyTorch clips
    const int64_t decayed = parameters.decayed(), all = parameters.numel();
    update(0, decayed, s);
    s.weight_decay = 0;
    update(decayed, all, s);
    return norm;
  }
  void update(int64_t begin, int64_t end, const AdamWStep& s) {
    const auto part = [&](const Tensor& x) { return x.slice(begin, {end - begin}); };
    Tensor p = part(parameters.values()), pm = part(m), pv = part(v);
    kernels().adamw(p, pm, pv, part(parameters.grads()), s);
  }
  Parameters& parameters;
  Tensor m, v;
  int64_t steps = 0;
};

TEST_P(Interchange, TenStepsOfAdamW) {
  for_every_fixture([](Fixture& f) {
    if (!fs::exists(f.folder() / "train.safetensors")) return;
    const SafetensorsFile train = f.file("train.safetensors");
    const Tensor tokens = train.read("tokens");  // (steps,B,T+1)
    const Tensor losses = train.read("loss"), norms = train.read("grad_norm");
    const int64_t B = tokens.dim(1), T = tokens.dim(2) - 1;
    Optimizer optimizer(*f.model.parameters);
    double worst_loss = 0, worst_norm = 0;
    for (int64_t step = 0; step < tokens.dim(0); ++step) {
      const Tensor inputs = Tensor::empty({B, T}, DType::i32);
      const Tensor next = Tensor::like(inputs);
      for (int64_t b = 0; b < B; ++b) {
        const auto row = tokens.rows(step, step + 1)
                             .data<int32_t>()
                             .subspan(static_cast<size_t>(b * (T + 1)), static_cast<size_t>(T + 1));
        std::ranges::copy(row.first(static_cast<size_t>(T)),
                          inputs.data<int32_t>().begin() + b * T);
        std::ranges::copy(row.last(static_cast<size_t>(T)), next.data<int32_t>().begin() + b * T);
      }
      const Targets targets(next);
      Tape tape;
      f.model.parameters->watch(tape, /*accumulate=*/false);
      const Tensor loss =
          ops::linear_cross_entropy(f.model.gpt->hidden(inputs), f.model.gpt->head(), targets.ids,
                                    targets.weights, targets.total);
      tape.backward(loss);
      const Tensor norm = Tensor::full({1}, static_cast<float>(optimizer.step()));
      worst_loss = std::max(worst_loss, relative_error(loss, losses.rows(step, step + 1)));
      worst_norm = std::max(worst_norm, relative_error(norm, norms.rows(step, step + 1)));
    }
    report(f, "training losses, relative", worst_loss);
    report(f, "gradient norms, relative", worst_norm);
    EXPECT_LE(worst_loss, 1e-5);
    EXPECT_LE(worst_norm, 1e-4);
    double worst = 0;
    const auto check = [&](const std::string& name, const Tensor& seen, const Tensor& wanted) {
      const double error = relative_error(seen, wanted);
      worst = std::max(worst, error);
      EXPECT_LE(error, 1e-4) << name;
    };
    f.compare(
        train, "final.", [](const Parameter& p) { return p.value; },
        [&](const std::string& name, const Tensor& seen, const Tensor& wanted) {
          if (!name.ends_with("c_attn.bias")) return check(name, seen, wanted);
          // A key's bias has a gradient of rounding errors alone, which AdamW makes into steps of
          // any size up to lr; the queries' and the values' are as all others.
          const int64_t C = seen.dim(0) / 3;
          check(name + ", queries", seen.rows(0, C), wanted.rows(0, C));
          check(name + ", values", seen.rows(2 * C, 3 * C), wanted.rows(2 * C, 3 * C));
          EXPECT_LE(largest_difference(seen.rows(C, 2 * C), wanted.rows(C, 2 * C)), 10 * 2 * 3e-3);
        });
    report(f, "weights after ten steps", worst);
  });
}

INSTANTIATE_TEST_SUITE_P(Backends, Interchange, ::testing::Values("reference", "cpu"),
                         [](const auto& backend) { return std::string(backend.param); });

TEST(InterchangeFiles, ExportAfterImportIsByteIdentical) {
  if (fixtures().empty())
    GTEST_SKIP() << "no fixtures in " << fixtures_folder() << "; set LINEAGE_FIXTURES";
  for (const fs::path& folder : fixtures()) {
    SCOPED_TRACE(folder.filename().string());
    const Fixture fixture(folder);
    const fs::path out = fixture.checkpoint() / "exported";
    export_huggingface(fixture.checkpoint(), out);
    const SafetensorsFolder before(folder), after(out);
    ASSERT_EQ(before.files().size(), after.files().size());
    for (size_t i = 0; i < before.files().size(); ++i) {
      const SafetensorsFile &original = before.files()[i], &exported = after.files()[i];
      EXPECT_EQ(original.path().filename(), exported.path().filename());
      EXPECT_EQ(original.tensors().size(), exported.tensors().size());
      for (const StoredTensor& t : original.tensors()) {
        const StoredTensor& same = exported.at(t.name);
        EXPECT_EQ(t.type, same.type) << t.name;
        EXPECT_EQ(t.shape, same.shape) << t.name;
        EXPECT_TRUE(std::ranges::equal(t.data, same.data)) << t.name;
      }
    }
  }
}

}  // namespace
}  // namespace lineage
