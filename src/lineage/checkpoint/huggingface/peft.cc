#include "lineage/checkpoint/peft.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "lineage/base/error.h"
#include "lineage/base/json.h"
#include "lineage/base/version.h"
#include "lineage/checkpoint/adapters.h"
#include "lineage/checkpoint/folder_update.h"
#include "lineage/checkpoint/huggingface/adapter_config.h"
#include "lineage/checkpoint/huggingface/config.h"
#include "lineage/checkpoint/huggingface/layout.h"
#include "lineage/checkpoint/huggingface/tensors.h"

namespace lineage {
namespace {

constexpr const char* kAdapterConfig = "adapter_config.json";
constexpr const char* kAdapterTensors = "adapter_model.safetensors";
constexpr std::string_view kPeftPrefix = "base_model.model.";
constexpr std::string_view kTailA = ".lora_A.weight", kTailB = ".lora_B.weight";
constexpr std::string_view kWeight = ".weight";
constexpr const char* kBaseDigest = "lineage_base_weights";  // a key of the tensors' metadata

std::string without_weight(const std::string& name) {
  return name.substr(0, name.size() - kWeight.size());
}

// A layer of theirs that an adapter may be beside.
struct PeftLayer {
  std::string name;      // without prefix: "h.0.attn.c_attn"
  std::string matrix;    // of ours: "blocks.0.attention.qkv"
  HuggingFacePart rows;  // of the matrix B, whose rows lie as those of the weight
  ops::OutputRows ours;
  int64_t in = 0;
  bool transposed = false;
};

std::vector<PeftLayer> layers_of(const HuggingFaceFamily& family, const GptConfig& config) {
  std::vector<PeftLayer> layers;
  for (const HuggingFacePart& part : huggingface_parts(family, config, /*head=*/false)) {
    if (part.shape.rank() != 2 || !part.ours.starts_with("blocks.")) continue;
    const bool transposed = part.order == PartOrder::transposed;
    const int64_t out = part.shape[transposed ? 1 : 0], in = part.shape[transposed ? 0 : 1];
    PeftLayer layer{without_weight(part.theirs),
                    without_weight(part.ours),
                    part,
                    {part.row, out},
                    in,
                    transposed};
    if (transposed) layer.rows.order = PartOrder::same;
    layers.push_back(std::move(layer));
  }
  return layers;
}

// The part of a layer's B (out,r).
HuggingFacePart part_of_b(const PeftLayer& layer, int64_t r) {
  HuggingFacePart part = layer.rows;
  part.shape = {layer.ours.count, r};
  return part;
}

StoredTensor as_stored(const Tensor& t) {
  StoredTensor stored;
  stored.shape = t.shape();
  stored.data = {t.bytes(), static_cast<size_t>(t.byte_size())};
  return stored;
}

std::map<std::string, Shape> shapes_of(const GptConfig& config) {
  Parameters parameters;
  const Gpt gpt(parameters.root(), config);
  return parameters.registered_shapes();
}

bool overlap(const ops::OutputRows& a, const ops::OutputRows& b) {
  return a.first < b.first + b.count && b.first < a.first + a.count;
}

// An adapter of one of their layers.
struct PeftAdapter {
  std::string layer;
  Tensor a, b;  // (r,in), (out,r)
  double scale = 1;
};

// The adapters of our matrix that change rows of this layer, as one.
std::optional<PeftAdapter> as_theirs(const PeftLayer& layer, std::span<const Adapter> all,
                                     int64_t outputs) {
  std::vector<const Adapter*> of;
  int64_t r = 0;
  for (const Adapter& a : all)
    if (a.matrix == layer.matrix && overlap(a.rows, layer.ours)) of.push_back(&a), r += a.rank();
  if (of.empty()) return std::nullopt;
  PeftAdapter out{layer.name, Tensor::empty({r, layer.in}), {}, of[0]->scale};
  const bool same_scale =
      std::ranges::all_of(of, [&](const Adapter* a) { return a->scale == out.scale; });
  if (!same_scale) out.scale = 1;
  Tensor b = Tensor::zeros({outputs, r});  // of all rows of our matrix
  int64_t from = 0;
  for (const Adapter* a : of) {
    std::ranges::copy(a->a.data<float>(), out.a.data<float>().begin() + from * layer.in);
    const auto factor = static_cast<float>(same_scale ? 1 : a->scale);
    for (int64_t row = 0; row < a->rows.count; ++row)
      for (int64_t c = 0; c < a->rank(); ++c)
        b.data<float>()[(a->rows.first + row) * r + from + c] =
            factor * a->b.data<float>()[row * a->rank() + c];
    from += a->rank();
  }
  out.b = export_part(part_of_b(layer, r), as_stored(b));
  return out;
}

Adapter as_ours(const PeftLayer& layer, const PeftAdapter& theirs, int64_t outputs) {
  const int64_t r = theirs.a.dim(0);
  const Tensor b = Tensor::zeros({outputs, r});
  import_part(part_of_b(layer, r), as_stored(theirs.b), b);
  return {layer.matrix, layer.ours, theirs.scale, theirs.a,
          b.rows(layer.ours.first, layer.ours.first + layer.ours.count)};
}

// The shortest end of a layer's name that is the end of adapted layers alone, as target_modules
// has them.
std::string target_of(const std::string& layer, std::span<const PeftLayer> all,
                      const std::set<std::string>& adapted) {
  for (size_t dot = layer.rfind('.'); dot != std::string::npos;
       dot = dot == 0 ? std::string::npos : layer.rfind('.', dot - 1)) {
    const std::string tail = layer.substr(dot);
    if (std::ranges::none_of(all, [&](const PeftLayer& other) {
          return other.name.ends_with(tail) && !adapted.contains(other.name);
        }))
      return tail.substr(1);
  }
  return layer;
}

AdapterConfig config_of(std::span<const PeftAdapter> adapters, std::span<const PeftLayer> layers,
                        const std::string& prefix) {
  AdapterConfig config;
  const auto alpha_of = [](const PeftAdapter& a) {
    return a.scale * static_cast<double>(a.a.dim(0));
  };
  config.rank = adapters[0].a.dim(0);
  config.alpha = alpha_of(adapters[0]);
  std::set<std::string> adapted, targets;
  for (const PeftAdapter& a : adapters) {
    adapted.insert(a.layer);
    if (a.a.dim(0) != config.rank) config.ranks[prefix + a.layer] = a.a.dim(0);
    if (alpha_of(a) != config.alpha) config.alphas[prefix + a.layer] = alpha_of(a);
  }
  for (const std::string& layer : adapted) targets.insert(target_of(layer, layers, adapted));
  config.targets.assign(targets.begin(), targets.end());
  return config;
}

void write_peft(const fs::path& to, std::span<const PeftAdapter> adapters,
                const std::string& prefix, const std::string& base_digest) {
  std::map<std::string, Tensor> tensors;
  for (const PeftAdapter& a : adapters) {
    const std::string name = std::string(kPeftPrefix) + prefix + a.layer;
    tensors[name + std::string(kTailA)] = a.a;
    tensors[name + std::string(kTailB)] = a.b;
  }
  write_safetensors(to / kAdapterTensors, tensors, {{"format", "pt"}, {kBaseDigest, base_digest}});
}

void require_new(const fs::path& to, std::string_view option) {
  check_writable_folder(to, option);
  if (!fs::exists(to) || first_name_in(to).empty()) return;
  throw Error(to.string() + ": is there already; wanted a new or an empty folder",
              "name another folder, or remove this one");
}

// The family of a base: that of its import, else the one in which it would be exported.
const HuggingFaceFamily& family_of(const Checkpoint& base) {
  constexpr const char* kLayoutFile = "huggingface/layout.json";
  if (base.manifest().files.contains(kLayoutFile))
    return *parse_layout(base.read_further(kLayoutFile), (base.folder() / kLayoutFile).string())
                .family;
  return writable_family(base.model_config(), base.folder().string());
}

}  // namespace

void export_adapter(const fs::path& path, const fs::path& to, const ExportAdapterOptions& options) {
  require_new(to, "DIR");
  const Checkpoint model = Checkpoint::open(path);
  const GptConfig config = model.model_config();
  if (!model.manifest().files.contains(AdapterSet::kFile))
    throw Error(path.string() + ": has no adapter; wanted a model that was tuned with one",
                "a stage trains one with [STAGE.lora]; the whole model is written by: lineage "
                "export hf");
  require(!config.scalar_head, path.string(),
          ": has a scalar head, which is no part of an adapter; wanted a language model");
  model.check_further(AdapterSet::kFile);
  const AdapterSet set = read_adapters(model.further_file(AdapterSet::kFile), config);
  const HuggingFaceFamily& family = writable_family(config, path.string());
  const std::string prefix = default_prefixes(family).body;
  const auto shapes = shapes_of(config);
  const std::vector<PeftLayer> layers = layers_of(family, config);
  std::vector<PeftAdapter> adapters;
  bool transposed = false;
  for (const PeftLayer& layer : layers)
    if (auto a = as_theirs(layer, set.adapters, shapes.at(layer.matrix + ".weight")[0])) {
      adapters.push_back(std::move(*a));
      transposed = transposed || layer.transposed;
    }
  require(!adapters.empty(), path.string(), ": the file ", AdapterSet::kFile,
          " has no adapter; wanted at least one");
  AdapterConfig written = config_of(adapters, layers, prefix);
  written.base_name = options.base_name.empty() ? set.base_name : options.base_name;
  if (options.note && written.rank != set.adapters[0].rank())
    options.note(
        fmt::format("a {} has queries, keys and values in one layer: its adapter has rank "
                    "{}, those of ours together",
                    family.model_type, written.rank));
  FolderUpdate update(to);
  write_peft(update.staging(), adapters, prefix, set.base_weights);
  write_file_atomic(update.staging() / kAdapterConfig, to_json(written, transposed));
  update.commit(kAdapterConfig);
}

namespace {

[[noreturn]] void refuse_adapter_folder(const fs::path& from) {
  const std::string at = from.string();
  if (!fs::is_directory(from))
    throw Error(at + ": no such folder; wanted the folder of a PEFT adapter",
                "name the folder that holds adapter_config.json");
  if (fs::exists(from / "config.json"))
    throw Error(at + ": is a whole model; wanted the folder of a PEFT adapter",
                "bring it in with: lineage import hf " + at + " --out MODEL");
  throw Error(at + ": no " + kAdapterConfig + "; wanted the folder of a PEFT adapter",
              "save it with: model.save_pretrained(folder)");
}

std::string last_name(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return std::string(path.substr(path.rfind('/') + 1));
}

// The names that a base goes by: of its node, and those that its own config.json has.
std::set<std::string> names_of(const Checkpoint& base) {
  std::set<std::string> names = {base.manifest().node};
  constexpr const char* kTheirConfig = "huggingface/config.json";
  if (base.manifest().files.contains(kTheirConfig)) {
    const JsonObject json =
        JsonObject::parse(base.read_further(kTheirConfig), (base.folder() / kTheirConfig).string());
    if (json.has("_name_or_path")) names.insert(last_name(json.get<std::string>("_name_or_path")));
  }
  names.erase("");
  return names;
}

void check_base(const AdapterConfig& config, const SafetensorsFile& tensors, const Checkpoint& base,
                const ImportAdapterOptions& options) {
  const std::string place = tensors.path().parent_path().string();
  if (const auto digest = tensors.metadata().find(kBaseDigest);
      digest != tensors.metadata().end() && !digest->second.empty()) {
    if (digest->second == base.manifest().weights) return;
    throw Error(fmt::format("{}: the adapter is of a base with weights {}; {} has {}", place,
                            digest->second.substr(0, 12), base.folder().string(),
                            base.manifest().weights.substr(0, 12)),
                "name the model that it was trained on with --base");
  }
  if (config.base_name.empty()) {
    if (options.note)
      options.note("the adapter names no base; its layers have the shapes of this one's");
    return;
  }
  if (options.base_name == config.base_name || names_of(base).contains(last_name(config.base_name)))
    return;
  throw Error(
      fmt::format("{}: the adapter is of {}; {} is {}", place, config.base_name,
                  base.folder().string(),
                  base.manifest().node.empty() ? "a model without a name" : base.manifest().node),
      "if it is the same model under another name: --base-name " + config.base_name);
}

[[noreturn]] void refuse_tensor(const std::string& place, const std::string& name,
                                const HuggingFaceFamily& family) {
  std::string why =
      "is of no layer of a " + std::string(family.model_type) + " model with the base's shape";
  std::string help = "check that the adapter is of this base";
  if (name.find(".lora_magnitude_vector") != std::string::npos)
    why = "is of DoRA, which is not computed here";
  else if (name.find(".lora_embedding_") != std::string::npos)
    why = "is an adapter of an embedding, which is not computed here";
  else if (name.find(".lora_") == std::string::npos)
    why = "is a layer that was saved whole; wanted adapters alone";
  if (why.ends_with("here") || why.ends_with("alone"))
    help =
        "merge it into its base first: model.merge_and_unload().save_pretrained(folder), and "
        "import that model";
  throw Error(place + ": tensor " + name + " " + why, help);
}

// Their layers by the names that an adapter of the whole model, or of its body, has.
std::map<std::string, const PeftLayer*> by_peft_name(const HuggingFaceFamily& family,
                                                     std::span<const PeftLayer> layers) {
  std::map<std::string, const PeftLayer*> names;
  for (const std::string_view prefix : family.prefixes)
    for (const PeftLayer& layer : layers) names.emplace(std::string(prefix) + layer.name, &layer);
  return names;
}

// One adapter of theirs, checked against its config and its layer.
PeftAdapter read_peft(const SafetensorsFile& file, const std::string& module,
                      const PeftLayer& layer, const AdapterConfig& config) {
  const std::string place = file.path().string();
  const StoredTensor& a = file.at(std::string(kPeftPrefix) + module + std::string(kTailA));
  const StoredTensor& b = file.at(std::string(kPeftPrefix) + module + std::string(kTailB));
  const int64_t r = config.rank_of(module, place);
  for (const auto& [t, shape] :
       {std::pair{&a, Shape{r, layer.in}}, std::pair{&b, Shape{layer.ours.count, r}}}) {
    require(t->shape == shape, place, ": tensor ", t->name, " has shape ", t->shape, "; rank ", r,
            " and the base want ", shape);
    require(floating(t->type), place, ": tensor ", t->name, " is ", stored_name(t->type),
            "; wanted F32, F16, BF16 or F64");
  }
  require(config.has_target(module), place, ": has an adapter of ", module,
          ", which is none of the target_modules of ", kAdapterConfig);
  PeftAdapter out{layer.name, read_tensor(a), read_tensor(b), config.scale_of(module, place)};
  for (const Tensor& t : {out.a, out.b})
    for (const float x : t.data<float>())
      require(std::isfinite(x), place, ": the adapter of ", module,
              " has a value that is not finite; wanted finite ones");
  return out;
}

}  // namespace

Manifest import_adapter(const fs::path& from, const fs::path& base_folder, const fs::path& to,
                        const ImportAdapterOptions& options) {
  if (!fs::exists(from / kAdapterConfig)) refuse_adapter_folder(from);
  require_new(to, "--out");
  const std::string place = (from / kAdapterConfig).string();
  const AdapterConfig config = parse_adapter_config(read_file(from / kAdapterConfig), place);
  if (!fs::exists(from / kAdapterTensors))
    throw Error(from.string() + ": no " + kAdapterTensors + "; wanted the adapter's tensors",
                fs::exists(from / "adapter_model.bin")
                    ? "adapter_model.bin is not read; save it again with safe_serialization=True"
                    : "fetch the folder again");
  const SafetensorsFile file(from / kAdapterTensors);
  const Checkpoint base = Checkpoint::open(base_folder);
  check_base(config, file, base, options);
  Model model = load_model(base_folder);
  const HuggingFaceFamily& family = family_of(base);
  const std::vector<PeftLayer> layers = layers_of(family, model.config);
  const auto names = by_peft_name(family, layers);
  AdapterSet set;
  set.base_name = base.manifest().node, set.base_weights = base.manifest().weights;
  for (const StoredTensor& t : file.tensors()) {
    const bool first = t.name.ends_with(kTailA);
    const bool ours = t.name.starts_with(kPeftPrefix) && (first || t.name.ends_with(kTailB)) &&
                      t.name.size() > kPeftPrefix.size() + kTailA.size();
    const std::string module =
        ours ? t.name.substr(kPeftPrefix.size(), t.name.size() - kPeftPrefix.size() - kTailA.size())
             : "";
    const auto layer = names.find(module);
    if (layer == names.end()) refuse_tensor(file.path().string(), t.name, family);
    const PeftAdapter adapter = read_peft(file, module, *layer->second, config);
    if (!first) continue;
    const Tensor weight = model.parameters->at(layer->second->matrix + ".weight").value;
    set.adapters.push_back(as_ours(*layer->second, adapter, weight.dim(0)));
    add_to(weight, set.adapters.back());
  }
  require(!set.adapters.empty(), file.path().string(), ": has no tensors; wanted an adapter");
  for (const std::string& note : config.notes)
    if (options.note) options.note(note);

  Manifest manifest;
  manifest.stage = "import";
  manifest.stage_text = {StageKind::base, "imported",
                         "A model with an adapter that comes from elsewhere; nothing is known here "
                         "of how the adapter was trained."};
  manifest.node = fs::weakly_canonical(from).filename().string();
  manifest.parents = {base.manifest().weights};
  manifest.chats = base.manifest().chats;
  manifest.world = base.manifest().world;
  manifest.config = frozen_model_config(model.config);
  manifest.code = kVersion;
  manifest.created = utc_now();
  return Checkpoint::write(
      to, manifest, *model.parameters, model.tokenizer.get(),
      [&](const fs::path& staging) { write_adapters(staging / AdapterSet::kFile, set); });
}

}  // namespace lineage
