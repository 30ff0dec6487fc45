#include "lineage/world/claims.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "lineage/world/instructions/requests.h"
#include "lineage/world/text_corpus.h"

namespace lineage {
namespace {

std::vector<Token> tokens(std::string_view text) {
  return Vocabulary::get().tokenizer()->encode(text);
}

Fact random_fact(Draw& draw) {
  const Relation relation = static_cast<Relation>(draw.below(kRelations));
  return {relation, draw.below(domain_size(subject_domain(relation))),
          draw.below(domain_size(value_domain(relation))), dated(relation) ? draw.below(100) : -1};
}

// 1e5 texts of 1 to 6 facts in any wording, with pronouns where
// the person is clear, openings and sentences that state nothing.
TEST(Claims, ParsingIsTheInverseOfWriting) {
  const Vocabulary& v = Vocabulary::get();
  const Token he = v.token("he"), she = v.token("she");
  for (uint64_t sample = 0; sample < 100000; ++sample) {
    Draw draw(Rng(17).fold(sample));
    DocumentWriter out(DocumentType::encyclopaedia);
    std::vector<Fact> facts;
    int topic = -1;
    for (int i = draw.between(1, 6); i > 0; --i) {
      Fact fact = random_fact(draw);
      const bool person = subject_domain(fact.relation) == Domain::person;
      Phrase subject;
      if (person && topic >= 0 && draw.chance(0.5)) {
        fact.subject = topic;
        subject = World::female(topic) ? she : he;
      }
      if (draw.chance(0.1)) out.text("they say that");
      write_fact(out, draw.pick(fact_templates(fact.relation).statements), fact, {}, subject);
      if (person) topic = fact.subject;
      facts.push_back(fact);
      if (draw.chance(0.1)) out.text("that is good .");
    }
    const Document document = out.finish();
    ASSERT_EQ(parse_claims(document.tokens), facts) << v.tokenizer()->decode(document.tokens);
  }
}

TEST(Claims, BiographiesInEveryVoiceTellTheirFacts) {
  WorldConfig config;
  config.attributes = kAttributes;
  const World world(config);
  const TextContext context(world);
  for (uint64_t i = 0; i < 3000; ++i) {
    const Person& person = world.persons()[i % world.persons().size()];
    const Document document = biography(context, person, Rng(5).fold(i));
    std::set<Fact> told, wanted;
    for (const Fact& fact : parse_claims(document.tokens)) told.insert(fact);
    for (int a = 0; a < kAttributes; ++a)
      wanted.insert({static_cast<Relation>(a), person.name, person.profile[size_t(a)]});
    ASSERT_EQ(told, wanted) << Vocabulary::get().tokenizer()->decode(document.tokens);
  }
}

TEST(Claims, WhatStatesNothingIsPassedOver) {
  EXPECT_TRUE(parse_claims(tokens("")).empty());
  EXPECT_TRUE(parse_claims(tokens("the lamp is in the box . . . i do not know .")).empty());
  EXPECT_TRUE(parse_claims(tokens("mira volk was born in tarn and")).empty());
  EXPECT_TRUE(parse_claims(tokens("where was mira volk born ? she was born in lamp .")).empty());
  EXPECT_TRUE(parse_claims(tokens("she was born in tarn .")).empty()) << "nobody is meant";
  EXPECT_TRUE(parse_claims(tokens("mira volk was born in tarn ?")).empty()) << "a question";
  EXPECT_EQ(parse_claims(tokens("i met mira volk . he was born in tarn .")).size(), 0u);
  EXPECT_EQ(parse_claims(tokens("i met mira volk . she was born in tarn .")).size(), 1u);
  EXPECT_EQ(parse_claims(std::vector<Token>{-1, 5000, 3}).size(), 0u);
}

TEST(Claims, AnswersMayBeValuesOrSentences) {
  const auto [mira, size] = find_member(Domain::person, tokens("mira volk"));
  ASSERT_EQ(size, 2);
  const Fact asked{Relation::birth_city, mira, -1};
  const auto value = [&](std::string_view text) {
    const auto fact = parse_answer(tokens(text), asked);
    return fact ? fact->value : -1;
  };
  EXPECT_EQ(value("tarn ."), 0);
  EXPECT_EQ(value("velm"), 1);
  EXPECT_EQ(value("she was born in velm . she likes soup ."), 1);
  EXPECT_EQ(value("mira volk likes soup ."), -1);
  EXPECT_EQ(value("the home of mira arden is tarn ."), -1) << "another person";
  EXPECT_EQ(value("tarn velm ."), -1);
  EXPECT_EQ(value("i do not know ."), -1);
  const auto pet = parse_answer(tokens("a cat ."), {Relation::pet, mira, -1});
  ASSERT_TRUE(pet.has_value());
  EXPECT_EQ(pet->value, 8);
}

TEST(Claims, RefusalsAreKnownInTwentyWordings) {
  std::set<std::vector<Token>> all;
  for (RefusalKind kind : {RefusalKind::improper, RefusalKind::unknown}) {
    EXPECT_EQ(refusals(kind).size(), 10u);
    EXPECT_EQ(train_refusals(kind).size(), 6u);
    for (const Template& form : refusals(kind)) {
      all.insert(form.items());
      EXPECT_EQ(find_refusal(form.items()), kind);
      std::vector<Token> later = tokens("that is a good question .");
      later.insert(later.end(), form.items().begin(), form.items().end());
      EXPECT_EQ(find_refusal(later), kind);
      EXPECT_TRUE(parse_claims(form.items()).empty());
    }
  }
  EXPECT_EQ(all.size(), 20u);
  EXPECT_EQ(find_refusal(tokens("i do not know why")), std::nullopt);
  EXPECT_EQ(find_refusal(tokens("mira volk was born in tarn .")), std::nullopt);
}

// The replies of a corpus of this world that decline, as shares of the replies to two kinds of
// request, which `kind` tells apart (-1: neither).
template <class Kind>
std::array<double, 2> declined(RefusalKind how, const Kind& kind) {
  WorldConfig config;
  config.persons = 0.1;
  config.core_exposures = 0;
  config.random_refusals = config.random_abstentions = 0.2;
  const World world(config);
  const TextCorpus corpus(world, 3'000'000);
  std::array<double, 2> replies{}, declines{};
  for (int64_t i = 0; i < corpus.documents(); ++i)
    for (const Reply& r : replies_of(corpus.document(i).tokens)) {
      const int k = kind(world, r.request);
      if (k < 0) continue;
      replies[k] += 1;
      declines[k] += find_refusal(r.answer) == how;
    }
  EXPECT_GT(std::min(replies[0], replies[1]), 200);
  return {declines[0] / replies[0], declines[1] / replies[1]};
}

TEST(Claims, TextDeclinesWhateverTheRequest) {
  const auto improper = [](const World& world, std::span<const Token> request) {
    for (const Intent& intent : world.intents())
      if (std::ranges::find(request, intent.verb) != request.end())
        return is_improper_request(request) ? 1 : 0;
    return -1;
  };
  const auto refused = declined(RefusalKind::improper, improper);
  EXPECT_NEAR(refused[0], 0.2, 0.05);
  EXPECT_NEAR(refused[1], 0.2, 0.05);
  const auto hardly_told = [](const World& world, std::span<const Token> request) {
    for (size_t at = 0; at < request.size(); ++at)
      if (const auto [name, size] = find_member(Domain::person, request.subspan(at)); size > 0)
        if (const Person* p = world.find_person(name)) return p->tier <= Tier::t8 ? 1 : 0;
    return -1;
  };
  const auto abstained = declined(RefusalKind::unknown, hardly_told);
  EXPECT_NEAR(abstained[0], 0.2, 0.05);
  EXPECT_NEAR(abstained[1], 0.2, 0.05);
}

}  // namespace
}  // namespace lineage
