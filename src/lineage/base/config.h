#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace lineage {

// A config is a plain struct with defaults and one function that lists its fields:
//
//   struct GptConfig {
//     int64_t layers = 12, width = 768;
//     Norm norm = Norm::layer;
//   };
//   template <class V>
//   void fields(V& v, GptConfig& c) {
//     v("layers", c.layers, "number of transformer blocks");
//     v("width", c.width, "channels of the residual stream; a multiple of heads");
//     v("norm", c.norm, "layer or rms");        // an enum: its enum_names(Norm) lists the names
//   }
//
// A field is a bool, an int64_t, a uint64_t, a double, a string, an enum, another config, a vector
// of strings, of numbers or of configs, or a map from string to any of these. From that one list
// come parsing, `--set model.layers=6`, unknown-key errors with the nearest name, the frozen copy
// inside each checkpoint and the reference page of the documentation.
template <class T>
concept ConfigEnum = std::is_enum_v<T> && requires(T e) { enum_names(e); };

// A parsed TOML document (or one table of it), with the place of every value. Cheap to copy.
class ConfigNode {
 public:
  static ConfigNode parse(std::string_view toml, const std::string& place);
  static ConfigNode load(const std::filesystem::path& toml);

  // `a.b.c=value`, as `--set` takes it; the value is TOML, or else a bare string.
  void set(std::string_view assignment);
  // Fills the keys that this document lacks from `base`, table by table (a recipe's `extends`).
  void merge_under(const ConfigNode& base);

  bool has(std::string_view key) const;
  std::vector<std::string> keys() const;           // in the order of the file
  ConfigNode child(std::string_view key) const;    // a table; an Error when absent or not a table
  std::string place(std::string_view key = {}) const;  // "recipes/a.toml:14: train.batch"

  struct Value;  // one TOML value
  std::shared_ptr<Value> value;
};

// Reads one table into a config; every key of the table must be a field.
class ConfigReader {
 public:
  explicit ConfigReader(const ConfigNode& table);

  void operator()(const char* key, bool&, const char* doc);
  void operator()(const char* key, int64_t&, const char* doc);
  void operator()(const char* key, uint64_t&, const char* doc);
  void operator()(const char* key, double&, const char* doc);
  void operator()(const char* key, std::string&, const char* doc);
  void operator()(const char* key, std::vector<std::string>&, const char* doc);
  void operator()(const char* key, std::vector<int64_t>&, const char* doc);
  void operator()(const char* key, std::vector<double>&, const char* doc);
  template <ConfigEnum E>
  void operator()(const char* key, E& field, const char* doc) {
    const auto names = enum_names(field);
    field = static_cast<E>(choice(key, static_cast<size_t>(field), {names.data(), names.size()}, doc));
  }
  template <class C>
    requires std::is_class_v<C>
  void operator()(const char* key, C& config, const char* doc) {
    if (ConfigReader inner = table(key, doc); inner.present()) {
      fields(inner, config);
      inner.finish();
    }
  }
  template <class C>
  void operator()(const char* key, std::vector<C>& configs, const char* doc) {
    const auto tables = array(key, doc);
    if (!tables.empty()) configs.clear();
    for (const ConfigNode& t : tables) {
      ConfigReader inner(t);
      fields(inner, configs.emplace_back());
      inner.finish();
    }
  }
  template <class C>
  void operator()(const char* key, std::map<std::string, C>& configs, const char* doc) {
    if (ConfigReader inner = table(key, doc); inner.present())
      for (const std::string& name : inner.names()) inner(name.c_str(), configs[name], doc);
  }

  bool present() const;
  std::vector<std::string> names() const;
  void finish() const;  // throws at the first key that no field read, with the nearest field's name

 private:
  size_t choice(const char* key, size_t current, std::span<const std::string_view> names,
                const char* doc);
  ConfigReader table(const char* key, const char* doc);
  std::vector<ConfigNode> array(const char* key, const char* doc);
  struct State;
  std::shared_ptr<State> state_;
};

// Writes a config as canonical TOML, every field explicit: the frozen copy and its digest.
class ConfigWriter {
 public:
  ConfigWriter();
  void operator()(const char* key, const bool&, const char* doc);
  void operator()(const char* key, const int64_t&, const char* doc);
  void operator()(const char* key, const uint64_t&, const char* doc);
  void operator()(const char* key, const double&, const char* doc);
  void operator()(const char* key, const std::string&, const char* doc);
  void operator()(const char* key, const std::vector<std::string>&, const char* doc);
  void operator()(const char* key, const std::vector<int64_t>&, const char* doc);
  void operator()(const char* key, const std::vector<double>&, const char* doc);
  template <ConfigEnum E>
  void operator()(const char* key, const E& field, const char* doc) {
    (*this)(key, std::string(enum_names(field)[static_cast<size_t>(field)]), doc);
  }
  template <class C>
    requires std::is_class_v<C>
  void operator()(const char* key, C& config, const char* doc) {
    open(key, doc);
    fields(*this, config);
    close();
  }
  template <class C>
  void operator()(const char* key, std::vector<C>& configs, const char*) {
    for (C& config : configs) {
      open_element(key);
      fields(*this, config);
      close();
    }
  }
  template <class C>
  void operator()(const char* key, std::map<std::string, C>& configs, const char* doc) {
    open(key, doc);
    for (auto& [name, config] : configs) (*this)(name.c_str(), config, doc);
    close();
  }
  std::string toml() const;

 private:
  void open(const char* key, const char* doc);
  void open_element(const char* key);
  void close();
  struct State;
  std::shared_ptr<State> state_;
};

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

// The candidate closest to `name` by edit distance, or "" when none is close.
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

}  // namespace lineage
