#include "lineage/eval/scenarios/item_line.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "lineage/base/error.h"

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

[[noreturn]] void refuse(const std::string& place, const char* key, const std::string& wanted) {
  throw Error(place + ": \"" + key + "\" is missing or of another kind; wanted " + wanted,
              "mend the line, or leave such lines out with --skip-malformed");
}

std::string text(const Json& o, const char* key, const std::string& place) {
  const auto at = o.find(key);
  if (at == o.end() || !at->is_string() || at->get_ref<const std::string&>().empty())
    refuse(place, key, "a text that is not empty");
  return *at;
}

std::vector<Part> texts(const Json& o, const char* key, size_t least, const std::string& place) {
  const auto at = o.find(key);
  std::vector<Part> parts;
  if (at != o.end() && at->is_array())
    for (const Json& entry : *at)
      if (entry.is_string()) parts.push_back(text_part(trimmed(entry)));
  if (parts.size() < least || parts.size() != at->size())
    refuse(place, key, "an array of at least " + std::to_string(least) + " texts");
  return parts;
}

// HellaSwag's label is a number in some copies and its digits in others.
int index(const Json& o, const char* key, size_t count, const std::string& place) {
  const auto at = o.find(key);
  const std::string wanted = "an index below " + std::to_string(count);
  if (at == o.end()) refuse(place, key, wanted);
  int64_t value = -1;
  if (at->is_number_integer()) {
    value = at->get<int64_t>();
  } else if (at->is_string()) {
    const std::string digits = *at;
    if (digits.size() == 1 && std::isdigit(static_cast<unsigned char>(digits[0])))
      value = digits[0] - '0';
  }
  if (value < 0 || value >= static_cast<int64_t>(count)) refuse(place, key, wanted);
  return static_cast<int>(value);
}

// "Question: …" asks for an answer that begins on a line of its own.
std::string asking(std::string query) {
  query = trimmed(std::move(query));
  return query.starts_with("Question:") && !query.ends_with("Answer:") ? query + "\nAnswer:"
                                                                       : query;
}

// As the authors' own evaluation reads it: "[title]" ends a sentence, other brackets are dropped.
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

Instance hellaswag(const Json& o, const std::string& place) {
  Instance item;
  std::string context;
  if (o.contains("ctx_a")) {
    std::string second = o.contains("ctx_b") && o["ctx_b"].is_string() ? o["ctx_b"] : Json("");
    if (!second.empty())
      second[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(second[0])));
    context = text(o, "ctx_a", place) + " " + second;
  } else {
    context = text(o, "ctx", place);
  }
  if (o.contains("activity_label")) context = text(o, "activity_label", place) + ": " + context;
  if (o.contains("source_id") && o["source_id"].is_string()) item.cluster = o["source_id"];
  item.question.text = without_brackets(context);
  item.answers = texts(o, "endings", 2, place);
  for (Part& ending : item.answers) ending.text = without_brackets(ending.text);
  item.correct = index(o, "label", item.answers.size(), place);
  return item;
}

Instance last_word(const Json& o, const std::string& place) {
  const std::string whole = trimmed(text(o, "text", place));
  const size_t space = whole.find_last_of(" \t\n");
  if (space == whole.npos) refuse(place, "text", "at least two words");
  Instance item;
  item.question.text = trimmed(whole.substr(0, space));
  item.answers = {text_part(whole.substr(space + 1))};
  return item;
}

Instance worked(const Json& o, const std::string& place) {
  Instance item;
  item.question.text = text(o, "question", place);
  const std::string answer = text(o, "answer", place);
  const size_t mark = answer.rfind("####");
  if (mark == answer.npos) refuse(place, "answer", "steps, #### and the answer");
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

Instance task(const Json& o, const std::string& place) {
  Instance item;
  const std::string input = trimmed(text(o, "input", place));
  const Part target = text_part(trimmed(text(o, "target", place)));
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

}  // namespace

ItemFormat format_of(const Json& o, const std::string& place) {
  struct Keys {
    ItemFormat format;
    std::array<const char*, 2> keys;
  };
  constexpr std::array<Keys, 9> kKeys = {{{ItemFormat::choices, {"query", "choices"}},
                                          {ItemFormat::schema, {"context_options", "gold"}},
                                          {ItemFormat::hellaswag, {"endings", "label"}},
                                          {ItemFormat::continuation, {"context", "continuation"}},
                                          {ItemFormat::answers, {"context", "answer"}},
                                          {ItemFormat::worked, {"question", "answer"}},
                                          {ItemFormat::tasks, {"input", "target"}},
                                          {ItemFormat::tasks, {"examples", "examples"}},
                                          {ItemFormat::last_word, {"text", "text"}}}};
  for (const Keys& k : kKeys)
    if (o.is_object() && o.contains(k.keys[0]) && o.contains(k.keys[1])) return k.format;
  throw Error(place +
                  ": is no question of a known format; wanted an object with query and "
                  "choices, context and continuation, ctx and endings, text, ...",
              "docs/formats.md lists the formats; --skip-malformed leaves such lines out");
}

Instance parse_item(const Json& o, ItemFormat format, const std::string& place) {
  Instance item;
  switch (format) {
    case ItemFormat::choices:
      item.question.text = asking(text(o, "query", place));
      item.answers = texts(o, "choices", 2, place);
      item.correct = index(o, "gold", item.answers.size(), place);
      return item;
    case ItemFormat::schema:
      item.contexts = texts(o, "context_options", 2, place);
      item.answers = {text_part(trimmed(text(o, "continuation", place)))};
      item.correct = index(o, "gold", item.contexts.size(), place);
      return item;
    case ItemFormat::hellaswag:
      return hellaswag(o, place);
    case ItemFormat::continuation:
      item.question.text = trimmed(text(o, "context", place));
      item.answers = {text_part(trimmed(text(o, "continuation", place)))};
      return item;
    case ItemFormat::last_word:
      return last_word(o, place);
    case ItemFormat::answers:
      item.question.text = trimmed(text(o, "context", place));
      item.answers = {text_part(trimmed(text(o, "answer", place)))};
      if (o.contains("aliases"))
        for (Part& alias : texts(o, "aliases", 0, place))
          if (std::ranges::find(item.answers, alias) == item.answers.end())
            item.answers.push_back(std::move(alias));
      return item;
    case ItemFormat::worked:
      return worked(o, place);
    case ItemFormat::tasks:
      return task(o, place);
    case ItemFormat::lines:
      break;
  }
  return item;
}

}  // namespace lineage
