#include "lineage/base/config.h"

#define TOML_HEADER_ONLY 0
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

#include "lineage/base/config_value.h"
#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/file_kind.h"

namespace lineage {
namespace {

using Value = ConfigNode::Value;

// toml++ recurses once a dot of `a.b.c`, so a line of a million dots would end the stack.
void refuse_deep_keys(std::string_view toml, const std::string& place) {
  constexpr int kMaxDots = 1000;
  int line = 1, dots = 0;
  for (char c : toml) {
    if (c == '\n') ++line, dots = 0;
    dots += c == '.';
    require(dots <= kMaxDots, place, ":", line, ": more than ", kMaxDots,
            " dots in one line; wanted a recipe");
  }
}

std::string place_of(const std::string& document, const toml::source_region& source) {
  return source.begin.line ? fmt::format("{}:{}", document, source.begin.line) : document;
}

// The line of that number, from 1.
std::string_view line_of(std::string_view text, uint32_t line) {
  for (; line > 1; --line) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

Value convert(const toml::node& node, const std::string& document, std::string place);

Value::Table convert_table(const toml::table& table, const std::string& document) {
  struct Seen {
    toml::source_position at;
    Value::Entry entry;
  };
  std::vector<Seen> seen;
  for (const auto& [key, node] : table) {
    require(key.str().find('\0') == std::string_view::npos, place_of(document, key.source()),
            ": a key holds a NUL character; wanted text");
    seen.push_back(
        {key.source().begin,
         {std::string(key.str()), convert(node, document, place_of(document, key.source()))}});
  }
  // toml++ sorts by name; the place brings the file's own order back.
  std::stable_sort(seen.begin(), seen.end(),
                   [](const Seen& a, const Seen& b) { return a.at < b.at; });
  Value::Table entries;
  for (Seen& s : seen) entries.push_back(std::move(s.entry));
  return entries;
}

Value convert(const toml::node& node, const std::string& document, std::string place) {
  Value value;
  value.place = std::move(place);
  if (const auto* table = node.as_table()) {
    value.data = convert_table(*table, document);
  } else if (const auto* array = node.as_array()) {
    Value::Array elements;
    for (const toml::node& element : *array)
      elements.push_back(convert(element, document, place_of(document, element.source())));
    value.data = std::move(elements);
  } else if (const auto* flag = node.as_boolean()) {
    value.data = flag->get();
  } else if (const auto* integer = node.as_integer()) {
    value.data = integer->get();
  } else if (const auto* number = node.as_floating_point()) {
    value.data = number->get();
  } else if (const auto* text = node.as_string()) {
    value.data = text->get();
  } else {  // a date, a time or both
    std::ostringstream text_of_date;
    node.visit([&](const auto& n) {
      if constexpr (toml::is_date<decltype(n)> || toml::is_time<decltype(n)> ||
                    toml::is_date_time<decltype(n)>)
        text_of_date << n.get();
    });
    value.data = Value::Date{text_of_date.str()};
  }
  return value;
}

// --- `--set a.b=c` ---

// Splits `a."b.c".d` at its dots; quotes keep a dot inside a key.
std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts(1);
  char quote = 0;
  for (char c : path) {
    if (quote ? c == quote : c == '"' || c == '\'')
      quote = quote ? 0 : c;
    else if (c == '.' && !quote)
      parts.emplace_back();
    else if (quote || (c != ' ' && c != '\t'))
      parts.back() += c;
  }
  return parts;
}

Value parse_setting(const std::string& text, const std::string& place) {
  Value value;
  value.place = place;
  value.data = text;
  try {
    refuse_deep_keys(text, place);
    const toml::table table = toml::parse("v = " + text);
    // More than one key means that the text went on in a new line: a bare string after all.
    const toml::node* node = table.size() == 1 ? table.get("v") : nullptr;
    if (node && !node->is_date() && !node->is_time() && !node->is_date_time()) {
      value = convert(*node, place, place);
    }
  } catch (const toml::parse_error&) {
    // A bare string, as in `--set data.path=/tmp/x`.
  }
  return value;
}

// Places inside the value would read "--set …:1"; the assignment itself suffices.
void place_all(Value& value, const std::string& place) {
  value.place = place;
  if (auto* table = value.table())
    for (auto& entry : *table) place_all(entry.value, place);
  if (auto* array = std::get_if<Value::Array>(&value.data))
    for (Value& element : *array) place_all(element, place);
}

Value& array_entry(Value::Array& array, const std::string& name, const std::string& place,
                   const std::string& path) {
  size_t index = 0;
  const char* end = name.data() + name.size();
  if (const auto r = std::from_chars(name.data(), end, index);
      r.ec == std::errc() && r.ptr == end) {
    require(index < array.size(), place, ": ", path, " has ", array.size(),
            " entries, numbered from 0; wanted one of them, not ", index);
    return array[index];
  }
  for (Value& element : array)
    if (const Value* named = element.find("name"))
      if (const auto* text = std::get_if<std::string>(&named->data); text && *text == name)
        return element;
  throw Error(place + ": no entry of " + path + " has the name " + name +
              "; wanted an index or a name");
}

Value& step_into(Value& at, const std::string& key, const std::string& place,
                 const std::string& path) {
  if (auto* array = std::get_if<Value::Array>(&at.data))
    return array_entry(*array, key, place, path);
  auto* table = at.table();
  require(table, place, ": ", path, " is ", at.text(), " (", at.place, "); wanted a table");
  if (Value* found = at.find(key)) return *found;
  table->push_back({key, {Value::Table{}, place}});
  return table->back().value;
}

void merge(Value& own, const Value& base) {
  auto* table = own.table();
  const auto* base_table = base.table();
  if (!table || !base_table) return;
  for (const auto& entry : *base_table) {
    if (Value* found = own.find(entry.key))
      merge(*found, entry.value);
    else
      table->push_back(entry);
  }
}

// As merge(), in the order of `base`. A stage's own mixture keeps its order, by merge(): the order
// decides which data comes when.
void extend(Value& own, const Value& base) {
  auto* table = own.table();
  const auto* base_table = base.table();
  if (!table || !base_table) return;
  Value::Table all = *base_table;
  for (auto& entry : all)
    if (Value* found = own.find(entry.key)) {
      extend(*found, entry.value);
      entry.value = *found;
    }
  for (const auto& entry : *table)
    if (!base.find(entry.key)) all.push_back(entry);
  *table = std::move(all);
}

// Changes the strings below `at` whose path is that of `keys` from the index `depth` on.
void change_at(Value& at, const std::vector<std::string>& keys, size_t depth,
               const ConfigNode::ChangeString& change) {
  if (depth < keys.size()) {
    if (auto* table = at.table())
      for (auto& entry : *table)
        if (keys[depth] == "NAME" || keys[depth] == entry.key)
          change_at(entry.value, keys, depth + 1, change);
  } else if (auto* array = std::get_if<Value::Array>(&at.data)) {
    for (Value& element : *array) change_at(element, keys, depth, change);
  } else if (auto* text = std::get_if<std::string>(&at.data)) {
    *text = change(*text, at.place);
  }
}

}  // namespace

ConfigNode::ConfigNode() : ConfigNode(std::make_shared<const Value>(), "") {}

ConfigNode::ConfigNode(std::shared_ptr<const Value> value, std::string path)
    : value_(std::move(value)), path_(std::move(path)) {}

ConfigNode ConfigNode::parse(std::string_view toml, const std::string& place) {
  refuse_deep_keys(toml, place);
  try {
    const toml::table table = toml::parse(toml, place);
    return {std::make_shared<const Value>(Value{convert_table(table, place), place}), ""};
  } catch (const toml::parse_error& e) {
    throw Error(fmt::format("{}:{}:{}: {}; wanted TOML", place, e.source().begin.line,
                            e.source().begin.column, e.description()),
                syntax_help(line_of(toml, e.source().begin.line)));
  }
}

ConfigNode ConfigNode::load(const std::filesystem::path& toml) {
  const std::string text = read_file(toml);
  // Arrays and tables with commas are TOML, too: those kinds are left to the parser.
  const FileKind kind = file_kind(std::string_view(text).substr(0, kFileKindBytes));
  if (kind != FileKind::empty && kind != FileKind::text && kind != FileKind::csv &&
      kind != FileKind::json_array)
    throw Error(
        fmt::format("{}: is {}; wanted a recipe in TOML", toml.string(), file_kind_name(kind)),
        kind == FileKind::utf16 ? file_kind_help(kind, toml.string()) : "");
  return parse(text, toml.string());
}

void ConfigNode::set(std::string_view assignment) {
  const std::string place = "--set " + std::string(assignment);
  const size_t equals = assignment.find('=');
  constexpr std::string_view kWanted = "wanted key=value, as in pretrain.batch_tokens=8192";
  require(equals != std::string_view::npos && equals > 0, place, ": no key and value; ", kWanted);
  std::string text(assignment.substr(equals + 1));
  Value value = parse_setting(text, place);
  place_all(value, place);

  auto changed = std::make_shared<Value>(*value_);
  Value* at = changed.get();
  std::string path;
  for (const std::string& key : split_path(assignment.substr(0, equals))) {
    require(!key.empty(), place, ": an empty key; ", kWanted);
    at = &step_into(*at, key, place, path);
    path = join_path(path, key);
  }
  *at = std::move(value);
  value_ = std::move(changed);
}

void ConfigNode::change_strings(std::string_view pattern, const ChangeString& change) {
  auto changed = std::make_shared<Value>(*value_);
  change_at(*changed, split_path(pattern), 0, change);
  value_ = std::move(changed);
}

bool ConfigNode::rename(std::string_view path, std::string_view name) {
  auto changed = std::make_shared<Value>(*value_);
  std::vector<std::string> keys = split_path(path);
  const std::string last = keys.back();
  keys.pop_back();
  Value* at = changed.get();
  for (const std::string& key : keys)
    if (at) at = at->find(key);
  auto* table = at ? at->table() : nullptr;
  if (!table) return false;
  const auto entry = std::ranges::find(*table, last, &Value::Entry::key);
  if (entry == table->end()) return false;
  entry->key = name;
  value_ = std::move(changed);
  return true;
}

void ConfigNode::merge_under(const ConfigNode& base) {
  auto merged = std::make_shared<Value>(*value_);
  merge(*merged, *base.value_);
  value_ = std::move(merged);
}

void ConfigNode::extend(const ConfigNode& base) {
  auto extended = std::make_shared<Value>(*value_);
  lineage::extend(*extended, *base.value_);
  value_ = std::move(extended);
}

bool ConfigNode::has(std::string_view key) const { return value_->find(key) != nullptr; }

std::vector<std::string> ConfigNode::keys() const {
  std::vector<std::string> keys;
  for (const auto& entry : *value_->table()) keys.push_back(entry.key);
  return keys;
}

bool ConfigNode::is_table(std::string_view key) const {
  const Value* found = value_->find(key);
  return found && found->table();
}

ConfigNode ConfigNode::child(std::string_view key) const {
  const Value* found = value_->find(key);
  const std::string path = join_path(path_, key);
  require(found, value_->place, ": no table ", path, "; wanted one");
  require(found->table(), found->place, ": ", path, " is ", found->text(), "; wanted a table");
  return {std::shared_ptr<const Value>(value_, found), path};
}

std::string ConfigNode::path(std::string_view key) const {
  return key.empty() ? path_ : join_path(path_, key);
}

std::string ConfigNode::line(std::string_view key) const {
  const Value* found = key.empty() ? nullptr : value_->find(key);
  return found ? found->place : value_->place;
}

std::string ConfigNode::place(std::string_view key) const {
  const std::string at = line(key), named = path(key);
  return named.empty() ? at : at + ": " + named;
}

}  // namespace lineage
