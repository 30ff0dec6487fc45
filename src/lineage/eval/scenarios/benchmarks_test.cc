#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "lineage/base/error.h"
#include "lineage/base/testing.h"
#include "lineage/eval/answer.h"
#include "lineage/eval/evaluate.h"
#include "lineage/eval/predict.h"
#include "lineage/eval/prompt.h"
#include "lineage/eval/scenarios/file_scenario.h"
#include "lineage/eval/score.h"
#include "lineage/eval/testing.h"

// Each benchmark in the forms in which it is published, with the prompt and the metric of
// lm-evaluation-harness.
namespace lineage {
namespace {

namespace fs = std::filesystem;
using testing::RandomModel;

class BenchmarkForms : public ::testing::Test {
 protected:
  ItemFile read(const std::string& text, const std::string& name = "x.jsonl") const {
    return read_items(folder.write(name, text));
  }
  // "prompt | answers | place of the right one".
  static std::string shown_item(const Instance& item) {
    std::string text = item.question.text + " |";
    for (const Part& part : item.contexts.empty() ? item.answers : item.contexts)
      text += " " + part.text;
    return text + " | " + std::to_string(item.correct);
  }
  std::string asked(const std::string& text, const std::string& name = "x.jsonl") const {
    return shown_item(read(text, name).items.at(0));
  }
  std::string error(const std::string& text, const std::string& name = "x.jsonl") const {
    return error_of([&] { file_scenarios({folder.write(name, text)}); });
  }
  std::string error_of(const std::function<void()>& doing) const {
    try {
      doing();
    } catch (const Error& e) {
      std::string what = e.what();
      for (size_t at; (at = what.find(folder.string() + "/")) != what.npos;)
        what.erase(at, folder.string().size() + 1);
      return what + (e.hint().empty() ? "" : " | " + e.hint());
    }
    return "no error";
  }
  std::vector<std::shared_ptr<const Scenario>> scenarios(const fs::path& path,
                                                         const FileScenarioOptions& options = {}) {
    return file_scenarios({path}, options);
  }
  static std::string lines(int n, const std::string& line) {
    std::string text;
    for (int i = 0; i < n; ++i) text += line + "\n";
    return text;
  }
  static Prediction choice(int chosen, std::vector<double> scores) {
    Prediction p;
    p.chosen = chosen, p.scores = std::move(scores);
    return p;
  }
  testing::TempFolder folder;
};

TEST_F(BenchmarkForms, RaceWithAllProblemsOfAnArticle) {
  // The last problem is asked; a gap at a sentence's end is filled.
  const std::string wanted =
      "Article: Text.\n\nQuestion: Who?\nAnswer: Ann\nShe is old.\nWhy? | a b | 1";
  EXPECT_EQ(asked(R"j({"article": "Text.", "problems": "[{'question': 'Who?', 'answer': 'B',)j"
                  R"j( 'options': ['Bea', \"Ann\"]}, {'question': 'She is  _  .', 'answer': 'A',)j"
                  R"j( 'options': ['old.', 'it\\'s']}, {'question': 'Why?', 'answer': 'B',)j"
                  R"j( 'options': ['a', 'b']}]"})j"),
            wanted);
  EXPECT_EQ(asked(R"({"article": "Text.", "questions": ["Who?", "She is  _  .", "Why?"],)"
                  R"( "options": [["Bea", "Ann"], ["old.", "new."], ["a", "b"]],)"
                  R"( "answers": ["B", "A", "B"], "id": "high1.txt"})"),
            wanted);
  EXPECT_NE(error(R"({"article": "T", "questions": ["Q?"], "options": [], "answers": ["A"]})")
                .find("wanted one list for each question"),
            std::string::npos);
  EXPECT_NE(error(R"({"article": "T", "problems": "[{'question'"})").find("problems: not JSON"),
            std::string::npos);
}

TEST_F(BenchmarkForms, LettersOfRaceAreNoTexts) {
  EXPECT_EQ(asked(R"({"article": "T.", "question": "Q?", "options": ["B", "A"], "answer": "A"})"),
            "Article: T.\n\nQuestion: Q?\nAnswer: | B A | 0");
}

TEST_F(BenchmarkForms, CommonsenseQaOffersLetters) {
  const std::string wanted = "Question: Q?\nA. a\nB. b\nAnswer: | A B | 1";
  EXPECT_EQ(asked(R"({"question": "Q?", "question_concept": "c", "answerKey": "B",)"
                  R"( "choices": {"label": ["A", "B"], "text": ["a", "b"]}})"),
            wanted);
  EXPECT_EQ(asked(R"({"answerKey": "B", "id": "1", "question": {"question_concept": "c",)"
                  R"( "choices": [{"label": "A", "text": "a"}, {"label": "B", "text": "b"}],)"
                  R"( "stem": "Q?"}})"),
            wanted);
}

TEST_F(BenchmarkForms, TheAllenInstitutesFiles) {
  const std::string rest = R"("question": {"stem": "The sun is", "choices": [{"text": "hot",)"
                           R"( "label": "1"}, {"text": "cold", "label": "2"}]}, "answerKey": "1"})";
  EXPECT_EQ(asked(R"({"id": "Mercury_7", )" + rest),
            "Question: The sun is\nAnswer: | hot cold | 0");
  EXPECT_EQ(asked(R"({"id": "8-343", "fact1": "the sun is hot", )" + rest),
            "The sun is | hot cold | 0");
}

TEST_F(BenchmarkForms, HellaSwagsTextIsCleanedAsItsAuthorsDo) {
  EXPECT_EQ(
      asked(R"({"activity_label": "Baking", "ctx_a": "Mix [substeps] it.", "ctx_b": "THEN a",)"
            R"( "endings": ["[header] wait [title] Eat", "b"], "label": "0"})"),
      "Baking: Mix it. Then a | wait. Eat b | 0");
}

TEST_F(BenchmarkForms, TriviaQaAcceptsItsAliases) {
  const std::string hub =
      R"({"question": "Which vegetable?", "question_id": "t1", "question_source": "web",)"
      R"( "entity_pages": {"title": []}, "search_results": {"title": []}, "answer": {"aliases":)"
      R"( ["Onions", "Allium cepa"], "normalized_aliases": ["onions"], "value": "Onion"}})";
  EXPECT_EQ(asked(hub), "Question: Which vegetable??\nAnswer: | Onion Onions Allium cepa | 0");
  EXPECT_EQ(asked(R"({"Data": [{"Question": "Which?", "QuestionId": "1", "Answer": {"Aliases":)"
                  R"( ["Onions"], "Value": "Onion"}}], "Domain": "Web", "Version": 1.0})",
                  "x.json"),
            "Question: Which??\nAnswer: | Onion Onions | 0");
  const auto scenario = scenarios(folder.write("x.jsonl", hub))[0];
  const ScenarioSpec& spec = scenario->spec();
  EXPECT_EQ(spec.prompt.sampling.stop, (std::vector<std::string>{"\n", ".", ","}));
  const Instance item = scenario->items(ItemSet::test, 1)[0];
  const auto score_of = [&](const std::string& said) {
    Prediction p;
    p.output = said, p.answer = extract_answer(said, spec.prompt);
    return spec.metric.score(item, p);
  };
  EXPECT_EQ(score_of(" ALLIUM-cepa"), 0);
  EXPECT_EQ(score_of(" \"allium cepa\"!"), 1);
  EXPECT_EQ(score_of(" the onion"), 0);  // articles count
}

TEST_F(BenchmarkForms, MmluAsTables) {
  const std::string rows = "\"What, say,\nis it?\",one,\"two, or so\",3,4,B\nWho?,a,b,c,d,D\n";
  EXPECT_EQ(asked(rows, "college_physics_test.csv"),
            "What, say,\nis it?\nA. one\nB. two, or so\nC. 3\nD. 4\nAnswer: | A B C D | 1");
  const ItemFile named = read("question,A,B,C,D,answer\n" + rows, "x.csv");
  ASSERT_EQ(named.items.size(), 2u);
  EXPECT_EQ(named.items[1].correct, 3);
  EXPECT_EQ(named.items[1].id, "4");
  EXPECT_NE(error("Q?,a,b,c,d,A\nQ?,a,b,c,d\n").find("x.jsonl:2: has 5 columns; wanted 6"),
            std::string::npos);
  EXPECT_NE(error("Q?,a,b,c,d,A\n\"Q?,a,b,c,d,B\n").find("inside a quoted field"),
            std::string::npos);
  EXPECT_NE(error("Q?,a,b,c,d,A\n\xE9?,a,b,c,d,B\n").find("are not UTF-8"), std::string::npos);
  EXPECT_EQ(error("Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\n"
                  "Adversarial,Law,Q?,a,b,c,d\n")
                .substr(0, 55),
            "x.jsonl:2: is of TruthfulQA's questions for a judge, wh");
  EXPECT_EQ(error("id,prompt,type\n1,How?,safe\n").substr(0, 60),
            "x.jsonl: is a table of columns that no format has (id, promp");
}

// One score a subject and one of all questions, in which a subject weighs by its size.
TEST_F(BenchmarkForms, MmluHasAScoreOfEachSubject) {
  fs::create_directories(folder / "test");
  folder.write("test/law_test.csv", lines(30, "Law?,a,b,c,d,A"));
  folder.write("test/high_school_physics_test.csv", lines(10, "Why?,a,b,c,d,B"));
  const auto all = scenarios(folder / "test");
  ASSERT_EQ(all.size(), 1u);
  const ScenarioSpec& spec = all[0]->spec();
  EXPECT_EQ(spec.title, fs::path(folder.string()).filename().string() + "/test");
  const auto items = all[0]->items(ItemSet::test, 100);
  EXPECT_EQ(items.size(), 28u);
  std::vector<Prediction> predictions;  // law alone is right
  for (const Instance& item : items) {
    EXPECT_EQ(item.preamble.text,
              "The following are multiple choice questions (with answers) about " +
                  std::string(item.subject == "law" ? "law" : "high school physics") + ".\n\n");
    predictions.push_back(choice(0, {0, -1, -1, -1}));
  }
  const auto law = std::ranges::count(items, "law", &Instance::subject);
  EXPECT_NEAR(score(spec, items, predictions, {})[0].estimate.value, static_cast<double>(law) / 28,
              1e-12);
  ASSERT_EQ(spec.aggregates.size(), 2u);
  EXPECT_EQ(spec.aggregates[1].name, spec.name + "/law");
  const Score of_law = score(spec.aggregates[1], items, predictions).at(0);
  EXPECT_EQ(of_law.estimate.value, 1);
  EXPECT_EQ(of_law.n, law);
  EXPECT_LT(of_law.estimate.low, 1);
  EXPECT_NEAR(of_law.chance.uniform, 0.25, 1e-12);
  EXPECT_EQ(score(spec.aggregates[0], items, predictions).at(0).estimate.value, 0);
}

TEST_F(BenchmarkForms, DemonstrationsOfAnotherFileAreItsFirstOfTheSubject) {
  fs::create_directories(folder / "test");
  fs::create_directories(folder / "dev");
  folder.write("test/law_test.csv", lines(3, "Law?,a,b,c,d,A"));
  folder.write("test/art_test.csv", lines(2, "Art?,a,b,c,d,B"));
  folder.write("dev/law_dev.csv", "First?,a,b,c,d,C\nSecond?,a,b,c,d,D\n");
  folder.write("dev/art_dev.csv", "Dots?,a,b,c,d,C\nLines?,a,b,c,d,D\n");
  FileScenarioOptions options;
  options.shots = 2, options.examples = folder / "dev";
  const auto scenario = scenarios(folder / "test", options).at(0);
  const auto items = scenario->items(ItemSet::test, 100);
  ASSERT_EQ(items.size(), 5u);  // none is kept back
  RandomModel model(512);
  for (const Instance& item : items) {
    if (item.subject != "art") continue;
    const Prompt prompt = render(item, {}, scenario->spec().prompt, PromptSpec::Template::raw,
                                 model->tokenizer(), 512);
    EXPECT_EQ(model->tokenizer().decode(prompt.context),
              "The following are multiple choice questions (with answers) about art.\n\n"
              "Dots?\nA. a\nB. b\nC. c\nD. d\nAnswer: C\n\n"
              "Lines?\nA. a\nB. b\nC. c\nD. d\nAnswer: D\n\n"
              "Art?\nA. a\nB. b\nC. c\nD. d\nAnswer:");
  }
  options.shots = 3;
  EXPECT_EQ(error_of([&] { scenarios(folder / "test", options); }).substr(0, 61),
            "dev: has 2 questions of art; wanted 3 for --shots 3 | --shots");
  options.shots = 1, options.examples = folder / "test/law_test.csv";
  EXPECT_NE(error_of([&] { scenarios(folder / "test", options); }).find("the questions themselves"),
            std::string::npos);
}

TEST_F(BenchmarkForms, TruthfulQaHasTwoScores) {
  const std::string line =
      R"({"question": "Why?", "mc1_targets": {"x": 0, "yes": 1, "z": 0}, "mc2_targets":)"
      R"( {"yes": 1, "yeah": 1, "x": 0, "z": 0}})";
  const auto both = scenarios(folder.write("t.jsonl", lines(10, line)));
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0]->spec().name, "t.mc1");
  EXPECT_EQ(both[1]->spec().name, "t.mc2");
  EXPECT_EQ(both[1]->spec().ability, "t");
  EXPECT_EQ(shown_item(both[0]->items(ItemSet::test, 1)[0]), "Q: Why?\nA: | x yes z | 1");
  const Instance item = both[1]->items(ItemSet::test, 1)[0];
  EXPECT_EQ(shown_item(item), "Q: Why?\nA: | x yeah yes z | 1");
  Prediction p;
  p.chosen = 0;
  p.scores = {std::log(0.4), std::log(0.1), std::log(0.2), std::log(0.1)};
  EXPECT_NEAR(both[1]->spec().metric.score(item, p), 0.3 / 0.8, 1e-12);
  // Equal probabilities; no place is right more often than others.
  EXPECT_NEAR(measure_chance(both[1]->spec(), {&item, 1}, {&p, 1}, {&item, 1}).value(), 0.5, 1e-12);
  EXPECT_EQ(
      asked(R"({"question": "Why?", "mc1_targets": {"choices": ["a", "b"], "labels": [1, 0]},)"
            R"( "mc2_targets": {"choices": ["a", "b"], "labels": [1, 0]}})"),
      "Q: Why?\nA: | a b | 0");
  for (const char* bad : {R"({"a": 1, "b": 1})", R"({"a": 0, "b": 0})", R"({"a": 1, "b": 2})"})
    EXPECT_NE(error("{\"question\": \"Why?\", \"mc1_targets\": " + std::string(bad) +
                    ", \"mc2_targets\": {}}")
                  .find("mc1_targets is"),
              std::string::npos)
        << bad;
}

// acc and acc_norm of the same predictions.
TEST_F(BenchmarkForms, ChoicesHaveBothAccuracies) {
  const auto arc = scenarios(folder.write(
      "arc.jsonl", lines(10, R"({"question": "Q?", "answerKey": "B", "choices": {"text":)"
                             R"( ["a", "a long one"], "label": ["A", "B"]}})")))[0];
  ASSERT_EQ(arc->spec().aggregates.size(), 1u);
  EXPECT_EQ(arc->spec().aggregates[0].name, "arc.acc_norm");
  EXPECT_EQ(arc->spec().aggregates[0].parent_row, "arc");
  const auto items = arc->items(ItemSet::test, 1);
  const std::vector<Prediction> p = {choice(0, {-3, -5})};
  EXPECT_EQ(arc->spec().metric.score(items[0], p[0]), 0);
  EXPECT_EQ(score(arc->spec().aggregates[0], items, p).at(0).estimate.value, 1);
  const auto swag = scenarios(
      folder.write("swag.jsonl", R"({"ctx": "It", "endings": ["a", "long"], "label": 1})"))[0];
  EXPECT_EQ(swag->spec().aggregates.at(0).name, "swag.acc");
  const auto swag_items = swag->items(ItemSet::test, 1);
  const std::vector<Prediction> by_bytes = {choice(1, {-3, -1})};
  EXPECT_EQ(score(swag->spec().aggregates[0], swag_items, by_bytes).at(0).estimate.value, 0);
  // Letters have one length.
  const auto letters = scenarios(folder.write(
      "m.jsonl", R"({"question": "q", "choices": ["a", "bb"], "answer": 1, "subject": "s"})"))[0];
  EXPECT_TRUE(letters->spec().aggregates.empty());
}

// The harness asks whether each token of the reference is the likeliest.
TEST_F(BenchmarkForms, AReferenceIsWrittenInAsManyTokens) {
  const auto scenario =
      scenarios(folder.write("l.jsonl", R"({"context": "the", "continuation": "lazy dog"})"))[0];
  EXPECT_EQ(scenario->spec().prompt.length, PromptSpec::Length::reference);
  RandomModel model;
  const auto items = scenario->items(ItemSet::test, 1);
  const auto p = predict(*model, items, {}, scenario->spec(), PromptSpec::Template::raw, 1);
  const auto wanted = model->tokenizer().encode(" lazy dog").size();
  EXPECT_LE(model->tokenizer().encode(p[0].output).size(), wanted + 1);
  EXPECT_GT(wanted, 0u);
}

TEST_F(BenchmarkForms, Gpt3sWordsAreAWholeLine) {
  const auto spec_of = [&](const std::string& line) {
    return scenarios(folder.write("x.jsonl", line))[0]->spec();
  };
  const auto words = spec_of(R"({"context": "asinoc =", "completion": " casino"})");
  EXPECT_EQ(words.prompt.form, PromptSpec::Form::first_line);
  EXPECT_EQ(words.prompt.length, PromptSpec::Length::sampled);
  const auto sums = spec_of(R"({"context": "Q: What is 1 plus 1?\n\nA:", "completion": " 2"})");
  EXPECT_EQ(sums.prompt.length, PromptSpec::Length::reference);
}

TEST_F(BenchmarkForms, Gsm8kHasThreeWays) {
  const auto file = folder.write(
      "g.jsonl", lines(20, R"({"question": "How many?", "answer": "1+1 is 2.\n#### 2"})"));
  FileScenarioOptions options;
  options.shots = 1;
  RandomModel model(512);
  const auto prompt_of = [&] {
    const auto scenario = scenarios(file, options).at(0);
    const auto items = scenario->items(ItemSet::test, 1);
    const auto pool = scenario->items(ItemSet::examples, 1);
    const auto examples = draw_examples(items[0], pool, 1, scenario->spec(), 1);
    const Prompt prompt = render(items[0], examples, scenario->spec().prompt,
                                 PromptSpec::Template::raw, model->tokenizer(), 512);
    return model->tokenizer().decode(prompt.context) + "|" +
           model->tokenizer().decode(prompt.choices[0].continuation);
  };
  EXPECT_EQ(prompt_of(), "Question: How many?\nAnswer: 2\n\nQuestion: How many?\nAnswer:| 2");
  options.chain = true;
  EXPECT_EQ(prompt_of(),
            "Question: How many?\nAnswer: 1+1 is 2.\n#### 2\n\nQuestion: How many?\nAnswer: |"
            "1+1 is 2.\n#### 2");
  options.shots = 0;
  options.chain_prompt = folder.write("wei.txt", "Q: One?\nA: 1. The answer is 1.\n\n");
  EXPECT_EQ(prompt_of(),
            "Q: One?\nA: 1. The answer is 1.\n\nQ: How many?\nA: |"
            "1+1 is 2. The answer is 2");
  EXPECT_EQ(extract_answer(" 2+2 is 4. The answer is $1,004.",
                           scenarios(file, options)[0]->spec().prompt),
            "$1,004");
}

TEST_F(BenchmarkForms, EachTaskHasItsOwnChains) {
  fs::create_directories(folder / "bbh");
  fs::create_directories(folder / "cot");
  folder.write("bbh/sorting.json", R"({"examples": [{"input": "b a", "target": "a b"}]})");
  folder.write("cot/sorting.txt", "canary\n-----\nSort.\n\nQ: d c\nA: Let's think.\n");
  FileScenarioOptions options;
  options.chain = true, options.chain_prompt = folder / "cot";
  const auto spec = scenarios(folder / "bbh", options).at(0)->spec();
  EXPECT_EQ(spec.prompt.instructions.text, "Sort.\n\nQ: d c\nA: Let's think.\n\n");
  folder.write("bbh/other.json", R"({"examples": [{"input": "b a", "target": "a b"}]})");
  EXPECT_EQ(error_of([&] { scenarios(folder / "bbh", options); }).substr(0, 35),
            "cot/other.txt: no such file; wanted");
}

TEST_F(BenchmarkForms, TasksOfAFolderAreAGroup) {
  fs::create_directories(folder / "bbh");
  for (const char* task : {"bbh/a.json", "bbh/b.json"})
    folder.write(task, R"({"examples": [{"input": "b a", "target": "a b"}]})");
  const auto groups = question_groups(scenarios(folder / "bbh"));
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].name, "bbh");
  EXPECT_EQ(groups[0].scenarios, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(question_groups(scenarios(folder / "bbh/a.json")).empty());
}

TEST_F(BenchmarkForms, EachMetricHasAnExplanation) {
  std::set<std::string> texts;
  for (const auto& [metric, chooses] :
       std::map<std::string, bool>{{"accuracy", true},
                                   {"exact match", false},
                                   {"graded", false},
                                   {"mean of tasks", false},
                                   {"probability of right choices", true}})
    texts.insert(file_explanation(metric, chooses).measures);
  EXPECT_EQ(texts.size(), 5u);
}

TEST_F(BenchmarkForms, OptionsWithoutEffectAreRefused) {
  const auto file = folder.write("x.jsonl", R"({"query": "q", "choices": ["a", "b"], "gold": 0})");
  FileScenarioOptions options;
  options.samples = 4;
  EXPECT_NE(error_of([&] { scenarios(file, options); }).find("without a chain of thought"),
            std::string::npos);
  options.samples = 1, options.chain_prompt = file;
  EXPECT_NE(error_of([&] { scenarios(file, options); }).find("a chain prompt without a chain"),
            std::string::npos);
  options.chain_prompt.clear(), options.vote = PromptSpec::Vote::complexity;
  EXPECT_NE(error_of([&] { scenarios(file, options); }).find("a vote by complexity of one sample"),
            std::string::npos);
}

TEST_F(BenchmarkForms, APreambleComesBeforeTheQuestion) {
  FileScenarioOptions options;
  options.preamble = folder.write("six.txt", "Q: Who?\nA: Ann.\n\n\n");
  const auto file = folder.write("x.jsonl", R"({"query": "q", "choices": ["a", "b"], "gold": 0})");
  EXPECT_EQ(scenarios(file, options)[0]->spec().prompt.instructions.text, "Q: Who?\nA: Ann.\n\n");
}

class Programs : public BenchmarkForms {
 protected:
  // A runner that passes programs with a text, and notes the calls.
  ProgramRunner passing(std::string text) {
    return [this, text](std::span<const std::string> programs) {
      calls.emplace_back(programs.begin(), programs.end());
      std::vector<bool> passed;
      for (const std::string& program : programs)
        passed.push_back(program.find(text) != std::string::npos);
      return passed;
    };
  }
  std::vector<std::vector<std::string>> calls;
  const std::string human_eval =
      R"({"task_id": "HumanEval/0", "prompt": "def f():\n", "canonical_solution": "    return 1\n",)"
      R"( "test": "def check(c):\n    assert c() == 1", "entry_point": "f"})";
};

TEST_F(Programs, ASandboxIsWanted) {
  EXPECT_EQ(error(human_eval).substr(0, 57),
            "x.jsonl: asks for programs, which have to be executed; wa");
}

TEST_F(Programs, AreExecutedWithTheirTests) {
  FileScenarioOptions options;
  options.program_runner = [&] { return passing("return 1"); };
  const auto scenario = scenarios(folder.write("h.jsonl", human_eval), options)[0];
  const Instance item = scenario->items(ItemSet::test, 1)[0];
  EXPECT_EQ(item.question.text, "def f():\n");
  Prediction p;
  p.output = item.answers[0].text;
  EXPECT_EQ(scenario->spec().metric.score(item, p), 1);
  EXPECT_EQ(calls.at(0).at(0),
            "def f():\n    return 1\n\ndef check(c):\n    assert c() == 1\ncheck(f)\n");
  p.output = "    return 2\n";
  EXPECT_EQ(scenario->spec().metric.score(item, p), 0);
  EXPECT_EQ(scenario->spec().metric.score(item, p), 0);
  EXPECT_EQ(calls.size(), 2u);  // the same program runs once
}

// Chen et al. 2021, equation 1: of n = 10 samples with c = 3 right, pass@1 = .3.
TEST_F(Programs, PassAtKIsUnbiased) {
  FileScenarioOptions options;
  options.samples = 10;
  options.program_runner = [&] { return passing("good"); };
  const auto scenario = scenarios(folder.write("h.jsonl", human_eval), options)[0];
  const auto items = scenario->items(ItemSet::test, 1);
  std::vector<Prediction> p(1);
  for (int i = 0; i < 10; ++i) p[0].samples.push_back({i < 3 ? "good" : "bad", "", 0});
  p[0].output = "bad";
  const auto& aggregates = scenario->spec().aggregates;
  ASSERT_EQ(aggregates.size(), 2u);
  EXPECT_EQ(aggregates[0].name, "h.pass@1");
  EXPECT_NEAR(score(aggregates[0], items, p).at(0).estimate.value, 0.3, 1e-12);
  EXPECT_NEAR(score(aggregates[1], items, p).at(0).estimate.value, 1, 1e-12);
}

// Samples of all items are executed together, and once.
TEST_F(Programs, AreExecutedSideBySide) {
  FileScenarioOptions options;
  options.samples = 2;
  options.program_runner = [&] { return passing("good"); };
  const auto scenario =
      scenarios(folder.write("h.jsonl", human_eval + "\n" + human_eval), options)[0];
  const auto items = scenario->items(ItemSet::test, 2);
  std::vector<Prediction> p(items.size());
  for (Prediction& one : p) {
    one.output = "good";
    one.samples = {{"good", "", 0}, {"bad", "", 0}};
  }
  p[0].samples.push_back({"", "", 0});
  scenario->spec().judge(items, p);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(calls[0].size(), 2u);  // both items are the same
  for (size_t i = 0; i < items.size(); ++i) scenario->spec().metric.score(items[i], p[i]);
  score(scenario->spec().aggregates[0], items, p);
  EXPECT_EQ(calls.size(), 1u);
}

TEST_F(Programs, MbppShowsItsTests) {
  FileScenarioOptions options;
  options.program_runner = [&] { return passing(""); };
  const auto scenario = scenarios(
      folder.write("m.jsonl",
                   R"({"task_id": 11, "text": "Add.", "code": "def add(a, b):\r\n  return a + b",)"
                   R"( "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"],)"
                   R"( "test_setup_code": "import math", "challenge_test_list": []})"),
      options)[0];
  const Instance item = scenario->items(ItemSet::test, 1)[0];
  EXPECT_EQ(
      item.question.text,
      "You are an expert Python programmer, and here is your task: Add. Your code should pass "
      "these tests:\n\nassert add(1, 2) == 3\nassert add(0, 0) == 0\n[BEGIN]\n");
  EXPECT_EQ(scenario->spec().prompt.sampling.stop, (std::vector<std::string>{"[DONE]"}));
  Prediction p;
  p.output = "def add(a, b): return a + b";
  scenario->spec().metric.score(item, p);
  EXPECT_EQ(
      calls.at(0).at(0),
      "def add(a, b): return a + b\nimport math\nassert add(1, 2) == 3\nassert add(0, 0) == 0\n");
}

}  // namespace
}  // namespace lineage
