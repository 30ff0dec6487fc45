#pragma once

#include "lineage/world/minipy/interpreter.h"

namespace lineage::minipy {

// As Python's `for`: a list that grows meanwhile is followed to its end, a dictionary must keep its
// size. f(value) returns whether to continue.
template <class F>
void Interpreter::iterate(const Value& iterable, const F& f) {
  const auto over_dict = [&](Dict& d, bool keys) {
    const size_t size = d.size;
    for (size_t i = 0;; ++i) {
      if (d.size != size) fail(Outcome::runtime_error, "dictionary changed size during iteration");
      while (i < d.entries.size() && d.entries[i].key.kind == Kind::unbound) ++i;
      if (i >= d.entries.size()) return;
      budget_.work();
      const Dict::Entry& entry = d.entries[i];
      if (!f(Value(keys ? entry.key : entry.value))) return;
    }
  };
  switch (iterable.kind) {
    case Kind::list: {
      const List& l = iterable.list();
      for (size_t i = 0; i < l.items.size(); ++i) {
        budget_.work();
        if (!f(Value(l.items[i]))) return;
      }
      return;
    }
    case Kind::string: {
      const std::string& s = iterable.string().text;
      for (size_t i = 0; i < s.size(); ++i)
        if (!f(text(s.substr(i, 1)))) return;
      return;
    }
    case Kind::range: {
      const RangeObject& r = iterable.range();
      for (int64_t i = 0; i < r.length; ++i) {
        budget_.work();
        if (!f(Value::of(r.start + i * r.step))) return;
      }
      return;
    }
    case Kind::dict:
      return over_dict(iterable.dict(), true);
    case Kind::view:
      return over_dict(*iterable.view().dict, iterable.view().of_keys);
    case Kind::iterator: {
      Iterator& it = iterable.iterator();
      while (it.next >= 0) {
        const int64_t i = it.next--;
        if (it.sequence.kind == Kind::list &&
            i >= static_cast<int64_t>(it.sequence.list().items.size())) {
          it.next = -1;  // the list shrank
          return;
        }
        if (!f(subscript(it.sequence, Value::of(i)))) return;
      }
      return;
    }
    default:
      fail(Outcome::type_error, std::string(type_name(iterable)) + " object is not iterable");
  }
}

}  // namespace lineage::minipy
