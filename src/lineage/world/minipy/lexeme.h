#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/world/minipy/outcome.h"

namespace lineage::minipy {

// The kinds of lexeme, one for each keyword and operator of the subset.
enum class Mark : uint8_t {
  end,
  newline,
  indent,
  dedent,
  name,
  integer,
  string,
  reserved,  // a keyword of Python outside the subset
  // Keywords.
  kw_and,
  kw_assert,
  kw_break,
  kw_class,
  kw_continue,
  kw_def,
  kw_elif,
  kw_else,
  kw_false,
  kw_for,
  kw_if,
  kw_in,
  kw_is,
  kw_none,
  kw_not,
  kw_or,
  kw_pass,
  kw_return,
  kw_true,
  kw_while,
  // Operators and punctuation.
  plus,
  minus,
  star,
  floor_divide,
  percent,
  assign,
  plus_assign,
  minus_assign,
  star_assign,
  floor_assign,
  percent_assign,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  open_paren,
  close_paren,
  open_bracket,
  close_bracket,
  open_brace,
  close_brace,
  comma,
  colon,
  dot,
};
std::string_view mark_text(Mark);           // "and", "+=", …; "" for the kinds above `reserved`
Mark keyword_mark(std::string_view);        // of a word; Mark::name when it is no keyword
Mark operator_mark(std::string_view text);  // of the whole text; Mark::end when it is none

struct Lexeme {
  Mark mark = Mark::end;
  bool triple = false;         // a string between three quotes
  int32_t line = 0;            // from 1
  int64_t integer = 0;         // of an integer
  std::string_view text = {};  // of a name; the content of a string
};

// A program as lexemes, without its comments; the last is Mark::end. `storage` keeps the contents
// of strings that are nowhere else; names point into the source.
struct Lexemes {
  std::vector<Lexeme> items;
  std::deque<std::string> storage;
};

// Splits Python source. Throws Fault(syntax_error) for anything that is not Python or outside the
// subset: tabs, text beyond ASCII, continued lines, floats, prefixes of strings.
Lexemes lex(std::string_view source);

// Python source from lexemes, four spaces an indent; lex(source(x)) gives x again.
std::string source(const std::vector<Lexeme>&);

// `text` between quotes as Python's repr() writes it, for ASCII.
std::string quoted(std::string_view text);

}  // namespace lineage::minipy
