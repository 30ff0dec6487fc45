#pragma once

#include <string>

#include "lineage/world/minipy/budget.h"
#include "lineage/world/minipy/run.h"
#include "lineage/world/minipy/value.h"

namespace lineage::minipy {

// Walks the tree of one program, once. Any fault leaves as a Fault; run() catches it. Files:
// interpreter.cc statements and calls, evaluate.cc expressions, operators.cc arithmetic and order,
// sequence.cc indexing and iteration, builtins.cc and methods.cc the library, text.cc str and repr.
class Interpreter {
 public:
  Interpreter(const Program&, const RunOptions&, RunResult&);
  void run();

 private:
  enum class Flow : uint8_t { next, broke, continued, returned };
  struct Frame {
    const FunctionDef* definition = nullptr;  // null: the module
    Class* owner = nullptr;                   // of the method
    size_t base = 0;                          // its first slot on the stack
  };

  // Statements.
  Flow execute(Block);
  Flow execute(const Stmt&);
  Flow execute_for(const Stmt&);
  Flow execute_while(const Stmt&);
  void define_function(const Stmt&, Class* owner);
  void define_class(const Stmt&);
  void assign(const Expr& target, Value);
  void augment(const Stmt&);
  void set_name(const Expr& name, Value);
  void set_attribute(const Value& object, Symbol, Value);
  void note_assignment(const Stmt&);

  // Expressions.
  Value evaluate(const Expr&);
  Value name(const Expr&);
  Value global(Symbol);
  Value compare_chain(const Expr&);
  Value comprehension(const Expr&);
  Value attribute(const Value& object, Symbol);
  Value call(const Expr&);
  Value call(const Value& callee, std::span<const Value> arguments);
  Value call(const Function&, const Value* self, std::span<const Value> arguments);
  Value construct(Class*, std::span<const Value> arguments);
  Value super(std::span<const Value> arguments);

  // Operators.
  Value binary(Mark op, const Value&, const Value&);
  Value repeat(const Value& sequence, const Value& times);
  Value negative(const Value&);
  bool truth(const Value&);
  bool equal(const Value&, const Value&);
  bool less(const Value&, const Value&, Comparison op = Comparison::lt);
  bool compare(Comparison, const Value&, const Value&);
  bool contains(const Value& container, const Value&);
  bool identical(const Value&, const Value&);

  // Sequences and dictionaries.
  Value subscript(const Value&, const Value& index);
  Value slice(const Value&, const Expr&);
  void set_item(const Value&, const Value& index, Value);
  int64_t position(const Value& index, size_t size, const char* what);
  uint64_t hash(const Value&);
  Value* find(Dict&, const Value& key);
  void put(Dict&, const Value& key, Value);
  Value take(Dict&, const Value& key);
  template <class F>  // f(value) -> whether to continue
  void iterate(const Value& iterable, const F& f);
  std::vector<Value> items(const Value& iterable);

  // The library.
  Value builtin(Symbol, std::span<const Value> arguments);
  Value builtin_method(const Value& self, Symbol, std::span<const Value> arguments);
  Value list_method(const Value& self, Symbol, std::span<const Value>);
  Value dict_method(const Value& self, Symbol, std::span<const Value>);
  Value string_method(const Value& self, Symbol, std::span<const Value>);
  Value print(std::span<const Value>);
  Value make_range(std::span<const Value>);
  Value extreme(Symbol, std::span<const Value>);
  Value sorted(std::vector<Value>);
  Value reversed(const Value&);
  Value to_int(const Value&);
  bool is_instance(const Value&, const Value& type);
  void need(std::span<const Value> arguments, size_t least, size_t most, std::string_view what);

  // Text.
  void write(const Value&, bool representation, std::string& out);

  // Objects.
  Value text(std::string);
  Value list(std::vector<Value>);

  [[noreturn]] void fail(Outcome, std::string message);
  Symbol type_symbol(const Value&) const;
  std::string_view symbol_text(Symbol s) const { return program_.symbols[s]; }
  Value& slot(int32_t i) { return stack_[frame_.base + static_cast<size_t>(i)]; }

  const Program& program_;
  const RunOptions& options_;
  RunResult& result_;
  Budget budget_;
  Heap heap_;
  std::vector<Value> globals_;          // by symbol
  std::vector<Value> stack_;            // the slots of all frames
  std::vector<Value> strings_;          // constants, once used
  std::vector<const Object*> writing_;  // containers being written, against cycles
  Frame frame_;
  Class* class_body_ = nullptr;  // whose body runs
  Value returned_;
  int32_t line_ = 0;
  int depth_ = 0;  // of the interpreter's own recursion
  int calls_ = 0;  // of the program
};

}  // namespace lineage::minipy
