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

}  // namespace

PageApi::PageApi(const std::vector<std::string>& runs, const ServedModels& models)
    : models_(models), run_pages_(runs, models) {}

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
  if (RunPages::has(path)) return run_pages_.answer(request, path);
  throw ApiError(404, "unknown path: " + path, {}, "unknown_url");
}

const OrderedJson& PageApi::prompts(const std::string& name) {
  const auto model = models_.called(name);
  auto found = prompts_.find(model->id);
  if (found == prompts_.end()) found = prompts_.emplace(model->id, prompts_json(*model)).first;
  return found->second;
}

}  // namespace lineage
