#include "lineage/world/minipy/interpreter.h"

#include "lineage/world/minipy/depth.h"
#include "lineage/world/minipy/iterate.h"

namespace lineage::minipy {

RunResult run(const Program& program, const RunOptions& options) {
  RunResult result;
  Interpreter interpreter(program, options, result);
  interpreter.run();
  return result;
}

RunResult run_source(std::string_view source, const RunOptions& options) {
  try {
    const Lexemes lexemes = lex(source);
    return run(*parse(lexemes.items), options);
  } catch (const Fault& fault) {
    RunResult result;
    result.outcome = fault.outcome;
    result.message = fault.message;
    result.line = fault.line;
    return result;
  }
}

Interpreter::Interpreter(const Program& program, const RunOptions& options, RunResult& result)
    : program_(program),
      options_(options),
      result_(result),
      budget_(options.limits),
      globals_(program.symbols.size()),
      strings_(program.strings.size()) {
  stack_.reserve(256);
}

void Interpreter::run() {
  stack_.resize(static_cast<size_t>(program_.slots));
  try {
    execute(program_.body);
  } catch (const Fault& fault) {
    result_.outcome = fault.outcome;
    result_.message = fault.message;
    result_.line = line_;
  }
  result_.steps = budget_.steps();
}

void Interpreter::fail(Outcome outcome, std::string message) {
  throw Fault{outcome, std::move(message), line_};
}

Interpreter::Flow Interpreter::execute(Block block) {
  for (const Stmt* s : block)
    if (const Flow flow = execute(*s); flow != Flow::next) return flow;
  return Flow::next;
}

Interpreter::Flow Interpreter::execute(const Stmt& s) {
  const Depth depth(depth_);
  budget_.step();
  line_ = s.line;
  switch (s.kind) {
    case StmtKind::expression: {
      const Value v = evaluate(*s.value);
      if (options_.echo && !frame_.definition && !class_body_ && v.kind != Kind::none) {
        std::string text;
        write(v, true, text);
        result_.printed.push_back({line_, text});
        result_.output += text += '\n';
      }
      return Flow::next;
    }
    case StmtKind::assign:
      assign(*s.target, evaluate(*s.value));
      note_assignment(s);
      return Flow::next;
    case StmtKind::augment:
      augment(s);
      note_assignment(s);
      return Flow::next;
    case StmtKind::condition:
      for (const Branch& branch : s.branches)
        if (truth(evaluate(*branch.condition))) return execute(branch.body);
      return execute(s.else_body);
    case StmtKind::for_loop:
      return execute_for(s);
    case StmtKind::while_loop:
      return execute_while(s);
    case StmtKind::function:
      define_function(s, class_body_);
      return Flow::next;
    case StmtKind::class_def:
      define_class(s);
      return Flow::next;
    case StmtKind::result:
      returned_ = s.value ? evaluate(*s.value) : Value::none();
      return Flow::returned;
    case StmtKind::assertion:
      if (!truth(evaluate(*s.value))) {
        std::string message;
        if (s.message) write(evaluate(*s.message), false, message);
        fail(Outcome::assertion_error, std::move(message));
      }
      return Flow::next;
    case StmtKind::pass:
      return Flow::next;
    case StmtKind::break_loop:
      return Flow::broke;
    case StmtKind::continue_loop:
      return Flow::continued;
  }
  return Flow::next;
}

Interpreter::Flow Interpreter::execute_for(const Stmt& s) {
  Flow end = Flow::next;
  const Value iterable = evaluate(*s.value);
  iterate(iterable, [&](const Value& item) {
    budget_.step();
    line_ = s.line;
    assign(*s.target, item);
    const Flow flow = execute(s.body);
    if (flow == Flow::returned) end = flow;
    return flow == Flow::next || flow == Flow::continued;
  });
  return end;
}

Interpreter::Flow Interpreter::execute_while(const Stmt& s) {
  while (truth(evaluate(*s.value))) {
    budget_.step();
    const Flow flow = execute(s.body);
    if (flow == Flow::returned) return flow;
    if (flow == Flow::broke) break;
    line_ = s.line;
  }
  return Flow::next;
}

void Interpreter::define_function(const Stmt& s, Class* owner) {
  budget_.cells(4);
  Function* f = heap_.make<Function>();
  f->definition = s.function;
  f->owner = owner;
  for (const Expr* d : s.function->defaults) f->defaults.push_back(evaluate(*d));
  const Value value(Kind::function, f);
  if (owner)
    set_attribute(Value(Kind::class_object, owner), s.symbol, value);
  else
    globals_[s.symbol] = value;
}

void Interpreter::define_class(const Stmt& s) {
  budget_.cells(4);
  Class* parent = nullptr;
  if (s.value) {
    const Value v = evaluate(*s.value);
    if (v.kind == Kind::builtin)
      fail(Outcome::unsupported, "a builtin type as a parent is outside the subset");
    if (v.kind != Kind::class_object) fail(Outcome::type_error, "a parent that is no class");
    parent = &v.class_object();
  }
  Class* c = heap_.make<Class>();
  c->name = s.symbol;
  c->parent = parent;
  class_body_ = c;
  execute(s.body);
  class_body_ = nullptr;
  globals_[s.symbol] = Value(Kind::class_object, c);
}

void Interpreter::set_name(const Expr& name, Value v) {
  if (name.scope == Scope::local)
    slot(name.slot) = v;
  else if (name.scope == Scope::class_body)
    set_attribute(Value(Kind::class_object, class_body_), name.symbol, v);
  else
    globals_[name.symbol] = v;
}

void Interpreter::assign(const Expr& target, Value v) {
  if (target.kind == ExprKind::name) {
    set_name(target, v);
  } else if (target.kind == ExprKind::attribute) {
    set_attribute(evaluate(*target.a), target.symbol, v);
  } else {
    const Value object = evaluate(*target.a);
    set_item(object, evaluate(*target.b), v);
  }
}

void Interpreter::augment(const Stmt& s) {
  const Expr& target = *s.target;
  Value object, index, current;
  if (target.kind == ExprKind::name) {
    current = name(target);
  } else {
    object = evaluate(*target.a);
    if (target.kind == ExprKind::subscript) index = evaluate(*target.b);
    current = target.kind == ExprKind::subscript ? subscript(object, index)
                                                 : attribute(object, target.symbol);
  }
  const Value operand = evaluate(*s.value);
  Value result = current;
  if (current.kind == Kind::list && s.op == Mark::plus) {
    const Value arguments[] = {operand};
    list_method(current, static_cast<Symbol>(Known::extend), arguments);  // in place
  } else if (current.kind == Kind::list && s.op == Mark::star && operand.number()) {
    current.list().items = std::move(repeat(current, operand).list().items);
  } else {
    result = binary(s.op, current, operand);
  }
  if (target.kind == ExprKind::name)
    set_name(target, result);
  else if (target.kind == ExprKind::subscript)
    set_item(object, index, result);
  else
    set_attribute(object, target.symbol, result);
}

void Interpreter::note_assignment(const Stmt& s) {
  if (!options_.record_assignments || s.target->kind != ExprKind::name || class_body_) return;
  const Expr& target = *s.target;
  const Value v = target.scope == Scope::local ? slot(target.slot) : globals_[target.symbol];
  if (v.heap() && v.kind != Kind::string && v.kind != Kind::list && v.kind != Kind::dict) return;
  Assigned assigned{s.line, symbol_text(target.symbol), {}};
  write(v, true, assigned.value);
  result_.assigned.push_back(std::move(assigned));
}

void Interpreter::set_attribute(const Value& object, Symbol symbol, Value v) {
  if (object.kind != Kind::instance && object.kind != Kind::class_object) {
    if (object.kind == Kind::function || object.kind == Kind::parent)
      fail(Outcome::unsupported, "an attribute of a function is outside the subset");
    if (object.kind == Kind::builtin && object.integer >= static_cast<int64_t>(Known::int_type))
      fail(Outcome::type_error, "cannot set an attribute of a builtin type");
    fail(Outcome::attribute_error, "no attribute can be set on this object");
  }
  Attributes& attributes = object.kind == Kind::instance ? object.instance().attributes
                                                         : object.class_object().attributes;
  for (auto& [name, value] : attributes)
    if (name == symbol) {
      value = v;
      return;
    }
  budget_.cells(2);
  budget_.work(static_cast<int64_t>(attributes.size()));
  attributes.emplace_back(symbol, v);
}

}  // namespace lineage::minipy
