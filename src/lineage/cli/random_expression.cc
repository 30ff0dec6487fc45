#include "lineage/cli/random_expression.h"

namespace lineage::minipy {

std::string cat(std::initializer_list<std::string_view> pieces) {
  std::string all;
  for (std::string_view piece : pieces) all += piece;
  return all;
}

std::string RandomExpressions::expression(Type t, int depth) {
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

std::string RandomExpressions::integer(int depth) {
  if (depth <= 0) return number(-9, 20);
  const auto n = [&] { return expression(Type::integer, depth - 1); };
  switch (draw_.below(20)) {
    case 0:
    case 1:
      return cat({n(), " + ", n()});
    case 2:
      return cat({n(), " - ", n()});
    case 3:
      return cat({"(", n(), ") * ", number(-4, 9)});
    case 4:
      return cat({"(", n(), ") // ", number(1, 7)});
    case 5:
      return cat({"(", n(), ") % ", number(1, 7)});
    case 6:
      return cat({"(", n(), ") // -", number(1, 7)});
    case 7:
      return cat({"(", n(), ") % -", number(1, 7)});
    case 8:
      return cat({"-(", n(), ")"});
    case 9:
      return cat({"len(", expression(any_sequence(), depth - 1), ")"});
    case 10:
      return cat({"abs(", n(), ")"});
    case 11:
      return cat({draw_.word({"min(", "max("}), n(), ", ", n(), ")"});
    case 12:
      return cat({"sum(", expression(Type::integers, depth - 1), ")"});
    case 13:
      return cat({"(", expression(Type::integers, depth - 1), " + [", n(), "])[",
                  draw_.word({"0", "-1"}), "]"});
    case 14:
      return cat({"(", n(), " if ", boolean(depth - 1), " else ", n(), ")"});
    case 15:
      return cat({"int(str(", n(), "))"});
    case 16:
      return cat({expression(Type::dict, 0), ".get(", text(0), ", ", n(), ")"});
    case 17:
      return cat({"(", expression(Type::integers, depth - 1), ").count(", number(0, 5), ")"});
    case 18:
      if (has_class_ && indent_ == 0)
        return std::string(draw_.word({"p.n", "q.n", "q.value()", "p.kind()", "A.kind(q)"}));
      return number(-999, 999);
    default:
      if (has_function_) return cat({"f((", n(), ") % 20, ", n(), ")"});
      return cat({"(", n(), ")"});
  }
}

RandomExpressions::Type RandomExpressions::any_sequence() {
  return draw_.pick(std::array<Type, 4>{Type::text, Type::integers, Type::texts, Type::dict});
}

std::string RandomExpressions::text(int depth) {
  static constexpr std::array<std::string_view, 12> kTexts = {
      "'a'",   "'b'",     "'cat'",  "''",    "\"it's\"", "'say \"x\"'",
      "'x y'", "'a\\nb'", "'\\\\'", "'Zoe'", "'12'",     "'\"both\\''"};
  if (depth <= 0) return std::string(draw_.pick(kTexts));
  const auto s = [&] { return expression(Type::text, depth - 1); };
  switch (draw_.below(9)) {
    case 0:
      return cat({s(), " + ", s()});
    case 1:
      return cat({"(", s(), ") * ", number(-1, 3)});
    case 2:
      return cat({"(", s(), ")", slice()});
    case 3:
      return cat({"str(", expression(any_type(), depth - 1), ")"});
    case 4:
      return cat(
          {draw_.word({"', '", "'-'", "''"}), ".join(", expression(Type::texts, depth - 1), ")"});
    case 5:
      return cat({"(", s(), ")", draw_.word({".upper()", ".lower()"})});
    case 6:
      return cat({"(", s(), " + 'z')[0]"});
    default:
      return std::string(draw_.pick(kTexts));
  }
}

std::string RandomExpressions::slice() {
  const auto bound = [&] { return draw_.chance(0.35) ? std::string() : number(-5, 6); };
  std::string s = cat({"[", bound(), ":", bound()});
  if (draw_.chance(0.4)) s += cat({":", draw_.word({"-1", "2", "-2", "", "3"})});
  return cat({s, "]"});
}

std::string RandomExpressions::items(Type t, int depth) {
  std::string s = "[";
  for (int i = draw_.between(0, 4); i > 0; --i) {
    s += expression(t, depth - 1);
    if (i > 1) s += ", ";
  }
  return cat({s, "]"});
}

std::string RandomExpressions::integers(int depth) {
  if (depth <= 0) return items(Type::integer, 0);
  const auto a = [&] { return cat({"(", expression(Type::integers, depth - 1), ")"}); };
  switch (draw_.below(9)) {
    case 0:
      return cat({a(), " + ", a()});
    case 1:
      return cat({"list(range(", number(-3, 6), ", ", number(-3, 9), ", ",
                  draw_.word({"1", "2", "-1", "3"}), "))"});
    case 2: {
      const std::string v = std::string(draw_.word({"v", "u"}));
      return cat({"[", v, draw_.word({"", " * 2", " + 1", " % 3", " // 2"}), " for ", v, " in ",
                  a(), conditions(v), "]"});
    }
    case 3:
      return cat({a(), slice()});
    case 4:
      return cat({"sorted(", a(), ")"});
    case 5:
      return cat({"list(reversed(", a(), "))"});
    case 6:
      return cat({a(), " * ", number(0, 2)});
    default:
      return items(Type::integer, depth);
  }
}

std::string RandomExpressions::conditions(const std::string& v) {
  const int which = draw_.below(3);
  return which == 0 ? "" : " if " + v + (which == 1 ? " > 1" : " % 2");
}

std::string RandomExpressions::texts(int depth) {
  if (depth <= 0) return items(Type::text, 0);
  const auto w = [&] { return cat({"(", expression(Type::texts, depth - 1), ")"}); };
  switch (draw_.below(6)) {
    case 0:
      return cat({w(), slice()});
    case 1:
      return cat({"sorted(", w(), ")"});
    case 2:
      return cat({"[c for c in ", expression(Type::text, depth - 1), "]"});
    case 3:
      return cat({"list(", expression(Type::dict, 0), draw_.word({"", ".keys()"}), ")"});
    default:
      return items(Type::text, depth);
  }
}

std::string RandomExpressions::dict() {
  std::string s = "{";
  for (int i = draw_.between(0, 3); i > 0; --i)
    s += cat({text(0), ": ", expression(Type::integer, 1), i > 1 ? ", " : ""});
  return cat({s, "}"});
}

std::string RandomExpressions::boolean(int depth) {
  if (depth <= 0) return std::string(draw_.word({"True", "False"}));
  const auto n = [&] { return expression(Type::integer, depth - 1); };
  const auto b = [&] { return cat({"(", expression(Type::boolean, depth - 1), ")"}); };
  const std::string order(draw_.word({"<", "<=", ">", ">=", "==", "!="}));
  switch (draw_.below(12)) {
    case 0:
    case 1:
      return cat({n(), " ", order, " ", n()});
    case 2:
      return cat({n(), " < ", n(), " ", order, " ", n()});
    case 3:
      return cat(
          {expression(Type::text, depth - 1), " ", order, " ", expression(Type::text, depth - 1)});
    case 4:
      return cat({expression(Type::integers, depth - 1), " ", order, " ",
                  expression(Type::integers, depth - 1)});
    case 5:
      return cat({n(), draw_.word({" in ", " not in "}), expression(Type::integers, depth - 1)});
    case 6:
      return cat({text(0), " in ", expression(any_text_container(), depth - 1)});
    case 7:
      return cat({"not ", b()});
    case 8:
      return cat({b(), " and ", b()});
    case 9:
      return cat({b(), " or ", b()});
    case 10:
      return cat({draw_.word({"any(", "all("}), expression(Type::integers, depth - 1), ")"});
    default:
      return cat({"bool(", expression(any_type(), depth - 1), ")"});
  }
}

RandomExpressions::Type RandomExpressions::any_text_container() {
  return draw_.pick(std::array<Type, 3>{Type::text, Type::texts, Type::dict});
}

}  // namespace lineage::minipy
