#include "lineage/eval/scenarios/probe_scenario.h"

#include <algorithm>

#include "lineage/eval/metric.h"
#include "lineage/world/probes/code_probes.h"
#include "lineage/world/probes/instruction_probes.h"
#include "lineage/world/probes/text_probes.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

constexpr double kSampleTemperature = 0.7;  // of chains that vote (Wang et al. 2023)

Part part_of(const std::vector<Token>& tokens) {
  return token_part(tokens, Vocabulary::get().tokenizer()->decode(tokens));
}

Instance instance_of(const ProbeItem& item) {
  Instance i;
  i.id = item.id, i.cell = item.cell, i.cluster = item.cluster, i.correct = item.correct;
  i.question = part_of(item.question);
  i.chain = part_of(item.chain);
  for (const auto& answer : item.answers) i.answers.push_back(part_of(answer));
  for (const auto& context : item.contexts) i.contexts.push_back(part_of(context));
  for (const ProbeExample& e : item.examples)
    i.examples.push_back({part_of(e.question), part_of(e.chain), part_of(e.answer)});
  if (item.check)
    i.check = [check = item.check](const std::string& answer) {
      return check(Vocabulary::get().tokenizer()->encode_with_specials(answer));
    };
  return i;
}

class ProbeScenario final : public Scenario {
 public:
  ProbeScenario(ScenarioSpec spec, std::shared_ptr<const World> world, const ProbeSet& set)
      : Scenario(std::move(spec)), world_(std::move(world)), set_(set) {}

  std::vector<Instance> items(ItemSet which, int64_t n) const override {
    std::vector<Instance> result;
    if (which == ItemSet::examples) return result;  // each item has its own
    const uint64_t first = which == ItemSet::test ? kFirstProbe : kFirstDevProbe;
    for (uint64_t index = first; index < first + static_cast<uint64_t>(n); ++index) {
      result.push_back(instance_of(set_.item(*world_, index)));
      if (result.back().id.empty()) result.back().id = std::to_string(index);
    }
    return result;
  }

 private:
  std::shared_ptr<const World> world_;
  ProbeSet set_;
};

// Words of the world's answers, with or without the full stop of a sentence.
Metric answer_match() {
  const auto plain = [](std::string answer) {
    while (!answer.empty() && (answer.back() == '.' || answer.back() == ' ')) answer.pop_back();
    return answer;
  };
  return {"exact match", [plain](const Instance& item, const Prediction& p) {
            const std::string given = plain(p.answer);
            const bool right = std::ranges::any_of(
                item.answers, [&](const Part& a) { return plain(a.text) == given; });
            return right && !given.empty() ? 1.0 : 0.0;
          }};
}

// As the corpus puts it: a question page's "q : … a : …", unless the question begins as a document
// does, which is then gone on with.
void set_raw_form(Prompting& p, const ProbeItem& sample) {
  const Vocabulary& v = Vocabulary::get();
  const auto opens_document = [&] {
    return sample.question.empty() || v.word(sample.question[0]).starts_with("<src:");
  };
  p.answer_lead = "", p.before_answer = "", p.after_answer = " ";
  if (opens_document()) {
    const Token newline = v.token("\n");
    const bool many_lines =
        !sample.answers.empty() &&
        std::ranges::find(sample.answers[0], newline) != sample.answers[0].end();
    if (!many_lines) p.after_answer = "\n";
    return;
  }
  p.raw_opening = part_of({v.token("<src:web>")});
  p.before_question = "q : ", p.before_answer = " a : ";
  p.sampling.stop = {"q :"};
}

ScenarioSpec spec_of(const std::shared_ptr<const World>& world, const ProbeSet& set) {
  ScenarioSpec spec;
  spec.name = set.name, spec.ability = set.ability, spec.title = set.title;
  spec.n = set.n, spec.headline = set.headline;
  spec.templates = {Prompting::Template::raw, Prompting::Template::chat};
  const ProbeItem sample = set.item(*world, kFirstDevProbe);
  Prompting& p = spec.prompting;
  const bool choose = set.method == ProbeSet::Method::choose;
  p.method = choose ? Prompting::Method::choose : Prompting::Method::generate;
  p.shots = static_cast<int>(sample.examples.size());
  p.reasoning = set.chain ? Prompting::Reasoning::chain : Prompting::Reasoning::direct;
  p.chain_end = " answer ", p.step_mark = " .";
  p.sampling = greedy(set.max_tokens);
  set_raw_form(p, sample);
  // Minimal pairs are whole sentences, which are no turns of a conversation.
  if (choose && sample.question.empty()) spec.templates = {Prompting::Template::raw};
  spec.metric = choose         ? metrics::choice_accuracy()
                : sample.check ? metrics::checked()
                               : answer_match();
  // Whether a passage is believed against memory can be told of models that read passages at all.
  if (set.ability == "A22") spec.gate = {set.name, "fresh", 0.9};
  return spec;
}

}  // namespace

std::shared_ptr<const Scenario> probe_scenario(std::shared_ptr<const World> world,
                                               const ProbeSet& set, int shots) {
  ScenarioSpec spec = spec_of(world, set);
  if (shots >= 0) spec.prompting.shots = shots, spec.name += ".k" + std::to_string(shots);
  return std::make_shared<ProbeScenario>(std::move(spec), std::move(world), set);
}

std::shared_ptr<const Scenario> voting_scenario(std::shared_ptr<const World> world,
                                                const ProbeSet& set, int samples,
                                                Prompting::Vote vote) {
  ScenarioSpec spec = spec_of(world, set);
  const bool complexity = vote == Prompting::Vote::complexity;
  spec.name += complexity ? ".complexity" : ".majority";
  spec.title += complexity ? ", the longest chains vote" : ", all chains vote";
  spec.headline = false;
  spec.prompting.samples = samples, spec.prompting.vote = vote;
  spec.prompting.sampling.temperature = kSampleTemperature;
  spec.n = std::min<int64_t>(spec.n, 100);  // each costs `samples` answers
  return std::make_shared<ProbeScenario>(std::move(spec), std::move(world), set);
}

std::vector<std::shared_ptr<const Scenario>> ability_suite(
    const std::shared_ptr<const World>& world) {
  constexpr int kSamples = 5;
  std::vector<std::shared_ptr<const Scenario>> suite;
  for (auto probes : {text_probes, code_generation_probes, code_understanding_probes,
                      code_long_range_probes, tuned_probes})
    for (const ProbeSet& set : probes()) {
      suite.push_back(probe_scenario(world, set));
      if (!set.chain || !set.headline) continue;
      for (auto vote : {Prompting::Vote::majority, Prompting::Vote::complexity})
        suite.push_back(voting_scenario(world, set, kSamples, vote));
    }
  std::ranges::stable_sort(suite, {}, [](const auto& s) { return s->spec().ability; });
  return suite;
}

}  // namespace lineage
