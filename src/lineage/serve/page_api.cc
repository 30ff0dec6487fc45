#include "lineage/serve/page_api.h"

#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/run/chat_examples.h"
#include "lineage/run/suites.h"
#include "lineage/serve/api_error.h"
#include "lineage/serve/front.h"
#include "lineage/text/unknown_words.h"
#include "lineage/world/facts.h"

namespace lineage {
namespace {

HttpResponse json_answer(const OrderedJson& body) {
  return {200, {{"Content-Type", "application/json"}, {"Cache-Control", "no-cache"}}, dumped(body)};
}

OrderedJson prompts_json(const ServedModel& model) {
  OrderedJson j = {{"about", ""}, {"words", nullptr}, {"examples", OrderedJson::array()}};
  if (const auto words = closed_vocabulary(*model.tokenizer)) j["words"] = *words;
  if (model.manifest.world.empty() || !of_micro_world(*model.tokenizer)) return j;
  j["about"] = kAboutMicroWorld;
  const World world(
      read_config<WorldConfig>(ConfigNode::parse(model.manifest.world, model.id + ": its world")));
  for (const ChatExample& e : chat_examples(world))
    j["examples"].push_back({{"about", e.about}, {"turns", e.turns}, {"answer", e.answer}});
  return j;
}

// The run folder that a served path is, or lies in.
std::optional<fs::path> run_at(const std::string& path) {
  std::error_code none;
  const fs::path folder = fs::canonical(path, none);
  if (none) return {};
  for (fs::path at = folder; at.has_relative_path(); at = at.parent_path())
    if (fs::is_directory(at / "nodes", none) && fs::is_directory(at / "trees", none)) return at;
  return {};
}

Rankings rankings_of(const PageOptions& options) {
  if (!options.rankings) return {{}, "this server keeps no rankings (--no-rankings)"};
  for (const std::string& path : options.runs)
    if (const auto run = run_at(path)) return {*run / "rankings", ""};
  return {{}, "rankings are kept in a run folder, and none is served"};
}

Rankings rankings_with_file(const PageOptions& options) {
  Rankings rankings = rankings_of(options);
  if (options.rank) rankings.offer(*options.rank);
  return rankings;
}

constexpr std::string_view kRankings = "/v1/lineage/rankings";

}  // namespace

PageApi::PageApi(const PageOptions& options, ServedModels& models)
    : models_(models), run_pages_(options.runs, models), rankings_(rankings_with_file(options)) {}

bool PageApi::has(std::string_view path) {
  return path.starts_with("/v1/lineage/") && path != "/v1/lineage/compare";
}

HttpResponse PageApi::answer(const HttpRequest& request) try {
  return routed(request, path_of(request.target).value_or(""));
} catch (const ApiError& e) {
  return error_response(e);
} catch (const Error& e) {
  const std::string hint = e.hint().empty() ? "" : "; " + e.hint();
  return error_response(ApiError(500, e.what() + hint, {}, "run_unreadable"));
}

HttpResponse PageApi::routed(const HttpRequest& request, const std::string& path) {
  const auto query = [&](const char* key) { return query_of(request.target, key).value_or(""); };
  if (path == "/v1/lineage/prompts") return json_answer(prompts(query("model")));
  if (path.starts_with(kRankings)) return ranked(request, path.substr(kRankings.size()));
  if (RunPages::has(path)) return run_pages_.answer(request, path);
  throw ApiError(404, "unknown path: " + path, {}, "unknown_url");
}

// "", "/file", "/ID" or "/ID/export".
HttpResponse PageApi::ranked(const HttpRequest& request, const std::string& below) {
  const bool posts = request.method == "POST";
  const std::string labeler = query_of(request.target, "labeler").value_or("");
  if (below.empty())
    return json_answer(posts ? OrderedJson{{"id", rankings_.make(Fields::parse(request.body))}}
                             : rankings_.list());
  if (below == "/file" && !posts) return json_answer(rankings_.offered());
  const size_t end = std::min(below.find('/', 1), below.size());
  const std::string id = below.substr(1, end - 1), rest = below.substr(end);
  if (rest == "/export" && !posts)
    return {200,
            {{"Content-Type", "application/jsonl"},
             {"Cache-Control", "no-cache"},
             {"Content-Disposition", "attachment; filename=\"rankings.jsonl\""}},
            rankings_.exported(id, labeler)};
  if (!rest.empty())
    throw ApiError(404, "unknown path: " + std::string(kRankings) + below, {}, "unknown_url");
  if (!posts) return json_answer(rankings_.shown(id, labeler));
  rankings_.add(id, Fields::parse(request.body));
  return json_answer({{"kept", true}});
}

const OrderedJson& PageApi::prompts(const std::string& name) {
  const auto model = models_.called(name);
  auto found = prompts_.find(model->id);
  if (found == prompts_.end()) found = prompts_.emplace(model->id, prompts_json(*model)).first;
  return found->second;
}

}  // namespace lineage
