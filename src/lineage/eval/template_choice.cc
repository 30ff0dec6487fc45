#include "lineage/eval/template_choice.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lineage/eval/predict.h"

namespace lineage {
namespace {

using Template = PromptSpec::Template;

constexpr size_t kFirstItems = 8;  // doubled until the difference is clear
constexpr double kClear = 4;       // standard errors

// Sum and sum of squares of the values.
struct Moments {
  double n = 0, sum = 0, squares = 0;
  void add(double x) { n += 1, sum += x, squares += x * x; }
  double mean() const { return n > 0 ? sum / n : 0; }
  double standard_error() const {
    const double variance = (squares - sum * sum / n) / std::max(1.0, n - 1);
    return std::sqrt(std::max(0.0, variance) / n);
  }
};

}  // namespace

TemplateChoice choose_template(LanguageModel& model, const ScenarioSpec& spec,
                               std::span<const Instance> dev, std::span<const Instance> pool,
                               uint64_t seed) {
  TemplateChoice choice;
  choice.form = spec.templates.at(0);
  if (spec.templates.size() < 2 || dev.empty()) return choice;
  ScenarioSpec scored = spec;
  if (spec.prompt.method == PromptSpec::Method::generate)
    scored.prompt.method = PromptSpec::Method::likelihood;
  Moments of_raw, of_chat, difference;
  for (size_t begin = 0, end = kFirstItems; begin < dev.size(); begin = end, end *= 2) {
    const auto items = dev.subspan(begin, std::min(end, dev.size()) - begin);
    const auto raw = predict(model, items, pool, scored, Template::raw, seed);
    const auto chat = predict(model, items, pool, scored, Template::chat, seed);
    for (size_t i = 0; i < items.size(); ++i) {
      if (!raw[i].fits || !chat[i].fits) continue;
      of_raw.add(raw[i].log_prob), of_chat.add(chat[i].log_prob);
      difference.add(chat[i].log_prob - raw[i].log_prob);
    }
    choice.items += static_cast<int64_t>(items.size());
    if (difference.n > 1 &&
        std::abs(difference.mean()) > kClear * std::max(difference.standard_error(), 1e-6))
      break;
  }
  if (difference.n == 0) return choice;
  choice.raw = of_raw.mean(), choice.chat = of_chat.mean();
  if (difference.mean() != 0) choice.form = difference.mean() > 0 ? Template::chat : Template::raw;
  return choice;
}

}  // namespace lineage
