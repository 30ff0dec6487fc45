#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "lineage/base/folder.h"
#include "lineage/checkpoint/manifest.h"
#include "lineage/checkpoint/safetensors.h"
#include "lineage/nn/gpt.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

// A model on disk, a folder:
//
//   manifest.json         its origin
//   weights.safetensors   one F32 tensor per parameter, in the order of their names
//   tokenizer.json        if it has a tokenizer
//
// An imported model has huggingface/ besides (see huggingface.h), and while a stage runs its
// training-*.safetensors are there too (training_state.h). Other files of the folder are left
// alone, and one that no manifest lists is never replaced: write() throws. A reader sees the
// checkpoint from before a write() or the one after, never half of one, at whatever moment the
// writer failed or was killed. Immutable; moveable.
class Checkpoint {
 public:
  // Reads the manifest and the header of the weights. An open checkpoint stays readable when
  // another is written to its folder.
  static Checkpoint open(const fs::path& folder);
  static bool exists(const fs::path& folder);

  // Adds further files to the staging folder that it is given; manifest.files will list them.
  using AddFiles = std::function<void(const fs::path& staging)>;
  // Sets manifest.weights, .tokenizer and .files; the caller sets the rest. Returns the manifest as
  // written. An Error, and nothing written, when a weight is not finite.
  static Manifest write(const fs::path& folder, Manifest, const Parameters&,
                        const Tokenizer* = nullptr, const AddFiles& add_files = {});

  const fs::path& folder() const { return folder_; }
  const Manifest& manifest() const { return manifest_; }
  const SafetensorsFile& weights() const { return weights_; }

  // The table [model] of the frozen config, validated.
  GptConfig model_config() const;
  struct LoadOptions {
    // Names of parameters that keep their values where the checkpoint has no such tensor.
    std::span<const char* const> may_lack{};
  };
  // Throws naming the first missing, misshapen or extra tensor, or when the digest is not the
  // manifest's, or a weight is not finite; the parameters are then invalid.
  void load(Parameters&, const LoadOptions&) const;
  void load(Parameters& parameters) const { load(parameters, LoadOptions()); }
  // Null when the model has none; an Error when the file is not the manifest's.
  std::shared_ptr<const Tokenizer> load_tokenizer() const;
  // A further file that the manifest lists; read_ and check_ compare its digest.
  fs::path further_file(const std::string& name) const;
  void check_further(const std::string& name) const;
  std::string read_further(const std::string& name) const;
  // Reads all the weights and compares their digest.
  void verify_weights() const;

 private:
  Checkpoint(fs::path folder, Manifest manifest, SafetensorsFile weights)
      : folder_(std::move(folder)), manifest_(std::move(manifest)), weights_(std::move(weights)) {}
  // The parameters that it has, by name.
  std::vector<const Parameter*> matching(const Parameters&, const LoadOptions&) const;
  void check_digest(const std::string& seen) const;
  void check_further_digest(const std::string& name, const std::string& seen) const;

  fs::path folder_;
  Manifest manifest_;
  SafetensorsFile weights_;
};

// The files that the checkpoint in the folder consists of; for a node's folder without its
// manifest, those that it would have.
IsOurs files_of_checkpoint(const fs::path& folder);

// A frozen config with a model alone: "[model]" and its keys.
std::string frozen_model_config(const GptConfig&);

// Manifest::weights of a checkpoint with these parameters.
std::string digest_of_weights(const Parameters&);

}  // namespace lineage
