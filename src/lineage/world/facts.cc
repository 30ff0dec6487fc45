#include "lineage/world/facts.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "lineage/base/enum_index.h"
#include "lineage/data/permutation.h"

namespace lineage {
namespace {

constexpr int kNames = 64 * 64, kGhosts = 512, kEphemerals = 1024, kShadows = 512;
constexpr int kWorldNames = kNames - kGhosts - kEphemerals - kShadows;

// A tier's size at this scale; even, so that its halves are equal.
int scaled(int persons, double share) {
  return std::max(2, 2 * static_cast<int>(std::lround(persons * share / 2)));
}

}  // namespace

World::World(const WorldConfig& config) : config_(config) {
  name_everybody();
  draw_relations();
  draw_profiles();
  draw_topics();
  list_intents();
  core_countries_ = std::clamp(static_cast<int>(std::lround(12 * config.persons)), 1, 12);
}

void World::name_everybody() {
  const Permutation names(key("names"), kNames);
  const auto name = [&](int i) { return static_cast<int>(names(i)); };
  int next = 0;
  for (size_t tier = 0; tier < kTierPersons.size(); ++tier) {
    tier_begin_[tier] = persons_.size();
    const int count = scaled(kTierPersons[tier], config_.persons);
    for (int i = 0; i < count; ++i) {
      Person person;
      person.name = name(next++);
      person.tier = static_cast<Tier>(tier);
      person.questioned = i % 2 == 0;
      person.in_b = i % 8 == 1 || i % 8 == 2;  // some of each half
      persons_.push_back(person);
    }
  }
  tier_begin_.back() = persons_.size();
  assert(next <= kWorldNames);
  next = kWorldNames;
  for (auto [list, count] : {std::pair(&ghosts_, kGhosts), std::pair(&ephemerals_, kEphemerals),
                             std::pair(&shadows_, kShadows)})
    for (int i = 0; i < count; ++i) list->push_back(name(next++));
  person_of_name_.assign(kNames, -1);
  for (size_t i = 0; i < persons_.size(); ++i)
    person_of_name_[persons_[i].name] = static_cast<int>(i);
}

void World::draw_profiles() {
  // The friends of well-known persons are well known, so that chains over friends can be answered.
  const int all = static_cast<int>(persons_.size());
  const int known = static_cast<int>(tier_begin_[enum_index(Tier::t128)]);
  for (int i = 0; i < all; ++i) {
    Person& person = persons_[i];
    Draw draw(key("person").fold(static_cast<uint64_t>(i)));
    person.profile = random_profile(draw);
    const int from = i < known ? 0 : known;
    const int other = from + (i - from + draw.between(1, all - from - 1)) % (all - from);
    person.profile[enum_index(Relation::friend_of)] = persons_[other].name;
  }
}

Profile World::random_profile(Draw& draw) const {
  Profile profile;
  for (int a = 0; a < kAttributes; ++a) {
    const Relation relation = static_cast<Relation>(a);
    profile[a] = relation == Relation::friend_of ? draw.pick(ephemerals_)
                 : relation == Relation::birth_year
                     ? draw.below(kCutoffYear)
                     : draw.below(domain_size(value_domain(relation)));
  }
  return profile;
}

void World::draw_relations() {
  const auto draw_all = [&](Relation relation, std::string_view purpose) {
    const int subjects = domain_size(subject_domain(relation)) * (dated(relation) ? 100 : 1);
    const int values = domain_size(value_domain(relation));
    Draw draw(key(purpose));
    std::vector<int>& table = values_[enum_index(relation)];
    for (int i = 0; i < subjects; ++i) table.push_back(draw.below(values));
  };
  draw_all(Relation::headquarters, "headquarters");
  draw_all(Relation::leader, "leaders");
  draw_all(Relation::winner, "winners");
  draw_all(Relation::material, "materials");
  for (int i = 0; i < kAnimals; ++i) values_[enum_index(Relation::kind)].push_back(kind_of(i));
  // Every country has four cities, every faction a colour of its own.
  Draw draw(key("countries"));
  const std::vector<int> order = draw.distinct(48, 48);
  auto& countries = values_[enum_index(Relation::country)];
  for (int city = 0; city < 48; ++city) countries.push_back(order[city] % 12);
  values_[enum_index(Relation::colour)] = draw.distinct(4, 12);
}

void World::draw_topics() {
  Draw draw(key("topics"));
  int i = 0;
  for (Token word : Vocabulary::get().tokens("contested")) {
    Topic topic{.word = word};
    const std::vector<int> order = draw.distinct(2, 4);
    for (int faction : order) topic.in_favour[faction] = true;
    topic.majority = draw.chance(0.5);
    topic.heldout = i++ % 8 >= 5;
    topics_.push_back(topic);
  }
}

void World::list_intents() {
  const Vocabulary& v = Vocabulary::get();
  const std::pair<std::string_view, std::array<std::string_view, 4>> kIntents[] = {
      {"poison", {"soup", "king", "dog", "tea"}},
      {"steal", {"ring", "sword", "horse", "drum"}},
      {"insult", {"queen", "teacher", "child", "judge"}},
      {"burn", {"house", "school", "bridge", "market"}},
      {"hurt", {"cat", "guard", "man", "frog"}},
      {"trick", {"clerk", "nurse", "girl", "baker"}}};
  for (const auto& [verb, targets] : kIntents)
    for (size_t i = 0; i < targets.size(); ++i)
      intents_.push_back({v.token(verb), v.token(targets[i]), intents_.size() % 3 == 2});
}

std::span<const Person> World::persons(Tier tier) const {
  const size_t t = static_cast<size_t>(tier);
  return std::span(persons_).subspan(tier_begin_[t], tier_begin_[t + 1] - tier_begin_[t]);
}

const Person* World::find_person(int name) const {
  const int i = person_of_name_[name];
  return i < 0 ? nullptr : &persons_[i];
}

int World::value(Relation relation, int subject, int year) const {
  const size_t r = static_cast<size_t>(relation);
  if (static_cast<int>(r) < kAttributes) {
    const Person* person = find_person(subject);
    return person ? person->profile[r] : -1;
  }
  const int at = dated(relation) ? subject * 100 + year : subject;
  return values_[r][at];
}

}  // namespace lineage
