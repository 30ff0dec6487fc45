#include "lineage/world/minipy/lexeme.h"

#include <array>
#include <unordered_map>

#include "lineage/base/enum_index.h"

namespace lineage::minipy {
namespace {

constexpr std::string_view kMarkTexts[] = {
    "",      "",         "",     "",       "",     "",      "",    "",   "and", "assert", "break",
    "class", "continue", "def",  "elif",   "else", "False", "for", "if", "in",  "is",     "None",
    "not",   "or",       "pass", "return", "True", "while", "+",   "-",  "*",   "//",     "%",
    "=",     "+=",       "-=",   "*=",     "//=",  "%=",    "==",  "!=", "<",   "<=",     ">",
    ">=",    "(",        ")",    "[",      "]",    "{",     "}",   ",",  ":",   "."};
static_assert(std::size(kMarkTexts) == static_cast<size_t>(Mark::dot) + 1);

constexpr std::string_view kReserved[] = {"as",       "async", "await",  "del",    "except",
                                          "finally",  "from",  "global", "import", "lambda",
                                          "nonlocal", "raise", "try",    "with",   "yield"};

std::unordered_map<std::string_view, Mark> marks_between(Mark first, Mark last) {
  std::unordered_map<std::string_view, Mark> marks;
  for (auto m = static_cast<size_t>(first); m <= static_cast<size_t>(last); ++m)
    marks.emplace(kMarkTexts[m], static_cast<Mark>(m));
  return marks;
}

// source() writes no space between these.
bool tight(const Lexeme& left, const Lexeme& right) {
  switch (right.mark) {
    case Mark::close_paren:
    case Mark::close_bracket:
    case Mark::close_brace:
    case Mark::comma:
    case Mark::colon:
      return true;
    case Mark::dot:
      return left.mark != Mark::integer;  // "3." would start a float
    case Mark::open_paren:
    case Mark::open_bracket:
      if (left.mark == Mark::name || left.mark == Mark::close_paren ||
          left.mark == Mark::close_bracket)
        return true;
      break;
    default:
      break;
  }
  return left.mark == Mark::open_paren || left.mark == Mark::open_bracket ||
         left.mark == Mark::open_brace || left.mark == Mark::dot;
}

// Between three quotes lines may end, so it stays readable.
void append_docstring(std::string_view text, std::string& out) {
  out += "\"\"\"";
  for (char c : text) {
    if (c == '\n') {
      out += c;
    } else {
      const std::string one = quoted(std::string_view(&c, 1));
      if (c == '"') out += '\\';
      out.append(one, 1, one.size() - 2);
    }
  }
  out += "\"\"\"";
}

void append(const Lexeme& x, std::string& out) {
  if (x.mark == Mark::name || x.mark == Mark::reserved)
    out += x.text;
  else if (x.mark == Mark::integer)
    out += std::to_string(x.integer);
  else if (x.mark == Mark::string && x.triple)
    append_docstring(x.text, out);
  else if (x.mark == Mark::string)
    out += quoted(x.text);
  else
    out += mark_text(x.mark);
}

}  // namespace

std::string_view mark_text(Mark mark) { return kMarkTexts[enum_index(mark)]; }

Mark keyword_mark(std::string_view word) {
  static const auto marks = [] {
    auto m = marks_between(Mark::kw_and, Mark::kw_while);
    for (std::string_view r : kReserved) m.emplace(r, Mark::reserved);
    return m;
  }();
  const auto found = marks.find(word);
  return found == marks.end() ? Mark::name : found->second;
}

Mark operator_mark(std::string_view text) {
  static const auto marks = marks_between(Mark::plus, Mark::dot);
  const auto found = marks.find(text);
  return found == marks.end() ? Mark::end : found->second;
}

std::string source(const std::vector<Lexeme>& lexemes) {
  std::string out;
  int indent = 0;
  bool line_start = true;
  const Lexeme* previous = nullptr;
  for (const Lexeme& x : lexemes) {
    if (x.mark == Mark::indent) {
      ++indent;
    } else if (x.mark == Mark::dedent) {
      --indent;
    } else if (x.mark == Mark::newline) {
      out += '\n';
      line_start = true;
    } else if (x.mark != Mark::end) {
      if (line_start)
        out.append(4 * static_cast<size_t>(indent), ' ');
      else if (!tight(*previous, x))
        out += ' ';
      append(x, out);
      line_start = false;
    }
    previous = &x;
  }
  return out;
}

std::string quoted(std::string_view text) {
  const bool single = text.find('\'') == std::string_view::npos;
  const char quote = single || text.find('"') != std::string_view::npos ? '\'' : '"';
  std::string out(1, quote);
  for (char c : text) {
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (static_cast<unsigned char>(c) < 32 || c == 127) {
      static constexpr char kHex[] = "0123456789abcdef";
      out += "\\x";
      out += kHex[(c >> 4) & 15];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  return out += quote;
}

}  // namespace lineage::minipy
