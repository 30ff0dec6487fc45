#include "lineage/serve/rank_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lineage/base/error.h"
#include "lineage/data/blanks.h"
#include "lineage/data/conversation_record.h"
#include "lineage/data/preference_record.h"
#include "lineage/data/record_set.h"

namespace lineage {
namespace {

using nlohmann::json;

constexpr std::array kListsOfAnswers = {"responses", "answers", "completions", "outputs",
                                        "candidates"};
constexpr std::array kJudgements = {"ranks",   "ranking", "rank",   "scores",
                                    "ratings", "rewards", "chosen", "rejected"};

const char* list_in(const json& record) {
  for (const char* key : kListsOfAnswers)
    if (record.contains(key) && record[key].is_array() && !record[key].empty()) return key;
  return nullptr;
}

std::string text_of_answer(const json& answer, const std::string& place) {
  if (answer.is_string()) return answer;
  if (answer.is_object())
    for (const char* key :
         {"text", "response", "answer", "completion", "content", "output", "solution"})
      if (answer.contains(key) && answer[key].is_string()) return answer[key];
  throw Error(place + " is no text; wanted a text, or an object with text, response or answer");
}

// Texts that differ, in their order.
std::vector<std::string> distinct(const json& list, const std::string& place) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < list.size(); ++i) {
    std::string text = text_of_answer(list[i], fmt::format("{}[{}]", place, i));
    const auto same = [&](const std::string& t) { return trimmed(t) == trimmed(text); };
    if (std::ranges::none_of(texts, same)) texts.push_back(std::move(text));
  }
  return texts;
}

// The reader of comparisons wants an order, so it gets that of the list.
RankPrompt with_answers(json record, const std::string& key, const std::string& place,
                        RecordRemarks& remarks) {
  const std::vector<std::string> texts = distinct(record[key], place + ": " + key);
  require(texts.size() >= 2 && texts.size() <= kMostRanked, place, ": ", key, " has ", texts.size(),
          " texts that differ; wanted 2 to ", kMostRanked, " to rank");
  for (const char* judged : kJudgements) record.erase(judged);
  record[key] = texts;
  std::vector<size_t> ranks;
  for (size_t i = 0; i < texts.size(); ++i) ranks.push_back(i + 1);
  record["ranks"] = ranks;
  PreferenceContent content = read_preference(record, place);
  remarks = content;
  return {std::move(content.comparisons.at(0).prompt), texts};
}

std::vector<RankPrompt> chosen_and_rejected(const json& record, const std::string& place,
                                            RecordRemarks& remarks) {
  PreferenceContent content = read_preference(record, place);
  require(!content.comparisons.empty(), place,
          ": chosen and rejected are one text; wanted two to rank");
  remarks = content;
  std::vector<RankPrompt> prompts;
  for (RankedAnswers& c : content.comparisons)
    prompts.push_back({std::move(c.prompt), std::move(c.answers)});
  return prompts;
}

std::vector<RankPrompt> prompts_alone(const json& record, const std::string& place,
                                      RecordRemarks& remarks) {
  RecordContent content = read_record(record, place, /*wants_answer=*/false);
  remarks = content;
  std::vector<RankPrompt> prompts;
  for (Conversation& c : content.conversations) {
    const size_t turns = c.turns.size();
    while (!c.turns.empty() && c.turns.back().role == Role::assistant) c.turns.pop_back();
    if (c.turns.size() < turns) remarks.notes.emplace_back("a single answer, not to be ranked");
    require(!c.turns.empty() && c.turns.back().role == Role::user && !blank(c.turns.back().text),
            place, ": has no prompt that ends with a user's turn; wanted one to be answered");
    prompts.push_back({std::move(c.turns), {}});
  }
  return prompts;
}

std::vector<RankPrompt> prompts_of(const json& record, const std::string& place,
                                   RecordRemarks& remarks) {
  require(record.is_object(), place, ": is ", record.type_name(), "; wanted an object");
  if (const char* key = list_in(record)) return {with_answers(record, key, place, remarks)};
  if (record.contains("chosen") && record.contains("rejected"))
    return chosen_and_rejected(record, place, remarks);
  return prompts_alone(record, place, remarks);
}

}  // namespace

RankFile read_rank_file(const std::string& path, std::vector<std::string>* notes) {
  RankFile file{std::filesystem::path(path).filename().string(), {}};
  const RecordSetName name{"", "--rank"};
  RecordSetConfig config;
  config.paths = {path};
  SourceRecord counts;
  read_records(name, config, counts, [&](const json& record, const std::string& place) {
    RecordRemarks remarks;
    for (RankPrompt& p : prompts_of(record, place, remarks)) file.prompts.push_back(std::move(p));
    return remarks;
  });
  if (file.prompts.empty()) throw nothing_read(name, counts, "prompt");
  for (const auto& [note, n] : counts.notes)
    if (notes) notes->push_back(fmt::format("{}: {}: {}", path, note, n));
  for (const auto& [reason, n] : counts.dropped)
    if (notes) notes->push_back(fmt::format("{}: {} left out: {}", path, n, reason));
  return file;
}

}  // namespace lineage
