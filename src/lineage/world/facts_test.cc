#include "lineage/world/facts.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "lineage/base/enum_index.h"
#include "lineage/base/error.h"
#include "lineage/world/fact_templates.h"

namespace lineage {
namespace {

TEST(World, IsAFunctionOfItsSeed) {
  WorldConfig config;
  const World a(config), b(config);
  config.seed = 2;
  const World c(config);
  int same = 0;
  for (size_t i = 0; i < a.persons().size(); ++i) {
    EXPECT_EQ(a.persons()[i].profile, b.persons()[i].profile);
    EXPECT_EQ(a.persons()[i].name, b.persons()[i].name);
    same += a.persons()[i].name == c.persons()[i].name;
  }
  EXPECT_LT(same, 10);
}

TEST(World, TiersHaveTheirSizesAndHalves) {
  WorldConfig config;
  for (double share : {1.0, 0.5, 0.3, 0.01}) {
    config.persons = share;
    const World world(config);
    for (size_t t = 0; t < kExposures.size(); ++t) {
      const auto persons = world.persons(static_cast<Tier>(t));
      EXPECT_NEAR(std::ssize(persons), kTierPersons[t] * share, 2);
      const auto asked = std::count_if(persons.begin(), persons.end(),
                                       [](const Person& p) { return p.questioned; });
      EXPECT_EQ(2 * asked, std::ssize(persons));
      for (const Person& p : persons) EXPECT_EQ(p.tier, static_cast<Tier>(t));
      EXPECT_TRUE(std::any_of(persons.begin(), persons.end(), [](auto& p) { return p.in_b; }));
      EXPECT_FALSE(std::all_of(persons.begin(), persons.end(), [](auto& p) { return p.in_b; }));
    }
  }
  EXPECT_EQ(World(config = {}).config().seed, 1u);
  config.persons = 1;
  const World whole(config);
  EXPECT_EQ(whole.persons().size(), 2048u);
  int64_t biographies = 0;
  for (const Person& p : whole.persons()) biographies += kExposures[enum_index(p.tier)];
  EXPECT_EQ(biographies, 105600);  // section 3.2
}

TEST(World, NamesHaveOneRole) {
  WorldConfig config;
  config.persons = 1;
  const World world(config);
  std::set<int> names;
  for (const Person& p : world.persons()) EXPECT_TRUE(names.insert(p.name).second);
  for (auto list : {world.ghosts(), world.ephemerals(), world.shadows()})
    for (int name : list) {
      EXPECT_TRUE(names.insert(name).second);
      EXPECT_EQ(world.find_person(name), nullptr);
    }
  EXPECT_EQ(names.size(), 4096u);
}

TEST(World, FriendsOfTheKnownAreKnown) {
  const World world{WorldConfig{}};
  for (const Person& p : world.persons()) {
    const Person* other = world.find_person(world.value(Relation::friend_of, p.name));
    ASSERT_NE(other, nullptr);
    EXPECT_NE(other->name, p.name);
    if (p.tier >= Tier::t128) {
      EXPECT_GE(other->tier, Tier::t128);
    }
  }
}

TEST(World, RelationsHoldValuesOfTheirDomain) {
  const World world{WorldConfig{}};
  std::map<int, int> cities;
  for (int r = kAttributes; r < kRelations; ++r) {
    const Relation relation = static_cast<Relation>(r);
    for (int s = 0; s < domain_size(subject_domain(relation)); ++s)
      for (int year = dated(relation) ? 0 : -1; year < (dated(relation) ? 100 : 0); ++year) {
        const int value = world.value(relation, s, year);
        EXPECT_GE(value, 0);
        EXPECT_LT(value, domain_size(value_domain(relation)));
        if (relation == Relation::country) ++cities[value];
      }
  }
  EXPECT_EQ(cities.size(), 12u);
  for (const auto& [country, count] : cities) EXPECT_EQ(count, 4);
  EXPECT_EQ(world.value(Relation::job, world.shadows()[0]), -1);
}

TEST(World, TaxonomyHasThreeExceptions) {
  int exceptions = 0;
  for (int animal = 0; animal < kAnimals; ++animal)
    for (int p = 0; p < kProperties; ++p) {
      const Property property = static_cast<Property>(p);
      exceptions += is_exception(animal, property);
      EXPECT_EQ(animal_has(animal, property) != kind_has(kind_of(animal), property),
                is_exception(animal, property));
    }
  EXPECT_EQ(exceptions, 3);
}

TEST(World, TopicsAndIntentsHaveTheirParts) {
  const World world{WorldConfig{}};
  EXPECT_EQ(world.topics().size(), 8u);
  for (const Topic& topic : world.topics())
    EXPECT_EQ(std::count(topic.in_favour.begin(), topic.in_favour.end(), true), 2);
  EXPECT_EQ(world.intents().size(), 24u);
  EXPECT_EQ(std::count_if(world.intents().begin(), world.intents().end(),
                          [](const Intent& i) { return i.heldout; }),
            8);
}

TEST(FactTemplates, AttributesHaveTenStatementsAndFourQuestions) {
  for (int a = 0; a < kAttributes; ++a) {
    const FactTemplates& forms = fact_templates(static_cast<Relation>(a));
    EXPECT_EQ(forms.train_statements().size(), 8u);
    EXPECT_EQ(forms.train_statements(3).size(), 3u);
    EXPECT_EQ(forms.test_statements().size(), 2u);
    EXPECT_EQ(forms.train_questions().size(), 3u);
    EXPECT_EQ(forms.test_questions().size(), 1u);
    EXPECT_TRUE(std::any_of(forms.test_statements().begin(), forms.test_statements().end(),
                            [](const Template& t) { return t.ends_with('v'); }));
    EXPECT_FALSE(b_statements(static_cast<Relation>(a), WordOrder::verb_last).empty());
  }
  std::set<std::vector<Token>> all;
  for (int r = 0; r < kRelations; ++r)
    for (const Template& t : fact_templates(static_cast<Relation>(r)).questions)
      EXPECT_TRUE(all.insert(t.items()).second);
}

TEST(WorldConfig, IsAConfig) {
  const WorldConfig config = read_config<WorldConfig>(
      ConfigNode::parse("seed = 7\npersons = 0.5\nb_order = \"same\"\nshares.news = 0.1\n", "t"));
  EXPECT_EQ(config.seed, 7u);
  EXPECT_EQ(config.b_order, WordOrder::same);
  EXPECT_EQ(config.shares.news, 0.1);
  EXPECT_NE(config_reference<WorldConfig>().find("delta_dynamic"), std::string::npos);
  EXPECT_THROW(read_config<WorldConfig>(ConfigNode::parse("persons = 2", "t")), Error);
}

}  // namespace
}  // namespace lineage
