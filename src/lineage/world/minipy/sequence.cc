#include <algorithm>

#include "lineage/world/minipy/iterate.h"

namespace lineage::minipy {
namespace {

constexpr size_t kScanned = 8;  // entries of a dictionary without an index

}  // namespace

Value Interpreter::text(std::string s) {
  budget_.characters(s.size());
  String* object = heap_.make<String>();
  object->text = std::move(s);
  return Value(Kind::string, object);
}

Value Interpreter::list(std::vector<Value> items) {
  budget_.cells(static_cast<int64_t>(items.size()) + 2);
  List* object = heap_.make<List>();
  object->items = std::move(items);
  return Value(Kind::list, object);
}

std::vector<Value> Interpreter::items(const Value& iterable) {
  if (iterable.kind == Kind::list) {
    budget_.cells(static_cast<int64_t>(iterable.list().items.size()));
    return iterable.list().items;
  }
  std::vector<Value> all;
  iterate(iterable, [&](const Value& v) {
    budget_.cells(1);
    all.push_back(v);
    return true;
  });
  return all;
}

int64_t Interpreter::position(const Value& index, size_t size, const char* what) {
  if (!index.number()) fail(Outcome::type_error, std::string(what) + " indices must be integers");
  const auto n = static_cast<int64_t>(size);
  const int64_t i = index.integer < 0 && index.integer >= -n ? index.integer + n : index.integer;
  if (i < 0 || i >= n) fail(Outcome::index_error, std::string(what) + " index out of range");
  return i;
}

Value Interpreter::subscript(const Value& object, const Value& index) {
  switch (object.kind) {
    case Kind::list: {
      const auto& all = object.list().items;
      return all[position(index, all.size(), "list")];
    }
    case Kind::string: {
      const std::string& s = object.string().text;
      return text(s.substr(static_cast<size_t>(position(index, s.size(), "string")), 1));
    }
    case Kind::range: {
      const RangeObject& r = object.range();
      const int64_t i = position(index, static_cast<size_t>(r.length), "range object");
      return Value::of(r.start + i * r.step);
    }
    case Kind::dict: {
      const Value* found = find(object.dict(), index);
      if (!found) {
        std::string key;
        write(index, true, key);
        fail(Outcome::key_error, std::move(key));
      }
      return *found;
    }
    default:
      // list[int] and the like are types in CPython.
      if (object.kind == Kind::builtin && type_name(object) == "type")
        fail(Outcome::unsupported, "a type with parameters is outside the subset");
      fail(Outcome::type_error, std::string(type_name(object)) + " object is not subscriptable");
  }
}

Value Interpreter::slice(const Value& object, const Expr& e) {
  Value bounds[3];
  for (size_t i = 0; i < 3; ++i) bounds[i] = e.items[i] ? evaluate(*e.items[i]) : Value::none();
  if (object.kind == Kind::dict || object.kind == Kind::range || object.kind == Kind::builtin)
    fail(object.kind == Kind::dict ? Outcome::type_error : Outcome::unsupported,
         "no slice of this object");
  if (object.kind != Kind::list && object.kind != Kind::string)
    fail(Outcome::type_error, std::string(type_name(object)) + " object is not subscriptable");
  for (const Value& b : bounds)
    if (b.kind != Kind::none && !b.number())
      fail(Outcome::type_error, "slice indices must be integers or None");
  const int64_t step = bounds[2].kind == Kind::none ? 1 : bounds[2].integer;
  if (step == 0) fail(Outcome::value_error, "slice step cannot be zero");
  const bool is_list = object.kind == Kind::list;
  const auto size =
      static_cast<int64_t>(is_list ? object.list().items.size() : object.string().text.size());
  // As PySlice_AdjustIndices: a negative step may stop before the first item, at -1.
  const int64_t low = step < 0 ? -1 : 0, high = step < 0 ? size - 1 : size;
  const auto clamp = [&](const Value& b, int64_t otherwise) {
    if (b.kind == Kind::none) return otherwise;
    return b.integer < 0 ? std::max(b.integer < -size ? low : b.integer + size, low)
                         : std::min(b.integer, high);
  };
  const int64_t start = clamp(bounds[0], step < 0 ? high : low);
  const int64_t stop = clamp(bounds[1], step < 0 ? low : high);
  std::vector<Value> kept;
  std::string characters;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (is_list) {
      budget_.cells(1);
      kept.push_back(object.list().items[i]);
    } else {
      budget_.work();
      characters += object.string().text[i];
    }
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return is_list ? list(std::move(kept)) : text(std::move(characters));
}

void Interpreter::set_item(const Value& object, const Value& index, Value v) {
  if (object.kind == Kind::list) {
    auto& all = object.list().items;
    all[position(index, all.size(), "list assignment")] = v;
  } else if (object.kind == Kind::dict) {
    put(object.dict(), index, v);
  } else {
    fail(Outcome::type_error,
         std::string(type_name(object)) + " object does not support item assignment");
  }
}

uint64_t Interpreter::hash(const Value& v) {
  const auto mix = [](uint64_t x) {
    x *= 0x9E3779B97F4A7C15ull;
    return x ^ x >> 32;
  };
  switch (v.kind) {
    case Kind::boolean:
    case Kind::integer:
      return mix(static_cast<uint64_t>(v.integer));
    case Kind::string: {
      uint64_t h = 0xCBF29CE484222325ull;
      budget_.work(static_cast<int64_t>(v.string().text.size() / 8));
      for (char c : v.string().text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3ull;
      return mix(h);
    }
    case Kind::list:
    case Kind::dict:
    case Kind::view:
      fail(Outcome::type_error, "unhashable type: " + std::string(type_name(v)));
    case Kind::range:
    case Kind::method:
      fail(Outcome::unsupported, "such keys are outside the subset");
    default:
      // The order of a dictionary is that of insertion, so an address does no harm here.
      return mix(static_cast<uint64_t>(v.integer) + 17 * static_cast<uint64_t>(v.kind));
  }
}

Value* Interpreter::find(Dict& d, const Value& key) {
  const uint64_t h = hash(key);
  if (d.index.empty()) {
    for (Dict::Entry& entry : d.entries)
      if (entry.key.kind != Kind::unbound && entry.hash == h && equal(entry.key, key))
        return &entry.value;
    return nullptr;
  }
  const size_t mask = d.index.size() - 1;
  for (size_t i = h & mask; d.index[i] >= 0; i = (i + 1) & mask) {
    budget_.work();
    Dict::Entry& entry = d.entries[d.index[i]];
    if (entry.key.kind != Kind::unbound && entry.hash == h && equal(entry.key, key))
      return &entry.value;
  }
  return nullptr;
}

void Interpreter::put(Dict& d, const Value& key, Value v) {
  if (Value* found = find(d, key)) {
    *found = v;
    return;
  }
  budget_.cells(4);
  d.entries.push_back({hash(key), key, v});
  ++d.size;
  const size_t n = d.entries.size();
  const auto insert = [&](size_t entry) {
    const size_t mask = d.index.size() - 1;
    size_t i = d.entries[entry].hash & mask;
    while (d.index[i] >= 0) i = (i + 1) & mask;
    d.index[i] = static_cast<int32_t>(entry);
  };
  if (n > kScanned && n * 2 > d.index.size()) {
    d.index.assign(std::max<size_t>(32, d.index.size() * 2), -1);
    for (size_t i = 0; i < n; ++i) insert(i);
  } else if (!d.index.empty()) {
    insert(n - 1);
  }
}

Value Interpreter::take(Dict& d, const Value& key) {
  Value* found = find(d, key);
  if (!found) return {};
  const Value v = *found;
  for (Dict::Entry& entry : d.entries)
    if (&entry.value == found) entry = {0, {}, {}};
  budget_.work(static_cast<int64_t>(d.entries.size()));
  --d.size;
  return v;
}

}  // namespace lineage::minipy
