#include "lineage/report/feedback_markdown.h"

#include <fmt/format.h>

#include <algorithm>

#include "lineage/report/feedback_seeds.h"
#include "lineage/report/format.h"
#include "lineage/report/markdown_table.h"

namespace lineage {
namespace {

std::string seeds_note(const Report& r) {
  return r.seeds.size() > 1 ? " Of several seeds the median, then each." : "";
}

// --- reward models -----------------------------------------------------------------------------

std::string part_rows(const Report& report, const OfNode<ReportReward>& of,
                      std::vector<RewardPart> ReportReward::*which, const char* before = "") {
  const auto seeds = of.each([&](const ReportReward& r) { return &(r.*which); });
  std::string text;
  for (const RewardPart& part : *seeds[0]) {
    const auto all = parts_called(part.id, seeds);
    Intervals right;
    for (const RewardPart* p : all) right.push_back(p->right);
    text += table_row({before + cell_text(word_name(report, part.id)), seeds_text(right),
                       seeds_text(present(all, &RewardPart::length_only)), counts_text(right)});
  }
  return text;
}

std::string calibration_table(const OfNode<ReportReward>& of) {
  std::string text;
  for (const ReportReward* r : of.seeds)
    for (const CalibrationPoint& p : r->calibration)
      text += table_row({std::to_string(r->seed), short_number(p.predicted), short_number(p.seen),
                         std::to_string(p.n)});
  if (text.empty()) return "";
  return "\n" + table_head({"seed", "predicted", "seen", "pairs"}) + text;
}

std::string reward_tables(const Report& report, const OfNode<ReportReward>& of) {
  std::string text = fmt::format("\n### {}\n\n", of.node);
  if (const double agreement = of.seeds[0]->agreement; agreement > 0)
    text += fmt::format("Two annotators agree on {} of the pairs.\n\n",
                        seeds_text(of.each([](const ReportReward& r) { return r.agreement; })));
  text += table_head({"pairs", "in the right order", "by length alone", "n"});
  const Intervals labels = present(of.seeds, &ReportReward::labels),
                  utility = present(of.seeds, &ReportReward::utility);
  if (!labels.empty())
    text += table_row({"as annotators ranked them", seeds_text(labels), "", counts_text(labels)});
  if (!utility.empty())
    text += table_row({"by the utility, which has no noise", seeds_text(utility),
                       seeds_text(present(of.seeds, &ReportReward::length_only)),
                       counts_text(utility)});
  text += part_rows(report, of, &ReportReward::kinds);
  text += part_rows(report, of, &ReportReward::terms, "that differ most in ");
  return text + calibration_table(of);
}

// --- learning from feedback --------------------------------------------------------------------

std::string answers_table(const OfNode<ReportFeedback>& of) {
  std::string text;
  for (const AnswerMeans& first : of.seeds[0]->answers) {
    const AnswersOfSeeds a = answers_called(of, first.measure);
    text += table_row({first.measure == "gold" ? "gold utility" : cell_text(first.measure),
                       seeds_text(a.parent), seeds_text(a.best_of_4), seeds_text(a.model),
                       seeds_text(a.model_less_parent, Sign::always),
                       seeds_text(a.model_less_best_of_4, Sign::always), seeds_text(a.win_rate),
                       counts_text(a.model)});
  }
  if (text.empty()) return "";
  return table_head({"of an answer", "parent", "best of the parent's 4", "model", "model − parent",
                     "model − best of 4", "wins against the parent", "requests"}) +
         text;
}

// "Pretraining text: 1.13 → 1.14 nats a token", by the seeds that have it.
std::string change_line(const OfNode<ReportFeedback>& of, const char* what,
                        std::optional<BeforeAfter> ReportFeedback::*which, const char* unit,
                        int digits) {
  const std::vector<BeforeAfter> all = present(of.seeds, which);
  return all.empty() ? "" : fmt::format("\n{}: {}{}.\n", what, change_text(all, digits), unit);
}

std::string base_rates(const Report& report, const OfNode<ReportFeedback>& of) {
  const auto seeds = of.each([](const ReportFeedback& f) { return &f.kinds; });
  if (seeds[0]->empty()) return "";
  std::vector<std::string> columns = {"request"};
  for (const BehaviourRate& b : seeds[0]->front().behaviours)
    columns.push_back(cell_text(word_name(report, b.id)));
  columns.insert(columns.end(), {"utility", "n"});
  std::string text = "\n" + table_head(columns);
  for (const KindRates& kind : *seeds[0]) {
    const auto all = parts_called(kind.id, seeds);
    std::vector<std::string> cells = {cell_text(word_name(report, kind.id))};
    for (const BehaviourRate& b : kind.behaviours)
      cells.push_back(change_text(rates_called(all, b.id).shares));
    std::vector<BeforeAfter> utility;
    std::vector<int64_t> n;
    for (const KindRates* k : all) utility.push_back(k->utility), n.push_back(k->n);
    cells.push_back(change_text(utility));
    cells.push_back(counts_text(n));
    text += table_row(cells);
  }
  return text;
}

// A node's reward and gold at its first, its best by gold and its last point, seed by seed.
std::string over_kl(const Report& report, const std::string& node) {
  std::string text;
  for (const uint64_t seed : report.seeds) {
    const ReportCurve *kl = curve_called(report, node, seed, "kl"),
                      *reward = curve_called(report, node, seed, "reward"),
                      *gold = curve_called(report, node, seed, "gold");
    if (!kl || !reward || kl->tokens != reward->tokens) continue;
    const bool judged = gold && gold->tokens == kl->tokens;
    const auto point = [&](const char* name, size_t i) {
      text += table_row({std::to_string(seed), name, std::to_string(kl->tokens[i]),
                         short_number(kl->values[i]), short_number(reward->values[i]),
                         judged ? short_number(gold->values[i]) : ""});
    };
    point("first", 0);
    if (judged)
      point("most gold",
            static_cast<size_t>(std::ranges::max_element(gold->values) - gold->values.begin()));
    point("last", kl->values.size() - 1);
  }
  if (text.empty()) return "";
  return "\n" +
         table_head(
             {"seed", "in training", "tokens", "KL to the parent", "reward", "gold utility"}) +
         text;
}

// The first and the last values of a policy's curves.
std::string health_table(const Report& report, const std::string& node) {
  std::vector<std::string> metrics;
  for (const ReportCurve& c : report.curves)
    if (c.node == node && c.tag.empty() && !c.heldout &&
        std::ranges::find(metrics, c.metric) == metrics.end())
      metrics.push_back(c.metric);
  std::string text = "\n" + table_head({"curve", "first", "last"});
  for (const std::string& metric : metrics) {
    std::vector<double> first, last;
    for (const uint64_t seed : report.seeds)
      if (const ReportCurve* c = curve_called(report, node, seed, metric); c && !c->values.empty())
        first.push_back(c->values.front()), last.push_back(c->values.back());
    std::string name = metric;
    std::ranges::replace(name, '_', ' ');
    text += table_row({cell_text(name), significant_text(first), significant_text(last)});
  }
  return text;
}

std::string warnings(const Report& report, const std::string& node) {
  constexpr size_t kShown = 10;
  std::string text;
  size_t n = 0;
  for (const ReportEvent& e : report.events)
    if (e.node == node && ++n <= kShown)
      text += fmt::format("- seed {}, step {}: {}\n", e.seed, e.step, cell_text(e.text));
  if (n > kShown) text += fmt::format("- and {} more in metrics.jsonl\n", n - kShown);
  return text.empty() ? "" : "\nWarnings:\n\n" + text;
}

// The words that tables of feedback and rewards use.
std::string words(const Report& report) {
  std::string text;
  for (const ReportWord& word : report.words)
    if (!word.about.empty()) text += fmt::format("- **{}**: {}\n", word.name, word.about);
  return text.empty() ? "" : "\nKinds of request, behaviours and terms of the utility:\n\n" + text;
}

}  // namespace

std::string rewards_markdown(const Report& report) {
  if (report.rewards.empty()) return "";
  std::string text =
      "\n## Reward models\n\nThe share of held-out pairs of answers that each puts into the right "
      "order, with its 95 % interval." +
      seeds_note(report) + "\n";
  for (const auto& of : by_node(report.rewards)) text += reward_tables(report, of);
  return text + (report.feedback.empty() ? words(report) : "");
}

std::string feedback_markdown(const Report& report) {
  std::string text;
  const auto all = by_node(report.feedback);
  for (const ReportNode& node : report.nodes) {
    const auto of = std::ranges::find(all, node.name, &OfNode<ReportFeedback>::node);
    const bool learned = learns_from_answers(report, node.name);
    if (of == all.end() && !learned) continue;
    text += fmt::format("\n### {}\n\n", node.name);
    if (of != all.end())
      text +=
          answers_table(*of) +
          change_line(*of, "Tokens of an answer", &ReportFeedback::length, "", 1) +
          change_line(*of, "Held-out pretraining text", &ReportFeedback::text, " nats a token", 3) +
          base_rates(report, *of);
    if (learned) text += over_kl(report, node.name) + health_table(report, node.name);
    text += warnings(report, node.name);
  }
  if (text.empty()) return "";
  return "\n## Learning from feedback\n\nparent → model, on held-out requests, with 95 % "
         "intervals paired by request. Shares of answers that hold a behaviour, by kind of "
         "request." +
         seeds_note(report) + "\n" + text + words(report);
}

}  // namespace lineage
