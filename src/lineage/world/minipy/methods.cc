#include <algorithm>
#include <cctype>

#include "lineage/world/minipy/iterate.h"

namespace lineage::minipy {

Value Interpreter::builtin_method(const Value& self, Symbol s, std::span<const Value> a) {
  switch (self.kind) {
    case Kind::list:
      return list_method(self, s, a);
    case Kind::dict:
      return dict_method(self, s, a);
    case Kind::string:
      return string_method(self, s, a);
    default:  // object.__init__, by super()
      need(a, 0, 0, "__init__");
      return Value::none();
  }
}

Value Interpreter::list_method(const Value& self, Symbol s, std::span<const Value> a) {
  std::vector<Value>& all = self.list().items;
  const std::string_view name = known_name(s);
  const auto find_first = [&](const Value& v) {
    size_t i = 0;
    while (i < all.size() && !equal(all[i], v)) ++i;
    return i;
  };
  switch (static_cast<Known>(s)) {
    case Known::append:
      need(a, 1, 1, name);
      budget_.cells(1);
      all.push_back(a[0]);
      return Value::none();
    case Known::pop: {
      need(a, 0, 1, name);
      if (!a.empty() && !a[0].number()) fail(Outcome::type_error, "pop() takes an integer");
      if (all.empty()) fail(Outcome::index_error, "pop from empty list");
      const int64_t i =
          a.empty() ? static_cast<int64_t>(all.size()) - 1 : position(a[0], all.size(), "pop");
      budget_.work(static_cast<int64_t>(all.size()) - i);
      const Value v = all[i];
      all.erase(all.begin() + i);
      return v;
    }
    case Known::insert: {
      need(a, 2, 2, name);
      if (!a[0].number()) fail(Outcome::type_error, "insert() takes an integer");
      const auto n = static_cast<int64_t>(all.size());
      const int64_t i = a[0].integer < -n  ? 0
                        : a[0].integer < 0 ? a[0].integer + n
                                           : std::min(a[0].integer, n);
      budget_.cells(1);
      budget_.work(n);
      all.insert(all.begin() + i, a[1]);
      return Value::none();
    }
    case Known::remove: {
      need(a, 1, 1, name);
      const size_t i = find_first(a[0]);
      if (i == all.size()) fail(Outcome::value_error, "list.remove(x): x not in list");
      all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
      return Value::none();
    }
    case Known::index: {
      if (a.size() > 1) fail(Outcome::unsupported, "index() with bounds is outside the subset");
      need(a, 1, 1, name);
      const size_t i = find_first(a[0]);
      if (i == all.size()) fail(Outcome::value_error, "the value is not in the list");
      return Value::of(static_cast<int64_t>(i));
    }
    case Known::count: {
      need(a, 1, 1, name);
      int64_t n = 0;
      for (const Value& v : all) n += equal(v, a[0]);
      return Value::of(n);
    }
    case Known::extend: {
      need(a, 1, 1, name);
      const std::vector<Value> more = items(a[0]);  // a copy: the list may extend itself
      all.insert(all.end(), more.begin(), more.end());
      return Value::none();
    }
    case Known::sort: {
      need(a, 0, 0, name);
      std::vector<Value> ordered = std::move(sorted(all).list().items);
      all = std::move(ordered);
      return Value::none();
    }
    case Known::reverse:
      need(a, 0, 0, name);
      budget_.work(static_cast<int64_t>(all.size()));
      std::reverse(all.begin(), all.end());
      return Value::none();
    case Known::clear:
      need(a, 0, 0, name);
      all.clear();
      return Value::none();
    default:
      need(a, 0, 0, name);
      return list(all);
  }
}

Value Interpreter::dict_method(const Value& self, Symbol s, std::span<const Value> a) {
  Dict& d = self.dict();
  const std::string_view name = known_name(s);
  switch (static_cast<Known>(s)) {
    case Known::get: {
      need(a, 1, 2, name);
      const Value* found = find(d, a[0]);
      return found ? *found : a.size() > 1 ? a[1] : Value::none();
    }
    case Known::pop: {
      need(a, 1, 2, name);
      const Value v = take(d, a[0]);
      if (v.kind != Kind::unbound) return v;
      if (a.size() > 1) return a[1];
      std::string key;
      write(a[0], true, key);
      fail(Outcome::key_error, std::move(key));
    }
    case Known::clear:
      need(a, 0, 0, name);
      d.entries.clear();
      d.index.clear();
      d.size = 0;
      return Value::none();
    case Known::copy: {
      need(a, 0, 0, name);
      budget_.cells(4);
      Dict* copy = heap_.make<Dict>();
      for (const Dict::Entry& entry : d.entries)
        if (entry.key.kind != Kind::unbound) put(*copy, entry.key, entry.value);
      return Value(Kind::dict, copy);
    }
    default: {  // keys, values
      need(a, 0, 0, name);
      budget_.cells(4);
      View* view = heap_.make<View>();
      view->dict = &d;
      view->of_keys = s == static_cast<Symbol>(Known::keys);
      return Value(Kind::view, view);
    }
  }
}

Value Interpreter::string_method(const Value& self, Symbol s, std::span<const Value> a) {
  const std::string& own = self.string().text;
  if (s == static_cast<Symbol>(Known::join)) {
    need(a, 1, 1, "join");
    std::string out;
    bool first = true;
    // All items before the first is joined, as CPython does.
    for (const Value& v : items(a[0])) {
      if (v.kind != Kind::string) fail(Outcome::type_error, "join() takes strings");
      if (!first) out += own;
      first = false;
      budget_.characters(own.size() + v.string().text.size());
      out += v.string().text;
    }
    return text(std::move(out));
  }
  need(a, 0, 0, known_name(s));
  std::string out = own;
  for (char& c : out) {
    const auto u = static_cast<unsigned char>(c);
    c = static_cast<char>(s == static_cast<Symbol>(Known::upper) ? std::toupper(u)
                                                                 : std::tolower(u));
  }
  return text(std::move(out));
}

}  // namespace lineage::minipy
