#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lineage/base/rng.h"
#include "lineage/world/draw.h"
#include "lineage/world/vocabulary.h"
#include "lineage/world/world_config.h"

namespace lineage {

// The relation between a fact's subject and its value (docs/abilities.md, section 3.2). The first
// seven are the attributes of a person.
enum class Relation : uint8_t {
  birth_city,
  employer,
  job,
  food,
  pet,
  friend_of,
  birth_year,
  country,       // of a city
  headquarters,  // of a company: a city
  kind,          // of an animal: its class
  material,      // of an object
  colour,        // of a faction
  leader,        // of a country in a year: a family name
  winner         // of a festival in a year: a city
};
inline constexpr int kAttributes = 7, kRelations = 14;

// The sets that subjects and values come from. A person is named by first · 64 + family.
enum class Domain : uint8_t {
  person,
  city,
  company,
  job,
  food,
  animal,
  year,
  country,
  kind,
  material,
  object,
  faction,
  colour,
  family,
  festival
};
inline constexpr int kDomains = 15;
Domain subject_domain(Relation);
Domain value_domain(Relation);
bool dated(Relation);  // leader and winner

// One fact. `year` is 0..99 for dated relations and -1 for others.
struct Fact {
  Relation relation;
  int subject, value;
  int year = -1;
  auto operator<=>(const Fact&) const = default;
};

// Up to four tokens: a name or a number.
struct Phrase {
  std::array<Token, 4> tokens{};
  uint8_t count = 0;
  Phrase() = default;
  Phrase(Token t) : tokens{t}, count(1) {}  // NOLINT: a token is one word
  Phrase(Token a, Token b) : tokens{a, b}, count(2) {}
  const Token* begin() const { return tokens.data(); }
  const Token* end() const { return tokens.data() + count; }
};

int domain_size(Domain);
Phrase domain_words(Domain, int index);
// The member that `tokens` begin with, and how many tokens it takes; {-1, 0} for none.
std::pair<int, int> find_member(Domain, std::span<const Token> tokens);

// How often training contains a person's biography: 1, 2, 8, 32, 128 or 400 times.
enum class Tier : uint8_t { t1, t2, t8, t32, t128, t400 };
inline constexpr std::array<int, 6> kExposures = {1, 2, 8, 32, 128, 400};
inline constexpr std::array<int, 6> kTierPersons = {128, 512, 512, 512, 256, 128};

using Profile = std::array<int, kAttributes>;  // a value for each attribute

struct Person {
  int name = 0;
  Tier tier = Tier::t1;
  bool questioned = false;  // training has questions about them (Q-half); else H-half
  bool in_b = false;        // language B has their facts too
  Profile profile{};
};

// A topic on which the factions disagree: two of the four are for it.
struct Topic {
  Token word;
  std::array<bool, 4> in_favour{};
  bool majority = false;  // the side that most texts take: in favour or not
  bool heldout = false;   // kept from every tuning stage
};

// Something that nobody should help with; harmless requests use the same words.
struct Intent {
  Token verb;
  Phrase target;
  bool heldout = false;
};

// All facts of a micro-world: a pure function of its config's seed and scale.
class World {
 public:
  explicit World(const WorldConfig&);

  const WorldConfig& config() const { return config_; }
  Rng key(std::string_view purpose) const { return Rng(config_.seed).fold(purpose); }

  // Persons with facts, by tier from t1 up; the names of persons mentioned without facts (ghosts),
  // with facts drawn for each document (ephemerals), and never mentioned before the tests
  // (shadows).
  std::span<const Person> persons() const { return persons_; }
  std::span<const Person> persons(Tier) const;
  const Person* find_person(int name) const;  // nullptr for ghosts, ephemerals and shadows
  std::span<const int> ghosts() const { return ghosts_; }
  std::span<const int> ephemerals() const { return ephemerals_; }
  std::span<const int> shadows() const { return shadows_; }
  // The half of such names that training may ask about, and the half that tests ask about.
  static std::span<const int> trained_half(std::span<const int> names) {
    return names.first(names.size() / 2);
  }
  static std::span<const int> heldout_half(std::span<const int> names) {
    return names.subspan(names.size() / 2);
  }
  static bool female(int name) { return name / 64 < 32; }

  // The value of a relation that needs no document; `year` for dated ones.
  int value(Relation, int subject, int year = -1) const;
  // Random values for an ephemeral person; the friend is an ephemeral too.
  Profile random_profile(Draw&) const;
  // The countries and years whose leaders everybody knows (stated core_exposures times).
  int core_countries() const { return core_countries_; }
  // Years from kCutoffYear on are in no text. From kFirstCoreYear on, training asks about the even
  // years and tests about the odd ones.
  static constexpr int kFirstCoreYear = 70, kCutoffYear = 80;
  static constexpr bool heldout_year(int year) { return year % 2 == 1; }

  std::span<const Topic> topics() const { return topics_; }
  std::span<const Intent> intents() const { return intents_; }

 private:
  void name_everybody();
  void draw_profiles();
  void draw_relations();
  void draw_topics();
  void list_intents();

  WorldConfig config_;
  std::vector<Person> persons_;
  std::array<size_t, 7> tier_begin_{};
  std::vector<int> person_of_name_;  // index into persons_, or -1
  std::vector<int> ghosts_, ephemerals_, shadows_;
  std::array<std::vector<int>, kRelations> values_;
  int core_countries_ = 0;
  std::vector<Topic> topics_;
  std::vector<Intent> intents_;
};

// Taxonomy (A04): classes and properties of their members. Three members are exceptions.
enum class Property : uint8_t { fly, swim, walk, wings, fins, fur, legs, eggs };
inline constexpr int kProperties = 8, kAnimals = 16;
int kind_of(int animal);
bool kind_has(int kind, Property);
bool animal_has(int animal, Property);
bool is_exception(int animal, Property);
// Half of the pairs are stated on pages; the others follow from the class only.
bool is_stated(const World&, int animal, Property);
bool material_floats(int material);

}  // namespace lineage
