#include <algorithm>

#include "lineage/world/minipy/depth.h"
#include "lineage/world/minipy/interpreter.h"

namespace lineage::minipy {

// Appends str(v), or repr(v).
void Interpreter::write(const Value& v, bool representation, std::string& out) {
  budget_.work();
  if (static_cast<int64_t>(out.size()) > options_.limits.output_bytes)
    fail(Outcome::output_limit, "too much text");
  const auto inside = [&](const Object* container, const char* again, const auto& body) {
    const Depth depth(depth_);
    if (std::find(writing_.begin(), writing_.end(), container) != writing_.end()) {
      out += again;
      return;
    }
    writing_.push_back(container);
    body();
    writing_.pop_back();
  };
  switch (v.kind) {
    case Kind::unbound:
    case Kind::none:
      out += "None";
      return;
    case Kind::boolean:
      out += v.integer ? "True" : "False";
      return;
    case Kind::integer:
      out += std::to_string(v.integer);
      return;
    case Kind::string:
      out += representation ? minipy::quoted(v.string().text) : v.string().text;
      return;
    case Kind::list:
      return inside(v.object, "[...]", [&] {
        out += '[';
        bool first = true;
        for (const Value& item : v.list().items) {
          if (!first) out += ", ";
          first = false;
          write(item, true, out);
        }
        out += ']';
      });
    case Kind::dict:
      return inside(v.object, "{...}", [&] {
        out += '{';
        bool first = true;
        for (const Dict::Entry& entry : v.dict().entries) {
          if (entry.key.kind == Kind::unbound) continue;
          if (!first) out += ", ";
          first = false;
          write(entry.key, true, out);
          out += ": ";
          write(entry.value, true, out);
        }
        out += '}';
      });
    case Kind::view:
      return inside(v.object, "...", [&] {
        out += v.view().of_keys ? "dict_keys([" : "dict_values([";
        bool first = true;
        for (const Dict::Entry& entry : v.view().dict->entries) {
          if (entry.key.kind == Kind::unbound) continue;
          if (!first) out += ", ";
          first = false;
          write(v.view().of_keys ? entry.key : entry.value, true, out);
        }
        out += "])";
      });
    case Kind::range: {
      const RangeObject& r = v.range();
      out += "range(" + std::to_string(r.start) + ", " + std::to_string(r.stop);
      if (r.step != 1) out += ", " + std::to_string(r.step);
      out += ')';
      return;
    }
    case Kind::builtin: {
      const bool type = type_name(v) == "type";
      out += type ? "<class '" : "<built-in function ";
      out += known_name(static_cast<Symbol>(v.integer));
      out += type ? "'>" : ">";
      return;
    }
    case Kind::class_object:
      out.append("<class '__main__.").append(symbol_text(v.class_object().name)).append("'>");
      return;
    default:
      fail(Outcome::unsupported, "this object prints its address");
  }
}

}  // namespace lineage::minipy
