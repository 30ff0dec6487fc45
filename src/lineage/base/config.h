#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "lineage/base/enum_index.h"

namespace lineage {

// A config is a plain struct with defaults and one function that lists its fields:
//
//   struct GptConfig {
//     int64_t layers = 12, width = 768;
//     double dropout = 0;
//     Norm norm = Norm::layer;
//   };
//   template <class V>
//   void fields(V& v, GptConfig& c) {
//     v("layers", c.layers, "number of transformer blocks", at_least(1));
//     v("width", c.width, "channels of the residual stream; a multiple of heads");
//     v("dropout", c.dropout, "share of activations dropped", between(0, 1));
//     v("norm", c.norm, "layer or rms");        // an enum: its enum_names(Norm) lists the names
//   }
//
// A field is a bool, an int64_t, a uint64_t, a double, a string, an enum, another config, a vector
// of strings, of numbers, of enums or of configs, a map from string to any of these, or an optional
// config. A vector or map that the file gives replaces the default one whole; a single value is a
// vector of one. An optional config has a value where the file has its table, an empty one too, and
// without a value it is not written. That one list
// provides parsing, `--set model.layers=6`, unknown-key errors with the nearest name, the ranges of
// numbers, the frozen copy inside each checkpoint and the reference page of the documentation.
//
// An integer may be written as 10_000_000, 1e7, "10M" or "1.5B", where that is a whole number; a
// number may be quoted. The letters k, M, G or B, and T are powers of ten.

// The numbers that a field accepts; by default every finite one.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false, high_open = false;  // the bound itself is refused

  bool contains(double x) const;  // false for nan and infinities with any bounds
  std::string text() const;       // "at least 1", "from 0 to 1", "above 0, at most 1"; or ""
};
constexpr Range at_least(double low) { return {.low = low}; }
constexpr Range above(double low) { return {.low = low, .low_open = true}; }
constexpr Range between(double low, double high) { return {.low = low, .high = high}; }
constexpr Range from_to_below(double low, double high) {
  return {.low = low, .high = high, .high_open = true};
}
constexpr Range from_above_to(double low, double high) {
  return {.low = low, .high = high, .low_open = true};
}

// In place of a range: the strings of this field are paths of files and folders, relative to the
// file that contains them.
struct PathField {};
constexpr PathField kPaths;

// In place of a range: a field that earlier versions lacked. The frozen copy leaves it out where it
// is `absent`, the value that those versions computed with, so that their nodes keep their
// identity.
template <class F>
struct Later {
  F absent;
  Range range{};
};
template <class F>
Later<F> later(F absent, Range range = {}) {
  return {absent, range};
}

template <class T>
concept ConfigEnum = std::is_enum_v<T> && requires(T e) {
  enum_names(e);
};
template <ConfigEnum E>
std::string_view enum_name(E value) {
  static constexpr auto kNames = enum_names(E{});
  return std::data(kNames)[enum_index(value)];
}
template <class T>
concept ConfigScalar = std::same_as<T, bool> || std::same_as<T, int64_t> ||
    std::same_as<T, uint64_t> || std::same_as<T, double> || std::same_as<T, std::string>;
template <class T>
concept ConfigScalars = std::same_as<T, std::vector<typename T::value_type>> &&
    ConfigScalar<typename T::value_type> && !std::same_as<typename T::value_type, bool>;
template <class T>
concept ConfigEnums =
    std::same_as<T, std::vector<typename T::value_type>> && ConfigEnum<typename T::value_type>;
template <class T>
concept ConfigTables =
    std::same_as<T, std::vector<typename T::value_type>> && !ConfigScalar<typename T::value_type> &&
    !ConfigEnum<typename T::value_type>;
template <class T>
concept ConfigOptional = std::same_as<T, std::optional<typename T::value_type>>;
template <class T>
concept ConfigMap = std::same_as<T, std::map<std::string, typename T::mapped_type>>;

// A parsed TOML document (or one table of it), with the place of every value. A value type: cheap
// to copy, and changing a copy leaves the original alone.
class ConfigNode {
 public:
  ConfigNode();  // an empty document
  // `place` names the document in errors, e.g. "recipes/a.toml".
  static ConfigNode parse(std::string_view toml, const std::string& place);
  static ConfigNode load(const std::filesystem::path& toml);

  // Applies `a.b.c=value`, as in `--set`; the value is TOML, or else a bare string. Missing tables
  // are made; an array's entry is named by its index or by its `name`: data.sources.0.weight=2.
  void set(std::string_view assignment);
  // Replaces the string at the key `pattern`, or every string of an array there. NAME in the
  // pattern matches any key: "sources.NAME.paths". `change` gets the string and its place.
  using ChangeString = std::function<std::string(const std::string&, const std::string& place)>;
  void change_strings(std::string_view pattern, const ChangeString& change);
  // Renames the key at the end of `path`, a dotted path of tables; false if it is absent.
  bool rename(std::string_view path, std::string_view name);
  // Fills the keys that this document lacks from `base`, table by table, behind its own keys.
  void merge_under(const ConfigNode& base);
  // The same in the order of `base`, followed by the keys that only this document has (a recipe's
  // `extends`).
  void extend(const ConfigNode& base);

  bool has(std::string_view key) const;
  std::vector<std::string> keys() const;  // in the order of the file
  bool is_table(std::string_view key) const;
  ConfigNode child(std::string_view key) const;  // a table; an Error when absent or not a table
  std::string path(std::string_view key = {}) const;   // "train.batch"
  std::string line(std::string_view key = {}) const;   // "recipes/a.toml:14", or "--set a.b=c"
  std::string place(std::string_view key = {}) const;  // "recipes/a.toml:14: train.batch"
  std::string toml() const;  // of this table; the values of a table come before its tables

  struct Value;  // one TOML value

 private:
  friend class ConfigReader;
  ConfigNode(std::shared_ptr<const Value> value, std::string path);

  std::shared_ptr<const Value> value_;
  std::string path_;  // of this table in its document, "" for the whole
};

// One key of a config.
struct ConfigKey {
  std::string path;                       // "optimizer.lr"; NAME stands for a map's keys
  bool table = false;                     // holds further keys
  bool number = false;                    // or an array of numbers
  bool paths = false;                     // of files and folders
  std::vector<std::string_view> names{};  // of an enum
};

// Lists the keys of a config, tables before their contents.
class ConfigKeys {
 public:
  template <class F>
  void operator()(const char* key, F& field, const char* /*doc*/, Range = {}) {
    if constexpr (ConfigScalar<F>) {
      constexpr bool number = !std::same_as<F, bool> && !std::same_as<F, std::string>;
      keys_.push_back({.path = prefix_ + key, .number = number});
    } else if constexpr (ConfigScalars<F>) {
      constexpr bool number = !std::same_as<typename F::value_type, std::string>;
      keys_.push_back({.path = prefix_ + key, .number = number});
    } else if constexpr (ConfigEnum<F>) {
      const auto names = enum_names(field);
      keys_.push_back({.path = prefix_ + key, .names = {std::begin(names), std::end(names)}});
    } else if constexpr (ConfigEnums<F>) {
      typename F::value_type one{};
      (*this)(key, one, "");
    } else if constexpr (ConfigOptional<F>) {
      typename F::value_type value{};
      (*this)(key, value, "");
    } else if constexpr (ConfigMap<F>) {
      typename F::mapped_type entry{};
      inside(key, [&] { (*this)("NAME", entry, ""); });
    } else if constexpr (ConfigTables<F>) {
      typename F::value_type entry{};
      inside(key, [&] { inside("N", [&] { fields(*this, entry); }); });
    } else {
      inside(key, [&] { fields(*this, field); });
    }
  }
  template <class F>
  void operator()(const char* key, F&, const char* /*doc*/, PathField) {
    keys_.push_back({.path = prefix_ + key, .paths = true});
  }
  template <class F>
  void operator()(const char* key, F& field, const char* doc, const Later<F>& l) {
    (*this)(key, field, doc, l.range);
  }
  std::vector<ConfigKey> take() { return std::move(keys_); }

 private:
  template <class Body>
  void inside(const char* key, const Body& body) {
    const std::string outer = prefix_;
    keys_.push_back({.path = prefix_ + key, .table = true});
    prefix_ += std::string(key) + ".";
    body();
    prefix_ = outer;
  }

  std::string prefix_;
  std::vector<ConfigKey> keys_;
};

template <class Config>
std::vector<ConfigKey> config_keys() {
  Config config;
  ConfigKeys keys;
  fields(keys, config);
  return keys.take();
}

// Reads one table into a config; every key of the table must be a field.
class ConfigReader {
 public:
  explicit ConfigReader(const ConfigNode& table);

  template <class F>
  void operator()(const char* key, F& field, const char* /*doc*/, Range range = {}) {
    if constexpr (ConfigScalar<F> || ConfigScalars<F>) {
      read(key, field, range);
    } else if constexpr (ConfigEnum<F>) {
      const auto names = enum_names(field);
      field = static_cast<F>(
          choice(key, static_cast<size_t>(field), {std::data(names), std::size(names)}));
    } else if constexpr (ConfigEnums<F>) {
      const auto names = enum_names(typename F::value_type{});
      if (const auto chosen = choices(key, {std::data(names), std::size(names)})) {
        field.clear();
        for (const size_t i : *chosen) field.push_back(static_cast<typename F::value_type>(i));
      }
    } else if constexpr (ConfigOptional<F>) {
      if (auto inner = table(key, &config_keys<typename F::value_type>))
        read_table(*inner, field.emplace());
    } else if constexpr (ConfigMap<F>) {
      if (auto inner = table(key)) {
        field.clear();
        for (const std::string& name : inner->names())
          (*inner)(name.c_str(), field[name], "", range);
      }
    } else if constexpr (ConfigTables<F>) {
      if (auto tables = array(key)) {
        field.clear();
        for (const ConfigNode& t : *tables) read_table(ConfigReader(t), field.emplace_back());
      }
    } else {
      if (auto inner = table(key, &config_keys<F>)) read_table(*inner, field);
    }
  }
  template <class F>
  void operator()(const char* key, F& field, const char* doc, PathField) {
    (*this)(key, field, doc);
  }
  template <class F>
  void operator()(const char* key, F& field, const char* doc, const Later<F>& l) {
    (*this)(key, field, doc, l.range);
  }

  std::vector<std::string> names() const;  // of the file's keys, in its order
  void finish() const;  // throws at the first key that no field read, with the nearest field's name

 private:
  template <class C>
  static void read_table(ConfigReader reader, C& config) {
    fields(reader, config);
    reader.finish();
  }
  template <class T>  // instantiated in config_reader.cc, for every ConfigScalar and ConfigScalars
  void read(const char* key, T& field, Range);
  size_t choice(const char* key, size_t current, std::span<const std::string_view> names);
  std::optional<std::vector<size_t>> choices(const char* key,
                                             std::span<const std::string_view> names);
  // `keys` are that table's, for the hint when the value is not a table.
  std::optional<ConfigReader> table(const char* key, std::vector<ConfigKey> (*keys)() = nullptr);
  std::optional<std::vector<ConfigNode>> array(const char* key);
  const ConfigNode::Value* find(const char* key);  // also records the key as a field's

  ConfigNode table_;
  std::vector<std::string> known_;
};

// Writes a config as canonical TOML, every field explicit but those of `Later`, without docs: the
// frozen copy and the input of digests. Reading it back and writing again gives the same bytes.
class ConfigWriter {
 public:
  ConfigWriter();
  ~ConfigWriter();
  ConfigWriter(const ConfigWriter&) = delete;
  ConfigWriter& operator=(const ConfigWriter&) = delete;

  template <class F>
  void operator()(const char* key, F& field, const char* /*doc*/, Range = {}) {
    if constexpr (ConfigScalar<F> || ConfigScalars<F>) {
      write(key, field);
    } else if constexpr (ConfigEnum<F>) {
      write(key, std::string(enum_name(field)));
    } else if constexpr (ConfigEnums<F>) {
      std::vector<std::string> names;
      for (const auto value : field) names.emplace_back(enum_name(value));
      write(key, names);
    } else if constexpr (ConfigOptional<F>) {
      if (field) write_table(key, *field, /*element=*/false);
    } else if constexpr (ConfigMap<F>) {
      open(key, /*element=*/false);
      for (auto& [name, value] : field) (*this)(name.c_str(), value, "");
      close();
    } else if constexpr (ConfigTables<F>) {
      if (field.empty()) write(key, std::vector<std::string>{});
      for (auto& config : field) write_table(key, config, /*element=*/true);
    } else {
      write_table(key, field, /*element=*/false);
    }
  }
  template <class F>
  void operator()(const char* key, F& field, const char* doc, PathField) {
    (*this)(key, field, doc);
  }
  template <class F>
  void operator()(const char* key, F& field, const char* doc, const Later<F>& l) {
    if (!(field == l.absent)) (*this)(key, field, doc, l.range);
  }
  std::string toml() const;

 private:
  template <class C>
  void write_table(const char* key, C& config, bool element) {
    open(key, element);
    fields(*this, config);
    close();
  }
  template <class T>  // instantiated in config_writer.cc, for every ConfigScalar and ConfigScalars
  void write(const char* key, const T& value);
  void open(const char* key, bool element);
  void close();

  struct Frame;  // one open table
  std::vector<Frame> frames_;
};

// Lists every key with its type, default and doc as a Markdown table, columns aligned for
// terminals: the reference page and `--help`. An entry of an array is called N in a key's name, an
// entry of a map NAME.
class ConfigReference {
 public:
  template <class F>
  void operator()(const char* key, F& field, const char* doc, Range range = {}) {
    if constexpr (ConfigScalar<F> || ConfigScalars<F>) {
      ConfigWriter writer;
      writer(key, field, "");
      row(key, type_name(field), writer.toml(), doc, range);
    } else if constexpr (ConfigEnum<F>) {
      const auto names = enum_names(field);
      ConfigWriter writer;
      writer(key, field, "");
      row(key, one_of({std::data(names), std::size(names)}), writer.toml(), doc, range);
    } else if constexpr (ConfigEnums<F>) {
      const auto names = enum_names(typename F::value_type{});
      ConfigWriter writer;
      writer(key, field, "");
      row(key, "array of " + one_of({std::data(names), std::size(names)}), writer.toml(), doc,
          range);
    } else if constexpr (ConfigOptional<F>) {
      typename F::value_type value{};
      header(key, "table, may be absent", doc);
      inside(key, [&] { fields(*this, value); });
    } else if constexpr (ConfigMap<F>) {
      typename F::mapped_type entry{};
      inside(key, [&] { (*this)("NAME", entry, doc, range); });
    } else if constexpr (ConfigTables<F>) {
      typename F::value_type entry{};
      header(key, "array of tables", doc);
      inside(key, [&] { inside("N", [&] { fields(*this, entry); }); });
    } else {
      header(key, "table", doc);
      inside(key, [&] { fields(*this, field); });
    }
  }
  template <class F>
  void operator()(const char* key, F& field, const char* doc, PathField) {
    ConfigWriter writer;
    writer(key, field, "");
    row(key, std::same_as<F, std::string> ? "path" : "array of paths", writer.toml(), doc, {});
  }
  template <class F>
  void operator()(const char* key, F& field, const char* doc, const Later<F>& l) {
    (*this)(key, field, doc, l.range);
  }
  std::string markdown() const;

 private:
  static std::string type_name(bool) { return "true or false"; }
  static std::string type_name(int64_t) { return "integer"; }
  static std::string type_name(uint64_t) { return "integer, at least 0"; }
  static std::string type_name(double) { return "number"; }
  static std::string type_name(const std::string&) { return "string"; }
  static std::string type_name(const std::vector<int64_t>&) { return "array of integers"; }
  static std::string type_name(const std::vector<uint64_t>&) { return "array of integers"; }
  static std::string type_name(const std::vector<double>&) { return "array of numbers"; }
  static std::string type_name(const std::vector<std::string>&) { return "array of strings"; }
  static std::string one_of(std::span<const std::string_view> names);
  template <class Body>
  void inside(const char* key, const Body& body) {
    const std::string outer = prefix_;
    prefix_ += std::string(key) + ".";
    body();
    prefix_ = outer;
  }
  void header(const char* key, const char* type, const char* doc);
  void row(const char* key, std::string type, std::string_view assignment, const char* doc, Range);

  std::string prefix_;
  std::vector<std::vector<std::string>> rows_;
};

// Finds the numbers of a config that are out of their fields' ranges.
class ConfigCheck {
 public:
  // `place` begins the messages: "a.toml: model.".
  explicit ConfigCheck(std::string place) : place_(std::move(place)) {}

  template <class F>
  void operator()(const char* key, F& field, const char* /*doc*/, Range range = {}) {
    if constexpr (std::same_as<F, int64_t> || std::same_as<F, uint64_t>) {
      integer(key, static_cast<double>(field), std::to_string(field), range);
    } else if constexpr (std::same_as<F, double>) {
      number(key, field, range);
    } else if constexpr (ConfigScalar<F> || ConfigEnum<F> || ConfigEnums<F>) {
      // not a number
    } else if constexpr (ConfigOptional<F>) {
      if (field) inside(key, *field);
    } else if constexpr (ConfigScalars<F>) {
      for (size_t i = 0; i < field.size(); ++i)
        (*this)((std::string(key) + "." + std::to_string(i)).c_str(), field[i], "", range);
    } else if constexpr (ConfigMap<F>) {
      for (auto& [name, value] : field)
        (*this)((std::string(key) + "." + name).c_str(), value, "", range);
    } else if constexpr (ConfigTables<F>) {
      for (size_t i = 0; i < field.size(); ++i)
        inside(std::string(key) + "." + std::to_string(i), field[i]);
    } else {
      inside(key, field);
    }
  }
  template <class F>
  void operator()(const char*, F&, const char* /*doc*/, PathField) {}
  template <class F>
  void operator()(const char* key, F& field, const char* doc, const Later<F>& l) {
    (*this)(key, field, doc, l.range);
  }

 private:
  template <class C>
  void inside(const std::string& key, C& config) {
    ConfigCheck inner(place_ + key + ".");
    fields(inner, config);
  }
  void integer(const char* key, double value, const std::string& text, Range) const;
  void number(const char* key, double value, Range) const;

  std::string place_;
};

// Throws an Error that begins with `place` for a config, not read from TOML, with a number out of
// its field's range.
template <class Config>
void check_ranges(Config config, const std::string& place) {
  ConfigCheck check(place);
  fields(check, config);
}

// The whole node as a config; missing keys keep their defaults.
template <class Config>
Config read_config(const ConfigNode& node) {
  Config config;
  ConfigReader reader(node);
  fields(reader, config);
  reader.finish();
  return config;
}

template <class Config>
std::string to_toml(Config config) {
  ConfigWriter writer;
  fields(writer, config);
  return writer.toml();
}

template <class Config>
std::string config_reference(Config defaults = {}) {
  ConfigReference reference;
  fields(reference, defaults);
  return reference.markdown();
}

// The candidate closest to `name` by edit distance, or "" when none is close.
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

}  // namespace lineage
