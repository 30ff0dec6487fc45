#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/base/file.h"
#include "lineage/tensor/tensor.h"

namespace lineage {

// The safetensors format (github.com/huggingface/safetensors): eight bytes with the length of the
// header, the header in JSON, then the elements of all tensors, little-endian, without holes.
//
//   {"__metadata__": {"format": "pt"},
//    "wte.weight": {"dtype": "F32", "shape": [160, 48], "data_offsets": [0, 30720]}, ...}
//
// Reading any file ends in tensors within its bytes or in an Error.

enum class StoredType : uint8_t {
  f64,
  f32,
  f16,
  bf16,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean,
};
std::string_view stored_name(StoredType);  // "F32", "BOOL"
int64_t size_of(StoredType);               // bytes an element
bool floating(StoredType);

// The header's entry for a tensor.
struct TensorHeader {
  std::string name;
  StoredType type = StoredType::f32;
  Shape shape;
  int64_t bytes() const { return shape.numel() * size_of(type); }
};

struct StoredTensor : TensorHeader {
  std::span<const std::byte> data;  // in the file; of any alignment
};

struct SafetensorsContent {
  std::vector<StoredTensor> tensors;  // in the order of their bytes
  std::map<std::string, std::string> metadata;
  std::string_view header;  // its text, padding spaces included
};

// `place` names the file in errors. The tensors point into `file`.
SafetensorsContent parse_safetensors(std::span<const std::byte> file, const std::string& place);

// The elements as f32; an Error unless they are floating-point. F64 is rounded.
void read_floats(const StoredTensor&, std::span<float> out);
// Floating-point types as f32; integers as i32, an Error when one does not fit.
Tensor read_tensor(const StoredTensor&);
// Into existing memory; shape and type must be those of read_tensor().
void read_tensor(const StoredTensor&, const Tensor& into);
// The elements of an f32 tensor as they are stored in a floating-point type, rounded to it.
std::vector<std::byte> narrowed(std::span<const float>, StoredType);

// A file, memory-mapped: opening it reads the header alone. Immutable and moveable; any number of
// threads may read.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const fs::path&);

  const fs::path& path() const { return path_; }
  std::span<const StoredTensor> tensors() const& { return content_.tensors; }
  std::span<const StoredTensor> tensors() && = delete;  // they end with the file
  const std::map<std::string, std::string>& metadata() const { return content_.metadata; }
  std::string_view header() const { return content_.header; }
  const StoredTensor* find(std::string_view name) const;
  const StoredTensor& at(
      std::string_view name) const;  // an Error with the nearest name when absent
  Tensor read(std::string_view name) const { return read_tensor(at(name)); }
  // The pages of this tensor need not stay in memory; reading them again is allowed.
  void release(const StoredTensor&) const;

 private:
  fs::path path_;
  MappedFile file_;
  SafetensorsContent content_;
  std::map<std::string, size_t, std::less<>> index_;
};

inline constexpr const char* kShardIndex = "model.safetensors.index.json";

// A model's folder: model.safetensors, else the shards listed in model.safetensors.index.json.
class SafetensorsFolder {
 public:
  explicit SafetensorsFolder(const fs::path&);

  std::span<const SafetensorsFile> files() const { return files_; }
  const StoredTensor* find(std::string_view name) const;
  void release(std::string_view name) const;  // as SafetensorsFile::release()

 private:
  void open_shards(const fs::path& index);
  std::vector<SafetensorsFile> files_;
};

// Writes a file tensor by tensor, in the order declared, so that no second copy of a model is held.
// The bytes depend on the arguments alone. The file appears whole at commit(), or not at all.
class SafetensorsWriter {
 public:
  SafetensorsWriter(const fs::path&, std::vector<TensorHeader>,
                    const std::map<std::string, std::string>& metadata = {});
  // With another program's text of a header that declares exactly these tensors.
  SafetensorsWriter(const fs::path&, std::vector<TensorHeader>, std::string_view header);
  // The next tensor. f32 may be declared f32, f16 or bf16; i32 must be declared i32.
  void write(const Tensor&);
  void write(std::span<const std::byte> elements);  // as they are stored
  void commit();

 private:
  std::string place_;
  std::vector<TensorHeader> tensors_;
  size_t next_ = 0;
  AtomicFile file_;
};

// The text of the header that SafetensorsWriter writes.
std::string safetensors_header(std::span<const TensorHeader>,
                               const std::map<std::string, std::string>& metadata);

// All at once.
void write_safetensors(const fs::path&, const std::map<std::string, Tensor>&,
                       const std::map<std::string, std::string>& metadata = {});

// Consecutive tensors of one file.
struct SafetensorsShard {
  std::string file;  // model.safetensors, or model-00001-of-00003.safetensors
  std::vector<TensorHeader> tensors;
};
// Cuts a model so that no shard has more than `limit` bytes, but one tensor at least.
std::vector<SafetensorsShard> plan_shards(std::span<const TensorHeader>, int64_t limit);
// model.safetensors.index.json, for the shards in `folder`.
void write_shard_index(const fs::path& folder, std::span<const SafetensorsShard>);

}  // namespace lineage
