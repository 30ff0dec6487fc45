#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "lineage/base/enum_index.h"
#include "lineage/base/error.h"
#include "lineage/base/json.h"
#include "lineage/checkpoint/safetensors.h"

namespace lineage {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

constexpr uint64_t kLongestHeader = 100'000'000;  // the reference implementation's limit
constexpr std::string_view kDamaged = "the file is cut short or damaged; fetch or write it again";

struct TypeInfo {
  std::string_view name;
  int64_t bytes;
};
constexpr TypeInfo kTypes[] = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},
                               {"I32", 4}, {"I16", 2}, {"I8", 1},  {"U64", 8},  {"U32", 4},
                               {"U16", 2}, {"U8", 1},  {"BOOL", 1}};

[[noreturn]] void refuse(const std::string& what, std::string_view hint = kDamaged) {
  throw Error(what, std::string(hint));
}

// The header's text: the file must be as long as the first eight bytes require.
std::string_view header_text(std::span<const std::byte> file, const std::string& place) {
  uint64_t length = 0;
  if (file.size() < sizeof length)
    refuse(place + ": " + std::to_string(file.size()) + " bytes; wanted a safetensors file");
  std::memcpy(&length, file.data(), sizeof length);
  constexpr size_t kTelling = 32;  // with fewer bytes no kind is sure
  if (length > kLongestHeader && file.size() >= kTelling)
    refuse_other_kinds({reinterpret_cast<const char*>(file.data()), file.size()}, place,
                       "a safetensors file");
  if (length > kLongestHeader)
    refuse(place + ": a header of " + std::to_string(length) + " bytes; wanted at most " +
               std::to_string(kLongestHeader),
           "this is no safetensors file, or it is damaged");
  if (length > file.size() - sizeof length)
    refuse(place + ": a header of " + std::to_string(length) + " bytes in a file of " +
           std::to_string(file.size()) + "; wanted it within the file");
  return {reinterpret_cast<const char*>(file.data()) + sizeof length, length};
}

// nlohmann::json keeps the last of two equal keys without a word; two tensors of one name are a
// file to refuse. Depth: the header 0, a tensor 1, its shape and offsets 2.
json header_json(std::string_view text, const std::string& place) {
  std::set<std::string> names, keys;
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    using Event = json::parse_event_t;
    if (event == Event::key) {
      if (depth == 1) keys.clear();
      auto& seen = depth == 1 ? names : keys;
      if (!seen.insert(parsed.get<std::string>()).second)
        refuse(place + ": " + parsed.dump() + " is there twice; wanted every name once");
    } else if ((event == Event::object_start || event == Event::array_start) && depth > 2) {
      refuse(place + ": the header nests too deeply; wanted {name: {dtype, shape, data_offsets}}");
    }
    return true;
  };
  try {
    json header = json::parse(text, check);
    if (!header.is_object()) refuse(place + ": the header is no JSON object; wanted one");
    return header;
  } catch (const json::exception& e) {
    const auto* at = dynamic_cast<const json::parse_error*>(&e);
    refuse(place + ": the header is not JSON" +
           (at ? " from its byte " + std::to_string(at->byte) : "") + "; wanted a JSON object");
  }
}

StoredType type_of(const json& value, const std::string& place) {
  for (size_t i = 0; value.is_string() && i < std::size(kTypes); ++i)
    if (value.get_ref<const std::string&>() == kTypes[i].name) return static_cast<StoredType>(i);
  std::string known;
  for (const TypeInfo& t : kTypes) known += (known.empty() ? "" : " ") + std::string(t.name);
  refuse(place + ": dtype is " + value.dump() + "; wanted one of " + known,
         "save the model in one of these types; a quantized one before it was quantized");
}

int64_t natural(const json& value, const std::string& place, std::string_view what) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() > uint64_t{INT64_MAX})
    refuse(place + ": " + std::string(what) + " has " + value.dump() +
           "; wanted integers of at least 0");
  return value.get<int64_t>();
}

const json& field(const json& tensor, const char* key, const std::string& place) {
  if (!tensor.is_object() || !tensor.contains(key))
    refuse(place + ": no " + key + "; wanted dtype, shape and data_offsets");
  return tensor[key];
}

Shape shape_of(const json& value, StoredType type, const std::string& place) {
  if (!value.is_array()) refuse(place + ": shape is " + value.dump() + "; wanted an array");
  std::vector<int64_t> dims;
  int64_t bytes = size_of(type);
  for (const json& dim : value) {
    dims.push_back(natural(dim, place, "shape"));
    if (__builtin_mul_overflow(bytes, dims.back(), &bytes))
      refuse(place + ": shape " + value.dump() + " is absurd; wanted one that fits the file");
  }
  return Shape(std::move(dims));
}

StoredTensor tensor_of(const std::string& name, const json& entry,
                       std::span<const std::byte> elements, const std::string& file) {
  const std::string place = file + ": tensor " + name;
  StoredTensor tensor;
  tensor.name = name;
  tensor.type = type_of(field(entry, "dtype", place), place);
  tensor.shape = shape_of(field(entry, "shape", place), tensor.type, place);
  const json& offsets = field(entry, "data_offsets", place);
  if (!offsets.is_array() || offsets.size() != 2)
    refuse(place + ": data_offsets is " + offsets.dump() + "; wanted [begin, end]");
  const int64_t begin = natural(offsets[0], place, "data_offsets");
  const int64_t end = natural(offsets[1], place, "data_offsets");
  const auto size = static_cast<int64_t>(elements.size());
  if (begin > end || end > size)
    refuse(place + ": data_offsets " + offsets.dump() + " in " + std::to_string(size) +
           " bytes of elements; wanted a range within them");
  if (end - begin != tensor.bytes())
    refuse(place + ": " + std::to_string(end - begin) + " bytes for shape " +
           field(entry, "shape", place).dump() + " of " + std::string(stored_name(tensor.type)) +
           "; wanted " + std::to_string(tensor.bytes()));
  tensor.data = elements.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  return tensor;
}

// Every byte of the elements belongs to exactly one tensor.
void check_cover(std::span<const StoredTensor> tensors, std::span<const std::byte> elements,
                 const std::string& place) {
  const std::byte* covered = elements.data();
  for (const StoredTensor& t : tensors) {
    const auto at = std::to_string(t.data.data() - elements.data());
    if (t.data.data() < covered)
      refuse(place + ": tensor " + t.name + " begins at byte " + at +
             ", within another; wanted ranges that do not overlap");
    if (t.data.data() > covered)
      refuse(place + ": nothing is said of the bytes before tensor " + t.name + " at byte " + at +
             "; wanted no holes");
    covered += t.data.size();
  }
  const auto rest = elements.data() + elements.size() - covered;
  if (rest != 0)
    refuse(place + ": " + std::to_string(rest) + " bytes after the last tensor; wanted none");
}

}  // namespace

std::string_view stored_name(StoredType type) { return kTypes[enum_index(type)].name; }
int64_t size_of(StoredType type) { return kTypes[enum_index(type)].bytes; }
bool floating(StoredType type) { return type <= StoredType::bf16; }

SafetensorsContent parse_safetensors(std::span<const std::byte> file, const std::string& place) {
  const std::string_view text = header_text(file, place);
  const auto elements = file.subspan(sizeof(uint64_t) + text.size());
  const json header = header_json(text, place);
  SafetensorsContent content;
  content.header = text;
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") {
      content.tensors.push_back(tensor_of(name, entry, elements, place));
      continue;
    }
    if (!entry.is_object()) refuse(place + ": __metadata__ is no object; wanted one of strings");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string())
        refuse(place + ": __metadata__ has " + value.dump() + " for " + key + "; wanted a string");
      content.metadata[key] = value.get<std::string>();
    }
  }
  // Empty tensors share an offset with the next one, and precede it.
  std::ranges::sort(content.tensors, {}, [](const StoredTensor& t) {
    return std::tuple(t.data.data(), t.data.size(), std::string_view(t.name));
  });
  check_cover(content.tensors, elements, place);
  return content;
}

}  // namespace lineage
