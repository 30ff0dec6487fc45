#include "lineage/world/gallery/gallery.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "lineage/base/digest.h"
#include "lineage/base/error.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

const std::vector<SampleKind>& kinds() {
  static const std::vector<SampleKind> all = [] {
    WorldConfig config;
    config.persons = 0.02;
    return corpus_samples(std::make_shared<const World>(config),
                          {.text_tokens = 500'000, .code_tokens = 60'000});
  }();
  return all;
}

Sample sample_of(Document d) {
  d.tokens.pop_back(), d.tags.pop_back();
  return {"kind", "title", {{"", d.tokens, d.tags}}};
}

TEST(Gallery, HasSamplesOfEveryKindWithATagForEachToken) {
  std::set<std::string> groups;
  for (const SampleKind& kind : kinds()) {
    groups.insert(kind.group);
    const std::vector<Sample> samples = kind.samples(3, 2);
    ASSERT_EQ(samples.size(), 2u) << kind.name;
    for (const Sample& s : samples) {
      ASSERT_FALSE(s.parts.empty()) << kind.name;
      for (const SamplePart& p : s.parts) {
        EXPECT_FALSE(p.tokens.empty()) << kind.name << " " << p.name;
        EXPECT_EQ(p.tokens.size(), p.tags.size()) << kind.name;
      }
      EXPECT_FALSE(sample_text(s, true).empty());
    }
    EXPECT_NE(sample_text(samples[0], false), sample_text(samples[1], false)) << kind.name;
  }
  EXPECT_EQ(groups, (std::set<std::string>{"code", "dialog", "instruction", "problem", "text"}));
}

// Also from one version to the next: a generator's draws must not depend on the order in which
// arguments are evaluated. Where a generator changes on purpose, the digest here changes with it,
// and kGeneration of stages/texts.cc goes up when a corpus does.
TEST(Gallery, EveryCompilerMakesTheSameWorld) {
  std::map<std::string, Digest> digests;
  for (const SampleKind& kind : kinds())
    for (const Sample& s : kind.samples(0, 40))
      digests[kind.group].field(kind.name).field(sample_text(s, false));
  const std::map<std::string, std::string> known = {{"code", "fd35127f99816c14"},
                                                    {"dialog", "bcd750904ed8fd77"},
                                                    {"instruction", "84b63eb3fd7224b2"},
                                                    {"problem", "653e26ce7d7bec44"},
                                                    {"text", "6691352a451bc0a4"}};
  for (auto& [group, digest] : digests)
    EXPECT_EQ(digest.hex().substr(0, 16), known.at(group)) << group;
}

TEST(Gallery, DocumentsAreThoseOfTheCorpusFromTheIndexOn) {
  const SampleKind story = find_kinds(kinds(), "story").at(0);
  const auto all = story.samples(0, 3);
  EXPECT_EQ(all[0].kind, "story");
  // From just behind the first one, the second is the first.
  const uint64_t first = std::stoull(all[0].title.substr(9));
  EXPECT_EQ(story.samples(first + 1, 1)[0].parts[0].tokens, all[1].parts[0].tokens);
  EXPECT_TRUE(story.samples(1'000'000'000, 1).empty());
}

TEST(Gallery, KindsAreFoundByGroupNameAndBeginning) {
  EXPECT_EQ(find_kinds(kinds(), "").size(), kinds().size());
  EXPECT_EQ(find_kinds(kinds(), "dialog").size(), 8u);
  EXPECT_EQ(find_kinds(kinds(), "F02").size(), 1u);
  EXPECT_EQ(find_kinds(kinds(), "F0").size(), 9u);
  try {
    find_kinds(kinds(), "storey");
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "world: \"storey\" is no kind of sample; wanted a group, a name or how one "
                 "begins");
    EXPECT_EQ(e.hint(), "did you mean story? lineage world show --list names them all");
  }
}

TEST(SampleText, MarksAnswersAndLaysOutNumbersAndBlocks) {
  DocumentWriter d(DocumentType::function);
  d.text("def f ( x ) : \n <indent> return x + ").number(250).text("\n <dedent> assert f ( 1 ) ==");
  d.number(251, {Ability::code_understanding, true}).text("\n");
  const Sample s = sample_of(d.finish());
  EXPECT_EQ(sample_text(s, false),
            "kind: title  26 tokens, 3 answer-bearing\n"
            "  def f ( x ) :\n"
            "    return x + 250\n"
            "  assert f ( 1 ) == _251_\n");
  const std::string coloured = sample_text(s, true);
  EXPECT_NE(coloured.find("== \x1b[1;4;38;5;37m251\x1b[0m\n"), std::string::npos) << coloured;
  EXPECT_EQ(colour_legend({s}, false), "A11 code_understanding");
}

TEST(SampleText, NamesThePartsOfASample) {
  const Vocabulary& v = Vocabulary::get();
  Sample s{"A", "", {}};
  s.parts.push_back({"question", {v.token("who"), v.token("?")}, {{}, {}}});
  s.parts.push_back({"answer", {v.token("ann")}, {{Ability::binding, true}}});
  EXPECT_EQ(sample_text(s, false),
            "A  3 tokens, 1 answer-bearing\n"
            "  question  who ?\n"
            "  answer    _ann_\n");
}

}  // namespace
}  // namespace lineage
