#include <algorithm>
#include <array>

#include "lineage/world/minipy/depth.h"
#include "lineage/world/minipy/interpreter.h"
#include "lineage/world/minipy/iterate.h"
#include "lineage/world/minipy/python_names.h"

namespace lineage::minipy {
namespace {

// The attribute along the line of parents; null when none has it.
const Value* look_up(const Class* c, Symbol symbol) {
  for (; c; c = c->parent)
    for (const auto& [name, value] : c->attributes)
      if (name == symbol) return &value;
  return nullptr;
}

const Value* own_attribute(const Instance& instance, Symbol symbol) {
  for (const auto& [name, value] : instance.attributes)
    if (name == symbol) return &value;
  return nullptr;
}

}  // namespace

Value Interpreter::evaluate(const Expr& e) {
  budget_.work();
  switch (e.kind) {
    case ExprKind::none:
      return Value::none();
    case ExprKind::boolean:
      return Value::boolean(e.integer != 0);
    case ExprKind::integer:
      result_.greatest = std::max(result_.greatest, e.integer);
      return Value::of(e.integer);
    case ExprKind::string: {
      Value& constant = strings_[e.slot];
      if (constant.kind == Kind::unbound) constant = text(std::string(e.text));
      return constant;
    }
    case ExprKind::name:
      return name(e);
    default:
      break;
  }
  const Depth depth(depth_);
  switch (e.kind) {
    case ExprKind::list: {
      std::vector<Value> all;
      all.reserve(e.items.size());
      for (const Expr* item : e.items) all.push_back(evaluate(*item));
      return list(std::move(all));
    }
    case ExprKind::dict: {
      budget_.cells(4);
      Dict* d = heap_.make<Dict>();
      for (size_t i = 0; i < e.items.size(); i += 2) {
        const Value key = evaluate(*e.items[i]);
        put(*d, key, evaluate(*e.items[i + 1]));
      }
      return Value(Kind::dict, d);
    }
    case ExprKind::listcomp:
      return comprehension(e);
    case ExprKind::negative:
      return negative(evaluate(*e.a));
    case ExprKind::positive: {
      const Value v = evaluate(*e.a);
      if (!v.number()) fail(Outcome::type_error, "bad operand type for unary +");
      return Value::of(v.integer);
    }
    case ExprKind::binary: {
      const Value a = evaluate(*e.a);
      return binary(e.op, a, evaluate(*e.b));
    }
    case ExprKind::compare:
      return compare_chain(e);
    case ExprKind::logical_not:
      return Value::boolean(!truth(evaluate(*e.a)));
    case ExprKind::logical_and: {
      const Value a = evaluate(*e.a);
      return truth(a) ? evaluate(*e.b) : a;
    }
    case ExprKind::logical_or: {
      const Value a = evaluate(*e.a);
      return truth(a) ? a : evaluate(*e.b);
    }
    case ExprKind::conditional:
      return evaluate(truth(evaluate(*e.b)) ? *e.a : *e.c);
    case ExprKind::call:
      return call(e);
    case ExprKind::attribute:
      return attribute(evaluate(*e.a), e.symbol);
    case ExprKind::subscript: {
      const Value object = evaluate(*e.a);
      return subscript(object, evaluate(*e.b));
    }
    case ExprKind::slice:
      return slice(evaluate(*e.a), e);
    default:
      return Value::none();
  }
}

Value Interpreter::name(const Expr& e) {
  if (e.scope == Scope::global) return global(e.symbol);
  if (e.scope == Scope::class_body) {
    for (const auto& [symbol, value] : class_body_->attributes)
      if (symbol == e.symbol) return value;
    return global(e.symbol);
  }
  const Value v = slot(e.slot);
  if (v.kind == Kind::unbound)
    fail(e.scope == Scope::free ? Outcome::name_error : Outcome::unbound_local_error,
         "variable '" + std::string(symbol_text(e.symbol)) + "' has no value yet");
  return v;
}

Value Interpreter::global(Symbol s) {
  const Value v = globals_[s];
  if (v.kind != Kind::unbound) return v;
  if (s < kFirstMethod) return Value::builtin(s);
  const std::string_view name = symbol_text(s);
  if (python_builtin(name))
    fail(Outcome::unsupported, "'" + std::string(name) + "' is outside the subset");
  fail(Outcome::name_error, "name '" + std::string(name) + "' is not defined");
}

Value Interpreter::compare_chain(const Expr& e) {
  Value left = evaluate(*e.a);
  for (size_t i = 0; i < e.ops.size(); ++i) {
    const Value right = evaluate(*e.items[i]);
    if (!compare(e.ops[i], left, right)) return Value::boolean(false);
    left = right;
  }
  return Value::boolean(true);
}

Value Interpreter::comprehension(const Expr& e) {
  std::vector<Value> all;
  iterate(evaluate(*e.b), [&](const Value& item) {
    budget_.step();
    slot(e.slot) = item;
    for (const Expr* condition : e.items)
      if (!truth(evaluate(*condition))) return true;
    budget_.cells(1);
    all.push_back(evaluate(*e.a));
    return true;
  });
  return list(std::move(all));
}

Value Interpreter::attribute(const Value& object, Symbol s) {
  const auto bound = [&](const Value& self, const Value& found) {
    if (found.kind != Kind::function) return found;
    budget_.cells(4);
    Method* m = heap_.make<Method>();
    m->self = self;
    m->function = &found.function();
    return Value(Kind::method, m);
  };
  const Value* found = nullptr;
  switch (object.kind) {
    case Kind::instance:
      if ((found = own_attribute(object.instance(), s))) return *found;
      if ((found = look_up(object.instance().type, s))) return bound(object, *found);
      break;
    case Kind::class_object:
      if ((found = look_up(&object.class_object(), s))) return *found;
      break;
    case Kind::parent: {
      const Value self(Kind::instance, object.parent().self);
      if ((found = look_up(object.parent().start, s))) return bound(self, *found);
      break;
    }
    default:
      break;
  }
  const bool plain = has_builtin_method(object.kind, s) ||
                     (object.kind == Kind::parent && s == static_cast<Symbol>(Known::init));
  if (plain) {
    budget_.cells(4);
    Method* m = heap_.make<Method>();
    m->self = object;
    m->symbol = s;
    return Value(Kind::method, m);
  }
  const std::string_view name = symbol_text(s);
  if (s == static_cast<Symbol>(Known::init) || python_attribute(object.kind, name))
    fail(Outcome::unsupported, "'" + std::string(name) + "' is outside the subset");
  fail(Outcome::attribute_error,
       std::string(type_name(object)) + " has no attribute '" + std::string(name) + "'");
}

Value Interpreter::call(const Expr& e) {
  // A method is found before its arguments are evaluated, and needs no object of its own.
  const Expr& callee = *e.a;
  Value self, function;
  bool plain_method = false;
  if (callee.kind == ExprKind::attribute) {
    self = evaluate(*callee.a);
    const Value* found = nullptr;
    if (self.kind == Kind::instance && !own_attribute(self.instance(), callee.symbol))
      found = look_up(self.instance().type, callee.symbol);
    plain_method = has_builtin_method(self.kind, callee.symbol);
    if (found && found->kind == Kind::function)
      function = *found;
    else if (!plain_method)
      function = attribute(self, callee.symbol);
    if (!found || found->kind != Kind::function) {
      if (!plain_method) self = Value();
    }
  } else {
    function = evaluate(callee);
  }
  std::array<Value, 6> few;
  std::vector<Value> many;
  std::span<Value> arguments(few.data(), std::min(few.size(), e.items.size()));
  if (e.items.size() > few.size()) {
    many.resize(e.items.size());
    arguments = many;
  }
  for (size_t i = 0; i < e.items.size(); ++i) arguments[i] = evaluate(*e.items[i]);
  line_ = e.line;
  budget_.step();
  if (plain_method) return builtin_method(self, callee.symbol, arguments);
  if (self.kind != Kind::unbound) return call(function.function(), &self, arguments);
  return call(function, arguments);
}

Value Interpreter::call(const Value& callee, std::span<const Value> arguments) {
  switch (callee.kind) {
    case Kind::function:
      return call(callee.function(), nullptr, arguments);
    case Kind::method: {
      const Method& m = callee.method();
      if (m.function) return call(*m.function, &m.self, arguments);
      return builtin_method(m.self, m.symbol, arguments);
    }
    case Kind::class_object:
      return construct(&callee.class_object(), arguments);
    case Kind::builtin:
      if (callee.integer == static_cast<int64_t>(Known::super)) return super(arguments);
      return builtin(static_cast<Symbol>(callee.integer), arguments);
    default:
      fail(Outcome::type_error, std::string(type_name(callee)) + " object is not callable");
  }
}

Value Interpreter::call(const Function& f, const Value* self, std::span<const Value> arguments) {
  const FunctionDef& def = *f.definition;
  const size_t given = arguments.size() + (self ? 1 : 0);
  const auto parameters = static_cast<size_t>(def.parameters);
  if (given > parameters || given + f.defaults.size() < parameters)
    fail(Outcome::type_error,
         std::string(symbol_text(def.name)) + "() takes another number of arguments");
  if (++calls_ > options_.limits.calls)
    fail(Outcome::recursion_error, "maximum recursion depth exceeded");
  const Frame before = frame_;
  Class* const body = class_body_;
  class_body_ = nullptr;
  frame_ = {&def, f.owner, stack_.size()};
  stack_.resize(frame_.base + static_cast<size_t>(def.slots));
  int32_t next = 0;
  if (self) slot(next++) = *self;
  for (const Value& argument : arguments) slot(next++) = argument;
  for (size_t i = given; i < parameters; ++i)
    slot(next++) = f.defaults[i - (parameters - f.defaults.size())];
  const int32_t line = line_;
  const Value result = execute(def.body) == Flow::returned ? returned_ : Value::none();
  line_ = line;
  stack_.resize(frame_.base);
  frame_ = before;
  class_body_ = body;
  --calls_;
  return result;
}

Value Interpreter::construct(Class* c, std::span<const Value> arguments) {
  budget_.cells(4);
  Instance* instance = heap_.make<Instance>();
  instance->type = c;
  const Value self(Kind::instance, instance);
  const Value* init = look_up(c, static_cast<Symbol>(Known::init));
  if (!init) {
    if (!arguments.empty())
      fail(Outcome::type_error, std::string(symbol_text(c->name)) + "() takes no arguments");
    return self;
  }
  const Value result = init->kind == Kind::function ? call(init->function(), &self, arguments)
                                                    : call(*init, arguments);
  if (result.kind != Kind::none) fail(Outcome::type_error, "__init__() should return None");
  return self;
}

Value Interpreter::super(std::span<const Value> arguments) {
  if (!arguments.empty()) fail(Outcome::unsupported, "super() with arguments");
  if (!frame_.owner || !frame_.definition || frame_.definition->parameters == 0)
    fail(Outcome::runtime_error, "super(): no arguments");
  const Value self = slot(0);
  if (self.kind != Kind::instance) fail(Outcome::unsupported, "super() of a class");
  budget_.cells(2);
  Parent* p = heap_.make<Parent>();
  p->self = &self.instance();
  p->start = frame_.owner->parent;
  return Value(Kind::parent, p);
}

}  // namespace lineage::minipy
