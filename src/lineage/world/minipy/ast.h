#pragma once

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

#include "lineage/world/minipy/lexeme.h"

namespace lineage::minipy {

// Names are numbers within a program; those that the interpreter knows are first, in this order.
using Symbol = int32_t;
enum class Known : Symbol {
  // Builtin functions and types; kFirstMethod separates them from the methods of builtin types.
  print,
  len,
  range,
  abs,
  min,
  max,
  sum,
  sorted,
  reversed,
  any,
  all,
  isinstance,
  int_type,
  str_type,
  bool_type,
  list_type,
  dict_type,
  super,
  append,
  pop,
  insert,
  remove,
  index,
  count,
  extend,
  sort,
  reverse,
  clear,
  copy,
  get,
  keys,
  values,
  join,
  upper,
  lower,
  init,
};
constexpr Symbol kFirstMethod = static_cast<Symbol>(Known::append);
constexpr Symbol kKnownSymbols = static_cast<Symbol>(Known::init) + 1;
std::string_view known_name(Symbol);  // of the first kKnownSymbols

enum class ExprKind : uint8_t {
  none,
  boolean,      // integer is 0 or 1
  integer,      // integer
  string,       // text; slot is its number among the program's strings
  name,         // symbol, scope, slot
  list,         // items
  dict,         // items: key, value, key, value, …
  listcomp,     // a for name(slot) in b if items…
  negative,     // a
  positive,     // a
  binary,       // a op b
  compare,      // a ops[0] items[0] ops[1] items[1] …
  logical_not,  // a
  logical_and,  // a, b
  logical_or,   // a, b
  conditional,  // a if b else c
  call,         // a(items…)
  attribute,    // a.symbol
  subscript,    // a[b]
  slice,        // a[items[0] : items[1] : items[2]], null where left out
};
enum class Comparison : uint8_t { eq, ne, lt, le, gt, ge, in, not_in, is, is_not };
enum class Scope : uint8_t {
  global,         // by symbol
  local,          // by slot of the frame
  comprehension,  // by slot, too
  free,           // by slot: a local of the function, used inside a comprehension
  class_body      // first in the class's namespace, then global
};

struct Expr {
  ExprKind kind;
  Scope scope = Scope::global;
  Mark op = Mark::end;  // of binary: plus, minus, star, floor_divide or percent
  int32_t height = 1;   // of the tree below
  int32_t line = 0;
  int32_t slot = -1;
  Symbol symbol = -1;
  int64_t integer = 0;
  std::string_view text = {};
  Expr *a = nullptr, *b = nullptr, *c = nullptr;
  std::span<Expr*> items = {};
  std::span<Comparison> ops = {};
};

enum class StmtKind : uint8_t {
  expression,  // value
  assign,      // target = value
  augment,     // target op= value
  condition,   // branches, else_body
  for_loop,    // for target in value: body
  while_loop,  // while value: body
  function,    // def symbol (function)
  class_def,   // class symbol(value): body
  result,      // return value (or null)
  assertion,   // assert value, message (or null)
  pass,
  break_loop,
  continue_loop
};

struct Stmt;
using Block = std::span<Stmt*>;

struct Branch {
  Expr* condition;
  Block body = {};
};

struct FunctionDef {
  Symbol name;
  int32_t parameters = 0;          // slots 0 … parameters - 1
  int32_t slots = 0;               // of the frame
  std::span<Symbol> locals = {};   // by slot, without those of comprehensions
  std::span<Expr*> defaults = {};  // of the last parameters
  Block body = {};
};

struct Stmt {
  StmtKind kind;
  Mark op = Mark::end;  // of augment
  int32_t line = 0;
  Symbol symbol = -1;
  Expr *target = nullptr, *value = nullptr, *message = nullptr;
  FunctionDef* function = nullptr;
  std::span<Branch> branches = {};
  Block body = {}, else_body = {};
};

// A parsed program. It owns its nodes and needs neither lexemes nor source.
struct Program {
  Program();

  std::pmr::monotonic_buffer_resource arena;
  std::vector<std::string_view> symbols;  // known_name() first
  std::vector<std::string_view> strings;  // the string constants, by slot
  int32_t slots = 0;                      // of the module's frame: comprehensions
  Block body = {};

  template <class T>
  std::span<T> keep(const std::vector<T>& items) {
    if (items.empty()) return {};
    T* p = static_cast<T*>(arena.allocate(items.size() * sizeof(T), alignof(T)));
    std::uninitialized_copy(items.begin(), items.end(), p);
    return {p, items.size()};
  }
  std::string_view keep(std::string_view text);
  template <class T>
  T* make(T node) {
    return new (arena.allocate(sizeof(T), alignof(T))) T(node);
  }
};

// Throws Fault(syntax_error, integer_overflow). Nesting of brackets and of blocks is limited, so
// that no program overruns the stack.
std::unique_ptr<Program> parse(std::span<const Lexeme>);

// A hash of the program's meaning only: names are numbered by first use (builtins and methods of
// builtin types keep theirs); comments, docstrings and redundant brackets do not count.
uint64_t canonical_hash(const Program&);

}  // namespace lineage::minipy
