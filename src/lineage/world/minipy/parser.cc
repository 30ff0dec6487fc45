#include "lineage/world/minipy/parser.h"

#include <algorithm>
#include <unordered_map>

namespace lineage::minipy {
namespace {

constexpr int kMaxNesting = 48;        // of brackets, blocks and prefix operators
constexpr size_t kMaxLexemes = 65536;  // of a program

}  // namespace

std::unique_ptr<Program> parse(std::span<const Lexeme> lexemes) { return Parser(lexemes).run(); }

// One level of recursion.
class Parser::Nesting {
 public:
  explicit Nesting(Parser& p) : parser_(p) {
    if (++parser_.nesting_ > kMaxNesting) parser_.fail("nested too deeply");
  }
  ~Nesting() { --parser_.nesting_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  Parser& parser_;
};

Parser::Parser(std::span<const Lexeme> lexemes)
    : lexemes_(lexemes), program_(std::make_unique<Program>()) {
  if (lexemes_.empty() || lexemes_.back().mark != Mark::end || lexemes_.size() > kMaxLexemes)
    throw Fault{Outcome::syntax_error, "the program is too long"};
}

std::unique_ptr<Program> Parser::run() {
  std::vector<Stmt*> body;
  while (mark() != Mark::end) statement(body, false);
  program_->body = program_->keep(body);
  program_->slots = scopes_.close_module();
  return std::move(program_);
}

bool Parser::accept(Mark m) {
  if (mark() != m) return false;
  ++at_;
  return true;
}

void Parser::expect(Mark m, const char* what) {
  if (!accept(m)) fail(what);
}

void Parser::fail(const char* what) const { throw Fault{Outcome::syntax_error, what, peek().line}; }

Stmt* Parser::make_statement(StmtKind kind) {
  return program_->make(Stmt{.kind = kind, .line = peek().line});
}

Symbol Parser::symbol(std::string_view name) {
  static const auto known = [] {
    std::unordered_map<std::string_view, Symbol> k;
    for (Symbol s = 0; s < kKnownSymbols; ++s) k.emplace(known_name(s), s);
    return k;
  }();
  if (const auto found = known.find(name); found != known.end()) return found->second;
  // CPython gives names like __class__ and __name a meaning of their own.
  if (name.starts_with("__")) fail("names that begin with two underscores are outside the subset");
  // A program has few names: a scan beats a hash table.
  for (size_t s = kKnownSymbols; s < program_->symbols.size(); ++s)
    if (program_->symbols[s] == name) return static_cast<Symbol>(s);
  program_->symbols.push_back(program_->keep(name));
  return static_cast<Symbol>(program_->symbols.size() - 1);
}

Symbol Parser::name(const char* what) {
  if (mark() != Mark::name) fail(what);
  return symbol(lexemes_[at_++].text);
}

Block Parser::block(bool in_loop) {
  const Nesting nesting(*this);
  expect(Mark::colon, "expected ':'");
  if (accept(Mark::newline)) {
    expect(Mark::indent, "expected an indented block");
    return statements(in_loop);
  }
  std::vector<Stmt*> body = {simple_statement(in_loop)};
  expect(Mark::newline, "expected the end of the line");
  return program_->keep(body);
}

Block Parser::statements(bool in_loop) {
  std::vector<Stmt*> body;
  do statement(body, in_loop);
  while (!accept(Mark::dedent));
  return program_->keep(body);
}

void Parser::statement(std::vector<Stmt*>& out, bool in_loop) {
  switch (mark()) {
    case Mark::kw_if:
      return out.push_back(condition(in_loop));
    case Mark::kw_for:
      return out.push_back(for_loop());
    case Mark::kw_while:
      return out.push_back(while_loop());
    case Mark::kw_def:
      return out.push_back(function());
    case Mark::kw_class:
      return out.push_back(class_definition());
    default:
      out.push_back(simple_statement(in_loop));
      expect(Mark::newline, "expected the end of the line");
  }
}

Stmt* Parser::simple_statement(bool in_loop) {
  const bool in_class = scopes_.unit() == Scopes::Unit::class_body;
  switch (mark()) {
    case Mark::kw_pass: {
      Stmt* s = make_statement(StmtKind::pass);
      ++at_;
      return s;
    }
    case Mark::kw_break:
    case Mark::kw_continue: {
      if (!in_loop) fail("outside of a loop");
      Stmt* s =
          make_statement(mark() == Mark::kw_break ? StmtKind::break_loop : StmtKind::continue_loop);
      ++at_;
      return s;
    }
    case Mark::kw_return: {
      if (scopes_.unit() != Scopes::Unit::function) fail("'return' outside function");
      Stmt* s = make_statement(StmtKind::result);
      ++at_;
      if (mark() != Mark::newline) s->value = expression();
      return s;
    }
    case Mark::kw_assert: {
      if (in_class) fail("a class body holds methods and constants only");
      Stmt* s = make_statement(StmtKind::assertion);
      ++at_;
      s->value = expression();
      if (accept(Mark::comma)) s->message = expression();
      return s;
    }
    default:
      return expression_statement();
  }
}

Stmt* Parser::expression_statement() {
  const bool in_class = scopes_.unit() == Scopes::Unit::class_body;
  Stmt* s = make_statement(StmtKind::expression);
  Expr* e = expression();
  Mark m = mark();
  const bool augment = m >= Mark::plus_assign && m <= Mark::percent_assign;
  if (m != Mark::assign && !augment) {
    if (in_class && e->kind != ExprKind::string)
      fail("a class body holds methods and constants only");
    s->value = e;
    return s;
  }
  ++at_;
  if (e->kind != ExprKind::name && e->kind != ExprKind::attribute && e->kind != ExprKind::subscript)
    fail("cannot assign to this expression");
  if (in_class && (e->kind != ExprKind::name || augment))
    fail("a class body holds methods and constants only");
  if (e->kind == ExprKind::name) {
    if (e->symbol == static_cast<Symbol>(Known::init)) fail("__init__ is a method");
    scopes_.assign(e->symbol);
  }
  s->kind = augment ? StmtKind::augment : StmtKind::assign;
  if (augment)
    s->op = static_cast<Mark>(static_cast<int>(Mark::plus) + static_cast<int>(m) -
                              static_cast<int>(Mark::plus_assign));
  s->target = e;
  s->value = expression();
  if (mark() == Mark::assign) fail("chained assignment is outside the subset");
  return s;
}

Stmt* Parser::condition(bool in_loop) {
  if (scopes_.unit() == Scopes::Unit::class_body)
    fail("a class body holds methods and constants only");
  Stmt* s = make_statement(StmtKind::condition);
  std::vector<Branch> branches;
  do {
    ++at_;
    Expr* test = expression();
    branches.push_back({test, block(in_loop)});
  } while (mark() == Mark::kw_elif);
  if (accept(Mark::kw_else)) s->else_body = block(in_loop);
  s->branches = program_->keep(branches);
  return s;
}

Stmt* Parser::for_loop() {
  if (scopes_.unit() == Scopes::Unit::class_body)
    fail("a class body holds methods and constants only");
  Stmt* s = make_statement(StmtKind::for_loop);
  ++at_;
  if (mark() != Mark::name) fail("expected a name after 'for'");
  s->target = atom();
  scopes_.assign(s->target->symbol);
  expect(Mark::kw_in, "expected 'in'");
  s->value = expression();
  s->body = block(true);
  if (mark() == Mark::kw_else) fail("'else' of a loop is outside the subset");
  return s;
}

Stmt* Parser::while_loop() {
  if (scopes_.unit() == Scopes::Unit::class_body)
    fail("a class body holds methods and constants only");
  Stmt* s = make_statement(StmtKind::while_loop);
  ++at_;
  s->value = expression();
  s->body = block(true);
  if (mark() == Mark::kw_else) fail("'else' of a loop is outside the subset");
  return s;
}

Symbol Parser::definition_name() {
  const Symbol s = name("expected a name");
  const bool method = scopes_.unit() == Scopes::Unit::class_body;
  if (s == static_cast<Symbol>(Known::init) && !method) fail("__init__ is a method");
  return s;
}

Stmt* Parser::function() {
  if (scopes_.unit() == Scopes::Unit::function)
    fail("functions in functions are outside the subset");
  Stmt* s = make_statement(StmtKind::function);
  ++at_;
  s->symbol = definition_name();
  scopes_.assign(s->symbol);
  expect(Mark::open_paren, "expected '('");
  std::vector<Symbol> parameters;
  std::vector<Expr*> defaults;
  while (mark() != Mark::close_paren) {
    const Symbol p = name("expected a parameter");
    if (std::find(parameters.begin(), parameters.end(), p) != parameters.end())
      fail("a parameter stands twice");
    parameters.push_back(p);
    if (accept(Mark::assign))
      defaults.push_back(expression());
    else if (!defaults.empty())
      fail("a parameter without a default after one with a default");
    if (!accept(Mark::comma)) break;
  }
  expect(Mark::close_paren, "expected ')'");
  s->function = program_->make(FunctionDef{.name = s->symbol});
  FunctionDef& f = *s->function;
  f.parameters = static_cast<int32_t>(parameters.size());
  f.defaults = program_->keep(defaults);
  scopes_.open_function(parameters);
  f.body = block(false);
  f.locals = program_->keep(scopes_.close_function(f.slots));
  return s;
}

Stmt* Parser::class_definition() {
  if (scopes_.unit() != Scopes::Unit::module || nesting_ > 0)
    fail("a class stands at the top of the program only");
  Stmt* s = make_statement(StmtKind::class_def);
  ++at_;
  s->symbol = definition_name();
  if (accept(Mark::open_paren) && !accept(Mark::close_paren)) {
    s->value = expression();
    expect(Mark::close_paren, "expected ')'; a class has one parent");
  }
  scopes_.open_class();
  s->body = block(false);
  scopes_.close_class();
  return s;
}

}  // namespace lineage::minipy
