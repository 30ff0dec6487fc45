#include "lineage/checkpoint/training_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "lineage/base/error.h"
#include "lineage/base/folder.h"
#include "lineage/base/json.h"
#include "lineage/checkpoint/folder_update.h"
#include "lineage/checkpoint/tensors_digest.h"

namespace lineage {
namespace {

constexpr std::string_view kPrefix = "training-", kSuffix = ".safetensors";
constexpr int kDigits = 12;  // at least, of the step

struct StateFile {
  int64_t step;
  fs::path path;
};

std::optional<int64_t> step_of(const std::string& name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  const char* begin = name.data() + kPrefix.size();
  const char* end = name.data() + name.size() - kSuffix.size();
  if (end - begin < kDigits) return std::nullopt;  // of somebody else
  int64_t step = 0;
  const auto [last, error] = std::from_chars(begin, end, step);
  return error == std::errc() && last == end ? std::optional(step) : std::nullopt;
}

std::vector<StateFile> newest_first(const fs::path& folder) {
  std::vector<StateFile> files;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder, absent))
    if (const auto step = step_of(entry.path().filename().string()))
      files.push_back({*step, entry.path()});
  std::ranges::sort(files, std::greater(), &StateFile::step);
  return files;
}

// A digest of the JSON and the tensors; `step` is in the JSON's envelope.
std::string state_digest(const std::string& envelope, const std::string& tensors) {
  return Digest().field(envelope).field(tensors).hex();
}

std::string digest_of_tensors(const NamedTensors& tensors) {
  TensorsDigest digest;
  for (const auto& [name, t] : tensors)
    digest.add({name, t.dtype() == DType::f32 ? StoredType::f32 : StoredType::i32, t.shape()},
               {t.bytes(), static_cast<size_t>(t.byte_size())});
  return digest.hex();
}

// A state, or a killed writer's partial file (base/file.h).
bool is_state(const fs::path& file) {
  const std::string name = file.string();
  const size_t partial = name.find(".partial.");
  return step_of(name.substr(0, partial)).has_value();
}

TrainingState read_state(const fs::path& path, const NamedTensors& into) {
  const SafetensorsFile file(path);
  const auto text = [&](const char* key) {
    const auto it = file.metadata().find(key);
    require(it != file.metadata().end(), path.string(), ": no ", key,
            " in __metadata__; wanted it");
    return it->second;
  };
  const std::string envelope = text("state");
  if (state_digest(envelope, digest_of_tensors(file)) != text("digest"))
    throw Error(path.string() + ": its digest is not that of its content; wanted it as written");
  const JsonObject parsed = JsonObject::parse(envelope, path.string());
  TrainingState state{parsed.get<int64_t>("step"), into, parsed.value()["json"], {}};
  for (const auto& [name, tensor] : into) {
    require(file.find(name) != nullptr, path.string(), ": no tensor ", name,
            "; the run wants one of shape ", tensor.shape());
    read_tensor(file.at(name), tensor);
    file.release(file.at(name));
  }
  for (const StoredTensor& stored : file.tensors()) {
    require(into.empty() || into.contains(stored.name), path.string(), ": tensor ", stored.name,
            " is not of this run; wanted a state of the same model and optimizer");
    if (!into.empty()) continue;
    state.tensors[stored.name] = read_tensor(stored);
    file.release(stored);
  }
  return state;
}

}  // namespace

void save_training_state(const fs::path& folder, int64_t step, const NamedTensors& tensors,
                         const nlohmann::json& json) {
  require(step >= 0, folder.string(), ": training state of step ", step, "; wanted 0 or more");
  create_folders(folder);
  const std::string envelope = nlohmann::json{{"step", step}, {"json", json}}.dump();
  const fs::path path = folder / fmt::format("{}{:0{}}{}", kPrefix, step, kDigits, kSuffix);
  write_safetensors(
      path, tensors,
      {{"state", envelope}, {"digest", state_digest(envelope, digest_of_tensors(tensors))}});
  sync_folder(folder);
  remove_ours(folder,
              [&](const fs::path& file) { return is_state(file) && file != path.filename(); });
}

std::optional<TrainingState> load_training_state(const fs::path& folder, const NamedTensors& into) {
  const auto files = newest_first(folder);
  std::vector<std::string> damaged;
  for (const StateFile& file : files) {
    try {
      TrainingState state = read_state(file.path, into);
      state.damaged = damaged;
      return state;
    } catch (const Error& e) {
      damaged.emplace_back(e.what());
    }
  }
  if (damaged.empty()) return std::nullopt;
  throw Error(damaged.front(),
              "remove " + files.front().path.string() + " to start this stage from its beginning");
}

void remove_training_state(const fs::path& folder) { remove_ours(folder, is_state); }

}  // namespace lineage
