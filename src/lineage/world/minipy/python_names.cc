#include "lineage/world/minipy/python_names.h"

#include <unordered_set>

namespace lineage::minipy {

bool python_builtin(std::string_view name) {
  static const std::unordered_set<std::string_view> names = {
      "aiter",      "anext",       "ascii",         "bin",
      "breakpoint", "bytearray",   "bytes",         "callable",
      "chr",        "classmethod", "compile",       "complex",
      "delattr",    "dir",         "divmod",        "enumerate",
      "eval",       "exec",        "filter",        "float",
      "format",     "frozenset",   "getattr",       "globals",
      "hasattr",    "hash",        "help",          "hex",
      "id",         "input",       "issubclass",    "iter",
      "locals",     "map",         "memoryview",    "next",
      "object",     "oct",         "open",          "ord",
      "pow",        "property",    "repr",          "round",
      "set",        "setattr",     "slice",         "staticmethod",
      "tuple",      "type",        "vars",          "zip",
      "exit",       "quit",        "copyright",     "credits",
      "license",    "Ellipsis",    "NotImplemented"};
  return names.contains(name) || name.ends_with("Error") || name.ends_with("Exception") ||
         name.ends_with("Warning") || name.ends_with("Exit") || name.ends_with("Interrupt") ||
         name.starts_with("Stop");
}

bool python_attribute(Kind kind, std::string_view name) {
  static const std::unordered_set<std::string_view> number = {
      "bit_length", "bit_count", "conjugate",        "denominator", "from_bytes", "imag",
      "numerator",  "real",      "as_integer_ratio", "to_bytes",    "is_integer"};
  static const std::unordered_set<std::string_view> string = {
      "capitalize",   "casefold",    "center",    "count",      "encode",     "endswith",
      "expandtabs",   "find",        "format",    "index",      "isalnum",    "isalpha",
      "isascii",      "isdecimal",   "isdigit",   "islower",    "isnumeric",  "isprintable",
      "isspace",      "istitle",     "isupper",   "ljust",      "lstrip",     "maketrans",
      "partition",    "replace",     "rfind",     "rindex",     "rjust",      "rpartition",
      "rsplit",       "rstrip",      "split",     "splitlines", "startswith", "strip",
      "swapcase",     "title",       "translate", "zfill",      "format_map", "isidentifier",
      "removeprefix", "removesuffix"};
  static const std::unordered_set<std::string_view> dict = {"fromkeys", "items", "popitem",
                                                            "setdefault", "update"};
  switch (kind) {
    case Kind::boolean:
    case Kind::integer:
      return number.contains(name);
    case Kind::string:
      return string.contains(name);
    case Kind::dict:
      return dict.contains(name);
    case Kind::range:
      return name == "start" || name == "stop" || name == "step" || name == "count" ||
             name == "index";
    case Kind::view:
      return name == "mapping" || name == "isdisjoint";
    case Kind::builtin:  // methods of types, unbound
      return true;
    case Kind::class_object:
      return name == "mro";
    default:
      return false;
  }
}

bool has_builtin_method(Kind kind, Symbol symbol) {
  if (symbol < kFirstMethod || symbol >= kKnownSymbols) return false;
  const auto s = static_cast<Known>(symbol);
  switch (kind) {
    case Kind::list:
      return s <= Known::copy;
    case Kind::dict:
      return s == Known::pop || (s >= Known::clear && s <= Known::values);
    case Kind::string:
      return s >= Known::join && s <= Known::lower;
    default:
      return false;
  }
}

}  // namespace lineage::minipy
