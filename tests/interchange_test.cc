// Models of Hugging Face against what the reference implementation computed from them: every folder
// of $LINEAGE_FIXTURES, else of fixtures/ and oracles/families/ of $LINEAGE_SHARED, with every
// backend. A folder holds config.json, the tensors, and in expected.safetensors any of input_ids
// and logits, targets with loss and grad.*, a greedy continuation, and `sorted`, whole texts that
// the model continues greedily; where there is a train.safetensors, ten steps of AdamW as well.
// Or it holds expected.json, of a model with a tokenizer.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "huggingface_fixture.h"
#include "lineage/base/error.h"
#include "lineage/base/json.h"
#include "lineage/ops/ops.h"
#include "lineage/ops/tape.h"

namespace lineage {
namespace {

using namespace lineage::testing;

std::vector<fs::path> fixtures_folders() {
  if (const char* folder = std::getenv("LINEAGE_FIXTURES")) return {folder};
  const char* const named = std::getenv("LINEAGE_SHARED");
  const fs::path shared = named ? fs::path(named) : fs::path(LINEAGE_SOURCE_DIR) / "../shared";
  return {shared / "fixtures", shared / "oracles/families"};
}

// The folders with a file of that name, whose models are of a family that is read here.
std::vector<fs::path> fixtures(const char* expected) {
  std::vector<fs::path> folders;
  for (const fs::path& all : fixtures_folders()) {
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(all, absent)) {
      const fs::path config = entry.path() / "config.json";
      if (!fs::exists(entry.path() / expected) || !fs::exists(config)) continue;
      const auto type = JsonObject::load(config).get_or<std::string>("model_type", "");
      if (type.empty() || find_huggingface_family(type))
        folders.push_back(entry.path());
      else if (static std::set<fs::path> said; said.insert(entry.path()).second)
        std::printf("  %s is left out: %s is no family that is read here\n",
                    entry.path().filename().c_str(), type.c_str());
    }
  }
  std::ranges::sort(folders);
  return folders;
}

std::string no_fixtures() {
  return "no fixtures in " + fixtures_folders().front().string() +
         "; set LINEAGE_SHARED or LINEAGE_FIXTURES";
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
    if (fixtures("expected.safetensors").empty()) GTEST_SKIP() << no_fixtures();
  }
  static const Kernels& backend() {
    return GetParam() == std::string("reference") ? reference_kernels() : cpu_kernels();
  }
  template <class Body>
  void for_every_fixture(const Body& body) {
    const UseKernels use(backend());
    for (const fs::path& folder : fixtures("expected.safetensors")) {
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
    EXPECT_LE(difference, 5e-5);
    if (!expected.find("targets")) return;

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
    if (!expected.find("targets")) return;
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

int32_t most_likely(const Tensor& logits) {  // of the last row
  const Tensor last = logits.rows(logits.dim(0) - 1, logits.dim(0));
  return static_cast<int32_t>(std::ranges::max_element(last.data<float>()) -
                              last.data<float>().begin());
}

// `given` tokens of `wanted` continued to its length: by the whole forward pass for each token, and
// as the engine does it, by packed weights with a cache, the prompt in one call and then a token a
// call.
void expect_greedy(const Gpt& gpt, std::span<const int32_t> wanted, size_t given) {
  const std::vector<int32_t> prompt(wanted.begin(), wanted.begin() + static_cast<int64_t>(given));
  std::vector<int32_t> whole = prompt, cached = prompt;
  while (whole.size() < wanted.size())
    whole.push_back(most_likely(
        gpt.logits(gpt.hidden(Tensor::from({1, static_cast<int64_t>(whole.size())}, whole)))));
  EXPECT_TRUE(std::ranges::equal(whole, wanted));

  const PackedGpt packed(gpt);
  KvCache cache(gpt.config, 2, static_cast<int64_t>(wanted.size()));
  int32_t position = 0;
  for (std::vector<int32_t> next = prompt; cached.size() < wanted.size();) {
    const auto n = static_cast<int64_t>(next.size());
    std::vector<int32_t> slots(next.size(), 1), positions;
    for (const int32_t token : next) (void)token, positions.push_back(position++);
    const Tensor hidden = packed.hidden(Tensor::from({n}, next), Tensor::from({n}, slots),
                                        Tensor::from({n}, positions), cache);
    cached.push_back(most_likely(packed.logits(hidden)));
    next = {cached.back()};
  }
  EXPECT_TRUE(std::ranges::equal(cached, wanted));
}

TEST_P(Interchange, GreedyContinuation) {
  for_every_fixture([](Fixture& f) {
    constexpr size_t kNew = 12;
    const SafetensorsFile expected = f.file("expected.safetensors");
    if (expected.find("greedy")) {
      const Tensor wanted = expected.read("greedy");
      expect_greedy(*f.model.gpt, wanted.data<int32_t>(), wanted.data<int32_t>().size() - kNew);
    }
    if (!expected.find("sorted")) return;
    const Tensor texts = expected.read("sorted");  // half of each is given
    const auto length = static_cast<size_t>(texts.dim(1));
    for (int64_t i = 0; i < texts.dim(0); i += GetParam() == std::string("reference") ? 97 : 1)
      expect_greedy(*f.model.gpt, texts.rows(i, i + 1).data<int32_t>(), length / 2);
  });
}

// A trained model: the log-probabilities of a paragraph, and what it says.
TEST_P(Interchange, ATrainedModelSaysWhatItSaidElsewhere) {
  const auto folders = fixtures("expected.json");
  if (folders.empty()) GTEST_SKIP() << no_fixtures();
  const UseKernels use(backend());
  for (const fs::path& folder : folders) {
    SCOPED_TRACE(folder.filename().string());
    const Fixture f(folder, {.tokenizer = false});
    const JsonObject expected = JsonObject::load(folder / "expected.json");
    const auto ids = [&](const char* key) {
      return expected.list(key).get<std::vector<int32_t>>();
    };
    const std::vector<int32_t> paragraph = ids("paragraph_ids");
    const auto n = static_cast<int64_t>(paragraph.size()) - 1;
    const std::vector<int32_t> inputs(paragraph.begin(), paragraph.end() - 1);
    const std::vector<int32_t> targets(paragraph.begin() + 1, paragraph.end());
    const Tensor log_probs =
        ops::linear_log_probs(f.model.gpt->hidden(Tensor::from({1, n}, inputs)),
                              f.model.gpt->head(), Tensor::from({n}, targets))
            .log_probs;
    const auto wanted = expected.list("paragraph_log_probabilities").get<std::vector<double>>();
    ASSERT_EQ(wanted.size(), static_cast<size_t>(n));
    for (size_t i = 0; i < wanted.size(); ++i)
      EXPECT_NEAR(log_probs.data<float>()[i], wanted[i], 5e-5) << i;

    std::vector<int32_t> text = ids("prompt_ids");
    const size_t given = text.size();
    for (const int32_t id : ids("greedy_ids")) text.push_back(id);
    expect_greedy(*f.model.gpt, text, given);
  }
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
  std::vector<fs::path> folders = fixtures("expected.safetensors");
  for (const fs::path& folder : fixtures("expected.json")) folders.push_back(folder);
  if (folders.empty()) GTEST_SKIP() << no_fixtures();
  for (const fs::path& folder : folders) {
    SCOPED_TRACE(folder.filename().string());
    const Fixture fixture(folder, {.tokenizer = false});
    const fs::path out = fixture.checkpoint() / "exported";
    export_huggingface(fixture.checkpoint(), out);
    for (const auto& entry : fs::directory_iterator(out))
      EXPECT_EQ(read_file(entry.path()), read_file(folder / entry.path().filename()))
          << entry.path().filename();
    const SafetensorsFolder given(folder);
    for (const SafetensorsFile& file : given.files())
      EXPECT_TRUE(fs::exists(out / file.path().filename()));
    EXPECT_TRUE(fs::exists(out / "config.json"));
  }
}

}  // namespace
}  // namespace lineage
