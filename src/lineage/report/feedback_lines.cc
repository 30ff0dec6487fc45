#include "lineage/report/feedback_lines.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "lineage/report/feedback_seeds.h"

namespace lineage {
namespace {

// "refuses politely .27 → .35 of improper requests (n 975)": the greatest changes of a node.
std::string greatest_changes(const Report& report, const OfNode<ReportFeedback>& of) {
  constexpr size_t kShown = 6;
  constexpr double kLeast = 0.05;
  struct Change {
    double size;
    std::string text;
  };
  std::vector<Change> changes;
  const auto seeds = of.each([](const ReportFeedback& f) { return &f.kinds; });
  for (const KindRates& kind : *seeds[0])
    for (const auto& [id, share] : kind.behaviours) {
      const auto [shares, n] = rates_called(parts_called(kind.id, seeds), id);
      const BeforeAfter middle = median(shares);
      if (const double size = std::abs(middle.model - middle.parent); size >= kLeast)
        changes.push_back(
            {size, fmt::format("{} {} of {} (n {})", word_name(report, id), change_text(shares),
                               word_name(report, kind.id), counts_text(n))});
    }
  std::ranges::stable_sort(changes, std::greater(), &Change::size);
  std::vector<std::string> texts;
  for (const Change& c : changes)
    if (texts.size() < kShown) texts.push_back(c.text);
  if (changes.size() > kShown) texts.push_back(fmt::format("and {} more", changes.size() - kShown));
  return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace

std::vector<FeedbackLine> reward_lines(const Report& report) {
  std::vector<FeedbackLine> lines;
  for (const auto& of : by_node(report.rewards)) {
    const auto add = [&](const char* name, std::optional<CountedInterval> ReportReward::*which,
                         const char* of_what) {
      const Intervals all = present(of.seeds, which);
      if (!all.empty())
        lines.push_back({of.node, name,
                         fmt::format("{} of {} held-out pairs {}", seeds_text(all),
                                     counts_text(all), of_what)});
    };
    add("labels", &ReportReward::labels, "in the annotators' order");
    add("utility", &ReportReward::utility, "in the order of the utility, which has no noise");
    add("length alone", &ReportReward::length_only, "likewise");
    if (of.seeds[0]->agreement > 0)
      lines.push_back(
          {of.node, "agreement",
           "of two annotators " + seeds_text(of.each([](const auto& r) { return r.agreement; }))});
  }
  return lines;
}

std::vector<FeedbackLine> feedback_lines(const Report& report) {
  std::vector<FeedbackLine> lines;
  for (const auto& of : by_node(report.feedback)) {
    const auto add = [&](const char* name, const std::string& text) {
      if (!text.empty()) lines.push_back({of.node, name, text});
    };
    for (const AnswerMeans& first : of.seeds[0]->answers) {
      const AnswersOfSeeds a = answers_called(of, first.measure);
      add(first.measure.c_str(),
          fmt::format("{}, parent {}, best of the parent's 4 {}; model − parent {}, model − best "
                      "of 4 {}; wins against the parent {} (n {})",
                      seeds_text(a.model), seeds_text(a.parent), seeds_text(a.best_of_4),
                      seeds_text(a.model_less_parent, Sign::always),
                      seeds_text(a.model_less_best_of_4, Sign::always), seeds_text(a.win_rate),
                      counts_text(a.model)));
    }
    const auto texts = present(of.seeds, &ReportFeedback::text);
    if (!texts.empty())
      add("text", change_text(texts, 3) + " nats a token of held-out pretraining text");
    add("base rates", greatest_changes(report, of));
    const auto warned = [&](const ReportEvent& e) { return e.node == of.node; };
    if (const auto n = std::ranges::count_if(report.events, warned); n > 0) {
      const auto last = std::find_if(report.events.rbegin(), report.events.rend(), warned);
      add("warnings", fmt::format("{}, the last at step {}: {}", n, last->step, last->text));
    }
  }
  return lines;
}

}  // namespace lineage
