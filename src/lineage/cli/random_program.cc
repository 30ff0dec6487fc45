#include "lineage/cli/random_program.h"

#include <algorithm>
#include <string_view>

#include "lineage/base/enum_index.h"
#include "lineage/cli/random_expression.h"

namespace lineage::minipy {
namespace {

// Statements that raise, one of each class and more.
constexpr std::string_view kFaults[] = {
    "print(unknown)",
    "x9 = [1, 2][2]",
    "x9 = [][-1]",
    "x9 = 'abc'[3]",
    "x9 = {'a': 1}['b']",
    "x9 = {'a': 1}.pop('b')",
    "x9 = 1 // 0",
    "x9 = 5 % (3 - 3)",
    "x9 = 1 + 'a'",
    "x9 = 'a' + 1",
    "x9 = [1] + 'a'",
    "x9 = 'a' - 'b'",
    "x9 = -[1]",
    "x9 = 1 < 'a'",
    "x9 = [1, 'a'] < ['a', 1]",
    "x9 = sorted([1, 'b', 2])",
    "x9 = max([])",
    "x9 = min(3)",
    "x9 = len(5)",
    "x9 = sum(['a', 'b'])",
    "x9 = int('12x')",
    "x9 = int(None)",
    "x9 = int('')",
    "x9 = [1, 2].index(5)",
    "[1, 2].remove(5)",
    "[].pop()",
    "[1].pop(3)",
    "x9 = 'abc'['a']",
    "x9 = [1][1:2:0]",
    "x9 = range(1, 2, 0)",
    "x9 = range('a')",
    "x9 = 5[0]",
    "x9 = None.value",
    "x9 = [1].push(3)",
    "x9 = {[1]: 2}",
    "x9 = 3 in 4",
    "x9 = 3 in 'abc'",
    "x9 = ','.join([1, 2])",
    "x9 = None()",
    "x9 = abs('a')",
    "x9 = 'ab' * 'c'",
    "x9 = [1] * None",
    "for x9 in 5:\n    pass",
    "assert 1 > 2",
    "assert [], 'empty'",
    "def g9(n):\n    return g9(n + 1)\ng9(0)",
    "def g9(a, b):\n    return a\ng9(1)",
    "def g9(a, b=1):\n    return a\ng9(1, 2, 3)",
    "def g9():\n    print(y9)\n    y9 = 1\ng9()",
    "def g9():\n    y9 += 1\ng9()",
    "class C9:\n    pass\nprint(C9().field)",
    "class C9:\n    pass\nC9(1)",
    "class C9:\n    pass\nx9 = C9() < C9()",
    "class C9:\n    pass\nx9 = C9()[0]",
    "class C9:\n    def __init__(self):\n        return 5\nC9()",
    "class C9(5):\n    pass",
    "d9 = {1: 1}\nfor k9 in d9:\n    d9[k9 + 1] = 1",
    "s9 = 'abc'\ns9[0] = 'x'",
    "x9 = 5\nx9.field = 1",
};

class Generator : RandomExpressions {
 public:
  Generator(uint64_t seed, int64_t index)
      : RandomExpressions(Draw(Rng(seed).fold("minipy wide").fold(static_cast<uint64_t>(index)))) {}

  std::string run() {
    const bool faulty = draw_.chance(0.15);
    const int statements = draw_.between(3, 9);
    const int fault_at = faulty ? draw_.below(statements) : -1;
    for (size_t t = 0; t < kTypes; ++t)
      if (draw_.chance(0.7)) define(static_cast<Type>(t));
    if (draw_.chance(0.6)) function();
    if (draw_.chance(0.35)) classes();
    for (int i = 0; i < statements; ++i) {
      if (i == fault_at) fault();
      statement(0);
    }
    for (size_t t = 0; t < kTypes; ++t)
      for (const std::string& name : names_[t]) line({"print(", name, ")"});
    return out_;
  }

 private:
  void line(std::string_view text) { line({text}); }
  void line(std::initializer_list<std::string_view> pieces) {
    out_.append(4 * static_cast<size_t>(indent_), ' ').append(cat(pieces)) += '\n';
  }

  void define(Type t) {
    static constexpr std::string_view kPrefix[] = {"n", "s", "a", "w", "d", "b"};
    const std::string name = std::string(kPrefix[enum_index(t)]) + std::to_string(names(t).size());
    line({name, " = ", expression(t, 2)});
    names(t).push_back(name);
  }

  void fault() {
    const std::string_view text = kFaults[draw_.below(static_cast<int>(std::size(kFaults)))];
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      line(text.substr(at, end - at));
      at = end + 1;
    }
  }

  // A function of two integers and one with a list.
  void function() {
    line(draw_.chance(0.5) ? "def f(x, y):" : cat({"def f(x, y=", number(-3, 9), "):"}));
    ++indent_;
    const auto outer = names_;
    names(Type::integer) = {"x", "y"};
    if (draw_.chance(0.4)) {
      line({"if x > ", number(3, 12), ":"});
      ++indent_;
      line({"return f(x // 2 - 1, ", expression(Type::integer, 1), ")"});
      --indent_;
    }
    for (int i = draw_.between(0, 2); i > 0; --i) statement(1);
    line(draw_.chance(0.9) ? cat({"return ", expression(Type::integer, 2)}) : "pass");
    names_ = outer;
    --indent_;
    has_function_ = true;
    line("def h(items, extra=[]):");
    ++indent_;
    line("extra.append(len(items))");
    line("for item in items:");
    ++indent_;
    line({"if ", draw_.word({"item % 2 == 0", "item > 3", "not item", "True"}), ":"});
    line({"    ", draw_.word({"break", "continue", "extra += [item]", "return item", "pass"})});
    indent_ -= 2;
    line({"    return ", draw_.word({"extra", "extra[:]", "items + extra", "None"})});
    line({"print(h(", expression(Type::integers, 1), "), h([1, 2]))"});
  }

  void classes() {
    line("class A:");
    ++indent_;
    if (draw_.chance(0.5))
      line({"limit = ", number(0, 9)});
    else
      line("limit = 3 * 2");
    line("def __init__(self, n, items=None):");
    line("    self.n = n");
    line("    self.items = items if items is not None else []");
    line("def add(self, k):");
    line({"    self.n += k", draw_.word({"", " * 2", " - self.limit", " % 5"})});
    line("    self.items.append(k)");
    line("    return self");
    line("def value(self):");
    line({"    return self.n", draw_.word({"", " + self.limit", " * self.kind()"})});
    line("def kind(self):");
    line({"    return ", number(1, 4)});
    --indent_;
    line("class B(A):");
    ++indent_;
    const int which = draw_.below(4);
    if (which == 0) line("pass");
    if (which == 1) line("limit = A.limit + 1");
    if (which >= 2) {
      line("def kind(self):");
      line({"    return super().kind() + ", number(1, 5)});
    }
    if (which == 3) {
      line("def __init__(self, n):");
      line("    super().__init__(n + 1, [n])");
    }
    --indent_;
    line({"p = A(", number(0, 9), ")"});
    line({"q = B(", number(0, 9), ")"});
    line({"q.add(2).", draw_.word({"add(3)", "value()", "add(p.value())"})});
    line("print(p.value(), q.value(), q.items, q.limit, p.items, A.limit)");
    line("print(isinstance(q, A), isinstance(p, B), p == q, p == p, B)");
    has_class_ = true;
  }

  void block(int depth) {
    ++indent_;
    for (int i = draw_.between(1, 2); i > 0; --i) statement(depth + 1);
    --indent_;
  }

  void statement(int depth) {
    switch (draw_.below(depth > 2 ? 8 : 12)) {
      case 0:
        return line({"print(", expression(any_type(), 3), ", ", expression(any_type(), 2), ")"});
      case 1: {
        const Type t = any_type();
        if (depth == 0) return define(t);
        if (names(t).empty()) return line("pass");
        return line({draw_.pick(names(t)), " = ", bounded(t)});
      }
      case 2:
        if (names(Type::integer).empty()) return line("print('none')");
        return line({draw_.pick(names(Type::integer)), " ", draw_.word({"+=", "-=", "//=", "%="}),
                     " ", number(1, 9)});
      case 3:
        if (names(Type::integers).empty()) return line("print([])");
        return list_statement(draw_.pick(names(Type::integers)));
      case 4:
        if (names(Type::dict).empty()) return line("print({})");
        return dict_statement(draw_.pick(names(Type::dict)));
      case 5:
        if (names(Type::texts).empty()) return line("print('')");
        return line({draw_.pick(names(Type::texts)), ".append(", expression(Type::text, 1), ")"});
      case 6:
        return line({"print(", expression(Type::boolean, 3), ")"});
      case 7:
        return line({"print([", expression(any_type(), 2), ", ", expression(any_type(), 1), "])"});
      case 8:
      case 9: {
        line({"if ", expression(Type::boolean, 2), ":"});
        block(depth);
        if (draw_.chance(0.4)) {
          line({"elif ", expression(any_type(), 2), ":"});
          block(depth);
        }
        if (draw_.chance(0.5)) {
          line("else:");
          block(depth);
        }
        return;
      }
      case 10: {
        const std::string v = "i" + std::to_string(depth);
        const bool items = draw_.chance(0.4);
        line({"for ", v, " in ",
              items ? cat({expression(Type::integers, 1), "[:4]"})
                    : cat({"range(", number(0, 4), ")"}),
              ":"});
        names(Type::integer).push_back(v);
        block(depth);
        names(Type::integer).pop_back();
        if (draw_.chance(0.2)) line({"    ", draw_.word({"break", "continue"})});
        return;
      }
      default: {
        const std::string v = "k" + std::to_string(depth);
        line({v, " = ", number(0, 4)});
        line({"while ", v, " > 0:"});
        line({"    ", v, " -= 1"});
        block(depth);
        return;
      }
    }
  }

  // Assigned in loops perhaps, so it must not grow.
  std::string bounded(Type t) {
    std::string e = expression(t, 2);
    switch (t) {
      case Type::integer:
        return cat({"(", e, ") % 1000"});
      case Type::text:
      case Type::integers:
      case Type::texts:
        return cat({"(", e, ")[:6]"});
      default:
        return e;
    }
  }

  void list_statement(const std::string& a) {
    switch (draw_.below(7)) {
      case 0:
        return line({a, ".append(", expression(Type::integer, 1), ")"});
      case 1:
        line({"if ", a, ":"});
        return line({"    print(", a, ".pop(", draw_.word({"", "0", "-1"}), "))"});
      case 2:
        return line({a, ".insert(", number(-3, 3), ", ", number(0, 9), ")"});
      case 3:
        return line({a, ".sort()"});
      case 4:
        return line({a, " += ", expression(Type::integers, 1), "[:3]"});
      case 5:
        line({"if ", a, ":"});
        return line({"    ", a, "[", draw_.word({"0", "-1"}), "] ", draw_.word({"=", "+=", "-="}),
                     " ", number(0, 9)});
      default:
        return line({a, ".reverse()"});
    }
  }

  void dict_statement(const std::string& d) {
    switch (draw_.below(4)) {
      case 0:
        return line({d, "[", text(1), "] = ", expression(Type::integer, 1)});
      case 1:
        return line({"print(", d, ".pop(", text(1), ", ", number(0, 9), "))"});
      case 2:
        line({"for key in ", d, ":"});
        return line({"    print(key, ", d, "[key])"});
      default:
        return line({d, "['a'] = ", d, ".get('a', 0) + ", number(1, 3)});
    }
  }

  std::string out_;
};

}  // namespace

std::string random_program(uint64_t seed, int64_t index) { return Generator(seed, index).run(); }

}  // namespace lineage::minipy
