#include "lineage/eval/scenarios/file_format.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "lineage/base/error.h"

namespace lineage {
namespace {

using Json = nlohmann::json;
using Keys = FileFormat::Keys;

// Records that are known, and not read.
struct Unread {
  std::string_view name;
  Keys keys;
  std::string_view why, help;
};

const std::vector<Unread>& unread_benchmarks() {
  constexpr std::string_view kTruthfulChoices =
      "take its multiple choice questions, mc_task.json, with mc1_targets and mc2_targets";
  constexpr std::string_view kTrain = "to train on them, name the file in a recipe's [sources]";
  constexpr std::string_view kQuestions =
      "write each as {\"query\", \"choices\", \"gold\"} or {\"context\", \"answer\", \"aliases\"}";
  static const std::vector<Unread> all = {
      {"APPS' problems", {"question", "solutions", "input_output"}, "", ""},
      {"TruthfulQA's questions for a judge",
       {"best_answer", "incorrect_answers"},
       "",
       kTruthfulChoices},
      {"TruthfulQA's questions for a judge",
       {"Best Answer", "Incorrect Answers"},
       "",
       kTruthfulChoices},
      {"DROP's questions", {"passage", "answers_spans"}, "", kQuestions},
      {"MATH's problems", {"problem", "solution"}, "", ""},
      {"IFEval's prompts", {"instruction_id_list"}, "", ""},
      {"BIG-bench's examples with scored targets", {"target_scores"}, "", kQuestions},
      {"MMLU-Pro's questions", {"question", "options", "answer_index"}, "", kQuestions},
      {"SWAG's sentences", {"startphrase", "ending0"}, "", kQuestions},
      {"SQuAD's nested articles",
       {"paragraphs"},
       "",
       "take its other layout, with context, question and answers"},
      {"pairs for natural language inference", {"premise", "hypothesis"}, "", kQuestions},
      {"answers that were compared by people", {"chosen", "rejected"}, "no questions", ""},
      {"conversations", {"messages"}, "no questions", kTrain},
      {"conversations", {"conversations"}, "no questions", kTrain},
      {"records to tune on", {"instruction", "output"}, "no questions", kTrain}};
  return all;
}

// Keys of benchmarks that are no part of the question.
constexpr std::array<std::string_view, 57> kBeside = {"id",
                                                      "_id",
                                                      "idx",
                                                      "ind",
                                                      "index",
                                                      "qid",
                                                      "qID",
                                                      "uid",
                                                      "uuid",
                                                      "guid",
                                                      "item_id",
                                                      "question_id",
                                                      "example_id",
                                                      "task_id",
                                                      "doc_id",
                                                      "pair_id",
                                                      "source_id",
                                                      "source",
                                                      "source_url",
                                                      "url",
                                                      "split",
                                                      "split_type",
                                                      "subset",
                                                      "dataset",
                                                      "config",
                                                      "subject",
                                                      "category",
                                                      "subcategory",
                                                      "domain",
                                                      "topic",
                                                      "type",
                                                      "tags",
                                                      "keywords",
                                                      "difficulty",
                                                      "level",
                                                      "grade",
                                                      "language",
                                                      "lang",
                                                      "license",
                                                      "licence",
                                                      "author",
                                                      "version",
                                                      "date",
                                                      "canary",
                                                      "metadata",
                                                      "comment",
                                                      "question_source",
                                                      "entity_pages",
                                                      "search_results",
                                                      "QuestionId",
                                                      "QuestionSource",
                                                      "EntityPages",
                                                      "SearchResults",
                                                      "challenge_test_list",
                                                      "source_file",
                                                      "fact1",
                                                      "turkIdAnonymized"};

// How many of an object's keys a format reads; 0 if the object is none of its records.
int64_t used_keys(const JsonObject& object, const FileFormat& f) {
  const auto there = [&](std::string_view key) { return object.value().contains(key); };
  const auto any = std::ranges::count_if(f.one_of, there);
  if (!std::ranges::all_of(f.needed, there) || (any == 0 && !f.one_of.empty())) return 0;
  if (f.fits && !f.fits(object)) return 0;
  return std::ssize(f.needed) + any + std::ranges::count_if(f.used, there);
}

bool names(std::span<const std::string_view> keys, std::string_view key) {
  return std::ranges::find(keys, key) != keys.end();
}

// Whether an entry may be a part of a question: blank text and empty lists are none, and flags and
// numbers only as its answer.
bool may_be_asked(std::string_view key, const Json& value) {
  constexpr std::array<std::string_view, 6> kAnswers = {"answer", "label",  "labels",
                                                        "gold",   "target", "score"};
  if (value.is_null()) return false;
  if (names(kAnswers, key)) return true;
  if (value.is_string())
    return value.get_ref<const std::string&>().find_first_not_of(" \t\r\n") != std::string::npos;
  return (value.is_array() || value.is_object()) && !value.empty();
}

std::string keys_of(const Json& object) {
  constexpr size_t kMost = 12;
  std::string text;
  size_t n = 0;
  for (const auto& entry : object.items()) {
    if (n++ == kMost) return text + ", …";
    text += (text.empty() ? "" : ", ") + entry.key();
  }
  return text.empty() ? "none" : text;
}

bool is_unread(const JsonObject& o, const Unread& u) {
  return std::ranges::all_of(u.keys, [&](std::string_view key) { return o.value().contains(key); });
}

}  // namespace

bool has_format(const JsonObject& o) {
  return std::ranges::any_of(unread_benchmarks(),
                             [&](const Unread& u) { return is_unread(o, u); }) ||
         std::ranges::any_of(file_formats(),
                             [&](const FileFormat& f) { return used_keys(o, f) > 0; });
}

const FileFormat& format_of(const JsonObject& o) {
  constexpr const char* kHelp =
      "docs/benchmarks.md lists the formats; --skip-malformed leaves such lines out";
  for (const Unread& u : unread_benchmarks())
    if (is_unread(o, u))
      throw Error(o.place() + ": is of " + std::string(u.name) + ", which are not read here" +
                      (u.why.empty() ? "" : " (" + std::string(u.why) + ")") +
                      "; wanted a format of docs/benchmarks.md",
                  u.help.empty() ? kHelp : std::string(u.help));
  std::vector<const FileFormat*> best;
  int64_t most = 1;
  for (const FileFormat& f : file_formats()) {
    const int64_t used = used_keys(o, f);
    if (used > most) best.clear();
    if (used >= most) best.push_back(&f), most = used;
  }
  if (best.size() == 1) return *best[0];
  if (best.size() > 1)
    throw Error(o.place() + ": may be of format " + std::string(best[0]->name) + " or " +
                    std::string(best[1]->name) + ", its keys are " + keys_of(o.value()) +
                    "; wanted the keys of one",
                kHelp);
  throw Error(o.place() + ": is no question of a known format, its keys are " + keys_of(o.value()) +
                  "; wanted an object with query and choices, context and continuation, ctx and "
                  "endings, question and answer, text, …",
              kHelp);
}

void check_keys(const JsonObject& o, const FileFormat& format,
                const std::vector<std::string>& allowed, std::set<std::string>& left_out) {
  for (const auto& [key, value] : o.value().items()) {
    if (names(format.needed, key) || names(format.one_of, key) || names(format.used, key)) continue;
    const bool beside = names(kBeside, key) || std::ranges::find(allowed, key) != allowed.end();
    if (!beside && may_be_asked(key, value))
      throw Error(o.place() + ": \"" + key + "\" is not used by format " +
                      std::string(format.name) +
                      " and may be a part of the question; wanted no such key",
                  "if it is no part of what is asked, leave it out with --leave-out " + key);
    left_out.insert(key);
  }
}

}  // namespace lineage
