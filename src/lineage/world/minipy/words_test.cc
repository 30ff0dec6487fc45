#include "lineage/world/minipy/words.h"

#include <gtest/gtest.h>

#include "lineage/world/vocabulary.h"

namespace lineage::minipy {
namespace {

std::vector<Token> words(std::string_view text) {
  return Vocabulary::get().tokenizer()->encode(text);
}

TEST(MpyWords, ProgramsReadFromWordsRun) {
  const RunResult r = run_words(
      words("def f ( x ) : \n <indent> \" return the list \" \n y = x + 3 # 7 \n return y * 2 \n "
            "<dedent> "
            "assert f ( 4 ) == 14 \n b = [ ' cat ' , ' red dog ' , 250 ] \n print ( b ) # 7"));
  EXPECT_EQ(outcome_name(r.outcome), "") << r.message;
  EXPECT_EQ(r.output, "['cat', 'red dog', 250]\n");
}

TEST(MpyWords, BlocksMayStayOpenAtTheEnd) {
  EXPECT_EQ(run_words(words("for i in range ( 2 ) : \n <indent> print ( i )")).output, "0\n1\n");
}

TEST(MpyWords, WordsThatAreNoProgramFailCleanly) {
  for (const char* text : {"( \n", "x = ' cat \n", "x = 3 <indent> 4", "<dedent> x", ") = 3",
                           "<user> = 3", "while True : \n <dedent>", "x ? y", "x = y z", "import x",
                           "def f ( x , x ) : \n <indent> pass", "return 3", "break", "class"})
    EXPECT_EQ(run_words(words(text)).outcome, Outcome::syntax_error) << text;
  EXPECT_EQ(run_words(std::vector<Token>{-1, 5000}).outcome, Outcome::syntax_error);
  std::vector<Token> zeros = {Vocabulary::get().digit(0), Vocabulary::get().digit(7)};
  EXPECT_EQ(run_words(zeros).outcome, Outcome::syntax_error);
  std::vector<Token> great(30, Vocabulary::get().digit(9));
  EXPECT_EQ(run_words(great).outcome, Outcome::integer_overflow);
}

TEST(MpyWords, SourceToWordsAndBack) {
  const std::string program =
      "class stack:\n    def __init__(self, size = 3):\n        \"\"\"return the list\"\"\"\n"
      "        self.data = [1, - 250, 'red dog', '']\n\nwhile not x[1 : - 2] <= 3:\n    x += 1\n";
  const Lexemes lexemes = lex(program);
  std::vector<Token> tokens;
  write_words(lexemes.items, tokens);
  const Lexemes back = read_words(tokens);
  EXPECT_EQ(source(back.items), source(lexemes.items));
  EXPECT_EQ(source(lex(source(back.items)).items), source(back.items));
  std::vector<Token> again;
  write_words(back.items, again);
  EXPECT_EQ(again, tokens);
}

TEST(MpyWords, StringsSurviveTheirSource) {
  for (const char* program :
       {"x = 'a\\x03\\r\\n\\\\ \\' \"'\n", "\"\"\"a\\\"\nb\\\\ \\x07'\"\"\"\n"}) {
    const Lexemes once = lex(program);
    const std::string again = source(once.items);
    const Lexemes twice = lex(again);
    ASSERT_EQ(once.items.size(), twice.items.size());
    for (size_t i = 0; i < once.items.size(); ++i)
      EXPECT_EQ(once.items[i].text, twice.items[i].text) << again;
  }
}

TEST(MpyWords, OutputBecomesWords) {
  std::vector<Token> out;
  write_text("[1, 'red dog', -250] {0: True}", out);
  EXPECT_EQ(Vocabulary::get().tokenizer()->decode(out), "[ 1 , ' red dog ' , - 250 ] { 0 : True }");
  EXPECT_THROW(write_text("xylophone", out), Fault);
  EXPECT_THROW(write_text("a & b", out), Fault);
}

}  // namespace
}  // namespace lineage::minipy
