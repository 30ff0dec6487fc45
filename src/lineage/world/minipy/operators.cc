#include <algorithm>

#include "lineage/base/enum_index.h"
#include "lineage/world/minipy/depth.h"
#include "lineage/world/minipy/iterate.h"

namespace lineage::minipy {
namespace {

struct Division {
  int64_t quotient, remainder;
};

// Python rounds down: -7 // 2 is -4 and -7 % 2 is 1. `b` is neither 0 nor -1.
Division floor_divide(int64_t a, int64_t b) {
  Division d{a / b, a % b};
  if (d.remainder != 0 && (d.remainder < 0) != (b < 0)) {
    --d.quotient;
    d.remainder += b;
  }
  return d;
}

std::string_view comparison_text(Comparison op) {
  static constexpr std::string_view kTexts[] = {"==", "!=", "<",      "<=", ">",
                                                ">=", "in", "not in", "is", "is not"};
  return kTexts[enum_index(op)];
}

template <class T>
bool ordered(Comparison op, const T& a, const T& b) {
  switch (op) {
    case Comparison::lt:
      return a < b;
    case Comparison::le:
      return a <= b;
    case Comparison::gt:
      return a > b;
    default:
      return a >= b;
  }
}

}  // namespace

Value Interpreter::binary(Mark op, const Value& a, const Value& b) {
  if (a.number() && b.number()) {
    const int64_t x = a.integer, y = b.integer;
    int64_t z = 0;
    bool over = false;
    switch (op) {
      case Mark::plus:
        over = __builtin_add_overflow(x, y, &z);
        break;
      case Mark::minus:
        over = __builtin_sub_overflow(x, y, &z);
        break;
      case Mark::star:
        over = __builtin_mul_overflow(x, y, &z);
        break;
      default:
        if (y == 0) fail(Outcome::zero_division_error, "integer division or modulo by zero");
        if (y == -1) {
          over = op == Mark::floor_divide && __builtin_sub_overflow(int64_t{0}, x, &z);
        } else {
          const Division d = floor_divide(x, y);
          z = op == Mark::floor_divide ? d.quotient : d.remainder;
        }
    }
    if (over) fail(Outcome::integer_overflow, "an integer has more than 64 bits");
    result_.greatest = std::max(result_.greatest, z < 0 ? (z == INT64_MIN ? INT64_MAX : -z) : z);
    return Value::of(z);
  }
  if (op == Mark::plus && a.kind == Kind::string && b.kind == Kind::string)
    return budget_.characters(a.string().text.size() + b.string().text.size()),
           text(a.string().text + b.string().text);
  if (op == Mark::plus && a.kind == Kind::list && b.kind == Kind::list) {
    budget_.cells(static_cast<int64_t>(a.list().items.size() + b.list().items.size()));
    std::vector<Value> all = a.list().items;
    all.insert(all.end(), b.list().items.begin(), b.list().items.end());
    return list(std::move(all));
  }
  const auto sequence = [](const Value& v) {
    return v.kind == Kind::string || v.kind == Kind::list;
  };
  if (op == Mark::star && sequence(a) && b.number()) return repeat(a, b);
  if (op == Mark::star && sequence(b) && a.number()) return repeat(b, a);
  if (op == Mark::percent && a.kind == Kind::string)
    fail(Outcome::unsupported, "formatting by % is outside the subset");
  fail(Outcome::type_error, "unsupported operand type(s) for " + std::string(mark_text(op)) + ": " +
                                std::string(type_name(a)) + " and " + std::string(type_name(b)));
}

Value Interpreter::repeat(const Value& sequence, const Value& times) {
  const bool is_list = sequence.kind == Kind::list;
  const size_t size = is_list ? sequence.list().items.size() : sequence.string().text.size();
  // More than this is over any budget, and the product stays within 64 bits.
  const int64_t n = std::clamp<int64_t>(times.integer, 0, int64_t{1} << 31);
  const auto total = static_cast<int64_t>(size) * n;
  if (is_list) {
    budget_.cells(total);
    std::vector<Value> all;
    all.reserve(static_cast<size_t>(total));
    for (int64_t i = 0; i < n && size > 0; ++i)
      all.insert(all.end(), sequence.list().items.begin(), sequence.list().items.end());
    return list(std::move(all));
  }
  budget_.characters(static_cast<size_t>(total));
  std::string all;
  all.reserve(static_cast<size_t>(total));
  for (int64_t i = 0; i < n && size > 0; ++i) all += sequence.string().text;
  return text(std::move(all));
}

Value Interpreter::negative(const Value& v) {
  if (!v.number()) fail(Outcome::type_error, "bad operand type for unary -");
  if (v.integer == INT64_MIN) fail(Outcome::integer_overflow, "an integer has more than 64 bits");
  return Value::of(-v.integer);
}

bool Interpreter::truth(const Value& v) {
  switch (v.kind) {
    case Kind::unbound:
    case Kind::none:
      return false;
    case Kind::boolean:
    case Kind::integer:
      return v.integer != 0;
    case Kind::string:
      return !v.string().text.empty();
    case Kind::list:
      return !v.list().items.empty();
    case Kind::dict:
      return v.dict().size != 0;
    case Kind::range:
      return v.range().length != 0;
    case Kind::view:
      return v.view().dict->size != 0;
    default:
      return true;
  }
}

bool Interpreter::identical(const Value& a, const Value& b) {
  const auto shared = [](const Value& v) {
    return v.kind == Kind::integer || v.kind == Kind::string || v.kind == Kind::method;
  };
  if (a.kind == b.kind && shared(a))
    fail(Outcome::unsupported, "the identity of numbers, strings and methods is no part of minipy");
  return a.same(b);
}

bool Interpreter::equal(const Value& a, const Value& b) {
  budget_.work();
  if (a.number() && b.number()) return a.integer == b.integer;
  if (a.kind != b.kind) return false;
  if (a.integer == b.integer) return true;
  switch (a.kind) {
    case Kind::string:
      return a.string().text == b.string().text;
    case Kind::list: {
      const Depth depth(depth_);
      const auto &x = a.list().items, &y = b.list().items;
      if (x.size() != y.size()) return false;
      for (size_t i = 0; i < x.size(); ++i)
        if (!equal(x[i], y[i])) return false;
      return true;
    }
    case Kind::dict: {
      const Depth depth(depth_);
      Dict &x = a.dict(), &y = b.dict();
      if (x.size != y.size) return false;
      for (const Dict::Entry& entry : x.entries) {
        if (entry.key.kind == Kind::unbound) continue;
        const Value* other = find(y, entry.key);
        if (!other || !equal(entry.value, *other)) return false;
      }
      return true;
    }
    case Kind::range: {
      const RangeObject &x = a.range(), &y = b.range();
      return x.length == y.length && (x.length == 0 || x.start == y.start) &&
             (x.length <= 1 || x.step == y.step);
    }
    case Kind::method:
    case Kind::view:
      fail(Outcome::unsupported, "comparing these is outside the subset");
    default:
      return false;
  }
}

bool Interpreter::less(const Value& a, const Value& b, Comparison op) {
  budget_.work();
  if (a.number() && b.number()) return ordered(op, a.integer, b.integer);
  if (a.kind == Kind::string && b.kind == Kind::string)
    return ordered(op, a.string().text, b.string().text);
  if (a.kind == Kind::list && b.kind == Kind::list) {
    const Depth depth(depth_);
    const auto &x = a.list().items, &y = b.list().items;
    for (size_t i = 0; i < x.size() && i < y.size(); ++i)
      if (!equal(x[i], y[i])) return less(x[i], y[i], op);
    return ordered(op, x.size(), y.size());
  }
  if (a.kind == Kind::view && b.kind == Kind::view && a.view().of_keys && b.view().of_keys)
    fail(Outcome::unsupported, "comparing views is outside the subset");
  fail(Outcome::type_error, std::string(comparison_text(op)) + " not supported between " +
                                std::string(type_name(a)) + " and " + std::string(type_name(b)));
}

bool Interpreter::compare(Comparison op, const Value& a, const Value& b) {
  switch (op) {
    case Comparison::eq:
      return equal(a, b);
    case Comparison::ne:
      return !equal(a, b);
    case Comparison::in:
      return contains(b, a);
    case Comparison::not_in:
      return !contains(b, a);
    case Comparison::is:
      return identical(a, b);
    case Comparison::is_not:
      return !identical(a, b);
    default:
      return less(a, b, op);
  }
}

bool Interpreter::contains(const Value& container, const Value& v) {
  if (container.kind == Kind::string) {
    if (v.kind != Kind::string) fail(Outcome::type_error, "'in <string>' requires a string");
    const std::string& s = container.string().text;
    budget_.work(static_cast<int64_t>(s.size()));
    return s.find(v.string().text) != std::string::npos;
  }
  if (container.kind == Kind::dict) return find(container.dict(), v) != nullptr;
  if (container.kind == Kind::view && container.view().of_keys)
    return find(*container.view().dict, v) != nullptr;
  if (container.kind == Kind::range && v.number()) {
    const RangeObject& r = container.range();
    if (r.length == 0) return false;
    const int64_t last = r.start + (r.length - 1) * r.step;
    if (v.integer < std::min(r.start, last) || v.integer > std::max(r.start, last)) return false;
    // Unsigned: two bounds may be further apart than 63 bits.
    const uint64_t step =
        r.step > 0 ? static_cast<uint64_t>(r.step) : 0 - static_cast<uint64_t>(r.step);
    const uint64_t distance =
        r.step > 0 ? static_cast<uint64_t>(v.integer) - static_cast<uint64_t>(r.start)
                   : static_cast<uint64_t>(r.start) - static_cast<uint64_t>(v.integer);
    return distance % step == 0;
  }
  bool found = false;
  iterate(container, [&](const Value& item) { return !(found = equal(item, v)); });
  return found;
}

}  // namespace lineage::minipy
