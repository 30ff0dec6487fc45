#include "lineage/data/conversation_record.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/data/source.h"
#include "lineage/data/sources/ascii.h"

namespace lineage {
namespace {

using nlohmann::json;
using Turns = std::vector<Turn>;
using Names = std::initializer_list<const char*>;

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
    "replies"};
// The same in a turn.
constexpr std::array kOtherOfTurn = {"thinking", "reasoning", "reasoning_content", "refusal"};

constexpr std::string_view kFormats =
    "wanted messages, instruction + output, instruction + instances, prompt + completion, question "
    "+ answer, or chosen";
constexpr std::string_view kEndsWithoutAnswer = "turns behind the last answer left off";
constexpr std::string_view kOtherReplies = "other replies of a tree not used";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}
bool blank(std::string_view text) { return trimmed(text).empty(); }

// Whether a value is empty.
bool empty(const json& value) {
  if (value.is_string()) return blank(value.get_ref<const std::string&>());
  return value.is_null() || (value.is_structured() && value.empty());
}

// A text, or the texts of content parts ({"type": "text", "text": "…"}) joined.
std::string text_in(const json& value, const std::string& what) {
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

class RecordReader {
 public:
  RecordReader(const json& record, const std::string& place, bool wants_answer)
      : record_(record), place_(place), wants_answer_(wants_answer) {}

  RecordContent read() && {
    if (!record_.is_object())
      throw Error(fmt::format("{}: is {}; wanted an object", place_, record_.type_name()));
    std::vector<Turns> all = conversations();
    if (!content_.dropped.empty()) return std::move(content_);
    Digest digest;
    for (const Turns& turns : all)
      for (const Turn& t : turns)
        digest.field(fmt::format("{} {}", static_cast<int>(t.role), t.learned)).field(t.text);
    const uint64_t hash = std::stoull(digest.hex().substr(0, 16), nullptr, 16);
    note_unused(all);
    for (Turns& turns : all) {
      if (wants_answer_) finish(turns);
      content_.conversations.push_back({std::move(turns), rating(), place_, hash});
    }
    return std::move(content_);
  }

 private:
  std::vector<Turns> conversations() {
    for (const char* key : kMessages)
      if (const json* list = find(key)) return {with_context(messages(*list, key))};
    if (const json* root = find("prompt"); root && root->is_object()) return {tree(*root)};
    if (find("instruction") && record_.contains("instances")) return instances();
    if (find("message_id") && record_.contains("parent_id"))
      throw Error(place_ + ": is one message of an OpenAssistant export; wanted a tree a record",
                  "take the file of trees of the same export (trees.jsonl)");
    if (const std::optional<Turns> prompt = request()) return {with_context(answered(*prompt))};
    if (find("chosen")) return {with_context(chosen({}))};
    fail_no_conversation();
  }

  // A list of turns; also of texts that come in turn, the user's first.
  Turns messages(const json& list, const std::string& key) {
    require(list.is_array() && !list.empty(), place_, ": ", key, " is ",
            list.is_array() ? "empty" : list.type_name(), "; wanted an array of turns");
    Turns turns;
    for (const json& m : list) add_message(m, turns);
    return turns;
  }

  void add_message(const json& m, Turns& turns) {
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
    const bool calls =
        m.is_object() && ((m.contains("tool_calls") && !empty(m["tool_calls"])) ||
                          (m.contains("function_call") && !empty(m["function_call"])));
    const std::string name =
        role && role->is_string() ? ascii_lower(role->get_ref<const std::string&>()) : "";
    if (calls || is_tool_role(name)) {
      content_.dropped = dropped::kToolTurns;
      return;
    }
    require(!name.empty() && content, what, " has no role and content; wanted both");
    const std::optional<Role> known = role_named(name);
    require(known.has_value(), what, "'s role is \"", role->get<std::string>(),
            "\"; wanted system, user or assistant");
    turns.push_back({*known, text_in(*content, what), learned(m, what)});
    for (const char* other : kOtherOfTurn)
      if (m.contains(other) && !empty(m[other]))
        content_.notes.push_back(fmt::format("{} of turns not used", other));
  }

  // "weight": 0 or 1 of OpenAI's format; "train" or "loss": false of others.
  static bool learned(const json& m, const std::string& what) {
    for (const char* key : {"train", "loss"})
      if (m.contains(key) && m[key].is_boolean() && !m[key].get<bool>()) return false;
    if (!m.contains("weight") || m["weight"].is_null()) return true;
    const json& weight = m["weight"];
    const bool valid = weight.is_number() && (weight == 0 || weight == 1);
    require(valid, what, "'s weight is ", weight.dump(), "; wanted 0 or 1");
    return weight == 1;
  }

  // The record's system text and history before its own turns.
  Turns with_context(Turns turns) {
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

  void add_past(const json& pair, Turns& turns) {
    if (pair.is_object()) return add_message(pair, turns);
    require(pair.is_array() && pair.size() == 2, place_,
            ": history has an entry that is no pair; wanted a request and its answer");
    turns.push_back({Role::user, text_in(pair[0], place_ + ": history")});
    turns.push_back({Role::assistant, text_in(pair[1], place_ + ": history")});
  }

  // The user's text in a record without messages; nothing when there is none.
  std::optional<Turns> request() {
    if (const json* prompt = find("prompt"); prompt && is_messages(*prompt))
      return messages(*prompt, "prompt");
    std::string text;
    const char* first = nullptr;
    for (const char* key : kRequest)
      if (const json* value = find(key)) {
        const std::string one = text_in(*value, fmt::format("{}: {}", place_, key));
        if (first && one.find(trimmed(text)) == std::string::npos &&
            text.find(trimmed(one)) == std::string::npos)
          throw Error(
              fmt::format("{}: {} and {} are two requests; wanted one", place_, first, key));
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
    if (!any && !record_.contains("prompt") && !record_.contains("instruction"))
      return std::nullopt;
    return Turns{{Role::user, std::move(text)}};
  }

  Turns answered(Turns turns) {
    const json* answer = nullptr;
    const char* first = nullptr;
    for (const char* key : kAnswer)
      if (const json* value = find(key); value && (value->is_string() || value->is_array())) {
        if (answer && *answer != *value)
          throw Error(fmt::format("{}: {} and {} are two answers; wanted one", place_, first, key));
        answer = value, first = key;
      }
    if (!answer)
      for (const char* key : kAnswer)  // of another kind: reported below
        if (const json* value = find(key); value && !answer) answer = value;
    if (!answer && find("chosen")) return chosen(std::move(turns));
    if (answer && is_messages(*answer)) return join(std::move(turns), messages(*answer, "answer"));
    if (answer) turns.push_back({Role::assistant, text_in(*answer, place_ + ": the answer")});
    return turns;
  }

  // The better of two answers, or a whole conversation that ends with it.
  Turns chosen(Turns prompt) {
    const json& value = *find("chosen");
    if (is_messages(value)) return join(std::move(prompt), messages(value, "chosen"));
    const std::string text = text_in(value, place_ + ": chosen");
    if (!prompt.empty()) {
      prompt.push_back({Role::assistant, text});
      return prompt;
    }
    return transcript(text);
  }

  // hh-rlhf: "\n\nHuman: …\n\nAssistant: …".
  Turns transcript(std::string_view text) const {
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
        throw Error(place_ +
                    ": chosen is no conversation; wanted \"Human:\" and \"Assistant:\", "
                    "or a prompt beside it");
      const size_t begin = at + speaker->first.size();
      for (const auto& s : kSpeakers) end = std::min(end, whole.find(s.first, begin));
      turns.push_back({speaker->second,
                       std::string(trimmed(std::string_view(whole).substr(begin, end - begin)))});
      at = end;
    }
    return turns;
  }

  // OpenAssistant: the first or best ranked of the replies, as deep as they go.
  Turns tree(const json& root) {
    Turns turns;
    for (const json* at = &root; at;) {
      add_message(*at, turns);
      const json* best = nullptr;
      int64_t replies = 0;
      if (at->contains("replies") && (*at)["replies"].is_array())
        for (const json& reply : (*at)["replies"]) {
          if (!reply.is_object() || reply.value("deleted", false)) continue;
          ++replies;
          if (!best || rank(reply) < rank(*best)) best = &reply;
        }
      for (int64_t i = 1; i < replies; ++i) content_.notes.emplace_back(kOtherReplies);
      at = best;
    }
    return turns;
  }
  static double rank(const json& reply) {
    return reply.contains("rank") && reply["rank"].is_number() ? reply["rank"].get<double>() : 1e9;
  }

  std::vector<Turns> instances() {
    const json& list = record_["instances"];
    used_.insert("instances");
    require(list.is_array() && !list.empty(), place_, ": instances is ",
            list.is_array() ? "empty" : list.type_name(), "; wanted an array of input and output");
    std::vector<Turns> all;
    for (const json& instance : list) {
      require(instance.is_object(), place_, ": an instance is ", instance.type_name(),
              "; wanted input and output");
      json one = instance;
      one["instruction"] = record_["instruction"];
      RecordReader reader(one, place_, wants_answer_);
      all.push_back(with_context(reader.answered(*reader.request())));
    }
    return all;
  }

  // Removes turns after the last answer; an Error for a blank answer, or if none is learned.
  void finish(Turns& turns) {
    const auto is_answer = [](const Turn& t) { return t.role == Role::assistant; };
    const auto last = std::find_if(turns.rbegin(), turns.rend(), is_answer);
    if (last == turns.rend())
      throw Error(
          fmt::format("{}: has no answer (its keys: {}); wanted a turn of the assistant with "
                      "some text",
                      place_, keys()));
    if (last != turns.rbegin()) content_.notes.emplace_back(kEndsWithoutAnswer);
    turns.erase(last.base(), turns.end());
    bool any = false;
    for (size_t i = 0; i < turns.size(); ++i) {
      if (!is_answer(turns[i])) continue;
      require(!blank(turns[i].text), place_, ": turn ", i,
              " is a blank answer; wanted some text in every turn of the assistant");
      any |= turns[i].learned;
    }
    require(any, place_, ": every answer has weight 0; wanted one to learn");
  }

  // Counts the keys with text that is in no turn.
  void note_unused(const std::vector<Turns>& all) {
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
      content_.notes.push_back(fmt::format("{} not used", key));
    };
    for (const auto* key : kMessages) note(key);
    for (const auto* key : kSystem) note(key);
    for (const auto* key : kRequest) note(key);
    for (const auto* key : kRequestParts) note(key);
    for (const auto* key : kAnswer) note(key);
    for (const auto* key : kOther) note(key);
  }

  [[noreturn]] void fail_no_conversation() const {
    std::string help;
    for (const auto& item : record_.items()) {
      if (item.value().is_array() && !item.value().empty() && item.value()[0].is_object())
        help = fmt::format("take the records out: jq -c '.{}[]' FILE > out.jsonl", item.key());
      if (item.key() == "text" && help.empty() && !record_.contains("role"))
        help = "text without turns is read by [sources.NAME] with kind = \"jsonl\"";
    }
    throw Error(fmt::format("{}: is no conversation (its keys: {}); {}", place_, keys(), kFormats),
                help);
  }

  // "id, text, …", for messages.
  std::string keys() const {
    constexpr size_t kShown = 8;
    std::vector<std::string> names;
    for (const auto& item : record_.items())
      if (names.size() < kShown) names.push_back(item.key());
    if (record_.size() > kShown) names.emplace_back("…");
    return fmt::format("{}", fmt::join(names, ", "));
  }

  double rating() const {
    const auto at = record_.find("rating");
    return at != record_.end() && at->is_number() ? at->get<double>() : 0;
  }

  // The value of a key unless it is empty; the key then counts as used.
  const json* find(const char* key) {
    const auto at = record_.find(key);
    if (at == record_.end() || empty(*at)) return nullptr;
    used_.insert(key);
    return &*at;
  }
  static const json* first_of(const json& object, Names keys) {
    for (const char* key : keys)
      if (object.is_object() && object.contains(key)) return &object[key];
    return nullptr;
  }
  static bool is_messages(const json& value) {
    return value.is_array() && !value.empty() && value[0].is_object() && !value[0].contains("type");
  }
  // Turns that continue others; they may repeat those at their beginning.
  static Turns join(Turns first, Turns next) {
    const bool again =
        next.size() >= first.size() && std::equal(first.begin(), first.end(), next.begin());
    if (again) return next;
    first.insert(first.end(), std::make_move_iterator(next.begin()),
                 std::make_move_iterator(next.end()));
    return first;
  }

  const json& record_;
  const std::string& place_;
  bool wants_answer_;
  std::set<std::string> used_;
  RecordContent content_;
};

}  // namespace

RecordContent read_record(const json& record, const std::string& place, bool wants_answer) {
  return RecordReader(record, place, wants_answer).read();
}

}  // namespace lineage
