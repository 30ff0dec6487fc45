#include "lineage/run/chat_examples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/text/unknown_words.h"
#include "lineage/world/claims.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

World world_of(uint64_t seed) {
  WorldConfig config;
  config.seed = seed, config.persons = 0.05;
  return World(config);
}

// The person that a question names, or -1.
int person_in(std::span<const Token> question) {
  for (size_t i = 0; i < question.size(); ++i)
    if (const auto [name, n] = find_member(Domain::person, question.subspan(i)); n > 0) return name;
  return -1;
}

TEST(ChatExamples, AreTrueInTheirWorld) {
  for (uint64_t seed : {1, 7}) {
    const World world = world_of(seed);
    const std::vector<ChatExample> examples = chat_examples(world);
    ASSERT_EQ(examples.size(), 7u);
    std::vector<Tokens> asked, right;
    for (const ChatExample& e : examples) {
      for (const std::string& turn : e.turns)
        EXPECT_TRUE(unknown_words(*Vocabulary::get().tokenizer(), turn).words.empty()) << turn;
      asked.push_back(words_to_tokens(e.turns.back()));
      right.push_back(words_to_tokens(e.answer));
    }
    const Person* known = world.find_person(person_in(asked[0]));
    ASSERT_NE(known, nullptr);
    EXPECT_GE(known->tier, Tier::t128);
    const Phrase city = domain_words(Domain::city, world.value(Relation::birth_city, known->name));
    EXPECT_EQ(right[0], Tokens(city.begin(), city.end()));

    Tokens list = asked[1], reversed = right[1];
    std::erase_if(list, [](Token t) { return !read_number(std::span(&t, 1)).ok; });
    std::erase_if(reversed, [](Token t) { return !read_number(std::span(&t, 1)).ok; });
    std::ranges::reverse(reversed);
    EXPECT_EQ(list, reversed) << examples[1].turns[0];
    EXPECT_GE(list.size(), 2u);

    Tokens terms = asked[2];
    std::erase_if(terms, [](Token t) { return !read_number(std::span(&t, 1)).ok; });
    ASSERT_EQ(terms.size(), 2u);
    EXPECT_EQ(read_number(right[2]).value, read_number(std::span(terms).first(1)).value +
                                               read_number(std::span(terms).last(1)).value);

    EXPECT_EQ(std::ranges::count(right[3], word_token(".")), 2);
    EXPECT_EQ(find_refusal(right[4]), RefusalKind::improper);
    EXPECT_EQ(find_refusal(right[5]), RefusalKind::unknown);
    EXPECT_EQ(world.find_person(person_in(asked[5])), nullptr);

    ASSERT_EQ(examples[6].turns.size(), 2u);
    const Tokens said = words_to_tokens(examples[6].turns[0]);
    EXPECT_NE(std::ranges::search(said, right[6]).begin(), said.end());
  }
}

TEST(ChatExamples, AreTheSameEachTimeAndOthersInAnotherWorld) {
  const auto turns = [](uint64_t seed) {
    std::vector<std::string> first;
    for (const ChatExample& e : chat_examples(world_of(seed))) first.push_back(e.turns[0]);
    return first;
  };
  EXPECT_EQ(turns(1), turns(1));
  EXPECT_NE(turns(1), turns(7));
}

TEST(ChatExamples, DemonstrationsHaveOneTurnEach) {
  Manifest manifest;
  manifest.datasets["chats"] = {{"kind", "conversations"}};
  EXPECT_FALSE(tuned_on_single_turns(manifest));
  manifest.datasets["instruct"] = {{"kind", "micro-world demonstrations"}};
  EXPECT_TRUE(tuned_on_single_turns(manifest));
}

}  // namespace
}  // namespace lineage
