#include <algorithm>
#include <cctype>
#include <iterator>
#include <set>
#include <sstream>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/base/json.h"
#include "lineage/eval/scenarios/file_format.h"

namespace lineage {
namespace {

using Json = nlohmann::json;

std::string trimmed(std::string s) {
  const auto blank = [](unsigned char c) { return std::isspace(c) != 0; };
  while (!s.empty() && blank(static_cast<unsigned char>(s.back()))) s.pop_back();
  const auto first = std::ranges::find_if_not(s, blank);
  s.erase(s.begin(), first);
  return s;
}

constexpr const char* kMend = "mend the line, or leave such lines out with --skip-malformed";

// The record's text: not empty, with the white space at its ends.
std::string text(const JsonObject& o, const char* key) {
  if (!o.has(key) || !o.at(key).is_string() || trimmed(o.at(key)).empty())
    o.refuse(key, "a text that is not empty", kMend);
  return o.at(key);
}

std::vector<Part> texts(const JsonObject& o, const char* key, size_t least) {
  std::vector<Part> parts;
  const bool list = o.has(key) && o.at(key).is_array();
  if (list)
    for (const Json& entry : o.at(key))
      if (entry.is_string()) parts.push_back(text_part(trimmed(entry)));
  if (!list || parts.size() < least || parts.size() != o.at(key).size())
    o.refuse(key, "an array of at least " + std::to_string(least) + " texts", kMend);
  return parts;
}

// A text that a record may lack: "" then.
std::string text_or_none(const JsonObject& o, const char* key) {
  return o.has(key) && o.at(key).is_string() ? o.get<std::string>(key) : "";
}

std::string text_or_number(const JsonObject& o, const char* key) {
  const Json& value = o.at(key);
  return value.is_string() ? trimmed(value) : shown_json(value);
}

[[noreturn]] void refuse_unlabelled(const JsonObject& o, const char* key) {
  throw Error(o.place() + ": \"" + key +
                  "\" is empty: test splits are published without the answers; "
                  "wanted the right one",
              "take the validation split, or another one that has them");
}

// The place of the right choice: a number from 0, in some copies as digits, in others its letter or
// its text.
int index(const JsonObject& o, const char* key, const std::vector<Part>& choices) {
  const auto count = static_cast<int64_t>(choices.size());
  const std::string wanted =
      "an index below " + std::to_string(count) + ", or that choice's letter or text";
  if (!o.has(key)) o.refuse(key, wanted, kMend);
  const Json& value = o.at(key);
  std::set<int64_t> meant;
  if (value.is_number_integer()) {
    meant.insert(value.get<int64_t>());
    if (meant.contains(-1)) refuse_unlabelled(o, key);
  } else if (value.is_string()) {
    const std::string said = trimmed(value);
    if (said.empty()) refuse_unlabelled(o, key);
    if (said.size() < 4 && said.find_first_not_of("0123456789") == said.npos)
      meant.insert(std::stoll(said));
    if (said.size() == 1 && std::isalpha(static_cast<unsigned char>(said[0])))
      meant.insert(std::toupper(static_cast<unsigned char>(said[0])) - 'A');
    std::erase_if(meant, [&](int64_t i) { return i >= count; });
    for (int64_t i = 0; i < count; ++i)
      if (choices[i].text == said) meant.insert(i);
  }
  if (meant.size() > 1)
    throw Error(o.place() + ": \"" + key + "\" is " + shown_json(value) +
                    ", which may be one choice's place and another's text; wanted one meaning",
                "give the place as a number: " + std::to_string(*meant.begin()) + " or " +
                    std::to_string(*meant.rbegin()));
  if (meant.empty() || *meant.begin() < 0 || *meant.begin() >= count) o.refuse(key, wanted, kMend);
  return static_cast<int>(*meant.begin());
}

// "Question: …" expects an answer that begins on a line of its own.
std::string asking(std::string query) {
  query = trimmed(std::move(query));
  return query.starts_with("Question:") && !query.ends_with("Answer:") ? query + "\nAnswer:"
                                                                       : query;
}

// As in the authors' own evaluation: "[title]" ends a sentence, other brackets are dropped.
std::string without_brackets(std::string s) {
  for (size_t at; (at = s.find(" [title]")) != s.npos;) s.replace(at, 8, ". ");
  for (size_t open = 0; (open = s.find('[', open)) != s.npos;) {
    const size_t close = s.find(']', open);
    if (close == s.npos) break;
    s.erase(open, close - open + 1);
  }
  for (size_t at; (at = s.find("  ")) != s.npos;) s.erase(at, 1);
  return trimmed(s);
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

Instance hellaswag(const JsonObject& o) {
  Instance item;
  std::string context;
  if (o.has("ctx_a")) {
    std::string second = text_or_none(o, "ctx_b");
    if (!second.empty())
      second[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(second[0])));
    context = text(o, "ctx_a") + " " + second;
  } else {
    context = text(o, "ctx");
  }
  if (o.has("activity_label")) context = text(o, "activity_label") + ": " + context;
  item.cluster = text_or_none(o, "source_id");
  item.question.text = without_brackets(context);
  item.answers = texts(o, "endings", 2);
  for (Part& ending : item.answers) ending.text = without_brackets(ending.text);
  item.correct = index(o, "label", item.answers);
  return item;
}

Instance last_word(const JsonObject& o) {
  const std::string whole = trimmed(text(o, "text"));
  const size_t space = whole.find_last_of(" \t\n");
  if (space == whole.npos) o.refuse("text", "at least two words", kMend);
  Instance item;
  item.question.text = trimmed(whole.substr(0, space));
  item.answers = {text_part(whole.substr(space + 1))};
  return item;
}

Instance worked(const JsonObject& o) {
  Instance item;
  item.question.text = text(o, "question");
  const std::string answer = text(o, "answer");
  const size_t mark = answer.rfind("####");
  if (mark == answer.npos || trimmed(answer.substr(mark + 4)).empty())
    o.refuse("answer", "GSM8K's form, steps, #### and the answer",
             "for a short answer without steps write \"context\" in place of \"question\"");
  for (size_t at = 0; at < mark;) {  // the calculator's notes <<2+3=5>> are not for readers
    const size_t open = std::min(answer.find("<<", at), mark);
    item.chain.text += answer.substr(at, open - at);
    const size_t close = answer.find(">>", open);
    at = close == answer.npos || open == mark ? mark : close + 2;
  }
  item.chain.text = trimmed(item.chain.text);
  item.answers = {text_part(trimmed(answer.substr(mark + 4)))};
  std::erase(item.answers[0].text, ',');
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

// Questions about one text are a cluster.
std::string cluster_of(const std::string& passage) {
  return Digest().field(passage).hex().substr(0, 12);
}

// The rest have the prompts of lm-evaluation-harness (docs/formats.md).

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
  const std::string said = text_or_number(o, "answer");
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

Instance race(const JsonObject& o) {
  Instance item;
  const std::string article = trimmed(text(o, "article"));
  item.cluster = cluster_of(article);
  item.question.text =
      "Article: " + article + "\n\nQuestion: " + trimmed(text(o, "question")) + "\nAnswer:";
  item.answers = texts(o, "options", 2);
  item.correct = index(o, "answer", item.answers);
  return item;
}

Instance arc(const JsonObject& o) {
  const bool stem = o.has("question_stem");  // OpenBookQA's, beginnings of sentences to continue
  const std::string question = trimmed(text(o, stem ? "question_stem" : "question"));
  Instance item;
  item.question.text = stem ? question : "Question: " + question + "\nAnswer:";
  const JsonObject choices = o.child("choices");
  item.answers = texts(choices, "text", 2);
  const auto labels = texts(choices, "label", item.answers.size());
  if (labels.size() != item.answers.size()) choices.refuse("label", "one for each text", kMend);
  const std::string key = text_or_number(o, "answerKey");
  if (key.empty()) refuse_unlabelled(o, "answerKey");
  const auto right = std::ranges::find(labels, key, &Part::text);
  if (right == labels.end()) o.refuse("answerKey", "one of the choices' labels", kMend);
  item.correct = static_cast<int>(right - labels.begin());
  return item;
}

// The question lists the choices, and their letters are the answers.
Instance mmlu(const JsonObject& o) {
  Instance item;
  const auto choices = texts(o, "choices", 2);
  item.question.text = trimmed(text(o, "question"));
  for (size_t i = 0; i < choices.size(); ++i) {
    const std::string letter(1, static_cast<char>('A' + i));
    item.question.text += "\n" + letter + ". " + choices[i].text;
    item.answers.push_back(text_part(letter));
  }
  item.question.text += "\nAnswer:";
  item.correct = index(o, "answer", choices);
  return item;
}

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

const char* passage_key(const JsonObject& o) { return o.has("context") ? "context" : "passage"; }

// The answer is true or false; SuperGLUE's copy has a label, 0 or 1.
bool is_yes_or_no(const JsonObject& o) {
  if (o.has("answer")) return o.at("answer").is_boolean();
  return o.has("label") && o.at("label").is_number_integer();
}
bool is_no_yes_or_no(const JsonObject& o) { return !is_yes_or_no(o); }

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

// Accepted answers: a text, a list of them, or SQuAD's object with the list "text".
std::vector<Part> accepted(const JsonObject& o) {
  const char* key = o.has("answers") ? "answers" : "answer";
  if (o.has(key) && o.at(key).is_string()) return {text_part(trimmed(text(o, key)))};
  const bool nested = o.has(key) && o.at(key).is_object();
  std::vector<Part> all = nested ? texts(o.child(key), "text", 0) : texts(o, key, 0);
  std::erase_if(all, [](const Part& p) { return p.empty(); });
  if (all.empty()) o.refuse(key, "an answer (SQuAD 2's questions without one are not read)", kMend);
  return all;
}

Instance passage(const JsonObject& o) {
  Instance item;
  const std::string passage = trimmed(text(o, passage_key(o)));
  item.cluster = cluster_of(passage);
  if (const std::string title = trimmed(text_or_none(o, "title")); !title.empty())
    item.question.text = "Title: " + title + "\n\n";
  item.question.text +=
      "Background: " + passage + "\n\nQuestion: " + trimmed(text(o, "question")) + "\n\nAnswer:";
  for (Part& answer : accepted(o))
    if (std::ranges::find(item.answers, answer) == item.answers.end())
      item.answers.push_back(std::move(answer));
  return item;
}

Instance continuation(const JsonObject& o) {
  const char* key = o.has("continuation") ? "continuation" : "completion";
  Instance item;
  item.question.text = trimmed(text(o, "context"));
  item.answers = {text_part(trimmed(text(o, key)))};
  return item;
}

Instance answers(const JsonObject& o) {
  Instance item;
  item.question.text = trimmed(text(o, "context"));
  item.answers = {text_part(trimmed(text(o, "answer")))};
  if (o.has("aliases"))
    for (Part& alias : texts(o, "aliases", 0))
      if (std::ranges::find(item.answers, alias) == item.answers.end())
        item.answers.push_back(std::move(alias));
  return item;
}

int64_t most_words(std::span<const Instance> items) {
  int64_t most = 1;
  for (const Instance& item : items)
    for (const Part& answer : item.answers) {
      std::istringstream in(answer.text);
      most = std::max<int64_t>(most, std::distance(std::istream_iterator<std::string>(in), {}));
    }
  return most;
}

void ask_words(PromptSpec& p, std::span<const Instance> items) {
  p.match = PromptSpec::Match::bare, p.form = PromptSpec::Form::first_words;
  p.sampling.max_tokens = 8 * most_words(items);
}

void ask_line(PromptSpec& p, std::span<const Instance>) {
  p.match = PromptSpec::Match::squad, p.form = PromptSpec::Form::first_line;
  p.sampling.stop = {"\n"};
}

void ask_number(PromptSpec& p, std::span<const Instance>) {
  p.match = PromptSpec::Match::number;
  p.before_question = "Question: ", p.before_answer = "\nAnswer:";
  p.sampling.stop = {"Question:"};
}

}  // namespace

std::span<const FileFormat> file_formats() {
  static const FileFormat::Keys kPassage = {"answer", "answers", "title", "label"};
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
      {.name = "arc",
       .needed = {"choices", "answerKey"},
       .one_of = {"question", "question_stem"},
       .parse = arc},
      {.name = "mmlu", .needed = {"question", "choices", "answer"}, .parse = mmlu},
      {.name = "boolq",
       .needed = {"question"},
       .one_of = {"context", "passage"},
       .used = kPassage,
       .fits = is_yes_or_no,
       .parse = boolq},
      // SQuAD
      {.name = "passage",
       .needed = {"question"},
       .one_of = {"context", "passage"},
       .used = kPassage,
       .fits = is_no_yes_or_no,
       .parse = passage,
       .alternatives = true,
       .ask = ask_line},
      // LAMBADA, GPT-3's arithmetic
      {.name = "continuation",
       .needed = {"context"},
       .one_of = {"continuation", "completion"},
       .parse = continuation,
       .ask = ask_words},
      // TriviaQA
      {.name = "answers",
       .needed = {"context", "answer"},
       .used = {"aliases"},
       .parse = answers,
       .alternatives = true,
       .ask = ask_line},
      // GSM8K
      {.name = "worked", .needed = {"question", "answer"}, .parse = worked, .ask = ask_number},
      // BIG-Bench Hard
      {.name = "tasks",
       .needed = {"input", "target"},
       .parse = task,
       .finish = share_closed_targets},
      // LAMBADA with the last word in its text
      {.name = "last_word", .needed = {"text"}, .parse = last_word, .ask = ask_words}};
  return all;
}

const FileFormat& six_lines_format() {
  static const FileFormat format = {.name = "lines", .normalise = PromptSpec::Normalise::bytes};
  return format;
}

}  // namespace lineage
