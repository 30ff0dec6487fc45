#include <gtest/gtest.h>

#include "lineage/world/minipy/run.h"

namespace lineage::minipy {
namespace {

TEST(MpyLimits, EveryProgramEndsCleanly) {
  const std::pair<const char*, Outcome> cases[] = {
      {"while True:\n    pass", Outcome::step_limit},
      {"for i in range(1000000000000):\n    pass", Outcome::step_limit},
      {"sum(range(1000000000000))", Outcome::step_limit},
      {"x = [i for i in range(1000000000)]", Outcome::step_limit},
      {"a = [1]\nfor x in a:\n    a.append(x)", Outcome::step_limit},
      {"a = [0]\nwhile True:\n    a += a", Outcome::memory_limit},
      {"s = 'a'\nwhile True:\n    s += s", Outcome::memory_limit},
      {"[0] * 1000000000000", Outcome::memory_limit},
      {"'ab' * 9223372036854775807", Outcome::memory_limit},
      {"list(range(1000000000))", Outcome::memory_limit},
      {"while True:\n    print('a' * 999)", Outcome::output_limit},
      {"a = [0]\nfor i in range(40):\n    a = [a, a]\nprint(a)", Outcome::output_limit},
      {"a = [0]\nb = [0]\nfor i in range(40):\n    a = [a, a]\n    b = [b, b]\na == b",
       Outcome::step_limit},
      {"a = []\nb = []\na.append(b)\nb.append(a)\nc = []\nd = []\nc.append(d)\nd.append(c)\na == c",
       Outcome::recursion_error},
      {"def f():\n    return f()\nf()", Outcome::recursion_error},
      {"x = 9223372036854775807\nx += 1", Outcome::integer_overflow},
      {"x = -9223372036854775807 - 1\nx // -1", Outcome::integer_overflow},
      {"x = -9223372036854775807 - 1\nprint(x % -1, -x)", Outcome::integer_overflow},
      {"abs(-9223372036854775807 - 1)", Outcome::integer_overflow},
      {"int('9223372036854775808')", Outcome::integer_overflow},
      {"x = 9223372036854775808", Outcome::integer_overflow},
      {"range(9223372036854775807)", Outcome::integer_overflow},
      {"class A:\n    pass\nprint(A())", Outcome::unsupported},
      {"print(len)\nprint(set())", Outcome::unsupported},
      {"'a %s' % 3", Outcome::unsupported},
      {"'a'.split()", Outcome::unsupported},
      {"1 is 1", Outcome::unsupported},
  };
  for (const auto& [source, outcome] : cases) {
    const RunResult r = run_source(source);
    EXPECT_EQ(outcome_name(r.outcome), outcome_name(outcome)) << source << "\n" << r.message;
  }
}

TEST(MpyLimits, WhatIsOutsideTheSubsetDoesNotParse) {
  for (const char* source : {"import os",
                             "x = 1.5",
                             "x = (1, 2)",
                             "x = {1, 2}",
                             "f = lambda x: x",
                             "a = b = 1",
                             "\tx = 1",
                             "x = 1 ** 2",
                             "x = 1 / 2",
                             "try:\n    pass",
                             "if 1:\npass",
                             "  x = 1",
                             "if 1:\n    x = 1\n  y = 2",
                             "x = f'a'",
                             "x = 'a",
                             "x = 'a' 'b'",
                             "x = [1",
                             "x = 1)",
                             "def f():\n    def g():\n        pass",
                             "for x in []: pass\nelse: pass",
                             "x = 007",
                             "f(x=1)",
                             "x = \"\"\"a",
                             "x = 'caf\xC3\xA9'",
                             "break",
                             "return",
                             "1 = x",
                             "f() = 1",
                             "x += ",
                             "print 1",
                             "__x = 1",
                             "class A:\n    print(1)",
                             "x = [y for y in a for z in b]"})
    EXPECT_EQ(run_source(source).outcome, Outcome::syntax_error) << source;
  EXPECT_EQ(run_source(std::string(5000, '(')).outcome, Outcome::syntax_error);
  EXPECT_EQ(run_source("x = " + std::string(5000, '-') + "1").outcome, Outcome::syntax_error);
  std::string sum = "x = 1";
  for (int i = 0; i < 5000; ++i) sum += " + 1";
  EXPECT_EQ(run_source(sum).outcome, Outcome::syntax_error);
  std::string blocks;
  for (int i = 0; i < 90; ++i) blocks += std::string(static_cast<size_t>(i), ' ') + "if 1:\n";
  EXPECT_EQ(run_source(blocks + std::string(90, ' ') + "pass").outcome, Outcome::syntax_error);
}

TEST(MpyLimits, AreTheCallers) {
  RunOptions options;
  options.limits.steps = 5;
  EXPECT_EQ(run_source("a = 1\na = 2\na = 3\na = 4\na = 5", options).outcome, Outcome::ok);
  const RunResult r = run_source("a = 1\na = 2\na = 3\na = 4\nprint(a)\na = 6", options);
  EXPECT_EQ(r.outcome, Outcome::step_limit);
  EXPECT_EQ(r.steps, 6);
}

TEST(MpyHash, RenamingAndLayoutDoNotCountMeaningDoes) {
  const auto hash = [](const char* s) { return canonical_hash(*parse(lex(s).items)); };
  EXPECT_EQ(hash("x = 1\nprint(x)"), hash("yy = (1)  # one\n\n\nprint((yy))"));
  EXPECT_EQ(hash("def f(a):\n    'doc'\n    return a"), hash("def g(b):\n    return b"));
  EXPECT_NE(hash("x = 1\nprint(x)"), hash("x = 2\nprint(x)"));
  EXPECT_NE(hash("x = 1\ny = 2\nprint(x)"), hash("x = 1\ny = 2\nprint(y)"));
  EXPECT_NE(hash("print(1 + 2)"), hash("print(1 - 2)"));
  EXPECT_NE(hash("len([1])"), hash("sum([1])"));
  EXPECT_NE(hash("print(1 < 2)"), hash("print(1 <= 2)"));
}

}  // namespace
}  // namespace lineage::minipy
