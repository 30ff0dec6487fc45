#include <algorithm>
#include <array>

#include "lineage/world/instructions/task.h"
#include "lineage/world/minipy/corpus/spec.h"
#include "lineage/world/minipy/words.h"

namespace lineage {
namespace {

// A small function of x: its words and its body; c is a number in both.
struct SmallSpec {
  std::string_view words, body;
  bool list;  // of a list, else of a number
};
constexpr std::array<SmallSpec, 10> kSpecs = {
    {{"x plus c", "x + c", false},
     {"x minus c", "x - c", false},
     {"x times c", "x * c", false},
     {"max of x and c", "max ( x , c )", false},
     {"min of x and c", "min ( x , c )", false},
     {"count of list x plus c", "len ( x ) + c", true},
     {"sum of list x plus c", "sum ( x ) + c", true},
     {"first element of list x plus c", "x [ 0 ] + c", true},
     {"last element of list x plus c", "x [ - 1 ] + c", true},
     {"max of list x plus c", "max ( x ) + c", true}}};

Tokens with_number(std::string_view words, int c) {
  Tokens tokens = words_to_tokens(words);
  std::replace(tokens.begin(), tokens.end(), word_token("c"), Vocabulary::get().integer(c));
  return tokens;
}

Tokens function_text(const Tokens& body) {
  return TokenText("def f ( x ) : \n <indent> return").add(body).text("\n <dedent>").take();
}

// What `program` and then print ( f ( input ) ) print.
std::string output_of(std::span<const Token> program, const Tokens& input) {
  const Tokens all = TokenText().add(program).text("print ( f (").add(input).text(") )").take();
  const minipy::RunResult r = minipy::run_words(all);
  return r.outcome == minipy::Outcome::ok ? r.output : std::string();
}

// Inputs on which two functions must agree.
std::vector<Tokens> hidden_inputs(bool list) {
  std::vector<Tokens> inputs;
  for (std::string_view text : {"0", "3", "9", "20", "50"})
    if (!list) inputs.push_back(words_to_tokens(text));
  for (std::string_view text : {"[ 4 ]", "[ 3 , 1 ]", "[ 2 , 9 , 5 ]", "[ 7 , 7 , 1 , 0 ]"})
    if (list) inputs.push_back(words_to_tokens(text));
  return inputs;
}

// The share of hidden inputs on which a program does as the right one; 0 unless it defines f.
std::function<double(std::span<const Token>)> same_function(Tokens right, bool list) {
  return [right = std::move(right), list](std::span<const Token> content) {
    int good = 0;
    const auto inputs = hidden_inputs(list);
    for (const Tokens& input : inputs) {
      const std::string wanted = output_of(right, input);
      good += !wanted.empty() && output_of(content, input) == wanted;
    }
    return good / static_cast<double>(inputs.size());
  };
}

struct Function {
  Tokens words, text;
  bool list;
  uint64_t key;
  bool test_only;
};

// The first five are specs of the code corpus, too, some of which are for tests (A10).
bool is_test_spec(int which, int c) {
  using Op = Spec::Op;
  constexpr std::array<Op, 5> kOps = {Op::plus, Op::minus, Op::times, Op::greater, Op::lesser};
  if (which >= static_cast<int>(kOps.size())) return false;
  return is_test_key(Spec{{{kOps[which], c}}}.key());
}

Function draw_function(const TaskInput& in) {
  const SmallSpec& spec = kSpecs[in.parameter];
  const int c = in.draw.between(1, 99);
  return {with_number(spec.words, c), function_text(with_number(spec.body, c)), spec.list,
          item_key("function", {in.parameter, c}), is_test_spec(in.parameter, c)};
}

std::optional<Task> write_function(const TaskInput& in) {
  Function f = draw_function(in);
  Task task{.request = words_to_tokens(in.phrase == 0 ? "write a function" : "write f ( x )"),
            .payload = f.words,
            .answer = {f.text}};
  task.accept = same_function(f.text, f.list);
  task.key = f.key, task.test_only = f.test_only;
  return task;
}

std::optional<Task> explain_code(const TaskInput& in) {
  Function f = draw_function(in);
  Task task{.request = words_to_tokens(in.phrase == 0 ? "explain" : "what does this do"),
            .payload = f.text,
            .answer = {f.words}};
  task.key = f.key, task.test_only = f.test_only;
  return task;
}

// F34: a wrong operator or number, and an assertion that reveals it.
std::optional<Task> fix_bug(const TaskInput& in) {
  const int c = in.draw.between(1, 40), x = in.draw.between(0, 20);
  const auto body = [&](std::string_view op) {
    return function_text(TokenText("x").text(op).number(c).take());
  };
  const std::string_view right = in.parameter == 0 ? "+" : "-",
                         wrong = in.parameter == 0 ? "-" : "+";
  Task task{.request = words_to_tokens(in.phrase == 0 ? "fix the bug" : "fix this"),
            .payload = TokenText()
                           .add(body(wrong))
                           .text("assert f (")
                           .number(x)
                           .text(") ==")
                           .number(in.parameter == 0 ? x + c : x - c)
                           .take(),
            .answer = {body(right)}};
  task.accept = same_function(body(right), false);
  task.key = item_key("fix_bug", {in.parameter, c, x});
  return task;
}

// F33: a line or three; their output is the interpreter's.
std::optional<Task> predict_output(const TaskInput& in) {
  TokenText p;
  const auto number = [&] { return in.draw.between(0, 20); };
  const auto list = [&](int n) {
    p.text("[");
    for (int i = 0; i < n; ++i) {
      if (i > 0) p.text(",");
      p.number(number());
    }
    p.text("]");
  };
  switch (in.parameter) {
    case 0:
      p.text("print (").number(number()).text("+").number(number()).text(")");
      break;
    case 1:
      p.text("x =").number(number()).text("\n x +=").number(number()).text("\n print ( x )");
      break;
    case 2: {
      const int n = in.draw.between(2, 4);
      p.text("x =");
      list(n);
      p.text("\n print ( x [").number(in.draw.below(n)).text("] )");
      break;
    }
    case 3:
      p.text("x =");
      list(in.draw.between(1, 4));
      p.text("\n print ( len ( x ) )");
      break;
    default:
      p.text("if").number(number()).text(">").number(number()).text(
          ": \n <indent> print ( 1 ) \n <dedent> else : \n <indent> print ( 2 ) \n <dedent>");
  }
  const Tokens program = p.take();
  const minipy::RunResult r = minipy::run_words(program);
  if (r.outcome != minipy::Outcome::ok || r.printed.size() != 1) return std::nullopt;
  Tokens output;
  minipy::write_text(r.printed[0].text, output);
  Task task{
      .request = words_to_tokens(in.phrase == 0 ? "predict the output" : "what does this print"),
      .payload = program,
      .answer = {output}};
  task.key = item_key("predict_output", program);
  return task;
}

}  // namespace

std::vector<FamilyEntry> code_families() {
  const auto writes = Ability::code_generation, reads = Ability::code_understanding;
  constexpr int kAll = static_cast<int>(kSpecs.size());
  return {{{Family::write_function, "F32", "write_function", writes},
           &fixed_parameters<kAll>,
           &write_function},
          {{Family::predict_output, "F33", "predict_output", reads, false, false, true},
           &fixed_parameters<5>,
           &predict_output},
          {{Family::fix_bug, "F34", "fix_bug", Ability::unseen_instruction, true},
           &fixed_parameters<2>,
           &fix_bug},
          {{Family::explain_code, "F35", "explain_code", reads},
           &fixed_parameters<kAll>,
           &explain_code}};
}

}  // namespace lineage
