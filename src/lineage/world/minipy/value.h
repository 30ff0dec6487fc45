#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lineage/world/minipy/ast.h"

namespace lineage::minipy {

enum class Kind : uint8_t {
  unbound,  // a variable before its assignment; no value of the language
  none,
  boolean,
  integer,
  builtin,  // a builtin function or type, by its symbol
  string,
  list,
  dict,
  range,
  iterator,  // the result of reversed()
  view,      // the result of keys() and values()
  function,
  method,  // a function, or a method of a builtin type, with its self
  class_object,
  instance,
  parent,  // the result of super()
};

struct Object {
  virtual ~Object() = default;
};
struct String;
struct List;
struct Dict;
struct RangeObject;
struct Iterator;
struct View;
struct Function;
struct Method;
struct Class;
struct Instance;
struct Parent;

// A value: small ones within, the others by pointer into the Heap. Copies alias, as in Python.
struct Value {
  Kind kind = Kind::unbound;
  union {
    int64_t integer;  // booleans are 0 or 1; builtins are symbols
    Object* object;
  };

  Value() : integer(0) {}
  static Value none() { return Value(Kind::none, int64_t{0}); }
  static Value boolean(bool b) { return Value(Kind::boolean, int64_t{b}); }
  static Value of(int64_t i) { return Value(Kind::integer, i); }
  static Value builtin(Symbol s) { return Value(Kind::builtin, int64_t{s}); }
  Value(Kind k, Object* o) : kind(k), object(o) {}

  bool number() const { return kind == Kind::integer || kind == Kind::boolean; }
  bool heap() const { return kind >= Kind::string; }
  // Identity, as by `is` for everything but numbers and strings.
  bool same(const Value& o) const { return kind == o.kind && integer == o.integer; }

  String& string() const;
  List& list() const;
  Dict& dict() const;
  RangeObject& range() const;
  Iterator& iterator() const;
  View& view() const;
  Function& function() const;
  Method& method() const;
  Class& class_object() const;
  Instance& instance() const;
  Parent& parent() const;

 private:
  Value(Kind k, int64_t i) : kind(k), integer(i) {}
};

struct String final : Object {
  std::string text;
};
struct List final : Object {
  std::vector<Value> items;
};

// In order of insertion. Small ones are scanned, large ones have an index with open addressing.
struct Dict final : Object {
  struct Entry {
    uint64_t hash;
    Value key, value;  // key unbound: removed
  };
  std::vector<Entry> entries;
  std::vector<int32_t> index;  // entry number or -1; a power of two long, or empty
  size_t size = 0;
};

struct RangeObject final : Object {
  int64_t start = 0, stop = 0, step = 1, length = 0;
};
struct Iterator final : Object {  // over a reversed sequence: `next` counts down to -1
  Value sequence;
  int64_t next = -1;
};
struct View final : Object {
  Dict* dict = nullptr;
  bool of_keys = true;
};
using Attributes = std::vector<std::pair<Symbol, Value>>;
struct Class final : Object {
  Symbol name = -1;
  Class* parent = nullptr;
  Attributes attributes;
};
struct Function final : Object {
  const FunctionDef* definition = nullptr;
  std::vector<Value> defaults;
  Class* owner = nullptr;  // the class whose body holds it
};
struct Method final : Object {
  Value self;
  Function* function = nullptr;  // or null: a method of a builtin type
  Symbol symbol = -1;
};
struct Instance final : Object {
  Class* type = nullptr;
  Attributes attributes;
};
struct Parent final : Object {
  Instance* self = nullptr;
  Class* start = nullptr;  // where the search for an attribute begins; null: at object
};

inline String& Value::string() const { return *static_cast<String*>(object); }
inline List& Value::list() const { return *static_cast<List*>(object); }
inline Dict& Value::dict() const { return *static_cast<Dict*>(object); }
inline RangeObject& Value::range() const { return *static_cast<RangeObject*>(object); }
inline Iterator& Value::iterator() const { return *static_cast<Iterator*>(object); }
inline View& Value::view() const { return *static_cast<View*>(object); }
inline Function& Value::function() const { return *static_cast<Function*>(object); }
inline Method& Value::method() const { return *static_cast<Method*>(object); }
inline Class& Value::class_object() const { return *static_cast<Class*>(object); }
inline Instance& Value::instance() const { return *static_cast<Instance*>(object); }
inline Parent& Value::parent() const { return *static_cast<Parent*>(object); }

std::string_view type_name(const Value&);  // "int", "list", …, as in messages

// Owns every object of a run and frees them together, cycles too. The program's limits keep it
// small, so nothing is freed before.
class Heap {
 public:
  template <class T>
  T* make() {
    auto owned = std::make_unique<T>();
    T* object = owned.get();
    objects_.push_back(std::move(owned));
    return object;
  }

 private:
  std::vector<std::unique_ptr<Object>> objects_;
};

}  // namespace lineage::minipy
