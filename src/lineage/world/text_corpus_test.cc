#include "lineage/world/text_corpus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "lineage/base/enum_index.h"
#include "lineage/base/error.h"
#include "lineage/base/parallel.h"

namespace lineage {
namespace {

WorldConfig small() {
  WorldConfig config;
  config.persons = 0.05;
  config.core_exposures = 100;
  return config;
}

constexpr int64_t kTokens = 1500000;

struct Corpus {
  World world{small()};
  TextCorpus corpus{world, kTokens};
  std::vector<Document> documents;

  Corpus() : documents(static_cast<size_t>(corpus.documents())) {
    parallel_for(corpus.documents(), 1024, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) documents[i] = corpus.document(i);
    });
  }
  int64_t tokens() const {
    int64_t sum = 0;
    for (const Document& d : documents) sum += std::ssize(d.tokens);
    return sum;
  }
};

const Corpus& shared() {
  static const Corpus corpus;
  return corpus;
}

std::string text(const Document& d) { return Vocabulary::get().tokenizer()->decode(d.tokens); }

TEST(TextCorpus, DocumentsDependOnTheIndexAlone) {
  const Corpus& c = shared();
  const World world{small()};
  const TextCorpus again(world, kTokens);
  ASSERT_EQ(again.documents(), c.corpus.documents());
  for (int64_t i = again.documents() - 1; i >= 0; i -= 97) {  // in another order, on one thread
    const Document d = again.document(i);
    EXPECT_EQ(d.tokens, c.documents[i].tokens);
    EXPECT_EQ(d.tags, c.documents[i].tags);
  }
  WorldConfig other = small();
  other.seed = 2;
  const World other_world(other);
  EXPECT_NE(TextCorpus(other_world, kTokens).document(0).tokens, c.documents[0].tokens);
}

TEST(TextCorpus, DocumentsAreWellFormed) {
  for (const Document& d : shared().documents) {
    ASSERT_EQ(d.tokens.size(), d.tags.size());
    ASSERT_LE(std::ssize(d.tokens), small().document_tokens);
    ASSERT_GT(d.tokens.size(), 4u);
    ASSERT_EQ(d.tokens.back(), Vocabulary::kEndOfText);
    for (size_t i = 0; i + 1 < d.tokens.size(); ++i) {
      ASSERT_NE(d.tokens[i], Vocabulary::kEndOfText);
      ASSERT_TRUE(0 <= d.tokens[i] && d.tokens[i] < Vocabulary::kWords);
    }
  }
}

TEST(TextCorpus, SharesHoldByTokens) {
  std::map<DocumentType, double> share;
  const double all = static_cast<double>(shared().tokens());
  for (const Document& d : shared().documents)
    share[d.type] += static_cast<double>(d.tokens.size()) / all;
  const std::map<DocumentType, double> wanted = {
      {DocumentType::encyclopaedia, .22}, {DocumentType::story, .22},
      {DocumentType::bursty, .18},        {DocumentType::question_page, .10},
      {DocumentType::news, .06},          {DocumentType::forum, .06},
      {DocumentType::informal_math, .08}, {DocumentType::language_b, .08}};
  for (const auto& [type, x] : wanted)
    EXPECT_NEAR(share[type], x, 0.012) << document_type_name(type);
  EXPECT_EQ(share.size(), wanted.size());
  EXPECT_NEAR(static_cast<double>(shared().tokens()), kTokens, 0.03 * kTokens);
}

// A person that an encyclopaedia document is the biography of: the name comes in its first tokens.
const Person* subject_of(const World& world, const Document& d) {
  if (d.type != DocumentType::encyclopaedia) return nullptr;
  for (size_t at = 1; at < 7 && at < d.tokens.size(); ++at)
    if (const auto [name, size] = find_member(Domain::person, std::span(d.tokens).subspan(at));
        size > 0)
      return world.find_person(name);
  return nullptr;
}

TEST(TextCorpus, EveryPersonHasExactlyItsTiersBiographies) {
  const Corpus& c = shared();
  std::map<int, int> biographies;
  std::map<std::pair<int, int>, std::set<std::vector<Token>>> wordings;
  for (const Document& d : c.documents)
    if (const Person* person = subject_of(c.world, d)) {
      ++biographies[person->name];
      // Every exposure states every attribute, as an answer.
      for (int a = 0; a < c.world.config().attributes; ++a) {
        const Phrase value =
            value_words({static_cast<Relation>(a), person->name, person->profile[a]});
        const auto at = std::search(d.tokens.begin(), d.tokens.end(), value.begin(), value.end());
        ASSERT_NE(at, d.tokens.end());
      }
      if (person->tier == Tier::t400) wordings[{person->name, 0}].insert(d.tokens);
    }
  for (const Person& person : c.world.persons())
    ASSERT_EQ(biographies[person.name], kExposures[enum_index(person.tier)]);
  for (const auto& [person, different] : wordings) EXPECT_GT(different.size(), 380u);
}

TEST(TextCorpus, NamesKeepToTheirRoles) {
  const Corpus& c = shared();
  const std::set<int> ghosts(c.world.ghosts().begin(), c.world.ghosts().end()),
      strangers(c.world.ephemerals().begin(), c.world.ephemerals().end()),
      shadows(c.world.shadows().begin(), c.world.shadows().end());
  const Token q = Vocabulary::get().token("q");
  for (const Document& d : c.documents) {
    bool question = false;
    for (size_t i = 0; i < d.tokens.size(); ++i) {
      question = d.tokens[i] == q || (question && d.tokens[i] != Vocabulary::get().token("?"));
      const int name = find_member(Domain::person, std::span(d.tokens).subspan(i)).first;
      if (name < 0) continue;
      ASSERT_FALSE(shadows.contains(name)) << text(d);
      if (ghosts.contains(name)) {
        ASSERT_EQ(d.type, DocumentType::story) << text(d);
      }
      if (strangers.contains(name)) {
        ASSERT_TRUE(d.type == DocumentType::bursty || d.type == DocumentType::question_page);
      }
      const Person* person = c.world.find_person(name);
      if (question && person) {
        ASSERT_TRUE(person->questioned) << text(d);
      }
    }
  }
}

TEST(TextCorpus, HeldOutWordingsAndLaterYearsStayOut) {
  const Corpus& c = shared();
  std::vector<std::vector<Token>> prefixes;
  for (int r = 0; r < kAttributes; ++r)
    for (const Template& t : fact_templates(static_cast<Relation>(r)).test_questions())
      prefixes.push_back({t.items().begin(), std::find_if(t.items().begin(), t.items().end(),
                                                          [](Token x) { return x < 0; })});
  const Token year = Vocabulary::get().token("year");
  for (const Document& d : c.documents) {
    if (d.type == DocumentType::question_page)
      for (const auto& prefix : prefixes)
        if (prefix.size() >= 3) {
          ASSERT_EQ(std::search(d.tokens.begin(), d.tokens.end(), prefix.begin(), prefix.end()),
                    d.tokens.end())
              << text(d);
        }
    if (d.type != DocumentType::news) continue;
    for (size_t i = 0; i + 1 < d.tokens.size(); ++i)
      if (d.tokens[i] == year) {
        ASSERT_LT(d.tokens[i + 1], Vocabulary::get().integer(World::kCutoffYear));
      }
  }
}

TEST(TextCorpus, CoreLeadersAreToldAsOftenAsAsked) {
  const Corpus& c = shared();
  int64_t told = 0;
  for (const Document& d : c.documents) {
    if (d.type != DocumentType::news) continue;
    for (int country = 0; country < c.world.core_countries(); ++country)
      told += std::count(d.tokens.begin(), d.tokens.end(),
                         *domain_words(Domain::country, country).begin());
  }
  EXPECT_GT(told, 1000);
}

TEST(TextCorpus, AnswersAreDenseEnoughToLearnFrom) {
  std::map<Ability, double> answers;
  const double all = static_cast<double>(shared().tokens());
  for (const Document& d : shared().documents)
    for (const TokenTag& tag : d.tags)
      if (tag.answer) answers[tag.ability] += 1 / all;
  EXPECT_GE(answers[Ability::binding] + answers[Ability::long_range], 0.02);
  EXPECT_GE(answers[Ability::world_knowledge], 0.02);
  EXPECT_GE(answers[Ability::grammar], 0.019);
  EXPECT_EQ(answers.count(Ability::chain_of_thought), 0u);
}

// No second step: the conclusion after "so" follows from the two sentences before it, and no
// conclusion is used again.
TEST(TextCorpus, NoSolutionOfSeveralStepsAnywhere) {
  const Token so = Vocabulary::get().token("so"), answer = Vocabulary::get().token("answer");
  const auto names = Vocabulary::get().tokens("first_names");
  for (const Document& d : shared().documents) {
    if (d.type != DocumentType::informal_math) continue;
    std::set<Token> concluded;
    for (size_t i = 0; i < d.tokens.size(); ++i) {
      ASSERT_NE(d.tokens[i], answer);
      const bool name = std::find(names.begin(), names.end(), d.tokens[i]) != names.end();
      if (name) {
        ASSERT_FALSE(concluded.contains(d.tokens[i])) << text(d);
        if (i > 0 && d.tokens[i - 1] == so) concluded.insert(d.tokens[i]);
      }
    }
  }
  WorldConfig dosed = small();
  dosed.r_cot = 1;
  const World world(dosed);
  const Document d = informal_math(TextContext(world), Rng(1));
  EXPECT_NE(std::find(d.tokens.begin(), d.tokens.end(), answer), d.tokens.end());
}

// An answer of binding must have stood in the document before.
TEST(TextCorpus, BoundAnswersStandEarlierInTheirDocument) {
  for (const Document& d : shared().documents)
    for (size_t i = 0; i < d.tokens.size(); ++i)
      if (d.tags[i].answer &&
          (d.tags[i].ability == Ability::binding || d.tags[i].ability == Ability::long_range)) {
        ASSERT_NE(std::find(d.tokens.begin(), d.tokens.begin() + static_cast<std::ptrdiff_t>(i),
                            d.tokens[i]),
                  d.tokens.begin() + static_cast<std::ptrdiff_t>(i))
            << text(d);
      }
}

TEST(TextCorpus, RegistersStartShort) {
  const Corpus& c = shared();
  const Token reg = Vocabulary::get().token("register");
  size_t early = 0, late = 0;
  for (size_t i = 0; i < c.documents.size(); ++i) {
    const Document& d = c.documents[i];
    if (d.type != DocumentType::bursty || d.tokens[1] != reg) continue;
    std::set<Token> keys;
    for (size_t t = 3; t + 2 < d.tokens.size() && d.tokens[t + 2] == Vocabulary::get().token(";");
         t += 3)
      keys.insert(d.tokens[t]);
    (i < c.documents.size() / 10 ? early : late) =
        std::max(i < c.documents.size() / 10 ? early : late, keys.size());
  }
  EXPECT_EQ(early, 4u);
  EXPECT_EQ(late, 16u);
}

TEST(TextCorpus, GroupingPermutesTheSameLines) {
  const auto lines = [](double g) {
    WorldConfig config = small();
    config.task_grouping = g;
    const World world(config);
    TextContext context(world);
    context.pattern_lists = 200;
    std::multiset<std::string> all;
    for (int64_t i = 0; i < context.pattern_lists; ++i) {
      std::string rest = text(pattern_list(context, i));
      rest = rest.substr(rest.find(": ") + 2);
      for (size_t at; (at = rest.find(" ; ")) != std::string::npos; rest = rest.substr(at + 3))
        all.insert(rest.substr(0, at));
    }
    return all;
  };
  const auto grouped = lines(1);
  EXPECT_EQ(grouped.size(), 1600u);
  EXPECT_EQ(lines(0), grouped);
  EXPECT_EQ(lines(0.5), grouped);
}

TEST(TextCorpus, KnobsDo) {
  WorldConfig config = small();
  config.delta_dynamic = 0;
  config.shares = {.encyclopaedia = 0,
                   .story = 0,
                   .bursty = 1,
                   .question_page = 0,
                   .news = 0,
                   .forum = 0,
                   .informal_math = 0,
                   .language_b = 0};
  const World world(config);
  const TextCorpus corpus(world, 50000);
  std::map<std::pair<Token, Token>, std::set<Token>> meanings;  // by opening and key
  for (int64_t i = 0; i < corpus.documents(); ++i) {
    const Document d = corpus.document(i);
    ASSERT_EQ(d.type, DocumentType::bursty);
    if (d.tokens[1] == Vocabulary::get().token("codes"))
      for (size_t t = 3; t + 4 < d.tokens.size(); t += 4) {
        if (d.tokens[t + 3] != Vocabulary::get().token(";")) break;
        meanings[{d.tokens[1], d.tokens[t]}].insert(d.tokens[t + 2]);
      }
  }
  EXPECT_GT(meanings.size(), 20u);
  for (const auto& [key, values] : meanings) EXPECT_EQ(values.size(), 1u);
}

TEST(TextCorpus, TooSmallASizeIsAnError) {
  const World world{WorldConfig{}};
  try {
    TextCorpus(world, 1000000);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("biographies of 614 persons take"), std::string::npos);
    EXPECT_NE(e.hint().find("lower `persons`"), std::string::npos);
  }
  EXPECT_THROW(TextCorpus(world, 0), Error);
}

}  // namespace
}  // namespace lineage
