#include "lineage/world/mpy/random_program.h"

#include <array>
#include <string_view>
#include <vector>

#include "lineage/world/draw.h"

namespace lineage::mpy {
namespace {

enum class Type : uint8_t { integer, text, integers, texts, dict, boolean };
constexpr size_t kTypes = 6;

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

class Generator {
 public:
  Generator(uint64_t seed, int64_t index)
      : draw_(Rng(seed).fold("mpy wide").fold(static_cast<uint64_t>(index))) {}

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
      for (const std::string& name : names_[t]) line("print(" + name + ")");
    return out_;
  }

 private:
  void line(std::string_view text) {
    out_.append(4 * static_cast<size_t>(indent_), ' ').append(text) += '\n';
  }
  std::string number(int low, int high) { return std::to_string(draw_.between(low, high)); }
  std::vector<std::string>& names(Type t) { return names_[static_cast<size_t>(t)]; }
  Type any_type() { return static_cast<Type>(draw_.below(kTypes)); }

  void define(Type t) {
    static constexpr std::string_view kPrefix[] = {"n", "s", "a", "w", "d", "b"};
    const std::string name =
        std::string(kPrefix[static_cast<size_t>(t)]) + std::to_string(names(t).size());
    line(name + " = " + expression(t, 2));
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
    line(draw_.chance(0.5) ? "def f(x, y):" : "def f(x, y=" + number(-3, 9) + "):");
    ++indent_;
    const auto outer = names_;
    names(Type::integer) = {"x", "y"};
    if (draw_.chance(0.4)) {
      line("if x > " + number(3, 12) + ":");
      ++indent_;
      line("return f(x // 2 - 1, " + expression(Type::integer, 1) + ")");
      --indent_;
    }
    for (int i = draw_.between(0, 2); i > 0; --i) statement(1);
    line(draw_.chance(0.9) ? "return " + expression(Type::integer, 2) : "pass");
    names_ = outer;
    --indent_;
    has_function_ = true;
    line("def h(items, extra=[]):");
    ++indent_;
    line("extra.append(len(items))");
    line("for item in items:");
    ++indent_;
    line("if " + std::string(draw_.word({"item % 2 == 0", "item > 3", "not item", "True"})) + ":");
    line(std::string("    ") +
         std::string(draw_.word({"break", "continue", "extra += [item]", "return item", "pass"})));
    indent_ -= 2;
    line("    return " + std::string(draw_.word({"extra", "extra[:]", "items + extra", "None"})));
    line("print(h(" + expression(Type::integers, 1) + "), h([1, 2]))");
  }

  void classes() {
    line("class A:");
    ++indent_;
    if (draw_.chance(0.5))
      line("limit = " + number(0, 9));
    else
      line("limit = 3 * 2");
    line("def __init__(self, n, items=None):");
    line("    self.n = n");
    line("    self.items = items if items is not None else []");
    line("def add(self, k):");
    line("    self.n += k" + std::string(draw_.word({"", " * 2", " - self.limit", " % 5"})));
    line("    self.items.append(k)");
    line(std::string(draw_.word({"    return self", "    return self"})));
    line("def value(self):");
    line("    return self.n" + std::string(draw_.word({"", " + self.limit", " * self.kind()"})));
    line("def kind(self):");
    line("    return " + number(1, 4));
    --indent_;
    line("class B(A):");
    ++indent_;
    const int which = draw_.below(4);
    if (which == 0) line("pass");
    if (which == 1) line("limit = A.limit + 1");
    if (which >= 2) {
      line("def kind(self):");
      line("    return super().kind() + " + number(1, 5));
    }
    if (which == 3) {
      line("def __init__(self, n):");
      line("    super().__init__(n + 1, [n])");
    }
    --indent_;
    line("p = A(" + number(0, 9) + ")");
    line("q = B(" + number(0, 9) + ")");
    line("q.add(2)." + std::string(draw_.word({"add(3)", "value()", "add(p.value())"})));
    line("print(p.value(), q.value(), q.items, q.limit, p.items, A.limit)");
    line("print(isinstance(q, A), isinstance(p, B), p == q, p == p, B)");
    has_class_ = true;
  }

  std::string name_or(Type t, std::string otherwise) {
    return names(t).empty() ? otherwise : draw_.pick(names(t));
  }

  void block(int depth) {
    ++indent_;
    for (int i = draw_.between(1, 2); i > 0; --i) statement(depth + 1);
    --indent_;
  }

  void statement(int depth) {
    switch (draw_.below(depth > 2 ? 8 : 12)) {
      case 0:
        return line("print(" + expression(any_type(), 3) + ", " + expression(any_type(), 2) + ")");
      case 1: {
        const Type t = any_type();
        if (depth == 0) return define(t);
        if (names(t).empty()) return line("pass");
        return line(draw_.pick(names(t)) + " = " + bounded(t));
      }
      case 2:
        if (names(Type::integer).empty()) return line("print('none')");
        return line(draw_.pick(names(Type::integer)) + " " +
                    std::string(draw_.word({"+=", "-=", "//=", "%="})) + " " + number(1, 9));
      case 3:
        if (names(Type::integers).empty()) return line("print([])");
        return list_statement(draw_.pick(names(Type::integers)));
      case 4:
        if (names(Type::dict).empty()) return line("print({})");
        return dict_statement(draw_.pick(names(Type::dict)));
      case 5:
        if (names(Type::texts).empty()) return line("print('')");
        return line(draw_.pick(names(Type::texts)) + ".append(" + expression(Type::text, 1) + ")");
      case 6:
        return line("print(" + expression(Type::boolean, 3) + ")");
      case 7:
        return line("print([" + expression(any_type(), 2) + ", " + expression(any_type(), 1) +
                    "])");
      case 8:
      case 9: {
        line("if " + expression(Type::boolean, 2) + ":");
        block(depth);
        if (draw_.chance(0.4)) {
          line("elif " + expression(any_type(), 2) + ":");
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
        line("for " + v + " in " +
             (items ? expression(Type::integers, 1) + "[:4]" : "range(" + number(0, 4) + ")") +
             ":");
        names(Type::integer).push_back(v);
        block(depth);
        names(Type::integer).pop_back();
        if (draw_.chance(0.2)) line("    " + std::string(draw_.word({"break", "continue"})));
        return;
      }
      default: {
        const std::string v = "k" + std::to_string(depth);
        line(v + " = " + number(0, 4));
        line("while " + v + " > 0:");
        line("    " + v + " -= 1");
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
        return "(" + e + ") % 1000";
      case Type::text:
      case Type::integers:
      case Type::texts:
        return "(" + e + ")[:6]";
      default:
        return e;
    }
  }

  void list_statement(const std::string& a) {
    switch (draw_.below(7)) {
      case 0:
        return line(a + ".append(" + expression(Type::integer, 1) + ")");
      case 1:
        line("if " + a + ":");
        return line("    print(" + a + ".pop(" + std::string(draw_.word({"", "0", "-1"})) + "))");
      case 2:
        return line(a + ".insert(" + number(-3, 3) + ", " + number(0, 9) + ")");
      case 3:
        return line(a + ".sort()");
      case 4:
        return line(a + " += " + expression(Type::integers, 1) + "[:3]");
      case 5:
        line("if " + a + ":");
        return line("    " + a + "[" + std::string(draw_.word({"0", "-1"})) + "] " +
                    std::string(draw_.word({"=", "+=", "-="})) + " " + number(0, 9));
      default:
        return line(a + ".reverse()");
    }
  }

  void dict_statement(const std::string& d) {
    switch (draw_.below(4)) {
      case 0:
        return line(d + "[" + text(1) + "] = " + expression(Type::integer, 1));
      case 1:
        return line("print(" + d + ".pop(" + text(1) + ", " + number(0, 9) + "))");
      case 2:
        line("for key in " + d + ":");
        return line("    print(key, " + d + "[key])");
      default:
        return line(d + "['a'] = " + d + ".get('a', 0) + " + number(1, 3));
    }
  }

  std::string expression(Type t, int depth) {
    if (draw_.chance(0.25) && !names(t).empty()) return draw_.pick(names(t));
    switch (t) {
      case Type::integer:
        return integer(depth);
      case Type::text:
        return text(depth);
      case Type::integers:
        return integers(depth);
      case Type::texts:
        return texts(depth);
      case Type::dict:
        return dict();
      case Type::boolean:
        return boolean(depth);
    }
    return "None";
  }

  std::string integer(int depth) {
    if (depth <= 0) return number(-9, 20);
    const auto n = [&] { return expression(Type::integer, depth - 1); };
    switch (draw_.below(20)) {
      case 0:
      case 1:
        return n() + " + " + n();
      case 2:
        return n() + " - " + n();
      case 3:
        return "(" + n() + ") * " + number(-4, 9);
      case 4:
        return "(" + n() + ") // " + number(1, 7);
      case 5:
        return "(" + n() + ") % " + number(1, 7);
      case 6:
        return "(" + n() + ") // -" + number(1, 7);
      case 7:
        return "(" + n() + ") % -" + number(1, 7);
      case 8:
        return "-(" + n() + ")";
      case 9:
        return "len(" + expression(any_sequence(), depth - 1) + ")";
      case 10:
        return "abs(" + n() + ")";
      case 11:
        return std::string(draw_.word({"min(", "max("})) + n() + ", " + n() + ")";
      case 12:
        return "sum(" + expression(Type::integers, depth - 1) + ")";
      case 13:
        return "(" + expression(Type::integers, depth - 1) + " + [" + n() + "])[" +
               std::string(draw_.word({"0", "-1"})) + "]";
      case 14:
        return "(" + n() + " if " + boolean(depth - 1) + " else " + n() + ")";
      case 15:
        return "int(str(" + n() + "))";
      case 16:
        return expression(Type::dict, 0) + ".get(" + text(0) + ", " + n() + ")";
      case 17:
        return "(" + expression(Type::integers, depth - 1) + ").count(" + number(0, 5) + ")";
      case 18:
        if (has_class_ && indent_ == 0)
          return std::string(draw_.word({"p.n", "q.n", "q.value()", "p.kind()", "A.kind(q)"}));
        return number(-999, 999);
      default:
        if (has_function_) return "f((" + n() + ") % 20, " + n() + ")";
        return "(" + n() + ")";
    }
  }

  Type any_sequence() {
    return draw_.pick(std::array<Type, 4>{Type::text, Type::integers, Type::texts, Type::dict});
  }

  std::string text(int depth) {
    static constexpr std::array<std::string_view, 12> kTexts = {
        "'a'",   "'b'",     "'cat'",  "''",    "\"it's\"", "'say \"x\"'",
        "'x y'", "'a\\nb'", "'\\\\'", "'Zoe'", "'12'",     "'\"both\\''"};
    if (depth <= 0) return std::string(draw_.pick(kTexts));
    const auto s = [&] { return expression(Type::text, depth - 1); };
    switch (draw_.below(9)) {
      case 0:
        return s() + " + " + s();
      case 1:
        return "(" + s() + ") * " + number(-1, 3);
      case 2:
        return "(" + s() + ")" + slice();
      case 3:
        return "str(" + expression(any_type(), depth - 1) + ")";
      case 4:
        return std::string(draw_.word({"', '", "'-'", "''"})) + ".join(" +
               expression(Type::texts, depth - 1) + ")";
      case 5:
        return "(" + s() + ")" + std::string(draw_.word({".upper()", ".lower()"}));
      case 6:
        return "(" + s() + " + 'z')[0]";
      default:
        return std::string(draw_.pick(kTexts));
    }
  }

  std::string slice() {
    const auto bound = [&] { return draw_.chance(0.35) ? std::string() : number(-5, 6); };
    std::string s = "[" + bound() + ":" + bound();
    if (draw_.chance(0.4)) s += ":" + std::string(draw_.word({"-1", "2", "-2", "", "3"}));
    return s + "]";
  }

  std::string items(Type t, int depth) {
    std::string s = "[";
    for (int i = draw_.between(0, 4); i > 0; --i) {
      s += expression(t, depth - 1);
      if (i > 1) s += ", ";
    }
    return s + "]";
  }

  std::string integers(int depth) {
    if (depth <= 0) return items(Type::integer, 0);
    const auto a = [&] { return "(" + expression(Type::integers, depth - 1) + ")"; };
    switch (draw_.below(9)) {
      case 0:
        return a() + " + " + a();
      case 1:
        return "list(range(" + number(-3, 6) + ", " + number(-3, 9) + ", " +
               std::string(draw_.word({"1", "2", "-1", "3"})) + "))";
      case 2: {
        const std::string v = std::string(draw_.word({"v", "u"}));
        return "[" + v + std::string(draw_.word({"", " * 2", " + 1", " % 3", " // 2"})) + " for " +
               v + " in " + a() + conditions(v) + "]";
      }
      case 3:
        return a() + slice();
      case 4:
        return "sorted(" + a() + ")";
      case 5:
        return "list(reversed(" + a() + "))";
      case 6:
        return a() + " * " + number(0, 2);
      default:
        return items(Type::integer, depth);
    }
  }

  std::string conditions(const std::string& v) {
    const int which = draw_.below(3);
    return which == 0 ? "" : " if " + v + (which == 1 ? " > 1" : " % 2");
  }

  std::string texts(int depth) {
    if (depth <= 0) return items(Type::text, 0);
    const auto w = [&] { return "(" + expression(Type::texts, depth - 1) + ")"; };
    switch (draw_.below(6)) {
      case 0:
        return w() + slice();
      case 1:
        return "sorted(" + w() + ")";
      case 2:
        return "[c for c in " + expression(Type::text, depth - 1) + "]";
      case 3:
        return "list(" + expression(Type::dict, 0) + std::string(draw_.word({"", ".keys()"})) + ")";
      default:
        return items(Type::text, depth);
    }
  }

  std::string dict() {
    std::string s = "{";
    for (int i = draw_.between(0, 3); i > 0; --i)
      s += text(0) + ": " + expression(Type::integer, 1) + (i > 1 ? ", " : "");
    return s + "}";
  }

  std::string boolean(int depth) {
    if (depth <= 0) return std::string(draw_.word({"True", "False"}));
    const auto n = [&] { return expression(Type::integer, depth - 1); };
    const auto b = [&] { return "(" + expression(Type::boolean, depth - 1) + ")"; };
    const std::string order(draw_.word({"<", "<=", ">", ">=", "==", "!="}));
    switch (draw_.below(12)) {
      case 0:
      case 1:
        return n() + " " + order + " " + n();
      case 2:
        return n() + " < " + n() + " " + order + " " + n();
      case 3:
        return expression(Type::text, depth - 1) + " " + order + " " +
               expression(Type::text, depth - 1);
      case 4:
        return expression(Type::integers, depth - 1) + " " + order + " " +
               expression(Type::integers, depth - 1);
      case 5:
        return n() + std::string(draw_.word({" in ", " not in "})) +
               expression(Type::integers, depth - 1);
      case 6:
        return text(0) + " in " + expression(any_text_container(), depth - 1);
      case 7:
        return "not " + b();
      case 8:
        return b() + " and " + b();
      case 9:
        return b() + " or " + b();
      case 10:
        return std::string(draw_.word({"any(", "all("})) + expression(Type::integers, depth - 1) +
               ")";
      default:
        return "bool(" + expression(any_type(), depth - 1) + ")";
    }
  }

  Type any_text_container() {
    return draw_.pick(std::array<Type, 3>{Type::text, Type::texts, Type::dict});
  }

  Draw draw_;
  std::string out_;
  int indent_ = 0;
  bool has_function_ = false, has_class_ = false;
  std::array<std::vector<std::string>, kTypes> names_;
};

}  // namespace

std::string random_program(uint64_t seed, int64_t index) { return Generator(seed, index).run(); }

}  // namespace lineage::mpy
