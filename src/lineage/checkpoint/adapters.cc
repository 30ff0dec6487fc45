#include "lineage/checkpoint/adapters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "lineage/base/error.h"

namespace lineage {
namespace {

constexpr std::string_view kScale = "scale ";  // begins the key of an adapter's scale
constexpr const char *kBaseName = "base", *kBaseWeights = "base_weights";

std::string key_of(const Adapter& a) { return fmt::format("{}.{}", a.matrix, a.rows.first); }

std::vector<const char*> own_parameters(const GptConfig& config) {
  if (!config.scalar_head) return {};
  return {std::begin(kScalarHeadParameters), std::end(kScalarHeadParameters)};
}

void copy(const Parameter& from, const Parameter& to) {
  const Tensor target = to.value;
  std::ranges::copy(from.value.data<float>(), target.data<float>().begin());
}

double read_scale(const SafetensorsFile& file, const std::string& key) {
  const auto text = file.metadata().find(std::string(kScale) + key);
  require(text != file.metadata().end(), file.path().string(), ": no scale of ", key,
          "; wanted one for each adapter");
  double scale = 0;
  const char* const end = text->second.data() + text->second.size();
  const auto [stop, error] = std::from_chars(text->second.data(), end, scale);
  require(error == std::errc() && stop == end && std::isfinite(scale), file.path().string(),
          ": the scale of ", key, " is \"", text->second, "\"; wanted a finite number");
  return scale;
}

// "blocks.0.attention.qkv.768" -> the matrix and its first row.
Adapter parse_key(const std::string& key, const std::string& place) {
  Adapter a;
  const size_t dot = key.rfind('.');
  const char* const end = key.data() + key.size();
  const char* const number = dot == std::string::npos ? end : key.data() + dot + 1;
  const auto [stop, error] = std::from_chars(number, end, a.rows.first);
  require(error == std::errc() && stop == end, place, ": adapter ", key,
          "; wanted a matrix and its first row, as blocks.0.attention.qkv.0");
  a.matrix = key.substr(0, dot);
  return a;
}

}  // namespace

void write_adapters(const fs::path& file, const AdapterSet& set) {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata = {
      {"format", "pt"}, {kBaseName, set.base_name}, {kBaseWeights, set.base_weights}};
  for (const Adapter& a : set.adapters) {
    tensors[fmt::format("{}.{}", key_of(a), kLoraA)] = a.a;
    tensors[fmt::format("{}.{}", key_of(a), kLoraB)] = a.b;
    metadata[std::string(kScale) + key_of(a)] = fmt::format("{}", a.scale);
  }
  write_safetensors(file, tensors, metadata);
}

AdapterSet read_adapters(const fs::path& path, const GptConfig& config) {
  const SafetensorsFile file(path);
  const std::string place = path.string();
  Parameters parameters;
  const Gpt shapes(parameters.root(), config);
  const std::map<std::string, Shape> matrices = parameters.registered_shapes();
  AdapterSet set;
  const auto base = [&](const char* key) {
    const auto value = file.metadata().find(key);
    return value == file.metadata().end() ? "" : value->second;
  };
  set.base_name = base(kBaseName), set.base_weights = base(kBaseWeights);
  const std::string tail = "." + std::string(kLoraA), other = "." + std::string(kLoraB);
  for (const StoredTensor& t : file.tensors()) {
    const bool second = t.name.ends_with(other);
    require(t.name.ends_with(tail) || second, place, ": tensor ", t.name,
            "; wanted names that end in ", tail, " or ", other);
    const std::string key = t.name.substr(0, t.name.size() - tail.size());
    if (second) {
      file.at(key + tail);
      continue;
    }
    Adapter a = parse_key(key, place);
    a.a = file.read(t.name);
    a.b = file.read(key + other);
    a.scale = read_scale(file, key);
    const auto matrix = matrices.find(a.matrix + ".weight");
    require(matrix != matrices.end(), place, ": adapter ", key, " is of no matrix of the model");
    a.rows.count = a.b.shape().rank() == 2 ? a.b.dim(0) : 0;
    require(matrix->second.rank() == 2 && a.a.shape() == Shape{a.a.dim(0), matrix->second[1]} &&
                a.b.shape() == Shape{a.rows.count, a.a.dim(0)} && a.rows.count > 0 &&
                a.rows.first >= 0 && a.rows.first <= matrix->second[0] - a.rows.count,
            place, ": adapter ", key, " has shapes ", a.a.shape(), " and ", a.b.shape(),
            "; the matrix is ", matrix->second);
    set.adapters.push_back(std::move(a));
  }
  return set;
}

void adapt(Model& model, const LoraConfig& config, uint64_t seed) {
  model.adapters = std::make_unique<Parameters>();
  add_adapters(*model.gpt, *model.adapters, config);
  model.adapters->allocate(/*with_gradients=*/true);
  model.adapters->initialize(seed);
  for (const char* name : own_parameters(model.config))
    copy(model.parameters->at(name), model.adapters->at(name));
}

std::vector<Adapter> adapters_of(const Model& model) {
  std::vector<Adapter> all;
  for (const AdaptedMatrix& m : adapted_matrices(*model.gpt)) {
    const LowRank& low_rank = *m.matrix->low_rank;
    const int64_t r = low_rank.b.dim(1);
    int64_t of_a = 0, of_b = 0;
    for (const ops::OutputRows& rows : low_rank.rows) {
      all.push_back({m.name, rows, low_rank.scale, low_rank.a.rows(of_a, of_a + r),
                     low_rank.b.rows(of_b, of_b + rows.count)});
      of_a += r, of_b += rows.count;
    }
  }
  return all;
}

Model base_of(const Model& model) {
  Model base;
  base.config = model.config;
  base.parameters = std::make_unique<Parameters>();
  base.gpt = std::make_unique<Gpt>(base.parameters->root(), base.config);
  base.parameters->share(*model.parameters);
  base.tokenizer = model.tokenizer;
  base.manifest = model.manifest;
  return base;
}

void merge(Model& model) {
  if (!model.adapters) return;
  for (const AdaptedMatrix& m : adapted_matrices(*model.gpt)) m.matrix->merge();
  for (const char* name : own_parameters(model.config))
    copy(model.adapters->at(name), model.parameters->at(name));
  if (model.config.scalar_head) {
    model.gpt->scalar_head.weight = model.parameters->at(kScalarHeadParameters[0]).value;
    model.gpt->scalar_head.bias = model.parameters->at(kScalarHeadParameters[1]).value;
  }
  model.adapters.reset();
}

void add_to(const Tensor& weight, const Adapter& adapter) {
  const ops::OutputRows rows[] = {{0, adapter.rows.count}};
  const Tensor b =
      ops::low_rank_b(adapter.b, rows, adapter.rows.count, static_cast<float>(adapter.scale));
  Tensor changed = weight.rows(adapter.rows.first, adapter.rows.first + adapter.rows.count);
  kernels(weight.device()).matmul(changed, b, Trans::no, adapter.a, Trans::no, 1);
}

}  // namespace lineage
