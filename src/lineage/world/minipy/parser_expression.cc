#include <algorithm>

#include "lineage/world/minipy/parser.h"

namespace lineage::minipy {
namespace {

constexpr int32_t kMaxHeight = 100;  // of an expression's tree
constexpr int kMaxDepth = 48;

}  // namespace

Expr* Parser::make(Expr e) {
  int32_t below = 0;
  for (const Expr* child : {e.a, e.b, e.c})
    if (child) below = std::max(below, child->height);
  for (const Expr* child : e.items)
    if (child) below = std::max(below, child->height);
  e.height = below + 1;
  if (e.height > kMaxHeight) fail("an expression is nested too deeply");
  if (e.line == 0) e.line = peek().line;
  return program_->make(e);
}

Expr* Parser::expression() {
  if (++nesting_ > kMaxDepth) fail("nested too deeply");
  Expr* e = conditional();
  --nesting_;
  return e;
}

Expr* Parser::conditional() {
  Expr* value = disjunction();
  if (!accept(Mark::kw_if)) return value;
  Expr* test = disjunction();
  expect(Mark::kw_else, "expected 'else'");
  Expr* other = expression();
  return make({.kind = ExprKind::conditional, .a = value, .b = test, .c = other});
}

Expr* Parser::disjunction() {
  Expr* left = conjunction();
  while (accept(Mark::kw_or))
    left = make({.kind = ExprKind::logical_or, .a = left, .b = conjunction()});
  return left;
}

Expr* Parser::conjunction() {
  Expr* left = negation();
  while (accept(Mark::kw_and))
    left = make({.kind = ExprKind::logical_and, .a = left, .b = negation()});
  return left;
}

Expr* Parser::negation() {
  int count = 0;
  while (accept(Mark::kw_not)) ++count;
  Expr* e = comparison();
  for (; count > 0; --count) e = make({.kind = ExprKind::logical_not, .a = e});
  return e;
}

bool Parser::comparison_operator(Comparison& op) {
  switch (mark()) {
    case Mark::equal:
      op = Comparison::eq;
      break;
    case Mark::not_equal:
      op = Comparison::ne;
      break;
    case Mark::less:
      op = Comparison::lt;
      break;
    case Mark::less_equal:
      op = Comparison::le;
      break;
    case Mark::greater:
      op = Comparison::gt;
      break;
    case Mark::greater_equal:
      op = Comparison::ge;
      break;
    case Mark::kw_in:
      op = Comparison::in;
      break;
    case Mark::kw_not:
      ++at_;
      if (mark() != Mark::kw_in) fail("expected 'in' after 'not'");
      op = Comparison::not_in;
      break;
    case Mark::kw_is:
      op = lexemes_[at_ + 1].mark == Mark::kw_not ? Comparison::is_not : Comparison::is;
      if (op == Comparison::is_not) ++at_;
      break;
    default:
      return false;
  }
  ++at_;
  return true;
}

Expr* Parser::comparison() {
  Expr* first = sum();
  std::vector<Expr*> others;
  std::vector<Comparison> ops;
  for (Comparison op; comparison_operator(op);) {
    ops.push_back(op);
    others.push_back(sum());
  }
  if (ops.empty()) return first;
  return make({.kind = ExprKind::compare,
               .a = first,
               .items = program_->keep(others),
               .ops = program_->keep(ops)});
}

Expr* Parser::sum() {
  Expr* left = product();
  while (mark() == Mark::plus || mark() == Mark::minus) {
    const Mark op = mark();
    ++at_;
    left = make({.kind = ExprKind::binary, .op = op, .a = left, .b = product()});
  }
  return left;
}

Expr* Parser::product() {
  Expr* left = factor();
  while (mark() == Mark::star || mark() == Mark::floor_divide || mark() == Mark::percent) {
    const Mark op = mark();
    ++at_;
    left = make({.kind = ExprKind::binary, .op = op, .a = left, .b = factor()});
  }
  return left;
}

Expr* Parser::factor() {
  const size_t begin = at_;
  while (mark() == Mark::minus || mark() == Mark::plus) ++at_;
  const size_t end = at_;
  Expr* e = primary();
  for (size_t i = end; i > begin; --i) {
    const bool minus = lexemes_[i - 1].mark == Mark::minus;
    e = make({.kind = minus ? ExprKind::negative : ExprKind::positive, .a = e});
  }
  return e;
}

Expr* Parser::primary() {
  Expr* e = atom();
  for (;;) {
    if (mark() == Mark::open_paren) {
      e = call(e);
    } else if (mark() == Mark::open_bracket) {
      e = subscript(e);
    } else if (accept(Mark::dot)) {
      e = make({.kind = ExprKind::attribute, .symbol = name("expected a name after '.'"), .a = e});
    } else {
      return e;
    }
  }
}

Expr* Parser::atom() {
  switch (mark()) {
    case Mark::kw_none:
      ++at_;
      return make({.kind = ExprKind::none});
    case Mark::kw_true:
    case Mark::kw_false: {
      const bool value = lexemes_[at_++].mark == Mark::kw_true;
      return make({.kind = ExprKind::boolean, .integer = value});
    }
    case Mark::integer:
      return make({.kind = ExprKind::integer, .integer = lexemes_[at_++].integer});
    case Mark::string:
      return string();
    case Mark::name: {
      const Symbol s = name("");
      Expr* e = make({.kind = ExprKind::name, .symbol = s});
      scopes_.use(e);
      return e;
    }
    case Mark::open_paren: {
      ++at_;
      Expr* e = expression();
      expect(Mark::close_paren, "expected ')'; tuples are outside the subset");
      // `(a) = 1` is as good as `a = 1`, as in Python.
      return e;
    }
    case Mark::open_bracket:
      return bracketed();
    case Mark::open_brace:
      return dictionary();
    case Mark::reserved:
      fail("a keyword outside the subset");
    default:
      fail("expected an expression");
  }
}

Expr* Parser::string() {
  const std::string_view text = program_->keep(lexemes_[at_++].text);
  if (mark() == Mark::string) fail("adjacent strings are outside the subset");
  program_->strings.push_back(text);
  return make({.kind = ExprKind::string,
               .slot = static_cast<int32_t>(program_->strings.size() - 1),
               .text = text});
}

Expr* Parser::call(Expr* callee) {
  const int32_t line = peek().line;
  ++at_;
  std::vector<Expr*> arguments;
  while (mark() != Mark::close_paren) {
    arguments.push_back(expression());
    if (mark() == Mark::assign) fail("arguments by name are outside the subset");
    if (!accept(Mark::comma)) break;
  }
  expect(Mark::close_paren, "expected ')'");
  return make(
      {.kind = ExprKind::call, .line = line, .a = callee, .items = program_->keep(arguments)});
}

Expr* Parser::subscript(Expr* value) {
  const int32_t line = peek().line;
  ++at_;
  std::vector<Expr*> parts;
  Expr* part = mark() == Mark::colon ? nullptr : expression();
  if (accept(Mark::close_bracket))
    return make({.kind = ExprKind::subscript, .line = line, .a = value, .b = part});
  parts.push_back(part);
  while (parts.size() < 3 && accept(Mark::colon)) {
    const bool empty = mark() == Mark::colon || mark() == Mark::close_bracket;
    parts.push_back(empty ? nullptr : expression());
  }
  parts.resize(3);
  expect(Mark::close_bracket, "expected ']'");
  return make({.kind = ExprKind::slice, .line = line, .a = value, .items = program_->keep(parts)});
}

Expr* Parser::bracketed() {
  const int32_t line = peek().line;
  ++at_;
  std::vector<Expr*> items;
  while (mark() != Mark::close_bracket) {
    const size_t uses = scopes_.mark();
    items.push_back(expression());
    if (mark() == Mark::kw_for) {
      if (items.size() != 1) fail("expected ']'");
      return comprehension(items.front(), uses, line);
    }
    if (!accept(Mark::comma)) break;
  }
  expect(Mark::close_bracket, "expected ']'");
  return make({.kind = ExprKind::list, .line = line, .items = program_->keep(items)});
}

Expr* Parser::comprehension(Expr* element, size_t uses_before, int32_t line) {
  if (scopes_.unit() == Scopes::Unit::class_body)
    fail("a comprehension in a class body is outside the subset");
  const size_t element_end = scopes_.mark();
  ++at_;
  const Symbol variable = name("expected a name after 'for'");
  expect(Mark::kw_in, "expected 'in'");
  Expr* iterable = disjunction();
  const size_t conditions_begin = scopes_.mark();
  std::vector<Expr*> conditions;
  while (accept(Mark::kw_if)) conditions.push_back(disjunction());
  if (mark() == Mark::kw_for) fail("a second 'for' in a comprehension is outside the subset");
  const size_t end = scopes_.mark();
  expect(Mark::close_bracket, "expected ']'");
  Expr* e = make({.kind = ExprKind::listcomp,
                  .line = line,
                  .symbol = variable,
                  .a = element,
                  .b = iterable,
                  .items = program_->keep(conditions)});
  const int32_t slot = scopes_.open_comprehension(e);
  scopes_.bind(uses_before, element_end, variable, slot);
  scopes_.bind(conditions_begin, end, variable, slot);
  return e;
}

Expr* Parser::dictionary() {
  const int32_t line = peek().line;
  ++at_;
  std::vector<Expr*> items;
  while (mark() != Mark::close_brace) {
    items.push_back(expression());
    expect(Mark::colon, "expected ':' in a dictionary; sets are outside the subset");
    items.push_back(expression());
    if (mark() == Mark::kw_for) fail("a comprehension of a dictionary is outside the subset");
    if (!accept(Mark::comma)) break;
  }
  expect(Mark::close_brace, "expected '}'");
  return make({.kind = ExprKind::dict, .line = line, .items = program_->keep(items)});
}

}  // namespace lineage::minipy
