#include "lineage/world/minipy/words.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "lineage/world/vocabulary.h"

namespace lineage::minipy {
namespace {

enum class Role : uint8_t { none, lexeme, number, digit, quote, comment };

// The role of a word of the vocabulary in a program.
struct WordRole {
  Role role = Role::none;
  Mark mark = Mark::end;
  int value = 0;
  std::string_view text;
};

using Roles = std::array<WordRole, Vocabulary::kWords>;

bool is_name(std::string_view word) {
  if (word.empty() || std::isdigit(static_cast<unsigned char>(word.front()))) return false;
  for (char c : word)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_') return false;
  return true;
}

const Roles& roles() {
  static const Roles all = [] {
    const Vocabulary& v = Vocabulary::get();
    Roles r;
    for (Token t = 0; t < Vocabulary::kWords; ++t) {
      WordRole& role = r[t];
      const std::string_view word = role.text = v.word(t);
      if (word == "\n")
        role = {Role::lexeme, Mark::newline, 0, word};
      else if (word == "<indent>")
        role = {Role::lexeme, Mark::indent, 0, word};
      else if (word == "<dedent>")
        role = {Role::lexeme, Mark::dedent, 0, word};
      else if (word == "'" || word == "\"")
        role.role = Role::quote;
      else if (word == "#")
        role.role = Role::comment;
      else if (const Mark mark = operator_mark(word); mark != Mark::end)
        role = {Role::lexeme, mark, 0, word};
      else if (is_name(word))
        role = {Role::lexeme, keyword_mark(word), 0, word};
    }
    for (int i = 0; i < 100; ++i) {
      WordRole& role = r[v.integer(i)];
      role.role = Role::number;
      role.value = i;
    }
    for (int i = 0; i < 10; ++i) {
      WordRole& role = r[v.digit(i)];
      role.role = Role::digit;
      role.value = i;
    }
    return r;
  }();
  return all;
}

class Reader {
 public:
  explicit Reader(std::span<const Token> tokens) : tokens_(tokens) {}

  Lexemes run() {
    out_.items.reserve(tokens_.size() + 8);
    while (at_ < tokens_.size()) word();
    if (open_ > 0) fail("a bracket is never closed");
    if (line_has_words_) add(Mark::newline);
    for (; indents_ > 0; --indents_) add(Mark::dedent);
    add(Mark::end);
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw Fault{Outcome::syntax_error, what, line_};
  }
  const WordRole& role() const {
    static const WordRole nothing;
    const Token t = tokens_[at_];
    return t >= 0 && t < Vocabulary::kWords ? roles()[t] : nothing;
  }
  Lexeme& add(Mark mark) {
    out_.items.push_back({.mark = mark, .line = line_});
    return out_.items.back();
  }

  void word() {
    const WordRole& r = role();
    switch (r.role) {
      case Role::none:
        fail("a word outside of programs");
      case Role::comment:
        while (at_ < tokens_.size() && role().mark != Mark::newline) ++at_;
        return;
      case Role::quote:
        return string();
      case Role::number:
        add(Mark::integer).integer = r.value;
        break;
      case Role::digit:
        return digits();
      case Role::lexeme:
        return lexeme(r);
    }
    line_has_words_ = true;
    ++at_;
  }

  void lexeme(const WordRole& r) {
    ++at_;
    switch (r.mark) {
      case Mark::newline:
        if (open_ == 0 && line_has_words_) {
          add(Mark::newline);
          line_has_words_ = false;
        }
        ++line_;
        return;
      case Mark::indent:
      case Mark::dedent:
        if (line_has_words_ || open_ > 0) fail("a change of indentation within a line");
        indents_ += r.mark == Mark::indent ? 1 : -1;
        if (indents_ < 0) fail("more dedents than indents");
        add(r.mark);
        return;
      case Mark::open_paren:
      case Mark::open_bracket:
      case Mark::open_brace:
        ++open_;
        break;
      case Mark::close_paren:
      case Mark::close_bracket:
      case Mark::close_brace:
        if (--open_ < 0) fail("a bracket closes that was never opened");
        break;
      default:
        break;
    }
    add(r.mark).text = r.text;
    line_has_words_ = true;
  }

  void digits() {
    int64_t value = 0;
    const bool zero = role().value == 0;
    for (; at_ < tokens_.size() && role().role == Role::digit; ++at_)
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, role().value, &value))
        throw Fault{Outcome::integer_overflow, "an integer has more than 64 bits", line_};
    if (zero && value != 0) fail("leading zeros in an integer");
    add(Mark::integer).integer = value;
    line_has_words_ = true;
  }

  void string() {
    const Token quote = tokens_[at_++];
    std::string text;
    for (bool first = true, in_digits = false;; first = false, ++at_) {
      if (at_ >= tokens_.size() || role().mark == Mark::newline) fail("a string is never closed");
      if (tokens_[at_] == quote) break;
      const WordRole& r = role();
      const bool digit = r.role == Role::digit;
      if (!first && !(digit && in_digits)) text += ' ';
      if (digit)
        text += static_cast<char>('0' + r.value);
      else
        text += r.text;
      in_digits = digit;
    }
    ++at_;
    out_.storage.push_back(std::move(text));
    Lexeme& x = add(Mark::string);
    x.text = out_.storage.back();
    x.triple = Vocabulary::get().word(quote) == "\"";
    line_has_words_ = true;
  }

  std::span<const Token> tokens_;
  size_t at_ = 0;
  int32_t line_ = 1;
  int open_ = 0, indents_ = 0;
  bool line_has_words_ = false;
  Lexemes out_;
};

void put_word(std::string_view word, std::vector<Token>& out) {
  static const Vocabulary& v = Vocabulary::get();
  const Token t = v.find(word);
  if (t < 0) throw Fault{Outcome::unsupported, "no word of the vocabulary: " + std::string(word)};
  out.push_back(t);
}

void put_digits(std::string_view digits, std::vector<Token>& out) {
  static const Vocabulary& v = Vocabulary::get();
  if (digits.size() <= 2 && (digits.size() == 1 || digits[0] != '0')) {
    int value = 0;
    for (char c : digits) value = 10 * value + (c - '0');
    out.push_back(v.integer(value));
  } else {
    for (char c : digits) out.push_back(v.digit(c - '0'));
  }
}

}  // namespace

Lexemes read_words(std::span<const Token> tokens) { return Reader(tokens).run(); }

void write_words(const std::vector<Lexeme>& lexemes, std::vector<Token>& out) {
  for (const Lexeme& x : lexemes) {
    switch (x.mark) {
      case Mark::end:
        break;
      case Mark::newline:
        put_word("\n", out);
        break;
      case Mark::indent:
        put_word("<indent>", out);
        break;
      case Mark::dedent:
        put_word("<dedent>", out);
        break;
      case Mark::integer:
        put_digits(std::to_string(x.integer), out);
        break;
      case Mark::string:
        put_word(x.triple ? "\"" : "'", out);
        write_text(x.text, out);
        put_word(x.triple ? "\"" : "'", out);
        break;
      case Mark::name:
      case Mark::reserved:
        put_word(x.text, out);
        break;
      default:
        put_word(mark_text(x.mark), out);
    }
  }
}

void write_text(std::string_view text, std::vector<Token>& out) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto letter = [](char c) {
    return std::isalpha(static_cast<unsigned char>(c)) || c == '_';
  };
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    if (digit(text[i])) {
      while (end < text.size() && digit(text[end])) ++end;
      put_digits(text.substr(i, end - i), out);
    } else if (letter(text[i])) {
      while (end < text.size() && (letter(text[end]) || digit(text[end]))) ++end;
      put_word(text.substr(i, end - i), out);
    } else if (text[i] != ' ') {
      put_word(text.substr(i, 1), out);
    }
    i = end;
  }
}

void write_code(std::string_view code, std::vector<Token>& out) {
  static const Vocabulary& v = Vocabulary::get();
  for (size_t at = 0; at < code.size();) {
    const size_t end = std::min(code.find(' ', at), code.size());
    const std::string_view word = code.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    if (const Token t = v.find(word); t >= 0)
      out.push_back(t);
    else if (word.find_first_not_of("0123456789") == std::string_view::npos)
      put_digits(word, out);
    else
      put_word(word, out);
  }
}

RunResult run_words(std::span<const Token> tokens, const RunOptions& options) {
  try {
    const Lexemes lexemes = read_words(tokens);
    return run(*parse(lexemes.items), options);
  } catch (const Fault& fault) {
    RunResult result;
    result.outcome = fault.outcome;
    result.message = fault.message;
    result.line = fault.line;
    return result;
  }
}

}  // namespace lineage::minipy
