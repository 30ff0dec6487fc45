#include "lineage/serve/rankings.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/base/private_file.h"
#include "lineage/checkpoint/manifest.h"
#include "lineage/data/blanks.h"
#include "lineage/data/preference_record.h"
#include "lineage/serve/api_error.h"

namespace lineage {
namespace {

using nlohmann::json;

// In bytes; the page lets people write a quarter as many characters.
constexpr size_t kMostPrompts = 10'000, kMostName = 400, kMostNote = 40'000;
constexpr const char* kSetFile = "set.json";
constexpr const char* kRecordsFile = "records.jsonl";

// A text of a request, bounded: names end up on other people's screens.
std::string bounded(const Fields& f, std::string_view name, size_t most, bool needed) {
  const std::string text = f.text(name).value_or("");
  const std::string place = f.place(name);
  if (needed && blank(text)) throw invalid_value(place, place + " is blank; wanted some text");
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

// An ApiError unless the stage `reward` can read what people will say of the answers.
void check_prompt(const json& prompt, const std::string& place) {
  json record = {{"prompt", prompt["messages"]}, {"responses", json::array()}};
  for (const json& answer : prompt["answers"]) {
    record["responses"].push_back(answer["text"]);
    record["ranks"].push_back(record["responses"].size());
  }
  try {
    if (read_preference(record, place).comparisons.empty())
      throw Error(place + ": its answers are one text; wanted answers that differ");
  } catch (const Error& e) {
    throw invalid_value(place, e.what());
  }
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
  const json& texts = list_of(f, "answers", 2, kMostRanked);
  for (size_t i = 0; i < texts.size(); ++i) {
    const Fields a = entry(texts[i], fmt::format("{}.answers[{}]", place, i));
    json answer = {{"text", a.text("text").value_or("")},
                   {"model", bounded(a, "model", kMostName, false)}};
    if (const json* sampling = a.find("sampling")) answer["sampling"] = *sampling;
    answers.push_back(std::move(answer));
  }
  json prompt = {{"messages", std::move(messages)}, {"answers", std::move(answers)}};
  check_prompt(prompt, place);
  return prompt;
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
  return r;
}

bool is_text_at(const json& object, const char* key) {
  return object.contains(key) && object[key].is_string();
}
bool is_list_at(const json& object, const char* key) {
  return object.contains(key) && object[key].is_array();
}

// Whether a file's value has what the functions below read of it.
bool is_set(const json& set) {
  const auto is_message = [](const json& m) {
    return m.is_object() && is_text_at(m, "role") && is_text_at(m, "content");
  };
  const auto is_answer = [](const json& a) {
    return a.is_object() && is_text_at(a, "text") && is_text_at(a, "model");
  };
  const auto is_prompt = [&](const json& p) {
    return p.is_object() && is_list_at(p, "messages") && is_list_at(p, "answers") &&
           std::ranges::all_of(p["messages"], is_message) &&
           std::ranges::all_of(p["answers"], is_answer);
  };
  return set.is_object() && is_text_at(set, "title") && is_text_at(set, "time") &&
         is_list_at(set, "prompts") && std::ranges::all_of(set["prompts"], is_prompt);
}

bool is_record(const json& record, const json& set) {
  if (!record.is_object() || !is_text_at(record, "time")) return false;
  try {
    record_of(Fields(record), set);
    return true;
  } catch (const ApiError&) {
    return false;
  }
}

struct Records {
  std::vector<json> all;
  int64_t unreadable = 0;  // lines that are none, such as one that a crash cut off
};
Records records_in(const fs::path& folder, const json& set) {
  Records records;
  const fs::path file = folder / kRecordsFile;
  std::error_code none;
  if (!fs::exists(file, none)) return records;
  const std::string text = read_file(file);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    json r = json::parse(text.begin() + static_cast<std::ptrdiff_t>(at),
                         text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    if (is_record(r, set))
      records.all.push_back(std::move(r));
    else
      ++records.unreadable;
    at = end + 1;
  }
  return records;
}

using Latest = std::map<std::string, std::map<int64_t, json>>;  // labeler, prompt

// The record that counts: the last of a labeler and prompt.
Latest latest_of(const Records& records) {
  Latest latest;
  for (const json& r : records.all) latest[r["labeler"]][r["prompt"]] = r;
  return latest;
}

// A prompt that was skipped may still be ranked, so its answers keep their secret.
bool has_judged(const std::map<int64_t, json>& records, int64_t prompt) {
  const auto found = records.find(prompt);
  return found != records.end() && found->second["verdict"] != enum_name(Verdict::skipped);
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
    const auto same = [&](const std::string& t) { return trimmed(t) == trimmed(text); };
    if (blank(text) || std::ranges::any_of(responses, same)) continue;
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
  if (!is_set(set))
    throw Error((folder / kSetFile).string() + ": is no set of prompts", "move its folder away");
  return set;
}

json messages_json(const RankPrompt& prompt) {
  json messages = json::array();
  for (const Turn& t : prompt.messages)
    messages.push_back({{"role", enum_name(t.role)}, {"content", t.text}});
  return messages;
}

// Texts of models and files may hold bytes that are no UTF-8.
std::string written(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// "9f3c…": an id names a folder, so a request's is checked before it is one.
constexpr size_t kIdDigits = 16;
std::string new_id() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}
bool is_id(const std::string& id) {
  return id.size() == kIdDigits && id.find_first_not_of("0123456789abcdef") == id.npos;
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
        if (!is_id(e.path().filename().string()) || !fs::exists(e.path() / kSetFile)) continue;
        const json set = set_in(e.path());
        const Records records = records_in(e.path(), set);
        const Latest latest = latest_of(records);
        if (records.unreadable > 0)
          notes.push_back(fmt::format("{}: lines that are no rankings, and do not count: {}",
                                      (e.path() / kRecordsFile).string(), records.unreadable));
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
          {"file",
           offered_ ? OrderedJson{{"name", offered_->name}, {"prompts", offered_->prompts.size()}}
                    : OrderedJson()},
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
  write_set(id, set);
  return id;
}

void Rankings::write_set(const std::string& id, const nlohmann::json& set) const {
  make_private_folder(*folder_);
  make_private_folder(*folder_ / id);
  write_private_file(*folder_ / id / kSetFile, written(set));
}

void Rankings::offer(RankFile file) {
  if (!folder_) throw Error("--rank: " + why_none_, "serve a run folder, without --no-rankings");
  require(file.prompts.size() <= kMostPrompts, "--rank: ", file.name, " has ", file.prompts.size(),
          " prompts; wanted at most ", kMostPrompts);
  const auto ready = [](const RankPrompt& p) { return !p.answers.empty(); };
  if (!std::ranges::all_of(file.prompts, ready)) {
    offered_ = std::move(file);
    return;
  }
  json set = {{"title", file.name}};
  for (const RankPrompt& p : file.prompts) {
    json answers = json::array();
    for (const std::string& text : p.answers) answers.push_back({{"text", text}, {"model", ""}});
    set["prompts"].push_back({{"messages", messages_json(p)}, {"answers", std::move(answers)}});
  }
  const std::string id = digest_of(written(set)).substr(0, kIdDigits);
  std::error_code none;
  if (fs::exists(*folder_ / id / kSetFile, none)) return;  // by an earlier start
  set["time"] = utc_now();
  write_set(id, set);
}

OrderedJson Rankings::offered() const {
  if (!offered_)
    throw ApiError(404, "this server was started without a file of prompts (--rank)", {},
                   "no_such_file");
  OrderedJson prompts = OrderedJson::array();
  for (const RankPrompt& p : offered_->prompts)
    prompts.push_back({{"messages", OrderedJson(messages_json(p))}, {"answers", p.answers}});
  return {{"name", offered_->name}, {"prompts", std::move(prompts)}};
}

OrderedJson Rankings::shown(const std::string& id, const std::string& labeler) const {
  const fs::path folder = folder_of(id);
  const json set = set_in(folder);
  const Latest latest = latest_of(records_in(folder, set));
  const auto own = latest.find(labeler);
  OrderedJson records = OrderedJson::array();
  if (own != latest.end())
    for (const auto& [prompt, r] : own->second) records.push_back(OrderedJson(r));
  OrderedJson prompts = OrderedJson::array();
  for (size_t i = 0; i < set["prompts"].size(); ++i) {
    const json& p = set["prompts"][i];
    const bool seen = own != latest.end() && has_judged(own->second, static_cast<int64_t>(i));
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
  const json set = set_in(folder);
  json record = record_of(f, set);
  record["time"] = utc_now();
  for (const json& r : records_in(folder, set).all)
    if (r["id"] == record["id"]) return;
  append_private_line(folder / kRecordsFile, written(record));
}

std::string Rankings::exported(const std::string& id, const std::string& labeler) const {
  const fs::path folder = folder_of(id);
  const json set = set_in(folder);
  std::string lines;
  for (const auto& [name, records] : latest_of(records_in(folder, set))) {
    if (!labeler.empty() && name != labeler) continue;
    for (const auto& [prompt, r] : records)
      if (ranks_answers(r))
        if (const auto p = preference(set["prompts"][static_cast<size_t>(prompt)], r))
          lines += dumped(*p) + "\n";
  }
  return lines;
}

}  // namespace lineage
