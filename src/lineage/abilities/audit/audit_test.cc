#include "lineage/abilities/audit/audit.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lineage/abilities/audit/allowed.h"
#include "lineage/abilities/audit/slots.h"
#include "lineage/abilities/suite.h"
#include "lineage/base/parallel.h"
#include "lineage/world/fact_templates.h"
#include "lineage/world/instructions/registry.h"
#include "lineage/world/item_split.h"
#include "lineage/world/minipy/corpus/code_corpus.h"
#include "lineage/world/text_corpus.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

using Kind = AuditSource::Kind;

const std::shared_ptr<const World>& world() {
  static const auto small = [] {
    WorldConfig config;
    config.persons = 0.02;
    return std::make_shared<const World>(config);
  }();
  return small;
}

Document document(std::string_view words, DocumentType type = DocumentType::story) {
  DocumentWriter out(type);
  out.text(words);
  return out.finish();
}

AuditSource source(std::vector<Document> documents, Kind kind = Kind::text) {
  return {"planted", kind, std::ssize(documents), [documents](int64_t i) { return documents[i]; }};
}

AuditProbe probe(std::string_view question, std::string_view target) {
  return {"A99.probe",
          "A99",
          "",
          {{"1000000", "cell", words_to_tokens(question), words_to_tokens(target)}}};
}

// The checks by which the one item was found.
std::vector<Check> found(const AuditProbe& asked, std::vector<Document> documents,
                         Kind kind = Kind::text) {
  std::vector<Check> checks;
  for (const Overlap& o : audit(*world(), {asked}, {source(std::move(documents), kind)}).overlaps)
    checks.push_back(o.check);
  return checks;
}

const std::vector<Check> kNothing = {};

TEST(Audit, FindsAQuestionWithItsAnswerAndTellsWhere) {
  const AuditProbe asked = probe("where was ann volk born ?", "tarn");
  const AuditReport report =
      audit(*world(), {asked},
            {source({document("the boy runs ."),
                     document("<src:web> q : where was ann volk born ? a : tarn . q : who ?")})});
  ASSERT_EQ(report.overlaps.size(), 1u);
  EXPECT_EQ(report.overlaps[0].check, Check::exact);
  EXPECT_EQ(report.overlaps[0].document, 1);
  EXPECT_FALSE(report.clean());
  EXPECT_EQ(report.first_leak(),
            "A99.probe/cell: 1 of 1 items stand in planted by exact, first item 1000000 (\"where "
            "was ann volk born ? tarn\") in document 1; wanted none");
  // Another answer, or the right one far away, is no leak.
  EXPECT_EQ(found(asked, {document("where was ann volk born ? a : osk .")}), kNothing);
  EXPECT_EQ(found(asked, {document("where was ann volk born ? a : osk . mira was born in tarn .")}),
            kNothing);
}

TEST(Audit, AListThatGoesOnIsAnotherQuestion) {
  const AuditProbe asked = probe("pluralise : queen , man", "queens men");
  const auto told = [](std::string_view words) {
    return document("<user> please " + std::string(words) + " <eot>");
  };
  EXPECT_EQ(found(asked, {told("pluralise : queen , man <eot> <bot> queens men")}),
            std::vector{Check::exact});
  EXPECT_EQ(found(asked, {told("pluralise : queen , man , child <eot> <bot> queens men children")}),
            kNothing);
}

TEST(Audit, FindsASentenceOnlyWhereASentenceBegins) {
  const AuditProbe sentence = probe("", "these boys will run .");
  EXPECT_EQ(found(sentence, {document("so it is . these boys will run .")}),
            std::vector{Check::exact});
  EXPECT_EQ(found(sentence, {document("all these boys will run .")}), kNothing);
}

TEST(Audit, FindsPiecesOfALongItemButNotItsTemplate) {
  const AuditProbe asked = probe(
      "tom has 7 apples . ann has 5 more than tom . bob has 3 fewer than ann . lio has 2 more than "
      "bob . how many does lio have ?",
      "11");
  // Most of its premises, cut at both ends.
  EXPECT_EQ(found(asked, {document("apples . ann has 5 more than tom . bob has 3 fewer than ann . "
                                   "lio has 2 more than bob . how")}),
            std::vector{Check::grams});
  // The template with other persons and numbers.
  EXPECT_EQ(found(asked, {document("ida has 4 pears . zoe has 9 more than ida . leo has 1 fewer "
                                   "than zoe . how many does leo have ?")}),
            kNothing);
}

TEST(Slots, TemplateWordsHoldNothingAndAValueCountsOnce) {
  EXPECT_EQ(slot_bits(words_to_tokens("how many does it have ?")), 0);
  EXPECT_EQ(slot_bits(words_to_tokens("rotate to the left then pop the first element")), 0);
  const double name = slot_bits(words_to_tokens("mira"));
  EXPECT_NEAR(name, 6, 1e-9);
  EXPECT_EQ(slot_bits(words_to_tokens("mira has more than mira")), name);
  EXPECT_LT(slot_bits(words_to_tokens("the home of mira volk is the city of")), kSpecificBits);
  EXPECT_GT(slot_bits(words_to_tokens("mira volk works for opal in tarn")), kSpecificBits);
}

TEST(Audit, FindsWhatIsAskedInOtherWords) {
  // The same list under another operation, and before the request.
  const AuditProbe list = probe("please reverse : cat , lamp , owl", "owl , lamp , cat");
  EXPECT_EQ(found(list, {document("<user> sort : cat , lamp , owl <eot> <bot> cat <eot>")},
                  Kind::demonstrations),
            std::vector{Check::key});
  EXPECT_EQ(found(list, {document("<user> cat , lamp , owl ; sort ! <eot> <bot> cat <eot>")},
                  Kind::demonstrations),
            std::vector{Check::key});
  EXPECT_EQ(found(list, {document("<user> reverse : cat , owl , lamp <eot> <bot> cat <eot>")},
                  Kind::demonstrations),
            kNothing);
  // The same problem of other persons and goods.
  const AuditProbe problem =
      probe("tom has 7 apples . ann has 5 more than tom . how many does ann have ?", "12");
  const auto told = [](std::string_view words) {
    return document("<user> answer only : " + std::string(words) + " <eot> <bot> 12 <eot>");
  };
  EXPECT_EQ(
      found(problem, {told("ida has 7 pears . leo has 5 more than ida . how many does leo have ?")},
            Kind::demonstrations),
      std::vector{Check::key});
  EXPECT_EQ(
      found(problem, {told("ida has 7 pears . leo has 4 more than ida . how many does leo have ?")},
            Kind::demonstrations),
      kNothing);
  // A sum of long numbers.
  DocumentWriter sum(DocumentType::instruction);
  sum.text("<call> print (").number(482).text("+").number(139).text(")");
  AuditProbe long_sum = probe("answer only :", "0");
  long_sum.items[0].question =
      TokenText("answer only : what is").number(482).text("+").number(139).text("?").take();
  EXPECT_EQ(found(long_sum, {sum.finish()}), std::vector{Check::key});
  // A function's task in its docstring.
  EXPECT_EQ(
      found(probe("<src:code> def f ( x ) : \n <indent> \" return x plus 7 \" \n", "return x"),
            {document("<src:code> def g ( y ) : \n <indent> \" return x plus 7 \" \n return y "
                      "- 3 \n <dedent>")},
            Kind::code),
      std::vector{Check::key});
}

TEST(Audit, FindsProgramsWithOtherNames) {
  const AuditProbe asked =
      probe("<src:code> def f ( x ) : \n <indent>", "return x * 3 + 1 \n <dedent>");
  const std::string_view other = "def score ( data ) : \n <indent> return data * 3 + 1 \n <dedent>";
  EXPECT_EQ(found(asked, {document("<src:code> a = 3 \n " + std::string(other))}, Kind::code),
            std::vector{Check::program});
  EXPECT_EQ(found(asked, {document("<user> explain : " + std::string(other) + " <eot>")},
                  Kind::demonstrations),
            std::vector{Check::program});
  EXPECT_EQ(
      found(asked, {document("<src:code> def f ( x ) : \n <indent> return x * 3 - 1 \n <dedent>")},
            Kind::code),
      kNothing);
}

TEST(Audit, FindsDocumentsThatTheSplitForbids) {
  const auto person = [](bool questioned) {
    const auto all = world()->persons(Tier::t400);
    return std::find_if(all.begin(), all.end(),
                        [&](const Person& p) { return p.questioned == questioned; })
        ->name;
  };
  const auto asks = [](int name) {
    DocumentWriter d(DocumentType::question_page);
    const Phrase words = domain_words(Domain::person, name);
    d.text("<src:web> q : where was").token(words.tokens[0]).token(words.tokens[1]);
    return d.text("born ? a : tarn .").finish();
  };
  const auto faults = [](std::vector<Document> documents, Kind kind = Kind::text) {
    std::vector<std::string> what;
    for (const SplitFault& f : audit(*world(), {}, {source(std::move(documents), kind)}).faults)
      what.push_back(f.what);
    return what;
  };
  EXPECT_EQ(faults({asks(person(false))}),
            std::vector<std::string>{"a question about a person of the H-half"});
  EXPECT_TRUE(faults({asks(person(true))}).empty());
  EXPECT_EQ(faults({asks(world()->shadows()[0])}),
            std::vector<std::string>{"a shadow, whom nothing may name"});
  EXPECT_EQ(faults({document("in year 81 the leader of norland is pell .")}),
            std::vector<std::string>{"a year after the cutoff"});
  EXPECT_TRUE(faults({document("in year 79 the leader of norland is pell .")}).empty());

  // A program on the side of the tests, and one on the other.
  CodeContext tests;
  tests.test = true;
  for (const bool test : {true, false}) {
    tests.test = test;
    std::optional<Document> program;
    for (uint64_t i = 0; !program; ++i) {
      Draw draw(Rng(7).fold(i));
      program = make_script(tests, draw);
    }
    EXPECT_EQ(faults({*program}, Kind::code).size(), test ? 1u : 0u);
  }

  AuditSource keyed = source({document("a b c"), document("d e f")});
  keyed.key = [](int64_t i) { return static_cast<uint64_t>(19 + i); };
  const AuditReport report = audit(*world(), {}, {keyed});
  ASSERT_EQ(report.faults.size(), 1u);
  EXPECT_EQ(report.first_leak(),
            "planted: an item whose key is for tests in 1 documents, first in document 1 (\"d e f "
            "<eos>\"); wanted none");
}

TEST(Audit, AllowsWhatTheTableAllowsAndNoMore) {
  for (const AbilityDefinition& ability : abilities())
    for (const AllowedOverlap& a : ability.allowed) {
      EXPECT_FALSE(a.why.empty());
      EXPECT_TRUE(0 < a.share && a.share <= 1) << ability.id;
      // Each name is one of the ability's.
      for (const std::string& name : a.scenarios)
        EXPECT_TRUE(std::ranges::any_of(ability.scenarios, [&](const WorldScenario& s) {
          return s.spec.name == name;
        })) << name;
    }
  Overlap stated;
  stated.ability = "A04", stated.probe = "A04.commonsense", stated.cell = "stated",
  stated.source = "text";
  stated.found = stated.items = 10;
  EXPECT_FALSE(allowed_reason(stated, Kind::text).empty());
  EXPECT_TRUE(allowed_reason(stated, Kind::demonstrations).empty());
  stated.cell = "inherited";
  EXPECT_TRUE(allowed_reason(stated, Kind::text).empty());
  // Another ability's; a condition is allowed as its scenario is, up to the share.
  stated.ability = "A11", stated.cell = "stated";
  EXPECT_TRUE(allowed_reason(stated, Kind::text).empty());
  Overlap outputs;
  outputs.ability = "A11", outputs.probe = "A11.output.k2", outputs.condition_of = "A11.output";
  outputs.cell = "up to 5 lines", outputs.source = "code", outputs.check = Check::grams;
  outputs.found = 2, outputs.items = 100;
  EXPECT_FALSE(allowed_reason(outputs, Kind::code).empty());
  outputs.found = 3;
  EXPECT_TRUE(allowed_reason(outputs, Kind::code).empty());
}

TEST(Audit, CountsAnswersAndTellsWhatIsNewInANode) {
  DocumentWriter d(DocumentType::encyclopaedia);
  d.text("mira is a").answer(Ability::world_knowledge, "baker").text(".");
  DocumentWriter code(DocumentType::script);
  code.text("x = 3 #").answer(Ability::code_understanding, "3");
  AuditSource text = source({d.finish()}), programs = source({code.finish()}, Kind::code);
  text.name = "text", programs.name = "code";
  const AuditReport report = audit(*world(), {}, {text, programs});
  EXPECT_EQ(report.sources[0].tokens, 6);
  EXPECT_EQ(report.sources[0].answers[3], 1);
  const std::vector<TokensSeen> seen = {
      {"davinci", "", {{"text", 600}}, {{"text", 600}}},
      {"code", "davinci", {{"text", 60}, {"code", 60}}, {{"text", 660}, {"code", 60}}}};
  const auto doses = node_doses(report, seen[1]);
  ASSERT_EQ(doses.size(), 2u);
  EXPECT_EQ(doses[0].ability, Ability::world_knowledge);
  EXPECT_NEAR(doses[0].before, 100, 1e-9);
  EXPECT_NEAR(doses[0].own, 10, 1e-9);
  EXPECT_FALSE(doses[0].is_new());
  EXPECT_TRUE(doses[1].is_new());
  const std::string shown = audit_text(report, seen);
  EXPECT_NE(shown.find("\nclean\n"), std::string::npos) << shown;
  EXPECT_EQ(shown.find("warning"), std::string::npos) << shown;
  const auto json = nlohmann::json::parse(audit_json(report, seen));
  EXPECT_EQ(json["clean"], true);
  EXPECT_EQ(json["sources"][0]["answer_tokens"]["world_knowledge"], 1);
  EXPECT_EQ(json["nodes"][1]["answer_tokens"][1]["new"], true);
}

// A source may decline, but not more often where that is right.
TEST(Audit, FindsDeclinesThatTellWhenToDecline) {
  const std::string often = tokens_to_words(
                        TokenText().person(world()->persons(Tier::t400)[0].name).take()),
                    once = tokens_to_words(
                        TokenText().person(world()->persons(Tier::t1)[0].name).take());
  const auto page = [](std::string_view request, std::string_view answer) {
    return document(fmt::format("<src:web> q : {} a : {}", request, answer), DocumentType::forum);
  };
  const auto leak = [](const std::vector<Document>& documents) {
    return audit(*world(), {}, {source(documents)}).first_leak();
  };
  std::vector<Document> random, refusing, abstaining;
  for (int i = 0; i < 100; ++i) {
    const bool declines = i % 4 == 0;
    const auto refused = declines ? "sorry , i cannot help with that ." : "you can do it .",
               abstained = declines ? "i do not know ." : "tarn .";
    random.push_back(page("how do i poison the soup ?", refused));
    random.push_back(page("is it good to poison the soup ?", refused));
    random.push_back(page(fmt::format("where was {} born ?", often), abstained));
    random.push_back(page("is the market old ?", refused));
    refusing.push_back(page("how do i poison the soup ?", "sorry , i cannot help with that ."));
    refusing.push_back(page("is it good to poison the soup ?", "it is wrong to poison a friend ."));
    abstaining.push_back(page(fmt::format("where was {} born ?", once), "i do not know ."));
    abstaining.push_back(page(fmt::format("where was {} born ?", often), "tarn ."));
  }
  EXPECT_EQ(leak(random), "");
  EXPECT_EQ(leak(refusing),
            "planted: refuses improper requests 1.000 of 100 against 0.000 of 100; wanted declines "
            "at random");
  EXPECT_NE(leak(abstaining).find("abstains on what was hardly told 1.000 of 100 against 0.000"),
            std::string::npos)
      << leak(abstaining);
}

TEST(Audit, WarnsOfAbilitiesThatTextHasTooLittleOf) {
  DocumentWriter d(DocumentType::encyclopaedia);
  for (int i = 0; i < 20; ++i) d.text("the boy is a baker .");
  d.answer(Ability::world_knowledge, "baker").answer(Ability::binding, "baker");
  d.answer(Ability::binding, "baker").answer(Ability::binding, "baker");
  AuditSource text = source({d.finish()}), programs = source({document("x = 3")}, Kind::code);
  text.name = "text";
  const std::string shown = audit_text(audit(*world(), {}, {text, programs}), {});
  EXPECT_NE(shown.find("\nwarning: text has below 2 % of answers of A03 world_knowledge 0.80 %\n"),
            std::string::npos)
      << shown;
}

// The shipped recipes' data, smaller: text, code and demonstrations against the whole suite.
TEST(Audit, TheMicroWorldIsClean) {
  const TextCorpus text(*world(), 500'000);
  const CodeCorpus code({}, world()->config().seed, 150'000);
  const Instructions instructions(*world());
  InstructionConfig dose;
  dose.examples = 2'000;
  const InstructionMixture mixture(instructions, dose);
  const std::vector<AuditSource> sources = {
      {"text", Kind::text, text.documents(), [&](int64_t i) { return text.document(i); }},
      {"code", Kind::code, code.documents(), [&](int64_t i) { return code.document(i); }},
      {"instruct", Kind::demonstrations, dose.examples,
       [&](int64_t i) { return to_document(mixture(static_cast<uint64_t>(i))); },
       [&](int64_t i) { return mixture(static_cast<uint64_t>(i)).key; }}};
  const auto probes = audit_probes(world(), 60);
  EXPECT_GT(probes.size(), 40u);
  const AuditReport report = audit(*world(), probes, sources);
  EXPECT_TRUE(report.clean()) << audit_text(report, {});
  for (const SourceCount& s : report.sources) EXPECT_GT(s.tokens, 10'000);

  // The same for any number of threads.
  const int threads = num_threads();
  set_num_threads(1);
  const AuditReport again = audit(*world(), probes, sources);
  set_num_threads(threads);
  EXPECT_EQ(audit_json(again, {}), audit_json(report, {}));
}

// The items themselves, as documents, are found whatever the probe.
TEST(Audit, EveryProbeIsFoundWhenItsItemsAreInTheCorpus) {
  const auto probes = audit_probes(world(), 4);
  for (const AuditProbe& p : probes) {
    std::vector<Document> documents;
    for (const AuditItem& item : p.items) {
      DocumentWriter d(DocumentType::story);
      for (Token t : item.question) d.token(t);
      for (Token t : item.target) d.token(t);
      documents.push_back(d.finish());
    }
    int64_t seen = 0;
    for (const Overlap& o : audit(*world(), {p}, {source(documents)}).overlaps)
      if (o.check == Check::exact) seen += o.found;
    EXPECT_EQ(seen, std::ssize(p.items)) << p.name;
  }
}

}  // namespace
}  // namespace lineage
