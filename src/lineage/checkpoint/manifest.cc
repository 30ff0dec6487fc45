#include "lineage/checkpoint/manifest.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <ctime>

#include "lineage/base/config.h"
#include "lineage/base/digest.h"
#include "lineage/base/enum_index.h"
#include "lineage/base/error.h"
#include "lineage/base/json.h"
#include "lineage/checkpoint/renamed_keys.h"

namespace lineage {
namespace {

using nlohmann::json;

constexpr int64_t kFormat = 1;

std::map<std::string, std::string> strings(const JsonObject& object) {
  std::map<std::string, std::string> all;
  for (const auto& [key, value] : object.value().items()) all[key] = object.get<std::string>(key);
  return all;
}

std::vector<std::string> strings(const JsonObject& object, std::string_view key) {
  std::vector<std::string> all;
  for (const json& value : object.list(key)) {
    if (!value.is_string()) object.refuse(key, "an array of strings");
    all.push_back(value.get<std::string>());
  }
  return all;
}

StageText read_stage_text(const JsonObject& object) {
  const auto names = enum_names(StageKind());
  const auto kind = std::ranges::find(names, object.get<std::string>("kind"));
  if (kind == names.end()) object.refuse("kind", "base, tuned or feedback");
  return {static_cast<StageKind>(kind - names.begin()), object.get<std::string>("title"),
          object.get<std::string>("about")};
}

}  // namespace

std::string with_renamed_keys(const std::string& toml, const std::string& place) {
  ConfigNode config = ConfigNode::parse(toml, place);
  bool renamed = false;
  for (const RenamedKey& key : kRenamedKeys) renamed |= config.rename(key.path, key.name);
  return renamed ? config.toml() : toml;
}

std::string to_json(const Manifest& m) {
  nlohmann::ordered_json all = {
      {"format", kFormat},        {"stage", m.stage},     {"node", m.node},
      {"identity", m.identity},   {"parents", m.parents}, {"datasets", m.datasets},
      {"tokenizer", m.tokenizer}, {"config", m.config},   {"code", m.code},
      {"seed", m.seed},           {"step", m.step},       {"tokens", m.tokens},
      {"weights", m.weights},     {"created", m.created}, {"files", m.files}};
  if (!m.world.empty()) all["world"] = m.world;
  all["stage_text"] = {{"kind", enum_names(StageKind())[enum_index(m.stage_text.kind)]},
                       {"title", m.stage_text.title},
                       {"about", m.stage_text.about}};
  all["chats"] = m.chats;
  all["digest"] = digest_of(json(all).dump());
  return all.dump(2) + "\n";
}

Manifest parse_manifest(std::string_view text, const std::string& place) {
  const JsonObject all = JsonObject::parse(text, place);
  if (all.get<int64_t>("format") != kFormat)
    all.refuse("format", std::to_string(kFormat), "a newer version of this program wrote it");
  json rest = all.value();
  rest.erase("digest");
  if (digest_of(rest.dump(-1, ' ', false, json::error_handler_t::replace)) !=
      all.get<std::string>("digest"))
    throw Error(
        place + ": its digest is not that of its content; wanted the file as it was written",
        "it was edited or damaged; restore it, or grow the model again");
  Manifest m;
  m.stage = all.get<std::string>("stage");
  if (all.has("stage_text")) {
    m.stage_text = read_stage_text(all.child("stage_text"));
    m.chats = all.get<bool>("chats");
  } else {  // written before stages had words
    m.chats = m.stage == "sft" || m.stage == "feedme";
    m.stage_text.kind = m.chats ? StageKind::tuned : StageKind::base;
  }
  m.node = all.get<std::string>("node");
  m.identity = all.get<std::string>("identity");
  m.parents = strings(all, "parents");
  m.datasets = all.child("datasets").value().get<std::map<std::string, json>>();
  for (auto& [name, record] : m.datasets)  // earlier versions wrote the kind alone
    if (record.is_object() && !record.contains("generated") &&
        record.value("kind", json()) == "answers rated by the labeler")
      record["generated"] = true;
  m.tokenizer = all.get<std::string>("tokenizer");
  m.config = with_renamed_keys(all.get<std::string>("config"), place);
  m.world = all.get_or<std::string>("world", "");
  m.code = all.get<std::string>("code");
  m.seed = all.get<uint64_t>("seed");
  m.step = all.get<int64_t>("step");
  m.tokens = all.get<int64_t>("tokens");
  m.weights = all.get<std::string>("weights");
  m.created = all.get<std::string>("created");
  m.files = strings(all.child("files"));
  return m;
}

std::string utc_now() { return fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr))); }

}  // namespace lineage
