#include <algorithm>

#include "lineage/world/minipy/iterate.h"

namespace lineage::minipy {
namespace {

// int(text): spaces around, a sign, digits with single underscores between them.
bool parse_integer(std::string_view s, int64_t& value, bool& overflow) {
  const auto space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!s.empty() && space(s.front())) s.remove_prefix(1);
  while (!s.empty() && space(s.back())) s.remove_suffix(1);
  bool negative = false;
  if (!s.empty() && (s.front() == '-' || s.front() == '+')) {
    negative = s.front() == '-';
    s.remove_prefix(1);
  }
  value = 0;
  bool digit_before = false;
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '_' && digit_before && i + 1 < s.size()) {
      digit_before = false;
      continue;
    }
    if (s[i] < '0' || s[i] > '9') return false;
    digit_before = true;
    const int64_t digit = s[i] - '0';
    overflow |= __builtin_mul_overflow(value, 10, &value) ||
                __builtin_add_overflow(value, negative ? -digit : digit, &value);
  }
  return digit_before;
}

}  // namespace

void Interpreter::need(std::span<const Value> arguments, size_t least, size_t most,
                       std::string_view what) {
  if (arguments.size() < least || arguments.size() > most)
    fail(Outcome::type_error, std::string(what) + "() takes another number of arguments");
}

Value Interpreter::builtin(Symbol s, std::span<const Value> a) {
  const std::string_view name = known_name(s);
  switch (static_cast<Known>(s)) {
    case Known::print:
      return print(a);
    case Known::len:
      need(a, 1, 1, name);
      switch (a[0].kind) {
        case Kind::string:
          return Value::of(static_cast<int64_t>(a[0].string().text.size()));
        case Kind::list:
          return Value::of(static_cast<int64_t>(a[0].list().items.size()));
        case Kind::dict:
          return Value::of(static_cast<int64_t>(a[0].dict().size));
        case Kind::view:
          return Value::of(static_cast<int64_t>(a[0].view().dict->size));
        case Kind::range:
          return Value::of(a[0].range().length);
        default:
          fail(Outcome::type_error, std::string(type_name(a[0])) + " object has no len()");
      }
    case Known::range:
      return make_range(a);
    case Known::abs:
      need(a, 1, 1, name);
      if (!a[0].number()) fail(Outcome::type_error, "bad operand type for abs()");
      return a[0].integer < 0 ? negative(a[0]) : Value::of(a[0].integer);
    case Known::min:
    case Known::max:
      return extreme(s, a);
    case Known::sum: {
      need(a, 1, 2, name);
      Value total = a.size() > 1 ? a[1] : Value::of(0);
      if (total.kind == Kind::string) fail(Outcome::type_error, "sum() can't sum strings");
      iterate(a[0], [&](const Value& v) {
        total = binary(Mark::plus, total, v);
        return true;
      });
      return total;
    }
    case Known::sorted:
      need(a, 1, 1, name);
      return sorted(items(a[0]));
    case Known::reversed:
      need(a, 1, 1, name);
      return reversed(a[0]);
    case Known::any:
    case Known::all: {
      need(a, 1, 1, name);
      const bool until = s == static_cast<Symbol>(Known::any);
      bool found = false;
      iterate(a[0], [&](const Value& v) { return !(found = truth(v) == until); });
      return Value::boolean(found == until);
    }
    case Known::isinstance:
      need(a, 2, 2, name);
      return Value::boolean(is_instance(a[0], a[1]));
    case Known::int_type:
      if (a.size() > 1) fail(Outcome::unsupported, "int() with a base is outside the subset");
      return a.empty() ? Value::of(0) : to_int(a[0]);
    case Known::str_type: {
      if (a.size() > 1) fail(Outcome::unsupported, "str() of bytes is outside the subset");
      if (!a.empty() && a[0].kind == Kind::string) return a[0];
      std::string out;
      if (!a.empty()) write(a[0], false, out);
      return text(std::move(out));
    }
    case Known::bool_type:
      need(a, 0, 1, name);
      return Value::boolean(!a.empty() && truth(a[0]));
    case Known::list_type:
      need(a, 0, 1, name);
      return list(a.empty() ? std::vector<Value>{} : items(a[0]));
    case Known::dict_type: {
      need(a, 0, 1, name);
      if (!a.empty() && a[0].kind != Kind::dict)
        fail(Outcome::unsupported, "dict() of pairs is outside the subset");
      return a.empty() ? Value(Kind::dict, heap_.make<Dict>())
                       : dict_method(a[0], static_cast<Symbol>(Known::copy), {});
    }
    default:
      fail(Outcome::unsupported, std::string(name) + "() is outside the subset");
  }
}

Value Interpreter::print(std::span<const Value> a) {
  std::string out;
  for (size_t i = 0; i < a.size(); ++i) {
    if (i > 0) out += ' ';
    write(a[i], false, out);
  }
  if (static_cast<int64_t>(result_.output.size() + out.size()) >= options_.limits.output_bytes)
    fail(Outcome::output_limit, "too much output");
  result_.printed.push_back({line_, out});
  result_.output.append(out) += '\n';
  return Value::none();
}

Value Interpreter::make_range(std::span<const Value> a) {
  need(a, 1, 3, "range");
  for (const Value& v : a)
    if (!v.number()) fail(Outcome::type_error, "range() takes integers");
  RangeObject* r = heap_.make<RangeObject>();
  budget_.cells(4);
  r->start = a.size() > 1 ? a[0].integer : 0;
  r->stop = a[a.size() > 1 ? 1 : 0].integer;
  r->step = a.size() > 2 ? a[2].integer : 1;
  if (r->step == 0) fail(Outcome::value_error, "range() arg 3 must not be zero");
  const int64_t ends = int64_t{1} << 61;
  if (std::min({r->start, r->stop, r->step}) < -ends ||
      std::max({r->start, r->stop, r->step}) > ends)
    fail(Outcome::integer_overflow, "a range beyond 61 bits");
  const int64_t span = r->step > 0 ? r->stop - r->start : r->start - r->stop;
  const int64_t stride = r->step > 0 ? r->step : -r->step;
  r->length = span > 0 ? (span + stride - 1) / stride : 0;
  return Value(Kind::range, r);
}

Value Interpreter::extreme(Symbol s, std::span<const Value> a) {
  if (a.empty()) fail(Outcome::type_error, "expected at least 1 argument");
  const Comparison better = s == static_cast<Symbol>(Known::min) ? Comparison::lt : Comparison::gt;
  Value best;
  const auto consider = [&](const Value& v) {
    if (best.kind == Kind::unbound || less(v, best, better)) best = v;
    return true;
  };
  if (a.size() == 1)
    iterate(a[0], consider);
  else
    for (const Value& v : a) consider(v);
  if (best.kind == Kind::unbound) fail(Outcome::value_error, "the sequence is empty");
  return best;
}

Value Interpreter::sorted(std::vector<Value> all) {
  budget_.work(static_cast<int64_t>(all.size()));
  std::stable_sort(all.begin(), all.end(),
                   [&](const Value& x, const Value& y) { return less(x, y); });
  return list(std::move(all));
}

Value Interpreter::reversed(const Value& v) {
  int64_t length = 0;
  if (v.kind == Kind::list)
    length = static_cast<int64_t>(v.list().items.size());
  else if (v.kind == Kind::string)
    length = static_cast<int64_t>(v.string().text.size());
  else if (v.kind == Kind::range)
    length = v.range().length;
  else if (v.kind == Kind::dict || v.kind == Kind::view)
    fail(Outcome::unsupported, "reversed() of a dictionary is outside the subset");
  else
    fail(Outcome::type_error, std::string(type_name(v)) + " object is not reversible");
  budget_.cells(4);
  Iterator* it = heap_.make<Iterator>();
  it->sequence = v;
  it->next = length - 1;
  return Value(Kind::iterator, it);
}

Value Interpreter::to_int(const Value& v) {
  if (v.number()) return Value::of(v.integer);
  if (v.kind != Kind::string)
    fail(Outcome::type_error, "int() argument must be a string or a number");
  int64_t value = 0;
  bool overflow = false;
  if (!parse_integer(v.string().text, value, overflow))
    fail(Outcome::value_error, "invalid literal for int(): " + minipy::quoted(v.string().text));
  if (overflow) fail(Outcome::integer_overflow, "an integer has more than 64 bits");
  return Value::of(value);
}

bool Interpreter::is_instance(const Value& v, const Value& type) {
  if (type.kind == Kind::class_object) {
    if (v.kind != Kind::instance) return false;
    const Class* c = v.instance().type;
    while (c && c != &type.class_object()) c = c->parent;
    return c != nullptr;
  }
  if (type.kind == Kind::builtin) {
    switch (static_cast<Known>(type.integer)) {
      case Known::int_type:
        return v.number();
      case Known::str_type:
        return v.kind == Kind::string;
      case Known::bool_type:
        return v.kind == Kind::boolean;
      case Known::list_type:
        return v.kind == Kind::list;
      case Known::dict_type:
        return v.kind == Kind::dict;
      case Known::range:
      case Known::reversed:
      case Known::super:
        fail(Outcome::unsupported, "isinstance() of this type is outside the subset");
      default:
        break;
    }
  }
  fail(Outcome::type_error, "isinstance() arg 2 must be a type");
}

}  // namespace lineage::minipy
