#include <gtest/gtest.h>

#include "lineage/world/minipy/run.h"

namespace lineage::minipy {
namespace {

struct Case {
  const char* source;
  const char* output;
  const char* outcome = "";  // CPython's exception class
};

// What CPython 3.11 prints for these, run there once by hand.
const Case kCases[] = {
    // Integers.
    {"print(7 // 2, -7 // 2, 7 // -2, -7 // -2)", "3 -4 -4 3\n"},
    {"print(7 % 3, -7 % 3, 7 % -3, -7 % -3)", "1 2 -2 -1\n"},
    {"print(2 + 3 * 4 - 5, (2 + 3) * 4, - 2 * - 3, --2, +-3)", "9 20 6 2 -3\n"},
    {"print(9223372036854775807 // -1, -9223372036854775807 % -1)", "-9223372036854775807 0\n"},
    {"print(True + 1, -True, abs(-3), abs(False), True // 2)", "2 -1 3 0 0\n"},
    {"x = 5\nx += 2\nx -= 1\nx *= 3\nx //= 4\nx %= 3\nprint(x)", "1\n"},
    {"print(int('12'), int(' -7 '), int('1_0'), int(True), int(), str(12) + '3')",
     "12 -7 10 1 0 123\n"},
    // Truth, comparison, order of evaluation.
    {"print(0 or 'a', 1 and [], not 0, None or False, 3 and 4)", "a [] True False 4\n"},
    {"print(1 < 2 < 3, 1 < 3 < 2, 3 > 2 == 2, 1 == True, 'a' == 1, None == 0)",
     "True False True True False False\n"},
    {"def f(x):\n    print(x)\n    return x\nprint(f(1) < f(0) < f(9), f(0) and f(1))",
     "1\n0\n0\nFalse 0\n"},
    {"print('a' < 'b', [1, 2] < [1, 3], [1] < [1, 0], [] < [0], [2] >= [1, 9])",
     "True True True True True\n"},
    {"print(1 in [1, 2], 'b' in 'abc', 'x' not in {'x': 1}, 3 in range(0, 9, 2))",
     "True True False False\n"},
    {"print(1 if [] else 2, not 1 == 2, not (1 == 2) and 3)", "2 True 3\n"},
    {"x = None\nprint(x is None, x is not None, [] is [], True is True)",
     "True False False True\n"},
    // Strings.
    {"print('abc'[0], 'abc'[-1], 'abc'[1:], 'abc'[::-1], 'abc'[5:], 'abcd'[-3:-1])",
     "a c bc cba  bc\n"},
    {"print(['it\\'s', 'say \"x\"', 'both \\' \"', 'a\\n\\\\'])",
     "[\"it's\", 'say \"x\"', 'both \\' \"', 'a\\n\\\\']\n"},
    {"print('a' + 'b' * 3, 2 * 'xy', 'a' * -1, len(''), 'ab'.upper(), 'AB'.lower())",
     "abbb xyxy  0 AB ab\n"},
    {"print(', '.join(['a', 'b']), ''.join([]), '-'.join('abc'))", "a, b  a-b-c\n"},
    {"print(str([1, 'a']), str(None), str(True), [str(1)])", "[1, 'a'] None True ['1']\n"},
    {"print()\nprint('')\nprint(1, 'a', [2])", "\n\n1 a [2]\n"},
    // Lists.
    {"a = [1, 2, 3, 4, 5]\nprint(a[1:3], a[::2], a[::-1], a[-2:], a[:-2], a[10:], a[3:1], "
     "a[4:1:-2])",
     "[2, 3] [1, 3, 5] [5, 4, 3, 2, 1] [4, 5] [1, 2, 3] [] [] [5, 3]\n"},
    {"a = [1]\nb = a\nb.append(2)\na += [3]\nprint(a, b, a is b)\na = a + [4]\nprint(a, b)",
     "[1, 2, 3] [1, 2, 3] True\n[1, 2, 3, 4] [1, 2, 3]\n"},
    {"a = [3, 1, 2]\nprint(sorted(a), a, max(a), min(a), sum(a), len(a), list(reversed(a)))",
     "[1, 2, 3] [3, 1, 2] 3 1 6 3 [2, 1, 3]\n"},
    {"a = [1, 2, 3]\nprint(a.pop(), a.pop(0), a)\na.insert(0, 9)\na.extend([5, 5])\na.remove(5)\n"
     "print(a, a.index(2), a.count(5))\na.sort()\na.reverse()\nprint(a, a.copy() is a)",
     "3 1 [2]\n[9, 2, 5] 1 1\n[9, 5, 2] False\n"},
    {"a = [[0] * 2] * 2\na[0][1] = 7\nprint(a)", "[[0, 7], [0, 7]]\n"},
    {"a = [1]\na.append(a)\nprint(a, a == a)", "[1, [...]] True\n"},
    {"a = [1, 2]\nfor x in a:\n    if len(a) < 5:\n        a.append(x)\nprint(a)",
     "[1, 2, 1, 2, 1]\n"},
    {"x = 9\nprint([x * x for x in range(4) if x % 2 == 0 if x], x)", "[4] 9\n"},
    {"print([[y for y in range(x)] for x in range(3)], [c for c in 'ab'])",
     "[[], [0], [0, 1]] ['a', 'b']\n"},
    {"def f(n):\n    return [n + i for i in [n for n in range(3)]]\nprint(f(10))",
     "[10, 11, 12]\n"},
    {"print(any([0, 1]), all([]), all([1, 0]), any([]))", "True True False False\n"},
    {"print(sum([[1], [2]], []), max('b', 'a'), min([[2], [1, 5]]), max([True, 1]))",
     "[1, 2] b [1, 5] True\n"},
    // Dictionaries.
    {"d = {'a': 1, 2: [3]}\nd['b'] = 4\nd['a'] += 1\nprint(d, len(d), d.get('z'), d.get('z', 0))",
     "{'a': 2, 2: [3], 'b': 4} 3 None 0\n"},
    {"d = {1: 'a', True: 'b'}\nprint(d, d[1], list(d), list(d.values()), d.keys())",
     "{1: 'b'} b [1] ['b'] dict_keys([1])\n"},
    {"d = {}\nfor i in range(20):\n    d[i] = i\nprint(d.pop(3), 3 in d, len(d), d.pop(3, 'no'))\n"
     "d[3] = 0\nprint([k for k in d if k > 16])",
     "3 False 19 no\n[17, 18, 19]\n"},
    {"print({1: 2} == {1: 2}, {1: 2} == {1: 3}, {} == [], {None: 1}[None])",
     "True False False 1\n"},
    // Control.
    {"for i in range(5):\n    if i == 1:\n        continue\n    elif i == 3:\n        break\n"
     "    else:\n        pass\n    print(i)\nprint(i)",
     "0\n2\n3\n"},
    {"n = 3\nwhile n:\n    n -= 1\n    if n == 1: break\nprint(n, list(range(5, 0, -2)), range(3))",
     "1 [5, 3, 1] range(0, 3)\n"},
    {"for c in 'ab': print(c)\nfor k in {'x': 1, 'y': 2}: print(k)", "a\nb\nx\ny\n"},
    // Functions.
    {"def f(a, b=2, c=[]):\n    c.append(a)\n    return a * b\nprint(f(3), f(3, 5), f(1, 1, [0]))\n"
     "def g(x, c=[]):\n    c.append(x)\n    return c\nprint(g(1), g(2))",
     "6 15 1\n[1, 2] [1, 2]\n"},
    {"def fact(n):\n    return 1 if n < 2 else n * fact(n - 1)\nprint(fact(10))", "3628800\n"},
    {"x = 1\ndef f():\n    x = 2\n    return x\nprint(f(), x)\ndef g(x):\n    return x + y\ny = 5\n"
     "print(g(1))\ndef h():\n    pass\nprint(h())",
     "2 1\n6\nNone\n"},
    {"def f(x):\n    \"\"\"doc\n    string\"\"\"\n    return x\nprint(f(len)([1]), f(int)('3'))",
     "1 3\n"},
    {"len = 3\nprint(len)", "3\n"},
    // Classes.
    {"class A:\n    n = 1\n    def __init__(self, x):\n        self.x = x\n    def get(self):\n"
     "        return self.x + self.n\nclass B(A):\n    n = 10\n    def get(self):\n"
     "        return super().get() * 2\nclass C(B):\n    pass\n"
     "print(A(1).get(), B(1).get(), C(2).get())\na = A(5)\na.n = 100\nprint(a.get(), A.n, "
     "A.get(a))",
     "2 22 24\n105 1 105\n"},
    {"class A:\n    pass\na = A()\na.x = [1]\na.x[0] += 5\na.x += [2]\nprint(a.x, a == a, a == "
     "A())\n"
     "print(isinstance(a, A), isinstance(1, A), isinstance(True, int), A)",
     "[6, 2] True False\nTrue False True <class '__main__.A'>\n"},
    {"class A:\n    def __init__(self):\n        self.items = []\n    def push(self, x):\n"
     "        self.items.append(x)\n        return self\nprint(A().push(1).push(2).items)\n"
     "f = A().push\nprint(f(3).items)",
     "[1, 2]\n[3]\n"},
    {"class A:\n    def __init__(self, n=1):\n        self.n = n\nclass B(A):\n"
     "    def __init__(self):\n        super().__init__(7)\nclass C:\n    def __init__(self):\n"
     "        super().__init__()\nprint(B().n, C() is None)",
     "7 False\n"},
    {"x = 3\nclass A:\n    x = x + 1\n    y = x * 2\n    def f(self):\n        return x\n"
     "print(A.x, A.y, A().f())",
     "4 8 3\n"},
    // Layout.
    {"# comment\n\nx = [1,\n     2]  # more\n\nif x:\n\n    # inside\n    print(x)\n", "[1, 2]\n"},
    {"if 1:\r\n    print('crlf')\r\n", "crlf\n"},
    // Exceptions; the output before them stays.
    {"print(1)\nassert 1 == 2, 'no'", "1\n", "AssertionError"},
    {"assert []", "", "AssertionError"},
    {"[1][1]", "", "IndexError"},
    {"[][-1]", "", "IndexError"},
    {"[].pop()", "", "IndexError"},
    {"'ab'[2]", "", "IndexError"},
    {"a = [1]\na[1] = 2", "", "IndexError"},
    {"{}['a']", "", "KeyError"},
    {"{1: 2}.pop(3)", "", "KeyError"},
    {"print(nobody)", "", "NameError"},
    {"def f():\n    print(x)\n    x = 1\nf()", "", "UnboundLocalError"},
    {"1 // 0", "", "ZeroDivisionError"},
    {"1 % 0", "", "ZeroDivisionError"},
    {"int('x')", "", "ValueError"},
    {"[1].index(2)", "", "ValueError"},
    {"max([])", "", "ValueError"},
    {"[1][::0]", "", "ValueError"},
    {"range(1, 2, 0)", "", "ValueError"},
    {"1 + 'a'", "", "TypeError"},
    {"[1] + 'a'", "", "TypeError"},
    {"'a' - 'b'", "", "TypeError"},
    {"-'a'", "", "TypeError"},
    {"1 < 'a'", "", "TypeError"},
    {"None < None", "", "TypeError"},
    {"sorted([1, 'a'])", "", "TypeError"},
    {"1 in 5", "", "TypeError"},
    {"1 in 'abc'", "", "TypeError"},
    {"for x in 3: pass", "", "TypeError"},
    {"len(3)", "", "TypeError"},
    {"x = 3\nx()", "", "TypeError"},
    {"def f(a): pass\nf()", "", "TypeError"},
    {"def f(a): pass\nf(1, 2)", "", "TypeError"},
    {"{[]: 1}", "", "TypeError"},
    {"'a'['b']", "", "TypeError"},
    {"s = 'abc'\ns[0] = 'x'", "", "TypeError"},
    {"','.join([1])", "", "TypeError"},
    {"sum(['a'])", "", "TypeError"},
    {"class A: pass\nA(1)", "", "TypeError"},
    {"class A: pass\nA() + 1", "", "TypeError"},
    {"(5).foo", "", "AttributeError"},
    {"[].push(1)", "", "AttributeError"},
    {"class A: pass\nA().x", "", "AttributeError"},
    {"None.x", "", "AttributeError"},
    {"x = 5\nx.y = 1", "", "AttributeError"},
    {"d = {1: 1}\nfor k in d:\n    d[k + 1] = 1", "", "RuntimeError"},
    {"def f(n):\n    return f(n + 1)\nf(0)", "", "RecursionError"},
};

TEST(Mpy, MeansWhatPythonMeans) {
  for (const Case& c : kCases) {
    const RunResult r = run_source(c.source);
    EXPECT_EQ(outcome_name(r.outcome), c.outcome) << c.source << "\n" << r.message;
    EXPECT_EQ(r.output, c.output) << c.source;
  }
}

}  // namespace
}  // namespace lineage::minipy
