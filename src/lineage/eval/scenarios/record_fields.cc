#include "lineage/eval/scenarios/record_fields.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"

namespace lineage::record {

using Json = nlohmann::json;

std::string trimmed(std::string s) {
  const auto blank = [](unsigned char c) { return std::isspace(c) != 0; };
  while (!s.empty() && blank(static_cast<unsigned char>(s.back()))) s.pop_back();
  const auto first = std::ranges::find_if_not(s, blank);
  s.erase(s.begin(), first);
  return s;
}

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

std::string text_or_none(const JsonObject& o, const char* key) {
  return o.has(key) && o.at(key).is_string() ? o.get<std::string>(key) : "";
}

std::string text_or_number(const JsonObject& o, const char* key) {
  const Json& value = o.at(key);
  return value.is_string() ? trimmed(value) : shown_json(value);
}

void refuse_unlabelled(const JsonObject& o, const char* key) {
  throw Error(o.place() + ": \"" + key +
                  "\" is empty: test splits are published without the answers; "
                  "wanted the right one",
              "take the validation split, or another one that has them");
}

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

int label_index(const JsonObject& o, const char* key, const std::vector<Part>& labels) {
  if (!o.has(key)) o.refuse(key, "one of the choices' labels", kMend);
  const std::string said = text_or_number(o, key);
  if (said.empty()) refuse_unlabelled(o, key);
  const auto right = std::ranges::find(labels, said, &Part::text);
  if (right == labels.end()) o.refuse(key, "one of the choices' labels", kMend);
  return static_cast<int>(right - labels.begin());
}

std::vector<Part> letters(size_t choices) {
  std::vector<Part> parts;
  for (size_t i = 0; i < choices; ++i)
    parts.push_back(text_part(std::string(1, static_cast<char>('A' + i))));
  return parts;
}

std::string lettered(const std::vector<Part>& choices) {
  std::string lines;
  const auto names = letters(choices.size());
  for (size_t i = 0; i < choices.size(); ++i)
    lines += "\n" + names[i].text + ". " + choices[i].text;
  return lines;
}

std::string cluster_of(const std::string& passage) {
  return Digest().field(passage).hex().substr(0, 12);
}

const char* passage_key(const JsonObject& o) { return o.has("context") ? "context" : "passage"; }

std::string json_of_python(const std::string& literal) {
  std::string json;
  for (size_t i = 0; i < literal.size(); ++i) {
    const char quote = literal[i];
    if (quote != '\'' && quote != '"') {
      json += quote;
      continue;
    }
    json += '"';
    for (++i; i < literal.size() && literal[i] != quote; ++i) {
      const char c = literal[i], after = i + 1 < literal.size() ? literal[i + 1] : '\0';
      if (c == '\\' && after == '\'') {
        json += '\'', ++i;
      } else if (c == '\\' && after == 'x') {  // a byte of Latin-1
        json += "\\u00", ++i;
      } else if (c == '\\') {
        json += c, json += after, ++i;
      } else if (c == '"') {
        json += "\\\"";
      } else {
        json += c;
      }
    }
    json += '"';
  }
  return json;
}

}  // namespace lineage::record
