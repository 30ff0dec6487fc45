#include "lineage/serve/rankings.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>

#include "lineage/base/error.h"
#include "lineage/base/private_file.h"
#include "lineage/checkpoint/manifest.h"
#include "lineage/serve/api_error.h"

namespace lineage {
namespace {

using nlohmann::json;

constexpr size_t kMostPrompts = 10'000, kMostAnswers = 9, kMostName = 100, kMostNote = 10'000;
constexpr const char* kSetFile = "set.json";
constexpr const char* kRecordsFile = "records.jsonl";

// A text of a request, bounded: names end up on other people's screens.
std::string bounded(const Fields& f, std::string_view name, size_t most, bool needed) {
  const std::string text = f.text(name).value_or("");
  const std::string place = f.place(name);
  if (needed && text.find_first_not_of(" \t\n") == text.npos)
    throw invalid_value(place, place + " is blank; wanted some text");
  if (text.size() > most)
    throw invalid_value(
        place, fmt::format("{} has {} bytes; wanted at most {}", place, text.size(), most));
  return text;
}

const json& list_of(const Fields& f, std::string_view name, size_t least, size_t most) {
  const json* list = f.find(name);
  const std::string place = f.place(name);
  if (!list || !list->is_array() || list->size() < least || list->size() > most)
    throw invalid_value(place,
                        fmt::format("{} is {}; wanted a list of {} to {}", place,
                                    !list              ? "absent"
                                    : list->is_array() ? fmt::format("a list of {}", list->size())
                                                       : kind_of_json(*list),
                                    least, most));
  return *list;
}

Fields entry(const json& value, const std::string& place) {
  if (!value.is_object())
    throw invalid_value(place, place + " is " + kind_of_json(value) + "; wanted an object");
  return Fields(value, place + ".");
}

// {"messages", "answers": [{"text", "model", "sampling"}]} of a request.
json set_prompt(const json& value, const std::string& place) {
  const Fields f = entry(value, place);
  json messages = json::array();
  const json& given = list_of(f, "messages", 1, 1000);
  for (size_t i = 0; i < given.size(); ++i) {
    const Fields m = entry(given[i], fmt::format("{}.messages[{}]", place, i));
    messages.push_back({{"role", bounded(m, "role", kMostName, true)},
                        {"content", m.text("content").value_or("")}});
  }
  if (messages.back()["role"] != "user")
    throw invalid_value(place, place + ".messages does not end with the user's turn");
  json answers = json::array();
  const json& texts = list_of(f, "answers", 2, kMostAnswers);
  for (size_t i = 0; i < texts.size(); ++i) {
    const Fields a = entry(texts[i], fmt::format("{}.answers[{}]", place, i));
    json answer = {{"text", a.text("text").value_or("")},
                   {"model", bounded(a, "model", kMostName, false)}};
    if (const json* sampling = a.find("sampling")) answer["sampling"] = *sampling;
    answers.push_back(std::move(answer));
  }
  return {{"messages", std::move(messages)}, {"answers", std::move(answers)}};
}

enum class Verdict : uint8_t { ranked, skipped, unusable };
constexpr std::array<std::string_view, 3> enum_names(Verdict) {
  return {"ranked", "skipped", "unusable"};
}

// A permutation of 0 … n-1.
json order_of(const Fields& f, size_t n) {
  const json& order = list_of(f, "order", n, n);
  std::vector<int64_t> sorted;
  for (const json& i : order) sorted.push_back(i.is_number_integer() ? i.get<int64_t>() : -1);
  std::ranges::sort(sorted);
  for (size_t i = 0; i < n; ++i)
    if (sorted[i] != static_cast<int64_t>(i))
      throw invalid_value(
          "order", fmt::format("order is {}; wanted each of 0 to {} once", order.dump(), n - 1));
  return order;
}

json ranks_of(const Fields& f, size_t n) {
  const json& ranks = list_of(f, "ranks", n, n);
  for (const json& r : ranks)
    if (!r.is_number_integer() || r < 1 || r > n)
      throw invalid_value(
          "ranks",
          fmt::format("ranks is {}; wanted 1 (the best) to {} for each answer", ranks.dump(), n));
  return ranks;
}

// A line of records.jsonl, checked against its set.
json record_of(const Fields& f, const json& set) {
  json r;
  r["id"] = bounded(f, "id", kMostName, true);
  r["labeler"] = bounded(f, "labeler", kMostName, true);
  const auto prompt =
      f.integer("prompt", between(0, static_cast<double>(set["prompts"].size()) - 1));
  if (!prompt) throw invalid_value("prompt", "prompt is absent; wanted the number of a prompt");
  r["prompt"] = *prompt;
  const std::string verdict = f.text("verdict").value_or("ranked");
  const auto names = enum_names(Verdict());
  if (std::ranges::find(names, verdict) == names.end())
    throw invalid_value("verdict",
                        "verdict is '" + verdict + "'; wanted ranked, skipped or unusable");
  r["verdict"] = verdict;
  const size_t n = set["prompts"][static_cast<size_t>(*prompt)]["answers"].size();
  r["order"] = order_of(f, n);
  if (verdict == enum_name(Verdict::ranked)) r["ranks"] = ranks_of(f, n);
  r["note"] = bounded(f, "note", kMostNote, false);
  r["seconds"] = f.number("seconds", between(0, 1e9)).value_or(0);
  r["time"] = utc_now();
  return r;
}

// The lines that are records; one that a crash cut off is none.
std::vector<json> records_in(const fs::path& folder) {
  std::vector<json> all;
  const fs::path file = folder / kRecordsFile;
  std::error_code none;
  if (!fs::exists(file, none)) return all;
  const std::string text = read_file(file);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    json r = json::parse(text.begin() + static_cast<std::ptrdiff_t>(at),
                         text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    const bool whole = r.is_object() && r.contains("labeler") && r["labeler"].is_string() &&
                       r.contains("prompt") && r["prompt"].is_number_integer() &&
                       r.contains("verdict");
    if (whole) all.push_back(std::move(r));
    at = end + 1;
  }
  return all;
}

using Latest = std::map<std::string, std::map<int64_t, json>>;  // labeler, prompt

// The record that counts: the last of a labeler and prompt.
Latest latest_in(const fs::path& folder) {
  Latest latest;
  for (const json& r : records_in(folder)) latest[r["labeler"]][r["prompt"]] = r;
  return latest;
}

bool ranks_answers(const json& record) { return record["verdict"] == enum_name(Verdict::ranked); }

// Of pairs of answers that both labelers put into an order, those in the same one. A pair that one
// of them ties says nothing of the order and is counted apart.
OrderedJson agreement_of(const std::map<int64_t, json>& a, const std::map<int64_t, json>& b) {
  int64_t pairs = 0, alike = 0, tied = 0, prompts = 0;
  for (const auto& [prompt, first] : a) {
    const auto found = b.find(prompt);
    if (found == b.end() || !ranks_answers(first) || !ranks_answers(found->second)) continue;
    ++prompts;
    const auto x = first["ranks"].get<std::vector<int>>(),
               y = found->second["ranks"].get<std::vector<int>>();
    for (size_t i = 0; i < x.size(); ++i)
      for (size_t k = i + 1; k < x.size(); ++k) {
        if (x[i] == x[k] || y[i] == y[k]) {
          ++tied;
          continue;
        }
        ++pairs;
        alike += (x[i] < x[k]) == (y[i] < y[k]);
      }
  }
  return {{"prompts", prompts}, {"pairs", pairs}, {"alike", alike}, {"tied", tied}};
}

OrderedJson labelers_of(const Latest& latest) {
  OrderedJson list = OrderedJson::array();
  for (const auto& [name, records] : latest) {
    std::map<std::string, int64_t> counts;
    for (const auto& [prompt, r] : records) ++counts[r["verdict"]];
    OrderedJson j = {{"name", name}};
    for (const std::string_view verdict : enum_names(Verdict()))
      j[std::string(verdict)] = counts[std::string(verdict)];
    list.push_back(std::move(j));
  }
  return list;
}

OrderedJson agreements_of(const Latest& latest) {
  OrderedJson list = OrderedJson::array();
  for (auto a = latest.begin(); a != latest.end(); ++a)
    for (auto b = std::next(a); b != latest.end(); ++b) {
      OrderedJson j = {{"labelers", {a->first, b->first}}};
      j.update(agreement_of(a->second, b->second));
      list.push_back(std::move(j));
    }
  return list;
}

// A ranking as read_preference() (data/preference_record.h) reads it; nothing if it prefers none.
std::optional<OrderedJson> preference(const json& prompt, const json& record) {
  std::vector<std::string> responses;
  std::vector<int> ranks;
  for (size_t i = 0; i < prompt["answers"].size(); ++i) {
    const std::string text = prompt["answers"][i]["text"];
    if (std::ranges::find(responses, text) != responses.end()) continue;
    responses.push_back(text);
    ranks.push_back(record["ranks"][i].get<int>());
  }
  if (std::ranges::adjacent_find(ranks, std::ranges::not_equal_to()) == ranks.end()) return {};
  return OrderedJson{{"prompt", prompt["messages"]},
                     {"responses", responses},
                     {"ranks", ranks},
                     {"labeler", record["labeler"]},
                     {"time", record["time"]}};
}

json set_in(const fs::path& folder) {
  json set = json::parse(read_file(folder / kSetFile), nullptr, false);
  if (!set.is_object() || !set.contains("prompts"))
    throw Error((folder / kSetFile).string() + ": is no set of prompts", "move its folder away");
  return set;
}

// "9f3c…": an id names a folder, so a request's is checked before it is one.
std::string new_id() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}
bool is_id(const std::string& id) {
  return id.size() == 16 && id.find_first_not_of("0123456789abcdef") == id.npos;
}

}  // namespace

Rankings::Rankings(std::optional<std::filesystem::path> folder, std::string why_none)
    : folder_(std::move(folder)), why_none_(std::move(why_none)) {}

std::filesystem::path Rankings::folder_of(const std::string& id) const {
  if (!folder_) throw ApiError(404, why_none_, {}, "no_rankings");
  std::error_code none;
  if (!is_id(id) || !fs::exists(*folder_ / id / kSetFile, none))
    throw ApiError(404, "no set has the id '" + id.substr(0, kMostName) + "'", "id", "no_such_set");
  return *folder_ / id;
}

OrderedJson Rankings::list() const {
  std::vector<OrderedJson> sets;
  OrderedJson notes = OrderedJson::array();
  std::error_code none;
  if (folder_ && fs::is_directory(*folder_, none))
    for (const auto& e : fs::directory_iterator(*folder_)) try {
        if (!is_id(e.path().filename().string())) continue;
        const json set = set_in(e.path());
        const Latest latest = latest_in(e.path());
        sets.push_back(OrderedJson{{"id", e.path().filename().string()},
                                   {"title", set["title"]},
                                   {"time", set["time"]},
                                   {"prompts", set["prompts"].size()},
                                   {"labelers", labelers_of(latest)},
                                   {"agreement", agreements_of(latest)}});
      } catch (const Error& fault) {  // of one set: the others are shown
        notes.push_back(fault.what());
      }
  std::ranges::sort(sets, std::ranges::greater(),
                    [](const OrderedJson& s) { return s["time"].get<std::string>(); });
  return {{"enabled", folder_.has_value()},
          {"why", folder_ ? "" : why_none_},
          {"sets", sets},
          {"notes", std::move(notes)}};
}

std::string Rankings::make(const Fields& f) {
  if (!folder_) throw ApiError(404, why_none_, {}, "no_rankings");
  json set = {{"title", bounded(f, "title", kMostName, true)}, {"time", utc_now()}};
  const json& prompts = list_of(f, "prompts", 1, kMostPrompts);
  set["prompts"] = json::array();
  for (size_t i = 0; i < prompts.size(); ++i)
    set["prompts"].push_back(set_prompt(prompts[i], fmt::format("prompts[{}]", i)));
  const std::string id = new_id();
  make_private_folder(*folder_);
  make_private_folder(*folder_ / id);
  append_private_line(*folder_ / id / kSetFile, set.dump());
  return id;
}

OrderedJson Rankings::shown(const std::string& id, const std::string& labeler) const {
  const fs::path folder = folder_of(id);
  const json set = set_in(folder);
  const Latest latest = latest_in(folder);
  const auto own = latest.find(labeler);
  OrderedJson records = OrderedJson::array();
  if (own != latest.end())
    for (const auto& [prompt, r] : own->second) records.push_back(OrderedJson(r));
  OrderedJson prompts = OrderedJson::array();
  for (size_t i = 0; i < set["prompts"].size(); ++i) {
    const json& p = set["prompts"][i];
    const bool seen = own != latest.end() && own->second.contains(static_cast<int64_t>(i));
    OrderedJson answers = OrderedJson::array();
    for (const json& a : p["answers"]) {
      OrderedJson shown = {{"text", a["text"]}};
      if (seen) shown["model"] = a["model"];
      answers.push_back(std::move(shown));
    }
    prompts.push_back({{"messages", p["messages"]}, {"answers", std::move(answers)}});
  }
  return {{"id", id},
          {"title", set["title"]},
          {"prompts", std::move(prompts)},
          {"records", std::move(records)}};
}

void Rankings::add(const std::string& id, const Fields& f) {
  const fs::path folder = folder_of(id);
  const json record = record_of(f, set_in(folder));
  for (const json& r : records_in(folder))
    if (r.value("id", "") == record["id"]) return;
  append_private_line(folder / kRecordsFile, record.dump());
}

std::string Rankings::exported(const std::string& id, const std::string& labeler) const {
  const fs::path folder = folder_of(id);
  const json set = set_in(folder);
  std::string lines;
  for (const auto& [name, records] : latest_in(folder)) {
    if (!labeler.empty() && name != labeler) continue;
    for (const auto& [prompt, r] : records)
      if (ranks_answers(r))
        if (const auto p = preference(set["prompts"][static_cast<size_t>(prompt)], r))
          lines += dumped(*p) + "\n";
  }
  return lines;
}

}  // namespace lineage
