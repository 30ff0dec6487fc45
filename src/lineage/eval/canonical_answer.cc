#include <cctype>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lineage/eval/answer.h"

namespace lineage {
namespace {

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_mark(char c) { return std::ispunct(static_cast<unsigned char>(c)) != 0; }
bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

char at_or_blank(std::string_view s, size_t at) { return at < s.size() ? s[at] : ' '; }

// The marks that keyboards lack, as those that they have: curly quotes, dashes, the minus sign, the
// space that does not break.
std::string with_plain_marks(std::string_view text) {
  using Pair = std::pair<std::string_view, std::string_view>;
  static constexpr Pair kMarks[] = {
      {"\u2018", "'"},  {"\u2019", "'"},  {"\u00B4", "'"}, {"\u201C", "\""}, {"\u201D", "\""},
      {"\u00AB", "\""}, {"\u00BB", "\""}, {"\u2010", "-"}, {"\u2011", "-"},  {"\u2013", "-"},
      {"\u2014", "-"},  {"\u2212", "-"},  {"\u00A0", " "}, {"\u202F", " "},  {"\u2026", "..."}};
  std::string plain;
  while (!text.empty()) {
    size_t taken = 1;
    std::string_view shown = text.substr(0, 1);
    if (static_cast<unsigned char>(text[0]) >= 0x80)
      for (const auto& [mark, as] : kMarks)
        if (text.starts_with(mark)) taken = mark.size(), shown = as;
    plain += shown;
    text.remove_prefix(taken);
  }
  return plain;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text)
    if (!is_blank(c))
      words.back() += c;
    else if (!words.back().empty())
      words.emplace_back();
  if (words.back().empty()) words.pop_back();
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string single_spaced(std::string_view text) { return joined(words_of(text)); }

// The text without characters of the two sets at its ends, unless it has no others.
std::string stripped(const std::string& text, const char* before, const char* behind) {
  const size_t first = text.find_first_not_of(before), last = text.find_last_not_of(behind);
  if (first == text.npos || last == text.npos || first > last) return text;
  return text.substr(first, last - first + 1);
}

// Three digits after a comma, and no fourth: as in 1,000 and 12,345,678.
bool is_thousands_comma(std::string_view s, size_t at) {
  if (s[at] != ',' || at == 0 || !is_digit(s[at - 1]) || is_digit(at_or_blank(s, at + 4)))
    return false;
  for (size_t i = at + 1; i <= at + 3; ++i)
    if (!is_digit(at_or_blank(s, i))) return false;
  return true;
}

// The place behind the currency signs at `at`.
size_t behind_currency(std::string_view s, size_t at) {
  for (bool more = true; more;) {
    more = false;
    for (const std::string_view sign : {"$", "\u00A3", "\u20AC", "\u00A5"})
      if (s.substr(std::min(at, s.size())).starts_with(sign)) at += sign.size(), more = true;
  }
  return at;
}

// Whether a number begins at `at`: 5, .5.
bool begins_number(std::string_view s, size_t at) {
  return is_digit(at_or_blank(s, at)) ||
         (at_or_blank(s, at) == '.' && is_digit(at_or_blank(s, at + 1)));
}

// The place of the number that a minus at `at` would be of: behind a currency, and at the beginning
// of the text behind blanks.
size_t behind_sign(std::string_view s, size_t at) {
  size_t next = behind_currency(s, at + 1);
  if (at == 0)
    while (next < s.size() && is_blank(s[next])) ++next;
  return next;
}

// A minus that is no hyphen and no difference: before a number, after neither a letter, a digit nor
// a bracket that closes.
bool is_sign(std::string_view s, size_t at) {
  const char before = at == 0 ? ' ' : s[at - 1];
  const bool joins =
      std::isalnum(static_cast<unsigned char>(before)) != 0 || before == ')' || before == '-';
  return s[at] == '-' && !joins && begins_number(s, behind_sign(s, at));
}

// A decimal without zeros that do not change its value: leading ones before its point, trailing
// ones behind it. `digits` holds at most one point.
std::string plain_decimal(std::string digits) {
  if (digits.find('.') != digits.npos) {
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.back() == '.') digits.pop_back();
  }
  const size_t first = std::min(digits.find_first_not_of('0'), digits.size());
  digits.erase(0, first);
  return digits.empty() || digits[0] == '.' ? "0" + digits : digits;
}

// "-18", "3.50" and ".5" as plain_decimal() has them; any other word as it is.
std::string plain_number(const std::string& word) {
  const std::string digits = word.substr(word.starts_with('-') ? 1 : 0);
  const bool decimal = digits.find_first_not_of("0123456789.") == digits.npos &&
                       digits.find('.') == digits.rfind('.') && digits.find('.') != digits.npos &&
                       digits.size() > 1;
  if (!decimal) return word;
  const std::string plain = plain_decimal(digits);
  return (word.starts_with('-') && plain != "0" ? "-" : "") + plain;
}

std::string squad_form(const std::string& text) {
  std::string kept;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool inside = i > 0 && is_digit(text[i - 1]) && is_digit(at_or_blank(text, i + 1));
    const bool point = c == '.' && begins_number(text, i) &&
                       (i == 0 || !std::isalpha(static_cast<unsigned char>(text[i - 1])));
    if (is_sign(text, i)) {
      kept += '-';
      i = behind_sign(text, i) - 1;
    } else if (!is_mark(c)) {
      kept += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if ((inside || point) && !is_thousands_comma(text, i)) {
      kept += c;
    }
  }
  const std::vector<std::string> words = words_of(kept);
  std::vector<std::string> without_articles;
  for (const std::string& word : words)
    if (word != "a" && word != "an" && word != "the")
      without_articles.push_back(plain_number(word));
  if (!without_articles.empty()) return joined(without_articles);
  return words.empty() ? single_spaced(text) : joined(words);
}

// The number that begins at `at`, which moves behind it: digits with thousands' commas, decimals,
// an exponent, and further parts joined by a mark (1/2, 3:30, 1.2.3), which stay as written.
std::string read_number(std::string_view s, size_t& at) {
  const auto take_digits = [&] {
    std::string digits;
    for (; at < s.size() && (is_digit(s[at]) || is_thousands_comma(s, at)); ++at)
      if (is_digit(s[at])) digits += s[at];
    return digits;
  };
  std::string number = take_digits();
  if (at_or_blank(s, at) == '.' && is_digit(at_or_blank(s, at + 1)))
    number += s[at++], number += take_digits();
  number = plain_decimal(number);
  const auto joins = [&](std::string_view marks) {
    return marks.find(at_or_blank(s, at)) != marks.npos;
  };
  if (joins("eE")) {
    const size_t digits = at + 1 + (at_or_blank(s, at + 1) == '-' || at_or_blank(s, at + 1) == '+');
    if (is_digit(at_or_blank(s, digits))) {
      number += s.substr(at, digits - at);
      at = digits;
      number += take_digits();
    }
  }
  while (joins("/:.") && is_digit(at_or_blank(s, at + 1)))
    number += s[at++], number += take_digits();
  return number;
}

std::string number_form(const std::string& text) {
  std::string last;
  size_t last_ends = 0;
  for (size_t at = 0; at < text.size();) {
    const bool negative = is_sign(text, at);
    const size_t begin = negative ? behind_sign(text, at) : at;
    if (!begins_number(text, begin)) {
      ++at;
      continue;
    }
    at = begin;
    const std::string number = read_number(text, at);
    const bool beside = begin > 0 && last_ends == begin - 1 && text[begin - 1] == ' ';
    const bool mixed = beside && number.find('/') != number.npos &&
                       last.find_first_not_of("-0123456789") == last.npos;  // 1 1/2
    if (mixed)
      last += " " + number;
    else
      last = (negative && number != "0" ? "-" : "") + number;
    last_ends = at;
  }
  return last;
}

std::string caseless_form(std::string_view text) {
  std::string form;
  for (const char c : text)
    if (!is_mark(c)) form += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::string spaced = single_spaced(form);
  return spaced.empty() ? single_spaced(text) : spaced;
}

}  // namespace

std::string canonical_answer(std::string_view text, PromptSpec::Match match) {
  const std::string plain = with_plain_marks(text);
  switch (match) {
    case PromptSpec::Match::verbatim:
      return std::string(text);
    case PromptSpec::Match::exact:
      return stripped(single_spaced(text), "", ". ");
    case PromptSpec::Match::bare:
      return stripped(single_spaced(plain), "\"'`([{ ", "\"'`)]}.,;:!? ");
    case PromptSpec::Match::squad:
      return squad_form(plain);
    case PromptSpec::Match::caseless:
      return caseless_form(text);
    case PromptSpec::Match::number: {
      const std::string number = number_form(plain);
      return number.empty() ? squad_form(plain) : number;
    }
  }
  return {};
}

}  // namespace lineage
