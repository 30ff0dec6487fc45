#include "lineage/world/minipy/value.h"

namespace lineage::minipy {

std::string_view type_name(const Value& v) {
  switch (v.kind) {
    case Kind::unbound:
    case Kind::none:
      return "NoneType";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::builtin:
      return v.integer >= static_cast<int64_t>(Known::int_type) ? "type"
                                                                : "builtin_function_or_method";
    case Kind::string:
      return "str";
    case Kind::list:
      return "list";
    case Kind::dict:
      return "dict";
    case Kind::range:
      return "range";
    case Kind::iterator:
      return "reversed";
    case Kind::view:
      return v.view().of_keys ? "dict_keys" : "dict_values";
    case Kind::function:
      return "function";
    case Kind::method:
      return "method";
    case Kind::class_object:
      return "type";
    case Kind::instance:
      return "object";
    case Kind::parent:
      return "super";
  }
  return "";
}

}  // namespace lineage::minipy
