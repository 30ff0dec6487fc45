#include "lineage/abilities/continuation.h"

#include "lineage/world/text/generators.h"

namespace lineage {

Tokens list_of(const World& world, std::string_view stream, uint64_t place, size_t tokens) {
  const TextContext context(world);
  for (uint64_t attempt = 0;; ++attempt) {
    Tokens text = entry_list(context, item_rng(world, stream, place).fold(attempt), 1).tokens;
    if (text.size() <= tokens) continue;  // the last is the end of text
    text.resize(tokens);
    return text;
  }
}

Instance text_item(Tokens question, std::span<const Token> scored, std::string cell,
                   uint64_t place) {
  Instance item;
  item.question = std::move(question);
  item.answers = {Tokens(scored.begin(), scored.end())};
  item.cell = std::move(cell);
  item.cluster = "text " + std::to_string(place);
  return item;
}

WorldScenario likelihood_scenario(std::string name, std::string title, int64_t n,
                                  ItemFunction item) {
  WorldScenario s = text_choice_scenario(std::move(name), std::move(title), n, std::move(item));
  s.spec.prompt.method = PromptSpec::Method::likelihood;
  s.spec.prompt.sampling = greedy(static_cast<int64_t>(kScored));
  s.spec.metric = metrics::probability();
  return s;
}

WorldScenario text_choice_scenario(std::string name, std::string title, int64_t n,
                                   ItemFunction item) {
  WorldScenario s = choice_scenario(std::move(name), std::move(title), n, std::move(item));
  s.spec.prompt.sampling = greedy(static_cast<int64_t>(kScored));
  s.spec.templates = {PromptSpec::Template::raw};
  s.continues_text = true;
  return s;
}

}  // namespace lineage
