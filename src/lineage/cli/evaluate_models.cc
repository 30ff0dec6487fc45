#include <fmt/format.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "lineage/base/parallel.h"
#include "lineage/cli/evaluation.h"
#include "lineage/eval/derived.h"
#include "lineage/infer/engine.h"

namespace lineage::cli {

namespace fs = std::filesystem;

namespace {

// One line for all models: how far they are together, and what was done last.
class SharedProgress {
 public:
  SharedProgress(Progress& of_all, size_t models) : of_all_(of_all), fractions_(models) {}

  void update(size_t model, double fraction, const std::string& detail) {
    const std::scoped_lock lock(mutex_);
    done_ += fraction - fractions_[model];
    fractions_[model] = fraction;
    of_all_.update(fmt::format("evaluating {} models", fractions_.size()),
                   done_ / static_cast<double>(fractions_.size()), detail);
  }
  void note(std::string_view line) {
    const std::scoped_lock lock(mutex_);
    of_all_.note(line);
  }

 private:
  std::mutex mutex_;
  Progress& of_all_;
  std::vector<double> fractions_;
  double done_ = 0;
};

// One model's part in it.
class PartOfProgress final : public Progress {
 public:
  PartOfProgress(SharedProgress& all, size_t model, std::string name)
      : all_(all), model_(model), name_(std::move(name)) {}
  void update(std::string_view, double fraction, std::string_view detail) override {
    all_.update(model_, fraction, fmt::format("{} {}", name_, detail));
  }
  void note(std::string_view line) override { all_.note(line); }

 private:
  SharedProgress& all_;
  size_t model_;
  std::string name_;
};

class SideBySide {
 public:
  SideBySide(const std::vector<fs::path>& folders, const QuestionsOf& questions_of,
             Database& database, const EvaluateOptions& options, Progress& progress)
      : folders_(folders),
        questions_of_(questions_of),
        database_(database),
        options_(options),
        progress_(progress, folders.size()) {
    options_.interrupted = [this, asked = options.interrupted] {
      return failed_.load() || (asked && asked());
    };
  }

  void run() {
    const int threads = num_threads();
    const int workers = std::min(threads, static_cast<int>(folders_.size()));
    {
      std::vector<std::jthread> pool;
      for (int w = 0; w < workers; ++w)
        pool.emplace_back([this, share = threads / workers + (w < threads % workers)] {
          set_num_threads(share);
          try {
            work();
          } catch (...) {
            const std::scoped_lock lock(asking_);
            if (!failure_) failure_ = std::current_exception();
            failed_ = true;
          }
        });
    }
    if (failure_) std::rethrow_exception(failure_);
    derive_scores(database_);  // from what all of them have written
  }

 private:
  void work() {
    Database own(database_.path());
    own.join_run(database_.run());
    for (size_t i = next_++; i < folders_.size() && !options_.interrupted(); i = next_++) {
      Model model = load_model(folders_[i]);
      const NodeRecord node = node_record(model, folders_[i]);
      PartOfProgress part(progress_, i, node.name);
      const ScenarioList scenarios = [&] {
        const std::scoped_lock lock(asking_);
        return questions_of_(model, node, part);
      }();
      if (scenarios.empty()) continue;
      evaluate(*language_model(*model.gpt, *model.tokenizer), node, scenarios, own, options_, part);
    }
  }

  const std::vector<fs::path>& folders_;
  const QuestionsOf& questions_of_;
  Database& database_;
  EvaluateOptions options_;
  SharedProgress progress_;
  std::mutex asking_;
  std::atomic<size_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::exception_ptr failure_;
};

}  // namespace

void evaluate_models(const std::vector<fs::path>& folders, const QuestionsOf& questions_of,
                     Database& database, const EvaluateOptions& options, Progress& progress) {
  SideBySide(folders, questions_of, database, options, progress).run();
}

}  // namespace lineage::cli
