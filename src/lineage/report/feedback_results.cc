#include "lineage/report/feedback_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/checkpoint/node_files.h"
#include "lineage/report/feedback_words.h"
#include "lineage/report/metrics_curves.h"

namespace lineage {
namespace {

double number(const nlohmann::json& object, const char* key) {
  return rounded(object.at(key).get<double>());
}

CountedInterval counted(const nlohmann::json& j, const char* value, const char* n) {
  return {number(j, value), number(j, "low"), number(j, "high"),
          static_cast<int64_t>(j.at(n).get<double>())};
}

// In the order of the words, then by name.
template <class Part>
void in_order_of_words(std::vector<Part>& parts) {
  std::ranges::stable_sort(parts, {}, [](const Part& p) { return place_of_word(p.id); });
}

CountedInterval share(const nlohmann::json& j) { return counted(j, "share", "pairs"); }

std::optional<CountedInterval> share_if(const nlohmann::json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end()) return std::nullopt;
  return share(*found);
}

std::vector<RewardPart> parts_of(const nlohmann::json& j, const char* key,
                                 const char* length_only) {
  std::vector<RewardPart> parts;
  const nlohmann::json lengths = j.value(length_only, nlohmann::json::object());
  const nlohmann::json all = j.value(key, nlohmann::json::object());
  for (const auto& [name, right] : all.items())
    parts.push_back({name, share(right), share_if(lengths, name)});
  in_order_of_words(parts);
  return parts;
}

ReportReward reward_of(const nlohmann::json& j) {
  ReportReward r;
  r.agreement = number(j, "agreement");
  r.noise = number(j, "noise");
  r.labels = share_if(j, "labels");
  r.utility = share_if(j, "utility");
  r.length_only = share_if(j, "length_only");
  r.kinds = parts_of(j, "by_kind", "length_only_by_kind");
  r.terms = parts_of(j, "by_term", "");
  for (const nlohmann::json& point : j.at("calibration"))
    r.calibration.push_back({number(point, "predicted"), number(point, "seen"),
                             static_cast<int64_t>(point.at("pairs").get<double>())});
  return r;
}

BeforeAfter before_after(const nlohmann::json& parent, const nlohmann::json& model,
                         const char* key) {
  return {number(parent, key), number(model, key)};
}

std::optional<BeforeAfter> before_after_if(const nlohmann::json& j, const char* key) {
  const auto found = j.find(key);
  if (found == j.end()) return std::nullopt;
  return BeforeAfter{number(*found, "parent"), number(*found, "model")};
}

KindRates rates_of(const std::string& kind, const nlohmann::json& parent,
                   const nlohmann::json& model) {
  KindRates rates{kind,
                  std::min(parent.at("n").get<int64_t>(), model.at("n").get<int64_t>()),
                  before_after(parent, model, "utility"),
                  {}};
  for (const auto& [name, value] : model.items())
    if (name != "n" && name != "utility")
      rates.behaviours.push_back({name, before_after(parent, model, name.c_str())});
  in_order_of_words(rates.behaviours);
  return rates;
}

ReportFeedback feedback_of(const nlohmann::json& j) {
  ReportFeedback f;
  const nlohmann::json& answers = j.at("answers");
  for (const char* measure : {"gold", "reward"}) {
    const auto found = answers.find(measure);
    if (found == answers.end()) continue;
    const auto mean = [&](const char* of) { return counted(found->at(of), "mean", "n"); };
    f.answers.push_back({measure, mean("parent"), mean("model"), mean("best_of_4"),
                         mean("win_rate"), mean("model_less_parent"),
                         mean("model_less_best_of_4")});
  }
  f.length = before_after_if(answers, "length");
  f.text = before_after_if(j, "text");
  if (const auto all = j.find("behaviours"); all != j.end())
    for (const auto& [kind, model] : all->at("model").items())
      f.kinds.push_back(rates_of(kind, all->at("parent").at(kind), model));
  in_order_of_words(f.kinds);
  return f;
}

// `read` of a file's object; none without the file.
template <class Result>
std::optional<Result> read_measurements(const std::filesystem::path& file,
                                        Result (*read)(const nlohmann::json&)) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  const auto refuse = [&](const std::string& why) {
    return Error(fmt::format("{}: {}; wanted the measurements that `lineage grow` writes",
                             file.string(), why),
                 "remove this file to have a report without it, or the node to grow it again");
  };
  const nlohmann::json j = nlohmann::json::parse(read_file(file), nullptr, false);
  if (!j.is_object()) throw refuse("no JSON object");
  try {
    return read(j);
  } catch (const nlohmann::json::exception& e) {
    throw refuse(e.what());
  }
}

}  // namespace

std::optional<ReportReward> read_reward(const std::filesystem::path& node) {
  return read_measurements(node / kRewardReport, reward_of);
}

std::optional<ReportFeedback> read_feedback(const std::filesystem::path& node) {
  return read_measurements(node / kFeedbackOutcome, feedback_of);
}

std::vector<ReportWord> words_of(const Report& report) {
  std::set<std::string> ids;
  for (const ReportReward& r : report.rewards)
    for (const auto* parts : {&r.kinds, &r.terms})
      for (const RewardPart& part : *parts) ids.insert(part.id);
  for (const ReportFeedback& f : report.feedback)
    for (const KindRates& kind : f.kinds) {
      ids.insert(kind.id);
      for (const BehaviourRate& b : kind.behaviours) ids.insert(b.id);
    }
  std::vector<ReportWord> words;
  for (const std::string& id : ids) words.push_back(feedback_word(id));
  in_order_of_words(words);
  return words;
}

}  // namespace lineage
