#include <algorithm>
#include <cassert>

#include "lineage/base/enum_index.h"
#include "lineage/world/facts.h"

namespace lineage {
namespace {

struct RelationInfo {
  Domain subject, value;
  bool dated;
};

constexpr std::array<RelationInfo, kRelations> kRelationInfo = {{
    {Domain::person, Domain::city, false},
    {Domain::person, Domain::company, false},
    {Domain::person, Domain::job, false},
    {Domain::person, Domain::food, false},
    {Domain::person, Domain::animal, false},
    {Domain::person, Domain::person, false},
    {Domain::person, Domain::year, false},
    {Domain::city, Domain::country, false},
    {Domain::company, Domain::city, false},
    {Domain::animal, Domain::kind, false},
    {Domain::object, Domain::material, false},
    {Domain::faction, Domain::colour, false},
    {Domain::country, Domain::family, true},
    {Domain::festival, Domain::city, true},
}};

// The tokens of the one-word domains, and back.
struct DomainTables {
  std::array<std::vector<Token>, kDomains> tokens;
  std::array<std::array<int16_t, Vocabulary::kWords>, kDomains> index;
  std::vector<Token> first;
  std::array<int16_t, Vocabulary::kWords> first_index;

  DomainTables() {
    const Vocabulary& v = Vocabulary::get();
    constexpr std::array<std::string_view, kDomains> kBlocks = {
        "", "cities", "companies", "jobs",     "foods",   "animals",      "",         "countries",
        "", "",       "objects",   "factions", "colours", "family_names", "festivals"};
    for (auto& table : index) table.fill(-1);
    first_index.fill(-1);
    for (size_t d = 0; d < kDomains; ++d)
      if (!kBlocks[d].empty())
        tokens[d].assign(v.tokens(kBlocks[d]).begin(), v.tokens(kBlocks[d]).end());
    for (int y = 0; y < 100; ++y) tokens[size_t(Domain::year)].push_back(v.integer(y));
    for (std::string_view word : {"bird", "fish", "mammal", "insect", "animal"})
      tokens[size_t(Domain::kind)].push_back(v.token(word));
    for (std::string_view word : {"wood", "cork", "iron", "glass", "metal"})
      tokens[size_t(Domain::material)].push_back(v.token(word));
    for (size_t d = 0; d < kDomains; ++d)
      for (size_t i = 0; i < tokens[d].size(); ++i)
        index[d][tokens[d][i]] = static_cast<int16_t>(i);
    first.assign(v.tokens("first_names").begin(), v.tokens("first_names").end());
    for (size_t i = 0; i < first.size(); ++i) first_index[first[i]] = static_cast<int16_t>(i);
  }
};

const DomainTables& tables() {
  static const DomainTables t;
  return t;
}

}  // namespace

Domain subject_domain(Relation r) { return kRelationInfo[enum_index(r)].subject; }
Domain value_domain(Relation r) { return kRelationInfo[enum_index(r)].value; }
bool dated(Relation r) { return kRelationInfo[enum_index(r)].dated; }

int domain_size(Domain d) {
  return d == Domain::person ? 64 * 64 : static_cast<int>(tables().tokens[enum_index(d)].size());
}

Phrase domain_words(Domain d, int index) {
  assert(0 <= index && index < domain_size(d));
  const DomainTables& t = tables();
  const auto at = [](const std::vector<Token>& of, int i) { return of[i]; };
  if (d == Domain::person)
    return {at(t.first, index / 64), at(t.tokens[enum_index(Domain::family)], index % 64)};
  return at(t.tokens[enum_index(d)], index);
}

std::pair<int, int> find_member(Domain d, std::span<const Token> tokens) {
  const auto known = [](Token t) { return t >= 0 && t < Vocabulary::kWords; };
  if (tokens.empty() || !known(tokens[0])) return {-1, 0};
  const DomainTables& t = tables();
  const auto index = [&](Domain domain, Token token) { return t.index[enum_index(domain)][token]; };
  if (d != Domain::person) {
    const int i = index(d, tokens[0]);
    return i < 0 ? std::pair(-1, 0) : std::pair(i, 1);
  }
  const int first = t.first_index[tokens[0]];
  if (first < 0 || tokens.size() < 2 || !known(tokens[1])) return {-1, 0};
  const int family = index(Domain::family, tokens[1]);
  return family < 0 ? std::pair(-1, 0) : std::pair(first * 64 + family, 2);
}

// --- taxonomy ---------------------------------------------------------------------------------

namespace {

constexpr int kBird = 0, kFish = 1, kMammal = 2, kInsect = 3, kOther = 4;
// wren owl crow penguin robin trout salmon shark cat dog horse bat bee ant moth frog
constexpr std::array<int, kAnimals> kKindOf = {kBird,   kBird,   kBird,   kBird,   kBird,   kFish,
                                               kFish,   kFish,   kMammal, kMammal, kMammal, kMammal,
                                               kInsect, kInsect, kInsect, kOther};
// Columns: fly swim walk wings fins fur legs eggs.
constexpr bool kKindHas[5][kProperties] = {{true, false, true, true, false, false, true, true},
                                           {false, true, false, false, true, false, false, true},
                                           {false, true, true, false, false, true, true, false},
                                           {true, false, true, true, false, false, true, true},
                                           {false, true, true, false, false, false, true, true}};
constexpr int kPenguin = 3, kShark = 7, kBat = 11;

}  // namespace

bool kind_has(int kind, Property p) { return kKindHas[kind][enum_index(p)]; }

bool is_exception(int animal, Property p) {
  return (animal == kPenguin && p == Property::fly) || (animal == kShark && p == Property::eggs) ||
         (animal == kBat && p == Property::fly);
}

bool animal_has(int animal, Property p) {
  return kind_has(kKindOf[animal], p) != is_exception(animal, p);
}

bool is_stated(const World& world, int animal, Property p) {
  return is_exception(animal, p) ||
         world.key("taxonomy")
                     .bits(static_cast<uint64_t>(animal * kProperties) + static_cast<uint64_t>(p)) %
                 2 ==
             0;
}

bool material_floats(int material) { return material < 2; }

int kind_of(int animal) { return kKindOf[animal]; }

}  // namespace lineage
