#include "lineage/eval/scenarios/probe_scenario.h"

#include <algorithm>
#include <cmath>

#include "lineage/eval/metric.h"
#include "lineage/eval/scenario_measures.h"
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
  i.baseline = item.baseline;
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
  if (item.details)
    i.details = [details = item.details](const std::string& output) {
      return details(Vocabulary::get().tokenizer()->encode_with_specials(output));
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
void set_raw_form(Prompting& p, const ProbeItem& sample, bool goes_on) {
  const Vocabulary& v = Vocabulary::get();
  const auto opens_document = [&] {
    return goes_on || sample.question.empty() || v.word(sample.question[0]).starts_with("<src:");
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
  if (p.reasoning == Prompting::Reasoning::direct) p.raw_closing = " .";
  p.sampling.stop = {"q :"};
}

// The share of the answers drawn that pass: pass@1 without the luck of one draw.
Metric share_that_passes() {
  return {.name = "pass@1",
          .score =
              [](const Instance& item, const Prediction& p) {
                double right = 0;
                for (const DrawnAnswer& s : p.samples)
                  right += !s.output.empty() && item.check(s.output) >= 1 ? 1 : 0;
                return p.samples.empty() ? 0 : right / static_cast<double>(p.samples.size());
              },
          .open = true};
}

// What a claim must not be read from a model that lacks the skill to be asked (section 10.7).
Gate gate_of(const ProbeSet& set) {
  // Whether memory or a passage is believed can be told of models that read passages at all.
  if (set.ability == "A22") return {set.name, "fresh", 0.9};
  if (set.name == "A24.retrieved" || set.name == "A24.passage") return {set.name, "fresh", 0.9};
  if (set.ability == "A02") return {"A01.grammar", "", 0.85};
  return {};
}

Explanation about_calibration() {
  return {.measures =
              "The model’s probabilities for its choices in A03 are set against how "
              "often these choices are right. The score is the mean distance between the "
              "two (expected calibration error), 0 being best.",
          .low =
              "A high score says that the model is surer than it should be, or less "
              "sure. A model that knows nothing, and spreads its probability "
              "accordingly, scores well."};
}

Explanation about_length() {
  return {.measures = "The mean number of words in the answers to A08.",
          .low =
              "It shows no ability. Where it is near the most that an answer may take, "
              "the answers do not end by themselves.",
          .parts = kFamilyCells};
}

Explanation about_ended() {
  return {.measures =
              "The share of the answers to A08 that end by themselves, and not by "
              "reaching the most words that an answer may take.",
          .chance = "A model that never ends its answers scores 0.",
          .low = "Near 0 the model writes on until it is cut off.",
          .parts = kFamilyCells};
}

Explanation about_auroc() {
  return {
      .measures =
          "Some questions can be answered; others cannot, as they ask about persons in no text, "
          "persons of whom nothing is told, persons with a single biography, or years after the "
          "corpus ends. One question of each sort is drawn. The score is how often the "
          "words that begin a refusal are likelier after the one that cannot be "
          "answered (AUROC).",
      .chance =
          "Where refusals have nothing to do with what is known, either is likelier "
          "half of the time: .50.",
      .low =
          "Below .50 the order is reversed: a refusal is likelier after questions "
          "that the model can answer. The score is the lowest of four comparisons, "
          "one for each sort of question that cannot be answered, so that one sort "
          "alone can bring it down."};
}

MetricKind kind_of(ProbeDetail::Values values) {
  switch (values) {
    case ProbeDetail::Values::shares:
      return MetricKind::share;
    case ProbeDetail::Values::counts:
      return MetricKind::amount;
    case ProbeDetail::Values::differences:
      return MetricKind::difference;
  }
  return {};
}

}  // namespace

std::vector<Measure> probe_measures(const ProbeSet& set) {
  std::vector<Measure> all;
  for (size_t d = 0; d < set.details.size(); ++d)
    if (set.details[d].shown)
      all.push_back(measures::detail(set.name + "." + set.details[d].name, set.details[d].title, d,
                                     kind_of(set.details[d].values)));
  if (set.chain) all.push_back(measures::answer_given_chain(set.name + ".given_chain"));
  const auto place = [&](std::string_view detail) {
    return static_cast<size_t>(std::ranges::find(set.details, detail, &ProbeDetail::name) -
                               set.details.begin());
  };
  if (place("right") < set.details.size())
    all.push_back(measures::error_rate(set.name + ".error_rate", "how often a step fails",
                                       place("right"), place("wrong")));
  if (set.name == "A05.position")
    all.push_back(measures::log_prob_gain("A05.in_context_score",
                                          "how much likelier text is at 200 tokens than at 20",
                                          "at20", "at200"));
  if (set.name == "A13.context")
    all.push_back(measures::log_prob_gain(
        "A13.context.gain", "what 208 tokens before tell beyond the last 32", "c32", "c208"));
  if (set.name == "A17.pages")
    all.push_back(measures::detail_at_length(
        set.name + ".matched", "true claims an answer of 20 to 30 words", place("claims"), 20, 30));
  if (set.samples > 1) all.push_back(measures::pass_at(set.name + ".pass10", set.samples));
  if (set.name == "A02.stories") all.push_back(measures::distinct_triples(set.name + ".distinct3"));
  if (set.name == "A03.cloze") {
    all.push_back(measures::choice_calibration("A26.calibration"));
    all.back().about = about_calibration();
  }
  if (set.name == "A08.trained_types") {
    all.push_back(measures::mean_length("A26.length"));
    all.back().about = about_length();
    all.push_back(measures::ended("A26.ended"));
    all.back().about = about_ended();
  }
  if (set.name == "A19.propriety")
    all.push_back(measures::youden(set.name + ".youden",
                                   "refusals of improper requests less others", 0, "improper",
                                   "harmless"));
  if (set.name == "A20.confidence") {
    // What was told often against what was told once or never, and years told of against others.
    const std::vector<measures::Scopes> scopes = {{{"t400", "t128"}, {"t1", "ghost", "shadow"}},
                                                  {{"core"}, {"future"}}};
    all.push_back(measures::scope_auroc("A20.auroc",
                                        "Tells what it can know by its wish to abstain",
                                        measures::Doubt::abstains, kAbstainChoices, scopes));
    all.back().headline = true;
    all.back().about = about_auroc();
    all.push_back(measures::doubt_slope(
        "A20.slope", "wish to abstain with each doubling of what was told", kAbstainChoices,
        {{"t1", 0}, {"t128", std::log2(128)}, {"t400", std::log2(400)}}));
    all.push_back(measures::scope_auroc("A20.auroc.unsure",
                                        "Tells what it can know by its confidence",
                                        measures::Doubt::unsure, kAbstainChoices, scopes));
  }
  return all;
}

namespace {

Prompting::Method method_of(ProbeSet::Method method) {
  switch (method) {
    case ProbeSet::Method::choose:
      return Prompting::Method::choose;
    case ProbeSet::Method::generate:
      return Prompting::Method::generate;
    case ProbeSet::Method::likelihood:
      return Prompting::Method::likelihood;
  }
  return {};
}

ScenarioSpec spec_of(const std::shared_ptr<const World>& world, const ProbeSet& set) {
  ScenarioSpec spec;
  spec.name = set.name, spec.ability = set.ability, spec.title = set.title;
  spec.n = set.n, spec.headline = set.headline;
  spec.templates = {Prompting::Template::raw, Prompting::Template::chat};
  const ProbeItem sample = set.item(*world, kFirstDevProbe);
  Prompting& p = spec.prompting;
  const bool choose = set.method == ProbeSet::Method::choose;
  p.method = method_of(set.method);
  p.shots = set.shots;
  p.samples = set.samples;
  p.reasoning = set.chain ? Prompting::Reasoning::chain : Prompting::Reasoning::direct;
  p.chain_end = " answer ", p.step_mark = " .";
  p.sampling = greedy(set.max_tokens);
  p.sampling.temperature = set.temperature;
  set_raw_form(p, sample, set.goes_on);
  p.sampling.stop.push_back("<ret>");  // a turn that calls the tool waits there for it
  // Minimal pairs are whole sentences, which are no turns of a conversation either.
  if (set.raw_only || (choose && sample.question.empty()))
    spec.templates = {Prompting::Template::raw};
  const bool read = set.method == ProbeSet::Method::likelihood;
  spec.metric = choose            ? metrics::choice_accuracy()
                : read            ? metrics::probability()
                : set.samples > 1 ? share_that_passes()
                : sample.check    ? metrics::checked()
                                  : answer_match();
  spec.gate = gate_of(set);
  spec.measures = probe_measures(set);
  return spec;
}

}  // namespace

std::shared_ptr<const Scenario> probe_scenario(std::shared_ptr<const World> world,
                                               const ProbeSet& set) {
  return std::make_shared<ProbeScenario>(spec_of(world, set), std::move(world), set);
}

std::shared_ptr<const Scenario> condition_scenario(std::shared_ptr<const World> world,
                                                   const ProbeSet& set, int shots, int64_t n) {
  ProbeSet condition = set;
  condition.name += ".k" + std::to_string(shots);
  condition.title += ", " + std::to_string(shots) + " demonstrations";
  condition.shots = shots, condition.n = n, condition.headline = false;
  condition.details.clear();
  return probe_scenario(std::move(world), condition);
}

std::shared_ptr<const Scenario> voting_scenario(std::shared_ptr<const World> world,
                                                const ProbeSet& set, int samples) {
  ProbeSet voted = set;
  voted.name += ".majority";
  voted.title += ", " + std::to_string(samples) + " chains vote";
  voted.n = std::min<int64_t>(set.n, 50);  // each costs `samples` answers
  voted.headline = false;
  voted.temperature = kSampleTemperature;
  voted.details.clear();
  ScenarioSpec spec = spec_of(world, voted);
  Prompting& p = spec.prompting;
  p.samples = samples, p.vote = Prompting::Vote::majority;
  spec.measures = {measures::vote(set.name + ".complexity", set.title + ", the longest chains vote",
                                  p, Prompting::Vote::complexity),
                   measures::vote(set.name + ".sampled", set.title + ", one chain drawn", p,
                                  Prompting::Vote::first)};
  return std::make_shared<ProbeScenario>(std::move(spec), std::move(world), voted);
}

std::vector<ProbeSet> suite_probes() {
  std::vector<ProbeSet> all;
  for (auto probes : {text_probes, code_generation_probes, code_understanding_probes,
                      code_long_range_probes, tuned_probes})
    std::ranges::move(probes(), std::back_inserter(all));
  return all;
}

std::vector<std::shared_ptr<const Scenario>> ability_suite(
    const std::shared_ptr<const World>& world) {
  constexpr int kSamples = 5;
  std::vector<std::shared_ptr<const Scenario>> suite;
  for (const ProbeSet& set : suite_probes()) {
    suite.push_back(probe_scenario(world, set));
    for (const auto& c : set.conditions)
      suite.push_back(condition_scenario(world, set, c.shots, c.n));
    if (set.chain && set.headline) suite.push_back(voting_scenario(world, set, kSamples));
  }
  std::ranges::stable_sort(suite, {}, [](const auto& s) { return s->spec().ability; });
  return suite;
}

}  // namespace lineage
