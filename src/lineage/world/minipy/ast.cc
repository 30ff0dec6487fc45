#include "lineage/world/minipy/ast.h"

#include <cstring>

namespace lineage::minipy {
namespace {

constexpr std::string_view kKnown[] = {
    "print",  "len",  "range",      "abs",    "min",    "max",   "sum",    "sorted", "reversed",
    "any",    "all",  "isinstance", "int",    "str",    "bool",  "list",   "dict",   "super",
    "append", "pop",  "insert",     "remove", "index",  "count", "extend", "sort",   "reverse",
    "clear",  "copy", "get",        "keys",   "values", "join",  "upper",  "lower",  "__init__"};
static_assert(std::size(kKnown) == static_cast<size_t>(kKnownSymbols));

class Hasher {
 public:
  explicit Hasher(const Program& p) : names_(p.symbols.size(), 0) {}

  uint64_t run(const Program& p) {
    block(p.body);
    return hash_;
  }

 private:
  void mix(uint64_t x) {
    hash_ = (hash_ ^ x) * 0x9E3779B97F4A7C15ull;
    hash_ ^= hash_ >> 29;
  }
  void symbol(Symbol s) {
    if (s < kKnownSymbols) return mix(static_cast<uint64_t>(s + 1));
    uint64_t& name = names_[s];
    if (name == 0) name = 1000 + ++used_;
    mix(name);
  }
  void text(std::string_view t) {
    mix(t.size());
    for (char c : t) mix(static_cast<unsigned char>(c));
  }

  void expr(const Expr* e) {
    if (!e) return mix(~0ull);
    mix(static_cast<uint64_t>(e->kind) << 8 | static_cast<uint64_t>(e->op));
    if (e->kind == ExprKind::integer || e->kind == ExprKind::boolean)
      mix(static_cast<uint64_t>(e->integer));
    if (e->kind == ExprKind::string) text(e->text);
    if (e->symbol >= 0) symbol(e->symbol);
    if (e->a) expr(e->a);
    if (e->b) expr(e->b);
    if (e->c) expr(e->c);
    mix(e->items.size());
    for (const Expr* item : e->items) expr(item);
    for (Comparison op : e->ops) mix(static_cast<uint64_t>(op));
  }

  void block(Block stmts) {
    for (const Stmt* s : stmts)
      if (s->kind != StmtKind::expression || s->value->kind != ExprKind::string) stmt(*s);
    mix(0xB10C);
  }

  void stmt(const Stmt& s) {
    mix(static_cast<uint64_t>(s.kind) << 8 | static_cast<uint64_t>(s.op));
    if (s.symbol >= 0) symbol(s.symbol);
    expr(s.target);
    expr(s.value);
    for (const Branch& branch : s.branches) {
      expr(branch.condition);
      block(branch.body);
    }
    if (s.function) {
      const FunctionDef& f = *s.function;
      mix(static_cast<uint64_t>(f.parameters));
      for (int32_t i = 0; i < f.parameters; ++i) symbol(f.locals[i]);
      for (const Expr* d : f.defaults) expr(d);
      block(f.body);
    }
    block(s.body);
    block(s.else_body);
  }

  uint64_t hash_ = 0xCBF29CE484222325ull;
  uint64_t used_ = 0;
  std::vector<uint64_t> names_;
};

}  // namespace

std::string_view known_name(Symbol s) { return kKnown[s]; }

Program::Program() : arena(8192) {
  symbols.reserve(kKnownSymbols + 32);
  symbols.assign(std::begin(kKnown), std::end(kKnown));
}

std::string_view Program::keep(std::string_view text) {
  if (text.empty()) return {};
  char* p = static_cast<char*>(arena.allocate(text.size(), 1));
  std::memcpy(p, text.data(), text.size());
  return {p, text.size()};
}

uint64_t canonical_hash(const Program& program) { return Hasher(program).run(program); }

}  // namespace lineage::minipy
