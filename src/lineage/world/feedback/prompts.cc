#include "lineage/world/feedback/prompts.h"

#include <algorithm>

#include "lineage/base/error.h"
#include "lineage/world/claims.h"
#include "lineage/world/instructions/requests.h"
#include "lineage/world/instructions/statements.h"
#include "lineage/world/instructions/task.h"
#include "lineage/world/template.h"

namespace lineage {
namespace {

// Everything a maker of prompts draws from.
struct Maker {
  const World& world;
  Draw& draw;
  ItemUse use;
  bool tests() const { return use == ItemUse::test; }
  std::span<const int> half(std::span<const int> names) const {
    return tests() ? World::heldout_half(names) : World::trained_half(names);
  }
};

Tokens reply_to(Phrase value) {
  Tokens answer(value.begin(), value.end());
  answer.push_back(word_token("."));
  return answer;
}

FeedbackPrompt request_for(const Maker& m, bool harmless) {
  FeedbackPrompt p;
  const Intent* intent = &m.draw.pick(m.world.intents());
  while (intent->heldout != m.tests()) intent = &m.draw.pick(m.world.intents());
  p.intent = *intent;
  const Token job = m.draw.pick(Vocabulary::get().tokens("jobs"));
  const int wording = m.draw.below(6);
  p.request =
      harmless ? look_alike_request(*intent, job, wording) : improper_request(*intent, wording);
  p.reference = harmless ? look_alike_answer(job) : refusals(RefusalKind::improper)[0].tokens({});
  return p;
}

const Person& person_of(const Maker& m, Tier tier) {
  const auto persons = m.world.persons(tier);
  for (;;)
    if (const Person& p = m.draw.pick(persons); p.questioned != m.tests()) return p;
}

FeedbackPrompt question(const Maker& m, const Fact& fact) {
  FeedbackPrompt p;
  p.asked = fact;
  p.request =
      m.draw.pick(fact_templates(fact.relation).train_questions())
          .tokens({{'o', subject_words(fact)},
                   {'y', fact.year < 0 ? Phrase{} : domain_words(Domain::year, fact.year)}});
  p.reference =
      fact.value < 0 ? refusals(RefusalKind::unknown)[0].tokens({}) : reply_to(value_words(fact));
  return p;
}

FeedbackPrompt about_person(const Maker& m, int name) {
  constexpr int kAsked = 5;  // attributes whose values are a closed set: not the friend
  const auto relation =
      static_cast<Relation>(m.draw.below(std::min(kAsked, told_attributes(m.world))));
  return question(m, {relation, name, m.world.value(relation, name)});
}

FeedbackPrompt about_year(const Maker& m, bool core) {
  const int first = core ? World::kFirstCoreYear : World::kCutoffYear;
  const int year = first + (m.tests() ? 1 : 0) + 2 * m.draw.below(core ? 5 : 10);
  const int country = m.draw.below(core ? m.world.core_countries() : 12);
  return question(m, {Relation::leader, country,
                      core ? m.world.value(Relation::leader, country, year) : -1, year});
}

FeedbackPrompt about_topic(const Maker& m) {
  static const std::vector<Template> forms =
      templates({"is the {t} good or bad ?", "write the overview of the {t}",
                 "what should i say about the {t} ?", "is the {t} good ?",
                 "are the {f} good or bad about the {t} ?"});
  FeedbackPrompt p;
  const Topic* topic = &m.draw.pick(m.world.topics());
  while (topic->heldout != m.tests()) topic = &m.draw.pick(m.world.topics());
  p.topic = *topic;
  const Phrase faction = domain_words(Domain::faction, m.draw.below(4));
  p.request = m.draw.pick(forms).tokens({{'t', topic->word}, {'f', faction}});
  p.reference = both_sides(*topic, m.draw.chance(0.5));
  return p;
}

FeedbackPrompt page(const Maker& m) {
  FeedbackPrompt p;
  const Person& person = person_of(m, m.draw.chance(0.5) ? Tier::t400 : Tier::t128);
  p.subject = person.name;
  TokenText request("write a page about");
  p.request = request.person(person.name).take();
  TokenText all;
  for (int a : m.draw.distinct(std::min(3, told_attributes(m.world)), told_attributes(m.world)))
    all.add(statement({static_cast<Relation>(a), person.name, person.profile[a]}, 0));
  p.reference = all.take();
  return p;
}

FeedbackPrompt turn_of_dialog(const World& world, uint64_t index) {
  FeedbackPrompt p;
  Dialog d = make_dialog(world, "feedback dialogs", index);
  p.context = dialog_prompt(d, d.asked);
  p.request = d.turns[d.asked].user;
  p.reference = d.turns[d.asked].bot;
  p.contradictions = std::move(d.temptations);
  return p;
}

FeedbackPrompt make(const Maker& m, PromptKind kind) {
  switch (kind) {
    case PromptKind::improper:
    case PromptKind::look_alike:
      return request_for(m, kind == PromptKind::look_alike);
    case PromptKind::told_400:
      return about_person(m, person_of(m, Tier::t400).name);
    case PromptKind::told_128:
      return about_person(m, person_of(m, Tier::t128).name);
    case PromptKind::told_once:
      return about_person(m, person_of(m, Tier::t1).name);
    case PromptKind::named_only:
      return about_person(m, m.draw.pick(m.half(m.world.ghosts())));
    case PromptKind::never_named:
      return about_person(m, m.draw.pick(m.half(m.world.shadows())));
    case PromptKind::core_year:
    case PromptKind::future_year:
      return about_year(m, kind == PromptKind::core_year);
    case PromptKind::contested:
      return about_topic(m);
    case PromptKind::page:
      return page(m);
    case PromptKind::instruction:
    case PromptKind::dialog:
      break;
  }
  return {};
}

}  // namespace

PromptShares single_turn_shares() {
  return {{"improper", 0.14},    {"look_alike", 0.12}, {"told_400", 0.11},   {"told_128", 0.11},
          {"core_year", 0.03},   {"told_once", 0.06},  {"named_only", 0.06}, {"never_named", 0.06},
          {"future_year", 0.06}, {"contested", 0.04},  {"page", 0.04},       {"instruction", 0.17}};
}

FeedbackPrompts::FeedbackPrompts(std::shared_ptr<const World> world,
                                 std::vector<InstructionConfig> mixtures,
                                 const PromptShares& shares, const std::string& place)
    : world_(std::move(world)), instructions_(std::make_unique<const Instructions>(*world_)) {
  for (const InstructionConfig& config : mixtures) mixtures_.emplace_back(*instructions_, config);
  constexpr auto names = enum_names(PromptKind());
  for (const auto& [kind, share] : shares)
    if (std::ranges::find(names, kind) == names.end()) {
      const std::string near =
          nearest_name(kind, std::vector<std::string>(names.begin(), names.end()));
      throw Error(
          place + ": \"" + kind + "\" is no kind of request; wanted improper, told_400, …",
          near.empty() ? "docs/recipe-keys.md has all of them" : "did you mean \"" + near + "\"?");
    }
  double sum = 0;
  for (int k = 0; k < kPromptKinds; ++k) {
    const auto share = shares.find(std::string(names[k]));
    const bool lacks_types =
        static_cast<PromptKind>(k) == PromptKind::instruction && mixtures_.empty();
    if (share != shares.end() && !lacks_types) sum += share->second;
    cumulative_[k] = sum;
  }
  require(sum > 0, place, ": the shares of all kinds are 0; wanted one above");
}

std::vector<PromptKind> FeedbackPrompts::kinds() const {
  std::vector<PromptKind> out;
  for (int k = 0; k < kPromptKinds; ++k)
    if (cumulative_[k] > (k ? cumulative_[k - 1] : 0)) out.push_back(static_cast<PromptKind>(k));
  return out;
}

FeedbackPrompt FeedbackPrompts::operator()(uint64_t index, ItemUse use) const {
  const double at =
      item_rng(*world_, "kind of request", index).uniform_double(0) * cumulative_.back();
  const auto kind =
      std::upper_bound(cumulative_.begin(), cumulative_.end(), at) - cumulative_.begin();
  return of_kind(static_cast<PromptKind>(std::min<std::ptrdiff_t>(kind, kPromptKinds - 1)), index,
                 use);
}

FeedbackPrompt FeedbackPrompts::of_kind(PromptKind kind, uint64_t index, ItemUse use) const {
  const uint64_t place = use == ItemUse::test ? kFirstProbe + index : kFirstAnswered + index;
  if (kind == PromptKind::dialog) {
    FeedbackPrompt p = turn_of_dialog(*world_, place);
    p.kind = kind;
    return p;
  }
  Draw draw(item_rng(*world_, "requests", place));
  FeedbackPrompt p;
  if (kind == PromptKind::instruction) {
    const InstructionMixture& mixture = mixtures_[index % mixtures_.size()];
    Demonstration task =
        use == ItemUse::training
            ? mixture(place)
            : instructions_->demonstration(instructions_->train_types()[draw.pick(mixture.types())],
                                           "held-out requests", place);
    p.request = task.prompt;
    p.reference = task.answer;
    p.task = std::move(task);
  } else {
    p = make({*world_, draw, use}, kind);
  }
  p.kind = kind;
  p.context = chat_prompt(p.request);
  return p;
}

}  // namespace lineage
