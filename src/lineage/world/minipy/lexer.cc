#include <cctype>

#include "lineage/world/minipy/lexeme.h"

namespace lineage::minipy {
namespace {

constexpr int kMaxIndent = 100;  // as CPython

bool name_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool digit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Lexemes run() {
    while (at_ < source_.size()) {
      if (line_start_ && open_ == 0 && !start_line()) continue;
      lexeme();
    }
    if (open_ > 0) fail("a bracket is never closed");
    if (!out_.items.empty() && out_.items.back().mark != Mark::newline &&
        out_.items.back().mark != Mark::dedent)
      add(Mark::newline);
    for (; indents_.size() > 1; indents_.pop_back()) add(Mark::dedent);
    add(Mark::end);
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw Fault{Outcome::syntax_error, what, line_};
  }
  char peek(size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  Lexeme& add(Mark mark) {
    out_.items.push_back({.mark = mark, .line = line_});
    return out_.items.back();
  }

  // Reads the indent; false when the line is blank or holds only a comment.
  bool start_line() {
    size_t width = 0;
    while (peek() == ' ') ++at_, ++width;
    if (at_ == source_.size()) return false;
    if (peek() == '#') skip_comment();
    if (peek() == '\r' && peek(1) == '\n') ++at_;
    if (peek() == '\n' && at_ < source_.size()) {
      ++at_;
      ++line_;
      return false;
    }
    if (at_ == source_.size()) return false;
    line_start_ = false;
    if (width > indents_.back()) {
      if (indents_.size() > kMaxIndent) fail("too many levels of indentation");
      indents_.push_back(width);
      add(Mark::indent);
    }
    for (; width < indents_.back(); indents_.pop_back()) add(Mark::dedent);
    if (width != indents_.back()) fail("unindent does not match any outer indentation level");
    return true;
  }

  void skip_comment() {
    while (at_ < source_.size() && source_[at_] != '\n') ++at_;
  }

  void lexeme() {
    const char c = peek();
    if (c == ' ') {
      ++at_;
    } else if (c == '#') {
      skip_comment();
    } else if (c == '\n' || (c == '\r' && peek(1) == '\n')) {
      end_line();
    } else if (name_start(c)) {
      word();
    } else if (digit(c)) {
      integer();
    } else if (c == '\'' || c == '"') {
      string(c);
    } else {
      punctuation();
    }
  }

  void end_line() {
    at_ += peek() == '\r' ? 2 : 1;
    if (open_ == 0) {
      add(Mark::newline);
      line_start_ = true;
    }
    ++line_;
  }

  void word() {
    const size_t begin = at_;
    while (name_start(peek()) || digit(peek())) ++at_;
    const std::string_view text = source_.substr(begin, at_ - begin);
    if (peek() == '\'' || peek() == '"') fail("strings with a prefix are outside the subset");
    add(keyword_mark(text)).text = text;
  }

  void integer() {
    const size_t begin = at_;
    int64_t value = 0;
    for (; digit(peek()); ++at_)
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, peek() - '0', &value))
        throw Fault{Outcome::integer_overflow, "an integer has more than 64 bits", line_};
    if (source_[begin] == '0' && value != 0) fail("leading zeros in an integer");
    if (name_start(peek()) || (peek() == '.' && !name_start(peek(1)) && peek(1) != ' '))
      fail("a number that is no decimal integer");
    add(Mark::integer).integer = value;
  }

  void string(char quote) {
    const bool triple = peek(1) == quote && peek(2) == quote;
    const int32_t line = line_;
    at_ += triple ? 3 : 1;
    std::string text;
    for (;; ++at_) {
      if (at_ >= source_.size()) fail("a string is never closed");
      const char c = source_[at_];
      if (c == quote && (!triple || (peek(1) == quote && peek(2) == quote))) break;
      if (c == '\n') {
        if (!triple) fail("a string is never closed");
        ++line_;
      }
      if (static_cast<unsigned char>(c) >= 128 || c == '\0' || c == '\r')
        fail("a character outside ASCII");
      text += c == '\\' ? escape() : c;
    }
    at_ += triple ? 3 : 1;
    out_.storage.push_back(std::move(text));
    Lexeme& x = add(Mark::string);
    x.text = out_.storage.back();
    x.triple = triple;
    x.line = line;
  }

  char escape() {
    ++at_;
    switch (peek()) {
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case 'r':
        return '\r';
      case 'x':
        return hex_escape();
      case '\\':
      case '\'':
      case '"':
        return peek();
      default:
        fail("an escape outside the subset");
    }
  }

  // Two digits; stays at the second.
  char hex_escape() {
    int value = 0;
    for (int i = 0; i < 2; ++i) {
      ++at_;
      const char c = peek();
      if (!std::isxdigit(static_cast<unsigned char>(c))) fail("an escape outside the subset");
      value = 16 * value + (digit(c) ? c - '0' : (c | 32) - 'a' + 10);
    }
    if (value >= 128) fail("a character outside ASCII");
    return static_cast<char>(value);
  }

  void punctuation() {
    for (size_t length : {3u, 2u, 1u}) {
      if (at_ + length > source_.size()) continue;
      const Mark mark = operator_mark(source_.substr(at_, length));
      if (mark == Mark::end) continue;
      if (mark == Mark::open_paren || mark == Mark::open_bracket || mark == Mark::open_brace)
        ++open_;
      if (mark == Mark::close_paren || mark == Mark::close_bracket || mark == Mark::close_brace)
        if (--open_ < 0) fail("a bracket closes that was never opened");
      add(mark);
      at_ += length;
      return;
    }
    fail("a character outside the subset");
  }

  std::string_view source_;
  size_t at_ = 0;
  int32_t line_ = 1;
  int open_ = 0;
  bool line_start_ = true;
  std::vector<size_t> indents_ = {0};
  Lexemes out_;
};

}  // namespace

Lexemes lex(std::string_view source) { return Lexer(source).run(); }

}  // namespace lineage::minipy
