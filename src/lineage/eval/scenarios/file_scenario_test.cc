#include "lineage/eval/scenarios/file_scenario.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "lineage/base/error.h"
#include "lineage/base/file.h"
#include "lineage/base/testing.h"
#include "lineage/eval/answer.h"
#include "lineage/eval/predict.h"
#include "lineage/eval/score.h"
#include "lineage/eval/testing.h"

namespace lineage {
namespace {

using testing::RandomModel;

class FileScenarioTest : public ::testing::Test {
 protected:
  fs::path file(const std::string& name, const std::string& text) const {
    return folder.write(name, text);
  }
  Instance one(const std::string& text) const { return read_items(file("x.jsonl", text)).items[0]; }
  std::string error(const std::string& text, Malformed malformed = Malformed::error) const {
    return error_of([&] { read_items(file("x.jsonl", text), {malformed}); });
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
  static std::shared_ptr<const Scenario> file_scenario(const fs::path& path,
                                                       const FileScenarioOptions& options = {}) {
    return file_scenarios({path}, options)[0];
  }
  std::string lines(int n, const std::string& line) const {
    std::string text;
    for (int i = 0; i < n; ++i) text += line + "\n";
    return text;
  }
  testing::TempFolder folder;
};

TEST_F(FileScenarioTest, Choices) {
  const Instance i = one(R"({"query": "Question: why? ", "choices": ["a ", "b"], "gold": 1})");
  EXPECT_EQ(i.id, "1");
  EXPECT_EQ(i.question.text, "Question: why?\nAnswer:");
  EXPECT_EQ(i.answers[0].text, "a");
  EXPECT_EQ(i.correct, 1);
  EXPECT_EQ(one(R"({"query": "It is", "choices": ["a", "b"], "gold": 0})").question.text, "It is");
}

TEST_F(FileScenarioTest, Schema) {
  const Instance i =
      one(R"({"context_options": ["the cat", "the dog"], "continuation": "barks.", "gold": 1})");
  EXPECT_EQ(i.contexts[1].text, "the dog");
  EXPECT_EQ(i.answers[0].text, "barks.");
  EXPECT_EQ(i.correct, 1);
}

TEST_F(FileScenarioTest, HellaSwag) {
  const Instance i =
      one(R"({"activity_label": "Surfing", "ctx_a": "[header] How [title] A man", "ctx_b": "he",)"
          R"( "endings": ["falls. [step] ok", "b", "c", "d"], "label": "2", "source_id": "v~1"})");
  EXPECT_EQ(i.question.text, "Surfing: How. A man He");
  EXPECT_EQ(i.answers[0].text, "falls. ok");
  EXPECT_EQ(i.correct, 2);
  EXPECT_EQ(i.cluster, "v~1");
  EXPECT_EQ(one(R"({"ctx": "A man", "endings": ["a", "b"], "label": 0})").question.text, "A man");
}

TEST_F(FileScenarioTest, SixLines) {
  const ItemFile f =
      read_items(file("h.txt", "Roof: a man\n3\nw\nx\ny\nz\nRoof: the man\n0\na\nb\nc\nd\n"));
  ASSERT_EQ(f.items.size(), 2u);
  EXPECT_EQ(f.format->name, "lines");
  EXPECT_EQ(f.items[0].correct, 3);
  EXPECT_EQ(f.items[0].answers[3].text, "z");
  EXPECT_EQ(f.items[1].id, "7");
  EXPECT_EQ(f.items[1].cluster, "Roof #1");
  EXPECT_EQ(f.items[0].cluster, f.items[1].cluster);
}

TEST_F(FileScenarioTest, Lambada) {
  const Instance i = one(R"({"context": "I don't care about", "continuation": "signs"})");
  EXPECT_EQ(i.question.text, "I don't care about");
  EXPECT_EQ(i.answers[0].text, "signs");
  const Instance last = one(R"({"text": "I don't care about signs"})");
  EXPECT_EQ(last.question.text, i.question.text);
  EXPECT_EQ(last.answers, i.answers);
}

TEST_F(FileScenarioTest, AnswersWithAliases) {
  const Instance i = one(R"({"context": "Q:", "answer": "Onion", "aliases": ["onions", "Onion"]})");
  ASSERT_EQ(i.answers.size(), 2u);
  EXPECT_EQ(i.answers[1].text, "onions");
}

TEST_F(FileScenarioTest, WorkedSolutions) {
  const Instance i =
      one(R"({"question": "How many?", "answer": "2+3 is <<2+3=5>>5.\nSo 5.\n#### 1,005"})");
  EXPECT_EQ(i.chain.text, "2+3 is 5.\nSo 5.");
  EXPECT_EQ(i.answers[0].text, "1005");
}

TEST_F(FileScenarioTest, Tasks) {
  std::string closed;
  for (int k = 0; k < 8; ++k)
    closed += std::string(k ? "," : "") + R"({"input": "not True is", "target": ")" +
              (k % 3 ? "False" : "True") + "\"}";
  const auto f = read_items(file("t.json", "{\"canary\": \"x\",\n\"examples\": [" + closed + "]}"));
  EXPECT_EQ(f.format->name, "tasks");
  EXPECT_EQ(f.items[0].question.text, "Q: not True is\nA:");
  ASSERT_EQ(f.items[1].answers.size(), 2u);  // few different targets: a choice
  EXPECT_EQ(f.items[0].answers[f.items[0].correct].text, "True");
  EXPECT_EQ(f.items[1].answers[f.items[1].correct].text, "False");
  const auto options = read_items(file(
      "o.json",
      R"j({"examples": [{"input": "Which?\nOptions:\n(A) x\n(B) y\n(C) z", "target": "(B)"}]})j"));
  ASSERT_EQ(options.items[0].answers.size(), 3u);
  EXPECT_EQ(options.items[0].correct, 1);
  const auto wrong = read_items(
      file("w.json",
           R"j({"examples": [{"input": "Which?\nOptions:\n(A) x\n(B) y", "target": "(A)"},
                        {"input": "Which?\nOptions:\n(A) x\n(B) y", "target": "x"}]})j"));
  EXPECT_EQ(wrong.items.size(), 1u);
  ASSERT_EQ(wrong.skipped.size(), 1u);
  EXPECT_NE(wrong.skipped[0].find("example 2: its target is none of its options"),
            std::string::npos);
}

TEST_F(FileScenarioTest, MalformedLinesAreNamed) {
  const std::string good = R"({"query": "q", "choices": ["a", "b"], "gold": 0})"
                           "\n";
  EXPECT_EQ(error(good + "{\"query\": 3}\n").substr(0, 29), "x.jsonl:2: is no question of ");
  EXPECT_EQ(error(good + R"({"query": "q", "choices": ["a"], "gold": 0})"),
            "x.jsonl:2: choices is [\"a\"]; wanted an array of at least 2 texts | "
            "mend the line, or leave such lines out with --skip-malformed");
  EXPECT_EQ(error(good + R"({"query": "q", "choices": ["a", 2], "gold": 0})").substr(0, 21),
            "x.jsonl:2: choices is");
  EXPECT_EQ(error(R"({"query": "q", "choices": ["a", "b"], "gold": 2})").substr(0, 45),
            "x.jsonl:1: gold is 2; wanted an index below 2");
  EXPECT_EQ(error(R"({"query": " ", "choices": ["a", "b"], "gold": 0})").substr(0, 46),
            "x.jsonl:1: query is \" \"; wanted a text that is");
  EXPECT_EQ(error(good + good + "{\"query\": \"q\", \"choi").substr(0, 10), "x.jsonl:3:");
  EXPECT_EQ(error(good + "{\"context\": \"a\", \"continuation\": \"b\"}\n"),
            "x.jsonl:2: is of format continuation; wanted choices as above");
  EXPECT_EQ(error(R"({"question": "q", "answer": "4"})").substr(0, 20), "x.jsonl:1: answer is");
  EXPECT_EQ(error(R"({"text": "word"})").substr(0, 25), "x.jsonl:1: text is \"word\"");
  EXPECT_EQ(error("Roof\n3\nw\nx\n").substr(0, 44), "x.jsonl:1: the file ends inside a question; ");
  EXPECT_EQ(error("Roof\n7\nw\nx\ny\nz\n").substr(0, 16), "x.jsonl:2: is \"7");
  EXPECT_EQ(error(""), "x.jsonl: is empty; wanted questions, one a line");
  EXPECT_EQ(error("BZh91AY&SY").substr(0, 27), "x.jsonl: is packed by bzip2");
  EXPECT_EQ(error("{\"examples\": 3}"), "x.jsonl:1: examples is 3; wanted an array");
  EXPECT_EQ(error("{\"examples\": []}"), "x.jsonl: has no question; wanted one at least");
}

TEST_F(FileScenarioTest, MalformedLinesAreSkippedWhenAsked) {
  const std::string good = R"({"query": "q", "choices": ["a", "b"], "gold": 0})"
                           "\n";
  const ItemFile f =
      read_items(file("x.jsonl", good + "{oops\n\n" + good + "[1]\n"), {Malformed::skip});
  EXPECT_EQ(f.items.size(), 2u);
  EXPECT_EQ(f.items[1].id, "4");
  ASSERT_EQ(f.skipped.size(), 2u);
  EXPECT_NE(f.skipped[0].find("x.jsonl:2"), std::string::npos);
  EXPECT_NE(f.skipped[1].find("x.jsonl:5"), std::string::npos);
  EXPECT_EQ(error("{oops\n", Malformed::skip).substr(0, 9), "x.jsonl:1");  // nothing is left
}

// The layouts of the hub's copies, with the prompts of lm-evaluation-harness.
TEST_F(FileScenarioTest, BenchmarksAsTheyArePublished) {
  const auto asked = [&](const std::string& line) {
    const Instance i = one(line);
    std::string text = i.question.text + " |";
    for (const Part& part : i.contexts.empty() ? i.answers : i.contexts) text += " " + part.text;
    return text + " | " + std::to_string(i.correct);
  };
  EXPECT_EQ(asked(R"({"question": "Two?", "subject": "s", "choices": ["1", "2 "], "answer": 1})"),
            "Two?\nA. 1\nB. 2\nAnswer: | A B | 1");
  EXPECT_EQ(asked(R"({"question": "is it", "passage": "It is.", "answer": true})"),
            "It is.\nQuestion: is it?\nAnswer: | no yes | 1");
  EXPECT_EQ(asked(R"({"question": "is it?", "passage": "It is.", "idx": 3, "label": 0})"),
            "It is.\nQuestion: is it?\nAnswer: | no yes | 0");
  EXPECT_EQ(
      asked(R"({"article": "Text.", "question": "Q?", "options": ["a", "b"], "answer": "B"})"),
      "Article: Text.\n\nQuestion: Q?\nAnswer: | a b | 1");
  EXPECT_EQ(asked(R"({"id": "1", "question": "Q?", "answerKey": "2",)"
                  R"( "choices": {"text": ["a", "b", "c"], "label": ["1", "2", "3"]}})"),
            "Question: Q?\nAnswer: | a b c | 1");
  EXPECT_EQ(asked(R"({"question_stem": "The sun is", "answerKey": "A",)"
                  R"( "choices": {"text": ["hot", "cold"], "label": ["A", "B"]}})"),
            "The sun is | hot cold | 0");
  EXPECT_EQ(asked(R"({"goal": "open it", "sol1": "push", "sol2": "pull", "label": 1})"),
            "Question: open it\nAnswer: | push pull | 1");
  EXPECT_EQ(asked(R"({"qID": "x", "sentence": "Ann saw Bea as _ left.", "option1": "Ann",)"
                  R"( "option2": "Bea", "answer": "2"})"),
            " | Ann saw Bea as Ann Ann saw Bea as Bea | 1");
  EXPECT_EQ(asked(R"({"premise": "It rained.", "choice1": "The road got wet.", "choice2": "Snow.",)"
                  R"( "question": "effect", "idx": 0, "label": 0})"),
            "It rained therefore | the road got wet. snow. | 0");
  EXPECT_EQ(asked(R"({"context": "Q: What is 2 plus 3?\n\nA:", "completion": " 5"})"),
            "Q: What is 2 plus 3?\n\nA: | 5 | 0");
  EXPECT_EQ(asked(R"({"title": "Cats", "context": "A cat sat.", "question": "Who?", "id": "1",)"
                  R"( "answers": {"text": ["cat", "a cat", "cat"], "answer_start": [2, 0, 2]}})"),
            "Title: Cats\n\nBackground: A cat sat.\n\nQuestion: Who?\n\nAnswer: | cat a cat | 0");
  EXPECT_EQ(asked(R"({"context": "A cat sat.", "question": "Who?", "answer": "the cat"})"),
            "Background: A cat sat.\n\nQuestion: Who?\n\nAnswer: | the cat | 0");
}

TEST_F(FileScenarioTest, RecordsThatAreNotReadAreNamed) {
  EXPECT_EQ(
      error(R"({"question": "q", "best_answer": "a", "incorrect_answers": ["b"]})").substr(0, 69),
      "x.jsonl:1: is of TruthfulQA's questions for a judge, which are not re");
  EXPECT_NE(
      error(R"([{"passage": "p", "answers_spans": {"spans": []}}])").find("entry 0: is of DROP"),
      std::string::npos);
  EXPECT_NE(error(R"({"messages": []})").find("(no questions)"), std::string::npos);
  EXPECT_EQ(error(R"({"foo": 1, "bar": 2})").substr(0, 72),
            "x.jsonl:1: is no question of a known format, its keys are bar, foo; want");
}

TEST_F(FileScenarioTest, TheFormatThatUsesMostKeysIsTaken) {
  const auto format = [&](const std::string& line) {
    return std::string(read_items(file("x.jsonl", line)).format->name);
  };
  EXPECT_EQ(format(R"({"question": "q", "choices": ["a", "b"], "answer": 0})"), "mmlu");
  EXPECT_EQ(format(R"({"context": "c", "question": "q", "answer": "a"})"), "passage");
  EXPECT_EQ(format(R"({"context": "c", "question": "q", "answer": true})"), "boolq");
  EXPECT_EQ(error(R"({"context": "c", "answer": "a", "continuation": "b"})").substr(0, 63),
            "x.jsonl:1: may be of format continuation or answers, its keys a");
}

TEST_F(FileScenarioTest, SeveralAcceptedAnswersAreNoChoices) {
  const auto spec = file_scenario(file("x.jsonl", R"({"context": "A cat sat.", "question": "Who?",)"
                                                  R"( "answers": ["cat", "a cat"]})"))
                        ->spec();
  EXPECT_EQ(spec.prompt.method, PromptSpec::Method::generate);
  EXPECT_EQ(spec.prompt.match, PromptSpec::Match::squad);
}

TEST_F(FileScenarioTest, NoPartOfAQuestionIsDropped) {
  const auto refused = [&](const std::string& key, const std::string& line) {
    const std::string what = error(line);
    EXPECT_EQ(what.substr(0, 12 + key.size() + 16), "x.jsonl:1: \"" + key + "\" is not used by")
        << what;
    EXPECT_NE(what.find("--leave-out " + key), std::string::npos) << what;
  };
  EXPECT_NE(error(R"({"question": "q", "answer": "A"})").find("is \"A\"; wanted GSM8K's form"),
            std::string::npos);
  refused("hint", R"({"question": "q", "answer": "1\n#### 1", "hint": "add"})");
  refused("instruction", R"({"instruction": "Sort.", "input": "b a", "target": "a b"})");
  refused("few_shot", R"({"query": "q", "choices": ["a", "b"], "gold": 0, "few_shot": ["x"]})");
  refused("passage", R"({"passage": "p", "query": "q", "choices": ["a", "b"], "gold": 0})");
  refused("choices", R"({"context": "c", "answer": "a", "choices": ["a", "b"]})");
  refused("label", R"({"text": "a review of films", "label": 1})");
  const auto path = file("x.jsonl", R"({"query": "q", "choices": ["a", "b"], "gold": 0, "id": "7",)"
                                    R"( "hint": "h", "note": "", "votes": 3})");
  const ItemFile f = read_items(path, {Malformed::error, {"hint"}});
  EXPECT_EQ(f.left_out, (std::vector<std::string>{"hint", "id", "note", "votes"}));
  EXPECT_EQ(
      error(
          "{\"task_prefix\": \"Say yes.\",\n\"examples\": [{\"input\": \"a\", \"target\": \"b\"}]}")
          .substr(0, 27),
      "x.jsonl:1: \"task_prefix\" is");
}

TEST_F(FileScenarioTest, TheRightChoiceHasOneMeaning) {
  const auto gold = [&](const std::string& choices, const std::string& right) {
    return "{\"query\": \"q\", \"choices\": " + choices + ", \"gold\": " + right + "}";
  };
  EXPECT_EQ(one(gold(R"(["yes", "no"])", "\"1\"")).correct, 1);
  EXPECT_EQ(one(gold(R"(["yes", "no"])", "\"B\"")).correct, 1);
  EXPECT_EQ(one(gold(R"(["yes", "no"])", "\"no\"")).correct, 1);
  EXPECT_EQ(one(gold(R"(["A", "B"])", "\"B\"")).correct, 1);
  EXPECT_NE(error(gold(R"(["1", "2"])", "\"1\"")).find("may be one choice's place and another's"),
            std::string::npos)
      << error(gold(R"(["1", "2"])", "\"1\""));
  EXPECT_NE(error(gold(R"(["B", "A"])", "\"A\"")).find("may be one choice's place"),
            std::string::npos);
  EXPECT_EQ(error(gold(R"(["yes", "no"])", "\"C\"")).substr(0, 22), "x.jsonl:1: gold is \"C\"");
  for (const char* none : {"\"\"", "-1"})
    EXPECT_EQ(error(gold(R"(["yes", "no"])", none)).substr(0, 53),
              "x.jsonl:1: \"gold\" is empty: test splits are published");
  EXPECT_EQ(error(R"({"ctx": "a", "endings": ["x", "y"], "label": ""})").substr(0, 44),
            "x.jsonl:1: \"label\" is empty: test splits are");
}

TEST_F(FileScenarioTest, AFilesKindIsToldBeforeItsContent) {
  const std::string good = R"({"query": "q", "choices": ["a", "b"], "gold": 0})";
  const auto read = [&](const std::string& text) {
    return read_items(file("x.jsonl", text)).items.size();
  };
  EXPECT_EQ(read("\xEF\xBB\xBF" + good + "\n" + good), 2u);
  EXPECT_EQ(read("\n  " + good + "\r\n\t" + good + " \r\n"), 2u);
  EXPECT_EQ(read("[" + good + ",\n " + good + "]"), 2u);
  EXPECT_EQ(one(R"({"query": "hi \ud83d", "choices": ["a", "b"], "gold": 0})").question.text,
            "hi \uFFFD");
  EXPECT_EQ(one(R"({"query": "hi", "choices": ["a", "b"], "gold": 0, "id": NaN})").question.text,
            "hi");
  EXPECT_EQ(error("[" + good + ", {\"query\": 1}]").substr(0, 24), "x.jsonl: entry 1: is no ");
  EXPECT_EQ(error("PAR1\x15\x04\x15").substr(0, 27), "x.jsonl: is a Parquet file;");
  EXPECT_EQ(error(std::string("\xFD"
                              "7zXZ\0\0",
                              8))
                .substr(0, 26),
            "x.jsonl: is packed by xz; ");
  EXPECT_EQ(error("question,A,B,answer\nwhat,a,b,A\nwho,c,d,B\n").substr(0, 24),
            "x.jsonl: is a table of c");
  EXPECT_EQ(error("<!DOCTYPE html>\n<html>").substr(0, 24), "x.jsonl: is an HTML page");
  EXPECT_EQ(error("version https://git-lfs.github.com/spec/v1\noid sha256:00\n").substr(0, 21),
            "x.jsonl: is a Git LFS");
  EXPECT_EQ(error("Once upon a time\nthere was\n").substr(0, 42),
            "x.jsonl: is text; wanted questions as JSON");
  EXPECT_EQ(read("{\n \"query\": \"q\",\n \"choices\": [\"a\", \"b\"], \"gold\": 0\n}\n" + good),
            2u);
  EXPECT_EQ(error("{\n \"data\": [\n]}\n").substr(0, 56),
            "x.jsonl:1: is no question of a known format, its keys ar");
  EXPECT_NE(error("BZh91AY&SY").find("| unpack it: bunzip2 -c "), std::string::npos);
}

TEST_F(FileScenarioTest, NoTwoFilesShareAName) {
  const std::string text = lines(3, R"({"query": "q", "choices": ["a", "b"], "gold": 0})");
  for (const char* below : {"a", "b", "a/c"}) fs::create_directories(folder / below);
  const auto names = [&](const std::vector<std::string>& files) {
    std::vector<fs::path> paths;
    for (const auto& f : files) paths.push_back(file(f, text));
    std::vector<std::string> called;
    for (const auto& s : file_scenarios(paths)) called.push_back(s->spec().name);
    return called;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names({"q.jsonl", "arc.easy.jsonl"}), (Names{"q", "arc"}));
  EXPECT_EQ(names({"a/test.jsonl"}), (Names{"a/test"}));
  EXPECT_EQ(names({"a/test.jsonl", "b/test.jsonl"}), (Names{"a/test", "b/test"}));
  EXPECT_EQ(names({"a/q.jsonl", "b/q.jsonl", "r.jsonl"}), (Names{"a/q", "b/q", "r"}));
  EXPECT_EQ(names({"arc.easy.jsonl", "arc.hard.jsonl"}), (Names{"arc.easy", "arc.hard"}));
  EXPECT_EQ(names({"q.json", "q.jsonl"}).size(), 2u);
  EXPECT_EQ(names({"q.jsonl", "q.jsonl"}), (Names{"q"}));  // one file
  EXPECT_EQ(file_scenarios({folder / "a/test.jsonl"})[0]->spec().title, "a/test.jsonl");
  FileScenarioOptions options;
  options.name = "maths";
  EXPECT_EQ(file_scenario(folder / "q.jsonl", options)->spec().name, "maths");
  EXPECT_EQ(error_of([&] {
              file_scenarios({folder / "q.jsonl", folder / "r.jsonl"}, options);
            }),
            "--name maths: there are 2 files; wanted one to be called so | ask one file at a time");
}

TEST_F(FileScenarioTest, ANameThatSaysDemonstrationsHasThem) {
  const std::string line = R"({"query": "q", "choices": ["a", "b"], "gold": 0})";
  FileScenarioOptions options;
  options.shots = 5;
  EXPECT_EQ(file_scenario(file("big.jsonl", lines(50, line)), options)->spec().name, "big.k5");
  EXPECT_EQ(
      error_of([&] { file_scenario(file("small.jsonl", lines(49, line)), options); }),
      "small.jsonl: has 49 questions, of which 4 may be demonstrations; wanted 5 for --shots 5 "
      "| --shots 4, or a file with at least 50 questions");
  for (const char* name : {"q.k5.jsonl", "q.cot.jsonl.gz", "q.vote.json"})
    EXPECT_THROW(file_scenario(file(name, line)), Error) << name;
  options.name = "q.k5";
  EXPECT_THROW(file_scenario(folder / "big.jsonl", options), Error);
}

// A model's words against the references of each format.
TEST_F(FileScenarioTest, AnswersAreComparedAsTheBenchmarkIs) {
  const auto score_of = [&](const std::string& line, const std::string& said) {
    const auto scenario = file_scenario(file("x.jsonl", line));
    const Instance item = scenario->items(ItemSet::test, 1).at(0);
    Prediction p;
    p.output = said;
    p.answer = extract_answer(said, scenario->spec().prompt, item.answers[0].text);
    return scenario->spec().metric.score(item, p);
  };
  const auto trivia = [&](const std::string& wanted, const std::string& said) {
    return score_of("{\"context\": \"q\", \"answer\": \"" + wanted + "\"}", said);
  };
  EXPECT_EQ(trivia("35", "3.5"), 0);
  EXPECT_EQ(trivia("18", "-18"), 0);
  EXPECT_EQ(trivia("12", "1/2"), 0);
  EXPECT_EQ(trivia("1000", "1,000."), 1);
  EXPECT_EQ(trivia("A", "A\nQ: more"), 1);
  EXPECT_EQ(trivia("A", "the"), 0);
  EXPECT_EQ(trivia("L'Avare!", "l'avare"), 1);
  const std::string gsm = R"({"question": "q", "answer": "It is 18.\n#### 1,018"})";
  EXPECT_EQ(score_of(gsm, " 1,018 eggs"), 1);
  EXPECT_EQ(score_of(gsm, " $1018.00"), 1);
  EXPECT_EQ(score_of(gsm, " -1018"), 0);
  EXPECT_EQ(score_of(gsm, " 1.018"), 0);
  EXPECT_EQ(score_of(R"({"text": "he met Mr."})", " Mr. Brown"), 1);
  EXPECT_EQ(score_of(R"({"context": "a", "completion": " -18"})", " 18\n"), 0);
  EXPECT_EQ(score_of(R"({"context": "a", "completion": " 81564"})", " 81564\n\nQ:"), 1);
  EXPECT_EQ(score_of(R"({"context": "a", "continuation": "Richard Byrd"})", " Richard Byrd, who"),
            1);
  EXPECT_EQ(score_of(R"({"context": "a", "continuation": "Richard Byrd"})", " Richard"), 0);
  EXPECT_EQ(score_of(R"({"input": "a", "target": "U.S."})", " U.S."), 1);
  EXPECT_EQ(score_of(R"({"input": "a", "target": "-18"})", " 18"), 0);
}

TEST_F(FileScenarioTest, SetsAreDisjointAndStable) {
  std::string lines;
  for (int i = 0; i < 100; ++i)
    lines += R"({"query": "q)" + std::to_string(i) +
             R"(", "choices": ["a", "b"], "gold": 0})"
             "\n";
  const auto scenario = file_scenario(file("x.jsonl", lines));
  std::set<std::string> ids;
  size_t n = 0;
  for (ItemSet set : {ItemSet::examples, ItemSet::dev, ItemSet::test})
    for (const Instance& i : scenario->items(set, 1000)) ids.insert(i.id), ++n;
  EXPECT_EQ(n, 100u);
  EXPECT_EQ(ids.size(), 100u);
  EXPECT_EQ(scenario->items(ItemSet::test, 3)[2].id, scenario->items(ItemSet::test, 9)[2].id);
  EXPECT_EQ(scenario->items(ItemSet::dev, 1000).size(), 20u);
}

TEST_F(FileScenarioTest, FoldersAndChains) {
  file("b.json", R"({"examples": [{"input": "2 and 2", "target": "4"}]})");
  file("a.jsonl", R"({"question": "q", "answer": "1+1=2\n#### 2"})");
  EXPECT_EQ(file_scenarios({folder.path()}).size(), 2u);
  EXPECT_EQ(file_scenarios({folder.path()})[0]->spec().name, "a");
  FileScenarioOptions options;
  options.chain = true, options.samples = 4;
  const auto voting = file_scenario(folder / "a.jsonl", options);
  EXPECT_EQ(voting->spec().prompt.vote, PromptSpec::Vote::majority);
  EXPECT_EQ(voting->spec().name, "a.vote");
  EXPECT_THROW(file_scenario(folder / "b.json", options), Error);
  options.chain_prompt = file("cot.txt", "canary\n-----\nSolve it.\n\nQ: 1\nA: one");
  const auto chain = file_scenario(folder / "b.json", options)->spec().prompt;
  EXPECT_EQ(chain.instructions.text, "Solve it.\n\nQ: 1\nA: one\n\n");
  EXPECT_EQ(chain.reasoning, PromptSpec::Reasoning::chain);
  const fs::path empty = folder / "empty";
  fs::create_directory(empty);
  EXPECT_THROW(file_scenarios({empty}), Error);
}

// The public files, when they are here. A model that knows nothing answers by chance, and the
// interval must say so.
class Benchmarks : public FileScenarioTest {
 protected:
  Benchmarks() {
    const char* shared = std::getenv("LINEAGE_SHARED");
    root = fs::path(shared ? shared : LINEAGE_SOURCE_DIR "/../shared") / "data/benchmarks";
  }
  void SetUp() override {
    if (!fs::is_directory(root)) GTEST_SKIP() << "no benchmarks in " << root;
  }
  Score random_score(const Scenario& scenario, int64_t n) {
    const auto items = scenario.items(ItemSet::test, n);
    const auto predictions = predict(*model, items, scenario.items(ItemSet::examples, 64),
                                     scenario.spec(), PromptSpec::Template::raw, 1);
    return score(scenario.spec(), items, predictions, scenario.items(ItemSet::dev, 200))[0];
  }
  fs::path root;
  RandomModel model{192};
};

TEST_F(Benchmarks, HellaSwagIsChance) {
  const std::string unpack = "bunzip2 -c '" +
                             (root / "hellaswag_val/hellaswag_val_full.txt.bz2").string() +
                             "' > '" + (folder / "hellaswag.txt").string() + "'";
  if (std::system(unpack.c_str()) != 0) GTEST_SKIP() << "no bunzip2";
  const auto scenario = file_scenario(folder / "hellaswag.txt");
  EXPECT_EQ(read_items(folder / "hellaswag.txt").items.size(), 10042u);
  const Score s = random_score(*scenario, 150);
  EXPECT_EQ(s.n + s.skipped, 150);  // an ending of more than 192 tokens does not fit
  EXPECT_GT(s.n, 100);
  EXPECT_NEAR(s.chance.uniform, 0.25, 1e-12);
  EXPECT_LT(s.estimate.low, 0.25);
  EXPECT_GT(s.estimate.high, 0.25);
}

TEST_F(Benchmarks, LambadaIsChance) {
  const auto file = root / "llm_foundry_icl/lambada_openai.jsonl";
  EXPECT_EQ(read_items(file).items.size(), 5153u);
  const Score s = random_score(*file_scenario(file), 60);
  EXPECT_EQ(s.estimate.value, 0);
  EXPECT_NEAR(s.estimate.high, wilson(0, 60).high, 0.01);
  EXPECT_LT(s.log_likelihood.value, -4);  // about ln(vocabulary) nats a token
}

TEST_F(Benchmarks, BigBenchHardIsChance) {
  const auto tasks = file_scenarios({root / "bbh/bbh"});
  ASSERT_EQ(tasks.size(), 27u);
  size_t choices = 0;
  for (const auto& t : tasks) choices += t->spec().prompt.method == PromptSpec::Method::choose;
  EXPECT_EQ(choices, 23u);
  for (const auto& t : tasks)
    if (t->spec().name == "boolean_expressions" || t->spec().name == "navigate") {
      const Score s = random_score(*t, 100);
      EXPECT_NEAR(s.chance.uniform, 0.5, 1e-12);
      EXPECT_LT(s.estimate.low, std::max(0.5, s.chance.majority)) << t->spec().name;
      EXPECT_GT(s.estimate.high, std::min(0.5, 1 - s.chance.majority)) << t->spec().name;
    }
}

// Every other file of the uniform collection is read whole.
TEST_F(Benchmarks, AllAreRead) {
  const std::map<std::string, size_t> sizes = {{"arc_easy.jsonl", 2376},
                                               {"piqa.jsonl", 1838},
                                               {"winogrande.jsonl", 1267},
                                               {"copa.jsonl", 100},
                                               {"triviaqa_sm_sub.jsonl", 3000}};
  for (const auto& [name, n] : sizes)
    EXPECT_EQ(read_items(root / "llm_foundry_icl" / name).items.size(), n) << name;
  EXPECT_EQ(read_items(root / "gsm8k/test.jsonl").items.size(), 1319u);
}

}  // namespace
}  // namespace lineage
