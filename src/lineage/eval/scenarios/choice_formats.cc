#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "lineage/base/error.h"
#include "lineage/eval/item_metrics.h"
#include "lineage/eval/scenarios/benchmark_formats.h"
#include "lineage/eval/scenarios/record_fields.h"

namespace lineage {
namespace {

using namespace record;

// "Question: …" expects an answer that begins on a line of its own.
std::string asking(std::string query) {
  query = trimmed(std::move(query));
  return query.starts_with("Question:") && !query.ends_with("Answer:") ? query + "\nAnswer:"
                                                                       : query;
}

Instance choices(const JsonObject& o) {
  Instance item;
  item.question.text = asking(text(o, "query"));
  item.answers = texts(o, "choices", 2);
  item.correct = index(o, "gold", item.answers);
  return item;
}

Instance schema(const JsonObject& o) {
  Instance item;
  item.contexts = texts(o, "context_options", 2);
  item.answers = {text_part(trimmed(text(o, "continuation")))};
  item.correct = index(o, "gold", item.contexts);
  return item;
}

// Python's str.capitalize(): the first letter in upper case, the others in lower case.
std::string capitalised(std::string s) {
  for (size_t i = 0; i < s.size(); ++i) {
    const auto c = static_cast<unsigned char>(s[i]);
    s[i] = static_cast<char>(i == 0 ? std::toupper(c) : std::tolower(c));
  }
  return s;
}

// The authors' cleaning of WikiHow's marks: " [title]" ends a sentence, other brackets are dropped,
// and of two blanks one stays.
std::string without_brackets(std::string s) {
  s = trimmed(std::move(s));
  for (size_t at; (at = s.find(" [title]")) != s.npos;) s.replace(at, 8, ". ");
  for (size_t open = 0; (open = s.find('[', open)) != s.npos;) {
    const size_t close = s.find(']', open);
    if (close == s.npos) break;
    s.erase(open, close - open + 1);
  }
  for (size_t at = 0; (at = s.find("  ", at)) != s.npos; ++at) s.erase(at, 1);
  return trimmed(s);
}

Instance hellaswag(const JsonObject& o) {
  Instance item;
  std::string context = o.has("ctx_a")
                            ? text(o, "ctx_a") + " " + capitalised(text_or_none(o, "ctx_b"))
                            : text(o, "ctx");
  if (o.has("activity_label")) context = text(o, "activity_label") + ": " + context;
  item.cluster = text_or_none(o, "source_id");
  item.question.text = without_brackets(context);
  item.answers = texts(o, "endings", 2);
  for (Part& ending : item.answers) ending.text = without_brackets(ending.text);
  item.correct = index(o, "label", item.answers);
  return item;
}

// "(A) …" lines in the question are the choices; BIG-Bench Hard's targets name them.
std::vector<Part> options_in(const std::string& input) {
  std::vector<Part> options;
  char letter = 'A';
  for (size_t at = input.find("Options:"); at != input.npos; at = input.find('\n', at + 1)) {
    const std::string label = std::string("(") + letter + ")";
    if (input.compare(std::min(at + 1, input.size()), 3, label) != 0) continue;
    options.push_back(text_part(label));
    ++letter;
  }
  return options;
}

Instance task(const JsonObject& o) {
  Instance item;
  const std::string input = trimmed(text(o, "input"));
  const Part target = text_part(trimmed(text(o, "target")));
  item.question.text = "Q: " + input + "\nA:";
  item.answers = options_in(input);
  if (item.answers.size() < 2) {
    const bool cut_off = item.answers.size() == 1 && item.answers[0] == target;
    item.correct = cut_off ? -1 : 0;
    item.answers = {target};
    return item;
  }
  const auto right = std::ranges::find(item.answers, target);
  item.correct = right == item.answers.end() ? -1 : static_cast<int>(right - item.answers.begin());
  return item;
}

// The rest have the prompts of lm-evaluation-harness (docs/benchmarks.md).

Instance piqa(const JsonObject& o) {
  Instance item;
  item.question.text = "Question: " + trimmed(text(o, "goal")) + "\nAnswer:";
  for (const char* key : {"sol1", "sol2"}) item.answers.push_back(text_part(trimmed(text(o, key))));
  item.correct = index(o, "label", item.answers);
  return item;
}

// Each option replaces "_" in the sentence; the text after it is scored.
Instance winogrande(const JsonObject& o) {
  const std::string sentence = trimmed(text(o, "sentence"));
  const size_t gap = sentence.find('_');
  if (gap == sentence.npos || trimmed(sentence.substr(gap + 1)).empty())
    o.refuse("sentence", "a sentence with _ in it, and words behind", kMend);
  Instance item;
  for (const char* key : {"option1", "option2"})
    item.contexts.push_back(text_part(sentence.substr(0, gap) + trimmed(text(o, key))));
  item.answers = {text_part(trimmed(sentence.substr(gap + 1)))};
  const std::string said = o.has("answer") ? text_or_number(o, "answer") : "";
  if (said.empty()) refuse_unlabelled(o, "answer");
  if (said != "1" && said != "2") o.refuse("answer", "1 or 2", kMend);
  item.correct = said == "2";
  return item;
}

Instance copa(const JsonObject& o) {
  const std::string asked = text(o, "question");
  if (asked != "cause" && asked != "effect") o.refuse("question", "cause or effect", kMend);
  std::string premise = trimmed(text(o, "premise"));
  if (premise.ends_with('.')) premise.pop_back();
  Instance item;
  item.question.text = premise + (asked == "cause" ? " because" : " therefore");
  for (const char* key : {"choice1", "choice2"}) {
    std::string choice = trimmed(text(o, key));
    if (!choice.empty())
      choice[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(choice[0])));
    item.answers.push_back(text_part(choice));
  }
  item.correct = index(o, "label", item.answers);
  return item;
}

// The record of one problem, as most copies have it.
Instance race(const JsonObject& o) {
  Instance item;
  const std::string article = trimmed(text(o, "article"));
  item.cluster = cluster_of(article);
  item.question.text =
      "Article: " + article + "\n\nQuestion: " + trimmed(text(o, "question")) + "\nAnswer:";
  item.answers = texts(o, "options", 2);
  item.correct = label_index(o, "answer", letters(item.answers.size()));
  return item;
}

// An article with all its problems: the last is the question, the others come before it with their
// answers. A gap at the end of a sentence is filled.
Instance race_article(const JsonObject& o, const std::vector<JsonObject>& problems) {
  if (problems.empty()) throw Error(o.place() + ": has no problems; wanted at least one", kMend);
  Instance item;
  item.question.text = "Article: " + trimmed(text(o, "article")) + "\n\n";
  constexpr std::string_view kGap = "  _  .";
  for (const JsonObject& problem : problems) {
    item.answers = texts(problem, "options", 2);
    item.correct = label_index(problem, "answer", letters(item.answers.size()));
    const std::string question = text(problem, "question");
    const std::string& answer = item.answers[item.correct].text;
    if (&problem == &problems.back())
      item.question.text += trimmed(question);
    else if (question.ends_with(kGap))
      item.question.text += question.substr(0, question.size() - kGap.size() + 1) + answer + "\n";
    else
      item.question.text += "Question: " + question + "\nAnswer: " + answer + "\n";
  }
  return item;
}

// The hub's copy for lm-evaluation-harness has the list as a literal of Python.
Instance race_problems(const JsonObject& o) {
  nlohmann::json list = o.at("problems");
  if (list.is_string()) list = parse_json(json_of_python(list), o.place() + ", problems");
  if (!list.is_array()) o.refuse("problems", "a list of problems", kMend);
  std::vector<JsonObject> problems;
  for (const nlohmann::json& problem : list) problems.emplace_back(problem, o.place());
  return race_article(o, problems);
}

// The authors' files: lists of questions, of their options and of their answers.
Instance race_lists(const JsonObject& o) {
  const auto& questions = o.list("questions");
  const auto& options = o.list("options");
  const auto& answers = o.list("answers");
  if (options.size() != questions.size() || answers.size() != questions.size())
    o.refuse("options", "one list for each question, as of answers", kMend);
  std::vector<JsonObject> problems;
  for (size_t i = 0; i < questions.size(); ++i)
    problems.emplace_back(
        nlohmann::json{{"question", questions[i]}, {"options", options[i]}, {"answer", answers[i]}},
        o.place());
  return race_article(o, problems);
}

// Choices with labels: ARC's and OpenBookQA's are answers in words, CommonsenseQA's are lettered
// lines of the question.
struct LabelledChoices {
  std::vector<Part> texts, labels;
};

Instance labelled(const JsonObject& o, const std::string& question, LabelledChoices choices,
                  bool with_letters) {
  if (choices.labels.size() != choices.texts.size())
    o.refuse("choices", "a label for each text", kMend);
  Instance item;
  item.correct = label_index(o, "answerKey", choices.labels);
  item.question.text =
      "Question: " + question + (with_letters ? lettered(choices.texts) : "") + "\nAnswer:";
  item.answers = with_letters ? letters(choices.texts.size()) : std::move(choices.texts);
  return item;
}

LabelledChoices hub_choices(const JsonObject& o) {
  const JsonObject choices = o.child("choices");
  LabelledChoices all = {texts(choices, "text", 2), texts(choices, "label", 2)};
  if (all.labels.size() != all.texts.size()) choices.refuse("label", "one for each text", kMend);
  return all;
}

Instance arc(const JsonObject& o) {
  return labelled(o, trimmed(text(o, "question")), hub_choices(o), false);
}

Instance commonsense_qa(const JsonObject& o) {
  return labelled(o, trimmed(text(o, "question")), hub_choices(o), true);
}

// The choices continue a sentence.
Instance openbook_qa(const JsonObject& o) {
  Instance item = labelled(o, "", hub_choices(o), false);
  item.question.text = trimmed(text(o, "question_stem"));
  return item;
}

bool has_stem(const JsonObject& o) { return o.has("question") && o.at("question").is_object(); }
bool has_no_stem(const JsonObject& o) { return !has_stem(o); }

// The layout of the Allen Institute's own files, of ARC, OpenBookQA and CommonsenseQA.
Instance stem(const JsonObject& o) {
  const JsonObject question = o.child("question");
  LabelledChoices choices;
  for (const nlohmann::json& choice : question.list("choices")) {
    const JsonObject c(choice, o.place());
    choices.texts.push_back(text_part(trimmed(text(c, "text"))));
    choices.labels.push_back(text_part(trimmed(text(c, "label"))));
  }
  if (choices.texts.size() < 2) question.refuse("choices", "at least two", kMend);
  const std::string asked = trimmed(text(question, "stem"));
  Instance item = labelled(o, asked, std::move(choices), question.has("question_concept"));
  if (o.has("fact1")) item.question.text = asked;  // OpenBookQA
  return item;
}

// The question lists the choices, and their letters are the answers.
Instance mmlu_item(const JsonObject& o, const std::vector<Part>& choices, int correct) {
  Instance item;
  item.question.text = trimmed(text(o, "question")) + lettered(choices) + "\nAnswer:";
  item.answers = letters(choices.size());
  item.correct = correct;
  item.subject = text_or_none(o, "subject");
  return item;
}

Instance mmlu(const JsonObject& o) {
  const auto choices = texts(o, "choices", 2);
  const bool letter = o.has("answer") && o.at("answer").is_string() &&
                      trimmed(o.at("answer")).size() == 1 &&
                      std::isalpha(static_cast<unsigned char>(trimmed(o.at("answer"))[0])) != 0;
  return mmlu_item(
      o, choices,
      letter ? label_index(o, "answer", letters(choices.size())) : index(o, "answer", choices));
}

// The authors' tables: question, four choices, the right one's letter.
Instance mmlu_columns(const JsonObject& o) {
  std::vector<Part> choices;
  for (const char* key : {"A", "B", "C", "D"}) choices.push_back(text_part(text_or_number(o, key)));
  return mmlu_item(o, choices, label_index(o, "answer", letters(choices.size())));
}

std::string mmlu_preamble(const std::string& subject) {
  std::string words = subject;
  std::ranges::replace(words, '_', ' ');
  return "The following are multiple choice questions (with answers)" +
         (words.empty() ? std::string() : " about " + words) + ".\n\n";
}

// TruthfulQA (Lin et al. 2022). A set of targets is an object of choices and their truth, or two
// lists of them.
Instance truthful(const JsonObject& o, const char* key) {
  Instance item;
  item.question.text = "Q: " + trimmed(text(o, "question")) + "\nA:";
  const JsonObject targets = o.child(key);
  const auto add = [&](const std::string& choice, const nlohmann::json& truth) {
    if (!truth.is_number_integer() || (truth != 0 && truth != 1))
      o.refuse(key, "1 for each true choice, 0 for each false one", kMend);
    item.answers.push_back(text_part(trimmed(choice)));
    item.right.push_back(truth == 1);
  };
  if (targets.has("choices")) {
    const auto choices = texts(targets, "choices", 2);
    const auto& labels = targets.list("labels");
    if (labels.size() != choices.size()) targets.refuse("labels", "one for each choice", kMend);
    for (size_t i = 0; i < choices.size(); ++i) add(choices[i].text, labels[i]);
  } else {
    for (const auto& entry : targets.value().items()) add(entry.key(), entry.value());
  }
  const auto right = std::ranges::count(item.right, true);
  if (right == 0 || right == std::ssize(item.right))
    o.refuse(key, "true choices and false ones", kMend);
  item.correct = static_cast<int>(std::ranges::find(item.right, true) - item.right.begin());
  item.baseline = static_cast<double>(right) / static_cast<double>(item.right.size());
  return item;
}

// One choice is right.
Instance truthful_one(const JsonObject& o) {
  Instance item = truthful(o, "mc1_targets");
  if (std::ranges::count(item.right, true) > 1) o.refuse("mc1_targets", "one true choice", kMend);
  item.right.clear(), item.baseline = 0;
  return item;
}

// Several are.
Instance truthful_all(const JsonObject& o) { return truthful(o, "mc2_targets"); }

// Tasks with few different targets (True, False) become a choice among them.
void share_closed_targets(std::vector<Instance>& items) {
  constexpr size_t kFew = 8;
  std::set<std::string> targets;
  for (const Instance& item : items)
    for (const Part& answer : item.answers) targets.insert(answer.text);
  const bool closed =
      targets.size() >= 2 && targets.size() <= kFew && items.size() >= 4 * targets.size();
  if (!closed || items[0].answers.size() > 1) return;
  for (Instance& item : items) {
    if (item.answers.size() > 1) continue;
    const std::string target = item.answers[0].text;
    item.answers.clear();
    for (const std::string& t : targets) item.answers.push_back(text_part(t));
    item.correct = static_cast<int>(std::distance(targets.begin(), targets.find(target)));
  }
}

Instance boolq(const JsonObject& o) {
  Instance item;
  const std::string passage = trimmed(text(o, passage_key(o)));
  item.cluster = cluster_of(passage);
  std::string question = trimmed(text(o, "question"));
  if (!question.ends_with('?')) question += '?';
  item.question.text = passage + "\nQuestion: " + question + "\nAnswer:";
  item.answers = {text_part("no"), text_part("yes")};
  item.correct =
      o.has("answer") ? static_cast<int>(o.get<bool>("answer")) : index(o, "label", item.answers);
  return item;
}

}  // namespace

bool is_yes_or_no(const JsonObject& o) {
  if (o.has("answer")) return o.at("answer").is_boolean();
  return o.has("label") && o.at("label").is_number_integer();
}

std::span<const FileFormat> choice_formats() {
  static const FileFormat truthful_mc2 = {.name = "truthfulqa_mc2",
                                          .needed = {"question", "mc1_targets", "mc2_targets"},
                                          .suffix = ".mc2",
                                          .parse = truthful_all,
                                          .metric = metrics::share_of_right_choices};
  static const FileFormat all[] = {
      // llm-foundry's layout of ARC, PIQA, COPA, BoolQ, …
      {.name = "choices", .needed = {"query", "choices"}, .used = {"gold"}, .parse = choices},
      // Winograd
      {.name = "schema",
       .needed = {"context_options", "gold"},
       .used = {"continuation"},
       .parse = schema},
      {.name = "hellaswag",
       .needed = {"endings", "label"},
       .used = {"ctx", "ctx_a", "ctx_b", "activity_label", "source_id"},
       .parse = hellaswag,
       .normalise = PromptSpec::Normalise::bytes},
      {.name = "piqa", .needed = {"goal", "sol1", "sol2"}, .used = {"label"}, .parse = piqa},
      {.name = "winogrande",
       .needed = {"sentence", "option1", "option2"},
       .used = {"answer"},
       .parse = winogrande},
      {.name = "copa",
       .needed = {"premise", "choice1", "choice2", "question"},
       .used = {"label"},
       .parse = copa},
      {.name = "race",
       .needed = {"article", "question", "options"},
       .used = {"answer"},
       .parse = race},
      {.name = "race_problems", .needed = {"article", "problems"}, .parse = race_problems},
      {.name = "race_lists",
       .needed = {"article", "questions", "options", "answers"},
       .parse = race_lists},
      {.name = "arc",
       .needed = {"question", "choices", "answerKey"},
       .fits = has_no_stem,
       .parse = arc},
      {.name = "openbookqa",
       .needed = {"question_stem", "choices", "answerKey"},
       .parse = openbook_qa},
      {.name = "commonsenseqa",
       .needed = {"question", "question_concept", "choices", "answerKey"},
       .parse = commonsense_qa},
      {.name = "stem",
       .needed = {"question", "answerKey"},
       .used = {"fact1"},
       .fits = has_stem,
       .parse = stem},
      {.name = "mmlu",
       .needed = {"question", "choices", "answer"},
       .used = {"subject"},
       .parse = mmlu,
       .preamble = mmlu_preamble},
      {.name = "mmlu_columns",
       .needed = {"question", "A", "B", "C", "D", "answer"},
       .used = {"subject"},
       .parse = mmlu_columns,
       .preamble = mmlu_preamble,
       .files_are_subjects = true},
      {.name = "truthfulqa_mc1",
       .needed = {"question", "mc1_targets", "mc2_targets"},
       .suffix = ".mc1",
       .parse = truthful_one,
       .also = &truthful_mc2},
      {.name = "boolq",
       .needed = {"question"},
       .one_of = {"context", "passage"},
       .used = {"answer", "answers", "title", "label"},
       .fits = is_yes_or_no,
       .parse = boolq},
      // BIG-Bench Hard
      {.name = "tasks",
       .needed = {"input", "target"},
       .parse = task,
       .files_are_tasks = true,
       .finish = share_closed_targets}};
  return all;
}

const FileFormat& six_lines_format() {
  static const FileFormat format = {.name = "lines", .normalise = PromptSpec::Normalise::bytes};
  return format;
}

}  // namespace lineage
