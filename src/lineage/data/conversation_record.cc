#include "lineage/data/conversation_record.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/data/blanks.h"

namespace lineage {
namespace {

using nlohmann::json;

constexpr std::string_view kFormats =
    "wanted messages, instruction + output, instruction + instances, prompt + completion, question "
    "+ answer, or chosen";
constexpr std::string_view kRejected = "rejected answers";  // why such a record gives nothing
constexpr std::string_view kOtherReplies = "other replies of a tree not used";

class RecordReader : RecordTurns {
 public:
  RecordReader(const json& record, const std::string& place, bool wants_answer)
      : RecordTurns(record, place), wants_answer_(wants_answer) {}

  RecordContent read() && {
    if (!record_.is_object())
      throw Error(fmt::format("{}: is {}; wanted an object", place_, record_.type_name()));
    std::vector<Turns> all = conversations();
    if (wants_answer_ && is_rejected()) remarks_.dropped = kRejected;
    if (!remarks_.dropped.empty()) return {std::move(remarks_), {}};
    Digest digest;
    for (const Turns& turns : all)
      for (const Turn& t : turns)
        digest.field(fmt::format("{} {}", static_cast<int>(t.role), t.learned)).field(t.text);
    const uint64_t hash = std::stoull(digest.hex().substr(0, 16), nullptr, 16);
    note_unused(all);
    std::vector<Conversation> read;
    for (Turns& turns : all) {
      if (wants_answer_) finish(turns);
      read.push_back({std::move(turns), rating(), place_, hash});
    }
    return {std::move(remarks_), std::move(read)};
  }

 private:
  std::vector<Turns> conversations() {
    if (const std::optional<Turns> list = message_list()) return {with_context(*list)};
    if (const json* root = find("prompt"); root && root->is_object()) return {tree(*root)};
    if (find("instruction") && record_.contains("instances")) return instances();
    if (find("message_id") && record_.contains("parent_id"))
      throw Error(place_ + ": is one message of an OpenAssistant export; wanted a tree a record",
                  "take the file of trees of the same export (trees.jsonl)");
    if (const std::optional<Turns> prompt = request()) return {with_context(answered(*prompt))};
    if (find("chosen")) return {with_context(chosen({}))};
    fail_no_conversation();
  }

  Turns answered(Turns turns) {
    const json* answer = nullptr;
    const char* first = nullptr;
    for (const char* key : answer_keys())
      if (const json* value = find(key); value && (value->is_string() || value->is_array())) {
        if (answer && *answer != *value)
          throw Error(fmt::format("{}: {} and {} are two answers; wanted one", place_, first, key));
        answer = value, first = key;
      }
    if (!answer)
      for (const char* key : answer_keys())  // of another kind: reported below
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
    return transcript(text, "chosen");
  }

  // OpenAssistant: the first or best ranked of the replies, as deep as they go.
  Turns tree(const json& root) {
    Turns turns;
    for (const json* at = &root; at;) {
      add_message(*at, turns);
      const std::vector<const json*> all = replies(*at);
      for (size_t i = 1; i < all.size(); ++i) remarks_.notes.emplace_back(kOtherReplies);
      const auto best = std::ranges::min_element(all, {}, [](const json* r) { return rank(*r); });
      at = best == all.end() ? nullptr : *best;
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
    if (!end_with_answer(turns))
      throw Error(
          fmt::format("{}: has no answer (its keys: {}); wanted a turn of the assistant with "
                      "some text",
                      place_, keys()));
    bool any = false;
    for (size_t i = 0; i < turns.size(); ++i) {
      if (turns[i].role != Role::assistant) continue;
      require(!blank(turns[i].text), place_, ": turn ", i,
              " is a blank answer; wanted some text in every turn of the assistant");
      any |= turns[i].learned;
    }
    require(any, place_, ": every answer has weight 0; wanted one to learn");
  }

  // TRL's unpaired preferences: a completion that people did not want.
  bool is_rejected() const {
    const auto label = record_.find("label");
    return record_.contains("completion") && label != record_.end() && label->is_boolean() &&
           !label->get<bool>();
  }

  [[noreturn]] void fail_no_conversation() const {
    std::string help = help_with_records();
    if (help.empty() && record_.contains("text") && !record_.contains("role"))
      help = "text without turns is read by [sources.NAME] with kind = \"jsonl\"";
    throw Error(fmt::format("{}: is no conversation (its keys: {}); {}", place_, keys(), kFormats),
                help);
  }

  double rating() const {
    const auto at = record_.find("rating");
    return at != record_.end() && at->is_number() ? at->get<double>() : 0;
  }

  bool wants_answer_;
};

}  // namespace

RecordContent read_record(const json& record, const std::string& place, bool wants_answer) {
  return RecordReader(record, place, wants_answer).read();
}

}  // namespace lineage
