#pragma once

#include "lineage/world/minipy/scope.h"

namespace lineage::minipy {

// Recursive descent over lexemes, for parse(); statements in parser.cc, expressions in
// parser_expression.cc.
class Parser {
 public:
  explicit Parser(std::span<const Lexeme>);
  std::unique_ptr<Program> run();

 private:
  // Statements.
  Block block(bool in_loop);
  Block statements(bool in_loop);
  void statement(std::vector<Stmt*>& out, bool in_loop);
  Stmt* simple_statement(bool in_loop);
  Stmt* expression_statement();
  Stmt* condition(bool in_loop);
  Stmt* for_loop();
  Stmt* while_loop();
  Stmt* function();
  Stmt* class_definition();
  Symbol definition_name();

  // Expressions, loosest first.
  Expr* expression();
  Expr* conditional();
  Expr* disjunction();
  Expr* conjunction();
  Expr* negation();
  Expr* comparison();
  Expr* sum();
  Expr* product();
  Expr* factor();
  Expr* primary();
  Expr* atom();
  Expr* call(Expr* callee);
  Expr* subscript(Expr* value);
  Expr* bracketed();
  Expr* comprehension(Expr* element, size_t uses_before, int32_t line);
  Expr* dictionary();
  Expr* string();
  bool comparison_operator(Comparison&);

  // Lexemes.
  const Lexeme& peek() const { return lexemes_[at_]; }
  Mark mark() const { return lexemes_[at_].mark; }
  bool accept(Mark);
  void expect(Mark, const char* what);
  [[noreturn]] void fail(const char* what) const;

  // Nodes.
  Expr* make(Expr);
  Stmt* make_statement(StmtKind);
  Symbol symbol(std::string_view name);
  Symbol name(const char* what);  // expects a name

  class Nesting;

  std::span<const Lexeme> lexemes_;
  size_t at_ = 0;
  int nesting_ = 0;
  std::unique_ptr<Program> program_;
  Scopes scopes_;
};

}  // namespace lineage::minipy
