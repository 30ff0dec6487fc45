#include "lineage/base/progress.h"

#include <numeric>
#include <utility>

namespace lineage {

Progress& silent() {
  static struct Silent final : Progress {
    void update(std::string_view, double, std::string_view) override {}
    void note(std::string_view) override {}
  } instance;
  return instance;
}

class JointProgress::Part final : public Progress {
 public:
  Part(JointProgress& all, size_t i, std::string name) : all_(all), i_(i), name_(std::move(name)) {}
  ~Part() override { all_.update(i_, 1, {}); }
  void update(std::string_view, double fraction, std::string_view detail) override {
    all_.update(i_, fraction, name_ + " " + std::string(detail));
  }
  void note(std::string_view line) override { all_.note(line); }

 private:
  JointProgress& all_;
  size_t i_;
  std::string name_;
};

JointProgress::JointProgress(Progress& of_all, std::string what, std::vector<double> costs)
    : of_all_(of_all),
      what_(std::move(what)),
      costs_(std::move(costs)),
      fractions_(costs_.size()),
      said_(costs_.size()) {}

std::unique_ptr<Progress> JointProgress::piece(size_t i, std::string name) {
  return std::make_unique<Part>(*this, i, std::move(name));
}

void JointProgress::update(size_t i, double fraction, std::string said) {
  const std::scoped_lock lock(mutex_);
  fractions_[i] = fraction;
  said_[i] = std::move(said);
  std::string all_said;
  for (const std::string& s : said_)
    if (!s.empty()) all_said += (all_said.empty() ? "" : " | ") + s;
  const double cost = std::accumulate(costs_.begin(), costs_.end(), 0.0);
  const double done = std::inner_product(costs_.begin(), costs_.end(), fractions_.begin(), 0.0);
  of_all_.update(what_, cost > 0 ? done / cost : 1, all_said);
}

void JointProgress::note(std::string_view line) {
  const std::scoped_lock lock(mutex_);
  of_all_.note(line);
}

}  // namespace lineage
