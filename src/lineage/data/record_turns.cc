#include "lineage/data/record_turns.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/data/blanks.h"
#include "lineage/data/source.h"
#include "lineage/data/sources/ascii.h"

namespace lineage {
namespace {

using nlohmann::json;

// The keys that hold text of a conversation, by its role. docs/formats.md lists them.
constexpr std::array kMessages = {"messages", "conversations", "conversation", "dialog",
                                  "dialogue"};
constexpr std::array kSystem = {"system", "system_prompt", "system_message"};
constexpr std::array kRequest = {"instruction", "prompt", "query", "inputs"};
constexpr std::array kRequestParts = {"question", "input", "context"};
constexpr std::array kAnswer = {"output", "response", "completion", "answer", "target", "targets"};
// Those that hold text too and that no format here uses, or not always.
constexpr std::array kOther = {
    "history",  "chosen",    "rejected",          "text",      "tools",       "functions",
    "thinking", "reasoning", "reasoning_content", "rationale", "explanation", "documents",
    "passages", "replies"};
// The same in a turn.
constexpr std::array kOtherOfTurn = {"thinking", "reasoning", "reasoning_content", "refusal"};

// Whether a value is empty.
bool empty(const json& value) {
  if (value.is_string()) return blank(value.get_ref<const std::string&>());
  return value.is_null() || (value.is_structured() && value.empty());
}

bool is_tool_role(std::string_view role) {
  static constexpr std::array<std::string_view, 9> kRoles = {
      "tool",       "function",      "observation",       "function_call", "tool_call",
      "tool_calls", "tool_response", "function_response", "ipython"};
  return std::ranges::find(kRoles, role) != kRoles.end();
}

std::optional<Role> role_named(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Role>, 11> kRoles = {{
      {"system", Role::system},
      {"developer", Role::system},
      {"user", Role::user},
      {"human", Role::user},
      {"prompter", Role::user},
      {"assistant", Role::assistant},
      {"gpt", Role::assistant},
      {"chatgpt", Role::assistant},
      {"bot", Role::assistant},
      {"model", Role::assistant},
      {"ai", Role::assistant},
  }};
  const auto* at = std::ranges::find(kRoles, name, [](const auto& r) { return r.first; });
  return at != kRoles.end() ? std::optional(at->second) : std::nullopt;
}

// "weight": 0 or 1 of OpenAI's format; "train" or "loss": false of others.
bool learned(const json& m, const std::string& what) {
  for (const char* key : {"train", "loss"})
    if (m.contains(key) && m[key].is_boolean() && !m[key].get<bool>()) return false;
  if (!m.contains("weight") || m["weight"].is_null()) return true;
  const json& weight = m["weight"];
  const bool valid = weight.is_number() && (weight == 0 || weight == 1);
  require(valid, what, "'s weight is ", json_in_short(weight), "; wanted 0 or 1");
  return weight == 1;
}

}  // namespace

std::string json_in_short(const json& value) {
  return value.is_structured() ? value.type_name() : value.dump();
}

std::span<const char* const> answer_keys() { return kAnswer; }

std::string RecordTurns::text_in(const json& value, const std::string& what) {
  if (value.is_string()) return value.get<std::string>();
  if (empty(value)) return {};
  require(value.is_array(), what, " is ", value.type_name(), "; wanted a string");
  std::string text;
  for (const json& part : value) {
    const std::string type = part.is_object() && part.contains("type") && part["type"].is_string()
                                 ? part["type"].get<std::string>()
                                 : part.type_name();
    if (part.is_string()) {
      text += part.get<std::string>();
    } else if (type == "text" && part.contains("text") && part["text"].is_string()) {
      text += part["text"].get<std::string>();
    } else {
      throw Error(fmt::format("{} has a part of type {}; wanted text", what, type));
    }
  }
  return text;
}

RecordTurns::Turns RecordTurns::messages(const json& list, const std::string& key) {
  require(list.is_array() && !list.empty(), place_, ": ", key, " is ",
          list.is_array() ? "empty" : list.type_name(), "; wanted an array of turns");
  Turns turns;
  for (const json& m : list) add_message(m, turns);
  return turns;
}

std::optional<RecordTurns::Turns> RecordTurns::message_list() {
  for (const char* key : kMessages)
    if (const json* list = find(key)) return messages(*list, key);
  return std::nullopt;
}

void RecordTurns::add_message(const json& m, Turns& turns) {
  const std::string what = fmt::format("{}: turn {}", place_, turns.size());
  if (m.is_string()) {
    turns.push_back({turns.size() % 2 ? Role::assistant : Role::user, m.get<std::string>()});
    return;
  }
  for (const char* user : {"human", "user"})
    if (m.is_object() && m.contains(user) && m.contains("assistant")) {
      turns.push_back({Role::user, text_in(m[user], what)});
      turns.push_back({Role::assistant, text_in(m["assistant"], what)});
      return;
    }
  const json* role = first_of(m, {"role", "from"});
  const json* content = first_of(m, {"content", "value", "text"});
  const bool calls = m.is_object() && ((m.contains("tool_calls") && !empty(m["tool_calls"])) ||
                                       (m.contains("function_call") && !empty(m["function_call"])));
  const std::string name =
      role && role->is_string() ? ascii_lower(role->get_ref<const std::string&>()) : "";
  if (calls || is_tool_role(name)) {
    remarks_.dropped = dropped::kToolTurns;
    return;
  }
  require(!name.empty() && content, what, " has no role and content; wanted both");
  const std::optional<Role> known = role_named(name);
  require(known.has_value(), what, "'s role is \"", role->get<std::string>(),
          "\"; wanted system, user or assistant");
  turns.push_back({*known, text_in(*content, what), learned(m, what)});
  for (const char* other : kOtherOfTurn)
    if (m.contains(other) && !empty(m[other]))
      remarks_.notes.push_back(fmt::format("{} of turns not used", other));
}

RecordTurns::Turns RecordTurns::with_context(Turns turns) {
  Turns before;
  for (const char* key : kSystem)
    if (const json* text = find(key)) {
      Turn system{Role::system, text_in(*text, fmt::format("{}: {}", place_, key))};
      if (std::ranges::find(turns, system) == turns.end()) before.push_back(std::move(system));
    }
  if (const json* history = find("history")) {
    require(history->is_array(), place_, ": history is ", history->type_name(),
            "; wanted pairs of a request and its answer");
    for (const json& pair : *history) add_past(pair, before);
  }
  turns.insert(turns.begin(), std::make_move_iterator(before.begin()),
               std::make_move_iterator(before.end()));
  return turns;
}

void RecordTurns::add_past(const json& pair, Turns& turns) {
  if (pair.is_object()) return add_message(pair, turns);
  require(pair.is_array() && pair.size() == 2, place_,
          ": history has an entry that is no pair; wanted a request and its answer");
  turns.push_back({Role::user, text_in(pair[0], place_ + ": history")});
  turns.push_back({Role::assistant, text_in(pair[1], place_ + ": history")});
}

std::optional<RecordTurns::Turns> RecordTurns::request() {
  if (const json* prompt = find("prompt"); prompt && is_messages(*prompt))
    return messages(*prompt, "prompt");
  std::string text;
  const char* first = nullptr;
  for (const char* key : kRequest)
    if (const json* value = find(key)) {
      const std::string one = text_in(*value, fmt::format("{}: {}", place_, key));
      if (first && one.find(trimmed(text)) == std::string::npos &&
          text.find(trimmed(one)) == std::string::npos)
        throw Error(fmt::format("{}: {} and {} are two requests; wanted one", place_, first, key));
      if (!first) text = one, first = key;
    }
  bool any = first;
  for (const char* key : kRequestParts)
    if (const json* value = find(key)) {
      const std::string one = text_in(*value, fmt::format("{}: {}", place_, key));
      if (key == std::string_view("question") && text.find(one) != std::string::npos) continue;
      if (!text.empty()) text += "\n\n";
      text += one;
      any = true;
    }
  if (!any && !record_.contains("prompt") && !record_.contains("instruction")) return std::nullopt;
  return Turns{{Role::user, std::move(text)}};
}

RecordTurns::Turns RecordTurns::transcript(std::string_view text, std::string_view key) const {
  static constexpr std::array<std::pair<std::string_view, Role>, 2> kSpeakers = {
      {{"\n\nHuman:", Role::user}, {"\n\nAssistant:", Role::assistant}}};
  const std::string whole = "\n\n" + std::string(trimmed(text));
  Turns turns;
  for (size_t at = 0; at < whole.size();) {
    size_t end = whole.size();
    const std::string_view rest = std::string_view(whole).substr(at);
    const auto* speaker =
        std::ranges::find_if(kSpeakers, [&](const auto& s) { return rest.starts_with(s.first); });
    if (speaker == kSpeakers.end())
      throw Error(
          fmt::format("{}: {} is no conversation; wanted \"Human:\" and \"Assistant:\", or "
                      "a prompt beside it",
                      place_, key));
    const size_t begin = at + speaker->first.size();
    for (const auto& s : kSpeakers) end = std::min(end, whole.find(s.first, begin));
    turns.push_back({speaker->second,
                     std::string(trimmed(std::string_view(whole).substr(begin, end - begin)))});
    at = end;
  }
  return turns;
}

bool RecordTurns::end_with_answer(Turns& turns) {
  const auto last = std::find_if(turns.rbegin(), turns.rend(),
                                 [](const Turn& t) { return t.role == Role::assistant; });
  if (last == turns.rend()) return false;
  if (last != turns.rbegin()) remarks_.notes.emplace_back("turns behind the last answer left off");
  turns.erase(last.base(), turns.end());
  return true;
}

void RecordTurns::note_unused(std::span<const Turns> all) {
  const auto stands = [&](const std::string& text) {
    return std::ranges::any_of(all, [&](const Turns& turns) {
      return std::ranges::any_of(
          turns, [&](const Turn& t) { return t.text.find(trimmed(text)) != std::string::npos; });
    });
  };
  // A rendering of the whole, as Alpaca's "text".
  const auto holds_all = [&](const std::string& text) {
    return std::ranges::all_of(all, [&](const Turns& turns) {
      return std::ranges::all_of(
          turns, [&](const Turn& t) { return text.find(trimmed(t.text)) != std::string::npos; });
    });
  };
  const auto note = [&](const char* key) {
    const auto value = record_.find(key);
    if (used_.contains(key) || value == record_.end() || empty(*value)) return;
    if (!value->is_string() && !value->is_structured()) return;
    if (value->is_string() &&
        (stands(value->get<std::string>()) || holds_all(value->get<std::string>())))
      return;
    remarks_.notes.push_back(fmt::format("{} not used", key));
  };
  for (const auto* key : kMessages) note(key);
  for (const auto* key : kSystem) note(key);
  for (const auto* key : kRequest) note(key);
  for (const auto* key : kRequestParts) note(key);
  for (const auto* key : kAnswer) note(key);
  for (const auto* key : kOther) note(key);
}

std::string RecordTurns::keys() const {
  constexpr size_t kShown = 8;
  std::vector<std::string> names;
  for (const auto& item : record_.items())
    if (names.size() < kShown) names.push_back(item.key());
  if (record_.size() > kShown) names.emplace_back("…");
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string RecordTurns::help_with_records() const {
  for (const auto& item : record_.items())
    if (item.value().is_array() && !item.value().empty() && item.value()[0].is_object())
      return fmt::format("take the records out: jq -c '.{}[]' FILE > out.jsonl", item.key());
  return {};
}

const json* RecordTurns::find(const std::string& key) {
  const auto at = record_.find(key);
  if (at == record_.end() || empty(*at)) return nullptr;
  used_.insert(key);
  return &*at;
}
const json* RecordTurns::first_of(const json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (object.is_object() && object.contains(key)) return &object[key];
  return nullptr;
}
std::vector<const json*> RecordTurns::replies(const json& turn) {
  std::vector<const json*> all;
  if (turn.contains("replies") && turn["replies"].is_array())
    for (const json& reply : turn["replies"])
      if (reply.is_object() && !(reply.contains("deleted") && reply["deleted"] == true))
        all.push_back(&reply);
  return all;
}
bool RecordTurns::is_messages(const json& value) {
  return value.is_array() && !value.empty() && value[0].is_object() && !value[0].contains("type");
}
RecordTurns::Turns RecordTurns::join(Turns first, Turns next) {
  const auto again = std::search(next.begin(), next.end(), first.begin(), first.end());
  const bool begins =
      std::all_of(next.begin(), again, [](const Turn& t) { return t.role == Role::system; });
  if (again != next.end() && begins) return next;
  first.insert(first.end(), std::make_move_iterator(next.begin()),
               std::make_move_iterator(next.end()));
  return first;
}

}  // namespace lineage
