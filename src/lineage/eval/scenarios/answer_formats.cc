#include <algorithm>
#include <cctype>
#include <iterator>
#include <sstream>

#include "lineage/base/error.h"
#include "lineage/eval/scenarios/benchmark_formats.h"
#include "lineage/eval/scenarios/record_fields.h"

namespace lineage {
namespace {

using namespace record;

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

bool is_no_yes_or_no(const JsonObject& o) { return !is_yes_or_no(o); }

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

bool answer_is_text(const JsonObject& o) { return !o.has("answer") || !o.at("answer").is_object(); }

bool has_aliases(const JsonObject& o) {
  const char* key = o.has("answer") ? "answer" : "Answer";
  return o.has(key) && o.at(key).is_object() &&
         (o.at(key).contains("aliases") || o.at(key).contains("Aliases"));
}

// TriviaQA's records, on the hub and in its authors' files, without the evidence.
Instance trivia_qa(const JsonObject& o) {
  const bool authors = o.has("Answer");
  const JsonObject answer = o.child(authors ? "Answer" : "answer");
  Instance item;
  // The second question mark is the harness's.
  item.question.text =
      "Question: " + trimmed(text(o, authors ? "Question" : "question")) + "?\nAnswer:";
  const auto add = [&](Part part) {
    if (!part.empty() && std::ranges::find(item.answers, part) == item.answers.end())
      item.answers.push_back(std::move(part));
  };
  const char* value = authors ? "Value" : "value";
  if (!trimmed(text_or_none(answer, value)).empty()) add(text_part(trimmed(text(answer, value))));
  for (Part& alias : texts(answer, authors ? "Aliases" : "aliases", 0)) add(std::move(alias));
  if (item.answers.empty()) refuse_unlabelled(o, authors ? "Answer" : "answer");
  return item;
}

bool completes_with_number(const JsonObject& o) {
  const std::string said = trimmed(text_or_none(o, "completion"));
  return !said.empty() && said.find_first_not_of("-0123456789.,") == said.npos;
}
bool completes_with_text(const JsonObject& o) { return !completes_with_number(o); }

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

// As many greedy tokens as the reference has are the reference: the harness's greedy
// log-likelihood.
void ask_tokens(PromptSpec& p, std::span<const Instance> items) {
  ask_words(p, items);
  p.length = PromptSpec::Length::reference;
}

void ask_whole_line(PromptSpec& p, std::span<const Instance>) {
  p.match = PromptSpec::Match::exact, p.form = PromptSpec::Form::first_line;
  p.sampling.stop = {"\n"};
}

void ask_phrase(PromptSpec& p, std::span<const Instance>) {
  p.match = PromptSpec::Match::caseless, p.form = PromptSpec::Form::first_line;
  p.sampling.stop = {"\n", ".", ","};
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

std::span<const FileFormat> answer_formats() {
  static const FileFormat all[] = {
      // SQuAD
      {.name = "passage",
       .needed = {"question"},
       .one_of = {"context", "passage"},
       .used = {"answer", "answers", "title", "label"},
       .fits = is_no_yes_or_no,
       .parse = passage,
       .alternatives = true,
       .ask = ask_line},
      // LAMBADA, Jeopardy and arithmetic of llm-foundry
      {.name = "continuation",
       .needed = {"context", "continuation"},
       .parse = continuation,
       .ask = ask_tokens},
      // GPT-3's arithmetic and words (Brown et al. 2020)
      {.name = "arithmetic",
       .needed = {"context", "completion"},
       .fits = completes_with_number,
       .parse = continuation,
       .ask = ask_tokens},
      {.name = "words",
       .needed = {"context", "completion"},
       .fits = completes_with_text,
       .parse = continuation,
       .ask = ask_whole_line},
      // TriviaQA
      {.name = "answers",
       .needed = {"context", "answer"},
       .used = {"aliases"},
       .parse = answers,
       .alternatives = true,
       .ask = ask_line},
      {.name = "triviaqa",
       .needed = {"question", "answer"},
       .fits = has_aliases,
       .parse = trivia_qa,
       .alternatives = true,
       .ask = ask_phrase},
      {.name = "triviaqa_authors",
       .needed = {"Question", "Answer"},
       .fits = has_aliases,
       .parse = trivia_qa,
       .alternatives = true,
       .ask = ask_phrase},
      // GSM8K
      {.name = "worked",
       .needed = {"question", "answer"},
       .fits = answer_is_text,
       .parse = worked,
       .ask = ask_number},
      // LAMBADA with the last word in its text
      {.name = "last_word", .needed = {"text"}, .parse = last_word, .ask = ask_tokens}};
  return all;
}

}  // namespace lineage
