#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/base/file_name.h"
#include "lineage/report/embedded_data.h"
#include "lineage/report/page.h"
#include "lineage/report/report.h"

NLOHMANN_JSON_NAMESPACE_BEGIN
template <class T>
struct adl_serializer<std::optional<T>> {
  static void to_json(json& j, const std::optional<T>& value) {
    if (value)
      j = *value;
    else
      j = nullptr;
  }
  static void from_json(const json& j, std::optional<T>& value) {
    if (j.is_null())
      value.reset();
    else
      value = j.get<T>();
  }
};
NLOHMANN_JSON_NAMESPACE_END

namespace lineage {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportSource, name, kind, licence, documents, tokens, trained,
                                   epochs, digest)
NLOHMANN_JSON_SERIALIZE_ENUM(ContrastKind,
                             {{ContrastKind::parent, "parent"}, {ContrastKind::control, "control"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(GrownModel, seed, weights, identity, created, code, seconds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportRun, command, machine, code, started, seconds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportNode, name, stage, kind, title, about, parents, control,
                                   control_of, parameters, layers, width, context, tokens, steps,
                                   config, tokenizer, data, grown)
NLOHMANN_JSON_SERIALIZE_ENUM(Better, {{Better::neither, "neither"},
                                      {Better::higher, "higher"},
                                      {Better::lower, "lower"},
                                      {Better::nearest, "nearest"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportAbility, id, ability, of, scenario, name, label, metric,
                                   unit, better, target, chance, low, high, log_likelihood)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportExample, prompt, chat, choices, choice_count, chain,
                                   answer)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportExplanation, ability, measures, chance, low, accepts,
                                   parts, example)
NLOHMANN_JSON_SERIALIZE_ENUM(Change, {{Change::open, "open"},
                                      {Change::small, "small"},
                                      {Change::better, "better"},
                                      {Change::worse, "worse"},
                                      {Change::other, "other"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Interval, value, low, high)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportScore, node, ability, score, items, log_likelihood, format,
                                   n, per_seed, prompting, not_measurable, at_chance, skill)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportContrast, node, parent, ability, kind, difference, items,
                                   p, holm, n, seeds, change)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportEdge, node, from, kind, contrasts)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportCurve, node, seed, metric, tag, heldout, tokens, values)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportEvent, node, seed, step, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CountedInterval, value, low, high, n)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RewardPart, id, right, length_only)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CalibrationPoint, predicted, seen, n)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportReward, node, seed, agreement, noise, labels, utility,
                                   length_only, kinds, terms, calibration)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BeforeAfter, parent, model)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AnswerMeans, measure, parent, model, best_of_4, win_rate,
                                   model_less_parent, model_less_best_of_4)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BehaviourRate, id, share)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(KindRates, id, n, utility, behaviours)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportFeedback, node, seed, answers, length, text, kinds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportWord, id, name, about)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SampleAnswer, node, text, correct)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ReportSample, ability, prompt, wanted, answers)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Report, name, created, code, recipe, runs, confidence, seeds,
                                   nodes, abilities, explanations, scores, contrasts, edges, curves,
                                   events, rewards, feedback, words, samples, notes)

namespace {

constexpr std::string_view kFormat = "lineage report";
constexpr int kReportVersion = 3;

// JSON has no infinity, and an interval of one seed has infinite ends: they become the limits.
Interval within(Interval i, double low, double high) {
  i.low = std::isnan(i.low) ? low : std::max(i.low, low);
  i.high = std::isnan(i.high) ? high : std::min(i.high, high);
  return i;
}

void make_finite(Report& report) {
  std::map<std::string, std::pair<double, double>> range;
  for (const ReportAbility& a : report.abilities) range[a.id] = {a.low, a.high};
  const auto range_of = [&](const std::string& ability) {
    const auto it = range.find(ability);
    return it == range.end() ? std::pair(0.0, 1.0) : it->second;
  };
  constexpr double kMost = std::numeric_limits<double>::max();
  for (ReportScore& s : report.scores) {
    const auto [low, high] = range_of(s.ability);
    if (s.score) s.score = within(*s.score, low, high);
    if (s.items) s.items = within(*s.items, low, high);
    if (s.log_likelihood) s.log_likelihood = within(*s.log_likelihood, -kMost, kMost);
  }
  for (ReportContrast& c : report.contrasts) {
    const auto [low, high] = range_of(c.ability);
    c.difference = within(c.difference, low - high, high - low);
    c.items = within(c.items, low - high, high - low);
  }
}

}  // namespace

std::string report_json(const Report& report, int indent) {
  Report finite = report;
  make_finite(finite);
  nlohmann::json json = finite;
  json["format"] = kFormat;
  json["version"] = kReportVersion;
  return json.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

Report parse_report(std::string_view text, const std::string& place) {
  const std::string hint = "write one with: lineage report RUN --json";
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("format", nlohmann::json()) != kFormat)
    throw Error(place + ": no report; wanted the JSON that `lineage report --json` writes", hint);
  if (json.value("version", nlohmann::json()) != kReportVersion)
    throw Error(fmt::format("{}: a report of version {}; wanted {}", place,
                            json.value("version", nlohmann::json()).dump(), kReportVersion),
                hint);
  try {
    Report report = json.get<Report>();
    check_file_name(report.name, place + ": name", "recipe");  // the page is called after it
    return report;
  } catch (const nlohmann::json::exception& e) {
    throw Error(fmt::format("{}: not a whole report: {}", place, e.what()), hint);
  }
}

bool is_report(std::string_view content) {
  return content.find(fmt::format("\"{}\"", kFormat)) != std::string_view::npos ||
         content.find("Written by `lineage report --markdown`") != std::string_view::npos;
}

std::string report_html(const Report& report) {
  constexpr std::string_view kPlace = R"({"lineage":"report"})";
  const std::string_view page = report_page();
  if (page.empty())
    throw Error(fmt::format("report: this program has no page: {}", report_page_absence()),
                "install the Debian packages nodejs and npm and build again, or use --json");
  const size_t at = page.find(kPlace);
  require(at != std::string_view::npos, "report: the page has no place for the data");
  return std::string(page.substr(0, at)) + embedded_data(report_json(report, -1)) +
         std::string(page.substr(at + kPlace.size()));
}

}  // namespace lineage
