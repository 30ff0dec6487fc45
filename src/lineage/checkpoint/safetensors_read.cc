#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/base/json.h"
#include "lineage/checkpoint/half.h"
#include "lineage/checkpoint/safetensors.h"

namespace lineage {
namespace {

// out[i] = convert(element i of type From); the bytes may lie at any address.
template <class From, class To, class Convert>
void convert_all(std::span<const std::byte> bytes, std::span<To> out, const Convert& convert) {
  for (size_t i = 0; i < out.size(); ++i) {
    From element;
    std::memcpy(&element, bytes.data() + i * sizeof element, sizeof element);
    out[i] = convert(element);
  }
}

template <class From>
void read_integers(const StoredTensor& tensor, std::span<int32_t> out) {
  convert_all<From>(tensor.data, out, [&](From element) {
    if constexpr (sizeof(From) > 4 || std::is_same_v<From, uint32_t>)
      require(std::in_range<int32_t>(element), "tensor ", tensor.name, ": an element is ", element,
              "; wanted integers of 32 bits");
    return static_cast<int32_t>(element);
  });
}

void read_integers(const StoredTensor& tensor, std::span<int32_t> out) {
  switch (tensor.type) {
    case StoredType::i64:
      return read_integers<int64_t>(tensor, out);
    case StoredType::i32:
      return read_integers<int32_t>(tensor, out);
    case StoredType::i16:
      return read_integers<int16_t>(tensor, out);
    case StoredType::i8:
      return read_integers<int8_t>(tensor, out);
    case StoredType::u64:
      return read_integers<uint64_t>(tensor, out);
    case StoredType::u32:
      return read_integers<uint32_t>(tensor, out);
    case StoredType::u16:
      return read_integers<uint16_t>(tensor, out);
    default:
      return read_integers<uint8_t>(tensor, out);
  }
}

template <class Bits, class Narrow>
std::vector<std::byte> narrow_all(std::span<const float> values, const Narrow& narrow) {
  std::vector<std::byte> bytes(values.size() * sizeof(Bits));
  for (size_t i = 0; i < values.size(); ++i) {
    const Bits bits = narrow(values[i]);
    std::memcpy(bytes.data() + i * sizeof bits, &bits, sizeof bits);
  }
  return bytes;
}

}  // namespace

void read_floats(const StoredTensor& tensor, std::span<float> out) {
  require(tensor.shape.numel() == static_cast<int64_t>(out.size()), "tensor ", tensor.name,
          ": shape ", tensor.shape, " into ", out.size(), " elements");
  switch (tensor.type) {
    case StoredType::f64:
      return convert_all<double>(tensor.data, out, [](double x) { return static_cast<float>(x); });
    case StoredType::f32:
      if (!out.empty()) std::memcpy(out.data(), tensor.data.data(), tensor.data.size());
      return;
    case StoredType::f16:
      return convert_all<uint16_t>(tensor.data, out, from_f16);
    case StoredType::bf16:
      return convert_all<uint16_t>(tensor.data, out, from_bf16);
    default:
      throw Error("tensor " + tensor.name + ": dtype is " + std::string(stored_name(tensor.type)) +
                  "; wanted F32, F16, BF16 or F64");
  }
}

Tensor read_tensor(const StoredTensor& tensor) {
  Tensor into = Tensor::empty(tensor.shape, floating(tensor.type) ? DType::f32 : DType::i32);
  read_tensor(tensor, into);
  return into;
}

void read_tensor(const StoredTensor& tensor, const Tensor& into) {
  require(into.shape() == tensor.shape, "tensor ", tensor.name, ": shape ", tensor.shape,
          "; wanted ", into.shape());
  require((into.dtype() == DType::f32) == floating(tensor.type), "tensor ", tensor.name,
          ": dtype is ", stored_name(tensor.type), "; wanted ",
          into.dtype() == DType::f32 ? "a floating-point type" : "an integer type");
  if (into.dtype() == DType::f32)
    read_floats(tensor, into.data<float>());
  else
    read_integers(tensor, into.data<int32_t>());
}

std::vector<std::byte> narrowed(std::span<const float> values, StoredType type) {
  switch (type) {
    case StoredType::f64:
      return narrow_all<double>(values, [](float x) { return static_cast<double>(x); });
    case StoredType::f32:
      return narrow_all<float>(values, [](float x) { return x; });
    case StoredType::f16:
      return narrow_all<uint16_t>(values, to_f16);
    case StoredType::bf16:
      return narrow_all<uint16_t>(values, to_bf16);
    default:
      throw Error("cannot store floats as " + std::string(stored_name(type)));
  }
}

SafetensorsFile::SafetensorsFile(const fs::path& path)
    : path_(path), file_(path), content_(parse_safetensors(file_.bytes(), path.string())) {
  for (size_t i = 0; i < content_.tensors.size(); ++i) index_[content_.tensors[i].name] = i;
}

const StoredTensor* SafetensorsFile::find(std::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &content_.tensors[it->second];
}

const StoredTensor& SafetensorsFile::at(std::string_view name) const {
  if (const StoredTensor* tensor = find(name)) return *tensor;
  std::vector<std::string> names;
  for (const StoredTensor& t : tensors()) names.push_back(t.name);
  const std::string near = nearest_name(name, names);
  throw Error(path_.string() + ": no tensor " + std::string(name) + "; wanted it",
              near.empty() ? "" : "did you mean " + near + "?");
}

void SafetensorsFile::release(const StoredTensor& tensor) const {
  // Whole pages within the tensor alone: neighbours on the edge pages may still be wanted.
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(tensor.data.data()) + page - 1) / page * page;
  const auto end =
      (reinterpret_cast<uintptr_t>(tensor.data.data()) + tensor.data.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

namespace {

struct OtherWeights {
  std::string_view file, help;
};
constexpr OtherWeights kOtherWeights[] = {
    {"adapter_model.safetensors",
     "these are the weights of an adapter (PEFT); merge them into their model first: "
     "model.merge_and_unload().save_pretrained(folder)"},
    {"pytorch_model.bin", ""},
    {"pytorch_model.bin.index.json", ""},
    {"tf_model.h5", ", from_tf=True"},
    {"flax_model.msgpack", ", from_flax=True"},
};

// The Error for a folder without model.safetensors, with a hint by its other files.
[[noreturn]] void refuse_without_weights(const fs::path& folder) {
  std::error_code ignored;
  const std::string at = folder.string();
  std::string seen, help = "check the path for a typing error";
  for (const OtherWeights& other : kOtherWeights) {
    if (!fs::exists(folder / other.file, ignored)) continue;
    seen = std::string(other.file);
    help = other.file.ends_with("safetensors")
               ? std::string(other.help)
               : "convert it with transformers: python3 -c \"from transformers import "
                 "AutoModelForCausalLM as M, AutoTokenizer as T; M.from_pretrained('" +
                     at + "'" + std::string(other.help) + ").save_pretrained('" + at +
                     "-safetensors', safe_serialization=True); T.from_pretrained('" + at +
                     "').save_pretrained('" + at + "-safetensors')\"";
    break;
  }
  if (seen.empty())
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      const std::string name = entry.path().filename().string();
      const std::string kind = entry.path().extension().string();
      if (kind == ".safetensors") {
        seen = name;
        help = name.find("-of-") == std::string::npos
                   ? "if it is the model, name it model.safetensors"
                   : "these are shards; fetch model.safetensors.index.json, which lists them";
        break;
      }
      for (const char* other : {".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".h5"})
        if (kind == other) {
          seen = name;
          help =
              "only safetensors are read; save the model with transformers: "
              "model.save_pretrained(folder, safe_serialization=True)";
        }
    }
  throw Error(at + ": no model.safetensors and no model.safetensors.index.json" +
                  (seen.empty() ? "" : ", but " + seen) + "; wanted one of them",
              help);
}

}  // namespace

SafetensorsFolder::SafetensorsFolder(const fs::path& folder) {
  const fs::path single = folder / "model.safetensors",
                 index = folder / "model.safetensors.index.json";
  std::error_code ignored;
  if (fs::exists(single, ignored))
    files_.emplace_back(single);
  else if (fs::exists(index, ignored))
    open_shards(index);
  else
    refuse_without_weights(folder);
}

void SafetensorsFolder::open_shards(const fs::path& index) {
  const JsonObject map = JsonObject::load(index).child("weight_map");
  std::map<std::string, std::string> files;  // in the order of their names
  for (const auto& [name, value] : map.value().items()) {
    const std::string file = map.get<std::string>(name);
    // A shard is a file beside the index, never one elsewhere on the disk.
    if (file.empty() || file == "." || file == ".." || file.find('/') != std::string::npos ||
        file.find('\0') != std::string::npos)
      map.refuse(name, "the name of a file beside the index");
    files[file] = name;
  }
  std::string missing;
  for (const auto& [file, name] : files)
    if (std::error_code ignored; !fs::exists(index.parent_path() / file, ignored))
      missing += (missing.empty() ? "" : ", ") + file;
  if (!missing.empty())
    throw Error(index.parent_path().string() + ": no " + missing + "; " +
                    index.filename().string() + " lists " + std::to_string(files.size()) +
                    " shards and wants all of them",
                "the download may have been interrupted; fetch what is missing");
  for (const auto& [file, name] : files) files_.emplace_back(index.parent_path() / file);
  size_t found = 0;
  for (const SafetensorsFile& shard : files_) {
    for (const StoredTensor& t : shard.tensors()) {
      require(map.has(t.name), shard.path().string(), ": tensor ", t.name, " is not in ",
              index.filename().string(), "; wanted every tensor there");
      require(map.get<std::string>(t.name) == shard.path().filename(), shard.path().string(),
              ": tensor ", t.name, " belongs to ", map.get<std::string>(t.name), " by ",
              index.filename().string(), "; wanted it in one place");
      ++found;
    }
  }
  if (found == map.value().size()) return;
  for (const auto& [name, file] : map.value().items())
    require(find(name) != nullptr, index.parent_path().string(), "/", file.get<std::string>(),
            ": no tensor ", name, "; ", index.filename().string(), " wants it there");
}

const StoredTensor* SafetensorsFolder::find(std::string_view name) const {
  for (const SafetensorsFile& file : files_)
    if (const StoredTensor* tensor = file.find(name)) return tensor;
  return nullptr;
}

void SafetensorsFolder::release(std::string_view name) const {
  for (const SafetensorsFile& file : files_)
    if (const StoredTensor* tensor = file.find(name)) file.release(*tensor);
}

}  // namespace lineage
