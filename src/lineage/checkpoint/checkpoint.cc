#include "lineage/checkpoint/checkpoint.h"

#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "lineage/base/config.h"
#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/base/system_error.h"
#include "lineage/checkpoint/folder_update.h"
#include "lineage/checkpoint/tensors_digest.h"

namespace lineage {
namespace {

constexpr const char* kManifest = "manifest.json";
constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kTokenizer = "tokenizer.json";

struct FrozenModel {
  GptConfig model;
};
template <class V>
void fields(V& v, FrozenModel& c) {
  v("model", c.model, "architecture");
}

std::vector<const Parameter*> by_name(const Parameters& parameters) {
  std::vector<const Parameter*> sorted;
  for (const Parameter& p : parameters.all()) sorted.push_back(&p);
  std::ranges::sort(sorted, {}, [](const Parameter* p) { return std::string_view(p->name); });
  return sorted;
}

// Throws an Error that begins with `place` for the first tensor with a value that is not finite.
// Such a model answers everything with nan or the same word.
void check_finite(const std::vector<const Parameter*>& parameters, const std::string& place) {
  constexpr uint32_t kExponent = 0x7f800000;  // all of it is set in nan and infinities
  for (const Parameter* p : parameters) {
    int64_t others = 0;
    for (const float x : std::as_const(p->value).data<float>())
      others += (std::bit_cast<uint32_t>(x) & kExponent) == kExponent;
    if (others > 0)
      throw Error(place + ": " + std::to_string(others) + " of the " +
                      std::to_string(p->value.numel()) + " values of " + p->name +
                      " are nan or infinite; wanted finite weights",
                  "a model that was trained here diverged: grow it again with a lower learning "
                  "rate; an imported one has to be fetched again");
  }
}

// Returns their digest: the tensors stream to the disk and through the digest in one pass.
std::string write_weights(const fs::path& path, const Parameters& parameters) {
  const auto sorted = by_name(parameters);
  std::vector<TensorHeader> headers;
  for (const Parameter* p : sorted) headers.push_back({p->name, StoredType::f32, p->value.shape()});
  SafetensorsWriter writer(path, headers, {{"format", "pt"}});
  TensorsDigest digest;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const Tensor& value = sorted[i]->value;
    digest.add(headers[i], {value.bytes(), static_cast<size_t>(value.byte_size())});
    writer.write(value);
  }
  writer.commit();
  return digest.hex();
}

std::map<std::string, std::string> digests_below(const fs::path& folder) {
  std::map<std::string, std::string> digests;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).generic_string();
    if (entry.is_regular_file() && name != kManifest && name != kWeights && name != kTokenizer)
      digests[name] = digest_of_file(entry.path());
  }
  return digests;
}

// A writer may move a file between our finding it and our opening it, or publish between two of our
// reads: then we look again.
constexpr int kAttempts = 10;
void wait_for_writer(int attempt) {
  std::this_thread::sleep_for(std::chrono::milliseconds(attempt));
}

std::string read_manifest(const fs::path& folder) {
  for (int attempt = 1;; ++attempt) {
    try {
      return read_file(current_file(folder, kManifest));
    } catch (const Error&) {
      if (attempt == kAttempts) throw;
      wait_for_writer(attempt);
    }
  }
}

[[noreturn]] void refuse_folder(const fs::path& folder) {
  std::error_code ignored, failed;
  const std::string at = folder.string();
  if (at.empty())
    throw Error("the path of the model is empty; wanted a checkpoint's folder", "name one");
  static_cast<void>(fs::status(folder / kManifest, failed));
  if (failed && failed != std::errc::no_such_file_or_directory &&
      failed != std::errc::not_a_directory)
    throw system_error(folder, "read the checkpoint", failed.value());
  std::string seen = "no manifest.json", hint = "check the path for a typing error";
  if (!fs::exists(folder, ignored)) {
    seen = "no such folder";
  } else if (!fs::is_directory(folder, ignored)) {
    seen = "not a folder";
    hint = "a model is the folder that holds manifest.json";
  } else if (fs::exists(folder / "config.json", ignored)) {
    hint =
        "this is a Hugging Face model; bring it in with: lineage import hf " + at + " --out MODEL";
  }
  throw Error(at + ": " + seen + "; wanted a checkpoint", hint);
}

}  // namespace

IsOurs files_of_checkpoint(const fs::path& folder) {
  std::set<fs::path> files;
  if (Checkpoint::exists(folder)) {
    const Manifest manifest = parse_manifest(read_manifest(folder), (folder / kManifest).string());
    files = {kManifest, kWeights};
    if (!manifest.tokenizer.empty()) files.insert(kTokenizer);
    for (const auto& [name, digest] : manifest.files) files.insert(name);
  } else if (fs::exists(folder / ".lock")) {  // a node's folder that has lost its manifest
    files = {kWeights, kTokenizer};
  }
  return [files = std::move(files)](const fs::path& file) {
    return std::ranges::any_of(files, [&](const fs::path& f) {
      return std::ranges::mismatch(file, f).in1 == file.end();  // it, or a folder that holds it
    });
  };
}

bool Checkpoint::exists(const fs::path& folder) {
  // A writer may move the manifest to its place between the question where it is and the look.
  std::error_code ignored;
  return fs::exists(current_file(folder, kManifest), ignored) ||
         fs::exists(folder / kManifest, ignored);
}

namespace {

// Tells one writing of the manifest from another, also of the same text; {} while it moves.
std::pair<ino_t, int64_t> manifest_written(const fs::path& folder) {
  struct stat info {};
  if (::stat(current_file(folder, kManifest).c_str(), &info) != 0) return {};
  return {info.st_ino, int64_t{1'000'000'000} * info.st_mtim.tv_sec + info.st_mtim.tv_nsec};
}

}  // namespace

Checkpoint Checkpoint::open(const fs::path& folder) {
  if (!exists(folder)) refuse_folder(folder);
  // The manifest is the last of its files to move: when it reads the same after the weights were
  // opened, they are those it speaks of.
  for (int attempt = 1;; ++attempt) {
    const auto written = manifest_written(folder);
    const std::string text = read_manifest(folder);
    try {
      Manifest manifest = parse_manifest(text, (folder / kManifest).string());
      SafetensorsFile weights(current_file(folder, kWeights));
      if (read_manifest(folder) == text && manifest_written(folder) == written)
        return {folder, std::move(manifest), std::move(weights)};
    } catch (const Error&) {
      // Damaged, unless the weights moved just then: they do so before the manifest.
      if (attempt == kAttempts || (attempt > 2 && read_manifest(folder) == text)) throw;
      wait_for_writer(attempt);
    }
    require(attempt < kAttempts, folder.string(),
            ": is being rewritten all the time; wanted a checkpoint at rest");
  }
}

Manifest Checkpoint::write(const fs::path& folder, Manifest manifest, const Parameters& parameters,
                           const Tokenizer* tokenizer, const AddFiles& add_files) {
  check_finite(by_name(parameters), folder.string());
  FolderUpdate update(folder, files_of_checkpoint(folder));
  manifest.weights = write_weights(update.staging() / kWeights, parameters);
  manifest.tokenizer = tokenizer ? tokenizer->digest() : "";
  if (tokenizer) tokenizer->save(update.staging() / kTokenizer);
  if (add_files) add_files(update.staging());
  manifest.files = digests_below(update.staging());
  write_file_atomic(update.staging() / kManifest, to_json(manifest));
  update.commit(kManifest);
  return manifest;
}

GptConfig Checkpoint::model_config() const {
  const std::string place = (folder_ / kManifest).string() + ": config";
  const ConfigNode frozen = ConfigNode::parse(manifest_.config, place);
  const auto config = read_config<GptConfig>(frozen.child("model"));
  config.validate(place);
  return config;
}

std::vector<const Parameter*> Checkpoint::matching(const Parameters& parameters,
                                                   const LoadOptions& options) const {
  const std::string place = weights_.path().string();
  std::vector<const Parameter*> found = by_name(parameters);
  std::erase_if(found, [&](const Parameter* p) {
    return weights_.find(p->name) == nullptr &&
           std::ranges::find(options.may_lack, std::string_view(p->name)) != options.may_lack.end();
  });
  for (const Parameter* p : found) {
    const StoredTensor* stored = weights_.find(p->name);
    require(stored != nullptr, place, ": no tensor ", p->name, "; the model wants one of shape ",
            p->value.shape());
    require(stored->shape == p->value.shape(), place, ": tensor ", p->name, " has shape ",
            stored->shape, "; the model wants ", p->value.shape());
    require(stored->type == StoredType::f32, place, ": tensor ", p->name, " is ",
            stored_name(stored->type), "; wanted F32");
  }
  for (const StoredTensor& stored : weights_.tensors())
    require(parameters.contains(stored.name), place, ": tensor ", stored.name, " of shape ",
            stored.shape, " is not in the model; wanted its parameters alone");
  return found;
}

void Checkpoint::check_digest(const std::string& seen) const {
  if (seen == manifest_.weights) return;
  throw Error(weights_.path().string() + ": the digest is " + seen.substr(0, 16) +
                  "...; the manifest wants " + manifest_.weights.substr(0, 16) + "...",
              "the file was damaged or exchanged; restore it, or grow the model again");
}

void Checkpoint::load(Parameters& parameters, const LoadOptions& options) const {
  const std::vector<const Parameter*> found = matching(parameters, options);
  TensorsDigest digest;
  for (const Parameter* p : found) {
    const StoredTensor& stored = weights_.at(p->name);
    digest.add(stored, stored.data);
    read_floats(stored, p->value.data<float>());
    weights_.release(stored);  // so that the model is in memory once
  }
  check_digest(digest.hex());
  check_finite(found, weights_.path().string());
}

void Checkpoint::verify_weights() const { check_digest(digest_of_tensors(weights_)); }

std::shared_ptr<const Tokenizer> Checkpoint::load_tokenizer() const {
  if (manifest_.tokenizer.empty()) return nullptr;
  const fs::path path = current_file(folder_, kTokenizer);
  auto tokenizer = Tokenizer::load(path);
  if (tokenizer->digest() != manifest_.tokenizer)
    throw Error(path.string() + ": a tokenizer with digest " + tokenizer->digest().substr(0, 16) +
                    "...; the model was trained with " + manifest_.tokenizer.substr(0, 16) + "...",
                "put the model's own tokenizer.json back");
  return tokenizer;
}

fs::path Checkpoint::further_file(const std::string& name) const {
  require(manifest_.files.contains(name), (folder_ / kManifest).string(), ": no file ", name,
          "; wanted it");
  return current_file(folder_, name);
}

void Checkpoint::check_further_digest(const std::string& name, const std::string& seen) const {
  if (seen == manifest_.files.at(name)) return;
  throw Error((folder_ / name).string() +
                  ": its digest is not the manifest's; wanted the file as it was written",
              "it was edited or damaged; restore it, or import the model again");
}

void Checkpoint::check_further(const std::string& name) const {
  check_further_digest(name, digest_of_file(further_file(name)));
}

std::string Checkpoint::read_further(const std::string& name) const {
  std::string text = read_file(further_file(name));
  check_further_digest(name, digest_of(text));
  return text;
}

std::string digest_of_weights(const Parameters& parameters) {
  TensorsDigest digest;
  for (const Parameter* p : by_name(parameters))
    digest.add({p->name, StoredType::f32, p->value.shape()},
               {p->value.bytes(), static_cast<size_t>(p->value.byte_size())});
  return digest.hex();
}

std::string frozen_model_config(const GptConfig& config) { return to_toml(FrozenModel{config}); }

}  // namespace lineage
