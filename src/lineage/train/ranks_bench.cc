// How training scales over ranks: steps of one rank alone and of all ranks together take turns, so
// that the machine's other work and its clock meet both alike.
//   mpirun -np 2 --bind-to core ranks_bench [tiny|small|gpt2] [turns]

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

#include "lineage/base/error.h"
#include "lineage/base/parallel.h"
#include "lineage/base/rng.h"
#include "lineage/checkpoint/model.h"
#include "lineage/train/language_model.h"

namespace lineage {
namespace {

struct Case {
  int64_t layers, width, heads, vocab, rows;
};

GptConfig architecture(const Case& c) {
  GptConfig config;
  config.layers = c.layers;
  config.width = c.width;
  config.heads = c.heads;
  config.vocab = c.vocab;
  config.context = 256;
  return config;
}

Batch random_rows(const GptConfig& c, int64_t rows) {
  const int64_t N = rows * c.context;
  const Rng rng(1);
  Batch batch;
  batch.tokens = Tensor::empty({rows, c.context}, DType::i32);
  batch.targets = Tensor::empty({N}, DType::i32);
  batch.weights = Tensor::full({N}, 1);
  batch.total_weight = static_cast<double>(N);
  for (size_t i = 0; i < static_cast<size_t>(N); ++i) {
    const auto vocab = static_cast<uint64_t>(c.vocab);
    batch.tokens.data<int32_t>()[i] = static_cast<int32_t>(rng.below(vocab, i));
    batch.targets.data<int32_t>()[i] = static_cast<int32_t>(rng.below(vocab, i + 1));
  }
  return batch;
}

double median(std::vector<double> x) {
  std::ranges::sort(x);
  return x[x.size() / 2];
}

void run(Communicator& ranks, const std::string& name, int turns) {
  const std::map<std::string, Case> cases = {{"tiny", {4, 128, 4, 512, 32}},
                                             {"small", {6, 384, 6, 4096, 16}},
                                             {"gpt2", {12, 768, 12, 50257, 4}}};
  require(cases.contains(name), "ranks_bench: \"", name, "\"; wanted tiny, small or gpt2");
  const Case& c = cases.at(name);
  set_num_threads(1);
  const auto alone = single_process();
  Model model = make_model(architecture(c), true);
  model.parameters->initialize(1);
  Trainer single("one rank", *model.parameters, {}, {}, *alone);
  Trainer together("all ranks", *model.parameters, {}, {}, ranks);
  const MicroBatch all_rows = language_model_batch(*model.gpt, random_rows(model.config, c.rows));
  const MicroBatch own_rows =
      language_model_batch(*model.gpt, random_rows(model.config, c.rows / ranks.size()));

  // Only rank 0 computes alone; the others wait for it.
  struct Kind {
    const char* what;
    Trainer& trainer;
    const MicroBatch& batch;
    bool together;
    std::vector<double> seconds;
  };
  std::vector<Kind> kinds = {{"one rank", single, all_rows, false, {}},
                             {"all ranks", together, own_rows, true, {}}};
  for (int turn = -1; turn < turns; ++turn)  // the first warms up
    for (Kind& kind : kinds) {
      ranks.barrier();
      const auto start = std::chrono::steady_clock::now();
      if (kind.together || ranks.rank() == 0) kind.trainer.step({&kind.batch, 1}, 1);
      ranks.barrier();
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      if (turn >= 0) kind.seconds.push_back(took.count());
    }
  if (ranks.rank() != 0) return;
  fmt::print("{}: {} rows of {} tokens a step, {} ranks of one thread\n", name, c.rows,
             model.config.context, ranks.size());
  const double tokens = static_cast<double>(c.rows * model.config.context);
  for (const Kind& kind : kinds) {
    std::vector<double> ratios;  // within a turn
    for (size_t i = 0; i < kind.seconds.size(); ++i)
      ratios.push_back(kinds[0].seconds[i] / kind.seconds[i]);
    const double s = median(kind.seconds);
    fmt::print("  {:38} {:9.1f} ms {:9.0f} tokens/s   {:.3f}x (best {:.3f}x)\n", kind.what, 1e3 * s,
               tokens / s, median(ratios),
               std::ranges::min(kinds[0].seconds) / std::ranges::min(kind.seconds));
  }
}

}  // namespace
}  // namespace lineage

int main(int argc, char** argv) {
  lineage::flush_denormals_to_zero();
  const auto ranks = lineage::mpi();
  lineage::run(*ranks, argc > 1 ? argv[1] : "small", argc > 2 ? std::atoi(argv[2]) : 11);
}
