#include "lineage/stages/best_weights.h"

#include <fmt/format.h>

#include "lineage/base/folder.h"
#include "lineage/checkpoint/safetensors.h"

namespace lineage {

BestWeights::BestWeights(const std::filesystem::path& folder) : file_(folder / "best.safetensors") {
  if (std::filesystem::exists(file_))
    loss_ = std::stod(SafetensorsFile(file_).metadata().at("loss"));
}

void BestWeights::consider(double loss, const Parameters& parameters) {
  if (!(loss < loss_)) return;
  loss_ = loss;
  write_safetensors(file_, {{"values", parameters.values()}},
                    {{"loss", fmt::format("{:.17g}", loss)}});
}

void BestWeights::load(Parameters& parameters) const {
  if (std::filesystem::exists(file_))
    read_tensor(SafetensorsFile(file_).at("values"), parameters.values());
}

void BestWeights::remove() const {
  remove_ours(file_.parent_path(),
              [&](const std::filesystem::path& file) { return file == file_.filename(); });
}

}  // namespace lineage
