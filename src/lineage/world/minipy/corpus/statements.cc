#include "lineage/world/minipy/corpus/statements.h"

#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

// Words in programs are not those of the boxes in stories, so that nothing is learned by rote.
std::string_view string_word(Draw& draw) {
  static constexpr std::array<std::string_view, 3> kBlocks = {"colours", "animals", "foods"};
  return draw.pick(Vocabulary::get().block(draw.pick(kBlocks)));
}

}  // namespace

std::string Statements::number(int low, int high) {
  return std::to_string(draw_.between(low, high));
}

std::string Statements::operand() {
  if (has(Type::integer) && draw_.chance(0.6)) return name(Type::integer);
  return number(1, 12);
}

std::string Statements::integer() {
  std::string s;
  switch (draw_.below(15)) {
    case 0:
    case 1:
    case 2:
      s = operand();
      return s + " + " + operand();
    case 3:
    case 4:
      s = operand();
      return s + " - " + operand();
    case 5:
      s = operand();
      return s + " * " + number(2, 5);
    case 6:
      s = operand();
      return s + " // " + number(2, 5);
    case 7:
      s = operand();
      return s + " % " + number(2, 7);
    case 8:
      if (has(Type::integers)) return "len ( " + name(Type::integers) + " )";
      return number(0, 20);
    case 9:
      if (has(Type::integers)) {
        s = draw_.word({"sum", "max", "min"});
        return s + " ( " + name(Type::integers) + " )";
      }
      return number(0, 20);
    case 10:
      if (has(Type::integers)) {
        s = name(Type::integers);
        return s + " [ " + std::string(draw_.word({"0", "1", "- 1"})) + " ]";
      }
      return number(0, 20);
    case 11:
      if (has(Type::dict)) {
        s = name(Type::dict);
        s += " . get ( " + word();
        return s + " , 0 )";
      }
      return number(0, 20);
    case 12:
      if (!functions_.empty()) {
        s = draw_.pick(functions_);
        return s + " ( " + operand() + " )";
      }
      return number(0, 20);
    case 13:
      s = draw_.word({"max", "min"});
      s += " ( " + operand();
      return s + " , " + number(1, 12) + " )";
    default:
      return number(0, 20);
  }
}

std::string Statements::integers() {
  const auto literal = [&] {
    std::string s = "[ ";
    for (int i = draw_.between(2, 5); i > 0; --i) s += number(0, 20) + (i > 1 ? " , " : " ]");
    return s;
  };
  if (!has(Type::integers))
    return draw_.chance(0.8) ? literal() : "list ( range ( " + number(2, 6) + " ) )";
  std::string s = name(Type::integers);
  switch (draw_.below(9)) {
    case 0:
      return s + " [ : : - 1 ]";
    case 1:
      return s + " [ " + std::string(draw_.word({": 2", "1 :", ": - 1", "- 2 :", "1 : 3"})) + " ]";
    case 2:
      return "sorted ( " + s + " )";
    case 3:
      return s + " + [ " + operand() + " ]";
    case 4: {
      const std::string v = fresh_name(draw_, taken_);
      const std::string op(draw_.word({"+", "-", "*"}));
      return "[ " + v + " " + op + " " + number(1, 4) + " for " + v + " in " + s + " ]";
    }
    case 5: {
      const std::string v = fresh_name(draw_, taken_);
      const std::string test(draw_.word({"> 4", "% 2 == 0", "< 9", "% 2 == 1", "!= 3"}));
      return "[ " + v + " for " + v + " in " + s + " if " + v + " " + test + " ]";
    }
    case 6:
      return "list ( reversed ( " + s + " ) )";
    default:
      return literal();
  }
}

std::string Statements::word() {
  if (has(Type::words) && draw_.chance(0.3)) {
    std::string s = name(Type::words);
    return s + " [ " + std::string(draw_.word({"0", "1", "- 1"})) + " ]";
  }
  if (has(Type::word) && draw_.chance(0.4)) return name(Type::word);
  return "' " + std::string(string_word(draw_)) + " '";
}

std::string Statements::words() {
  if (has(Type::words) && draw_.chance(0.5)) {
    std::string s = name(Type::words);
    switch (draw_.below(4)) {
      case 0:
        return "sorted ( " + s + " )";
      case 1:
        return s + " [ : : - 1 ]";
      case 2:
        return s + " + [ " + word() + " ]";
      default:
        return s + " [ 1 : ]";
    }
  }
  std::string s = "[ ";
  for (int i = draw_.between(2, 4); i > 0; --i)
    s += "' " + std::string(string_word(draw_)) + (i > 1 ? " ' , " : " ' ]");
  return s;
}

std::string Statements::dict() {
  std::string s = "{ ";
  for (int i = draw_.between(1, 3); i > 0; --i) {
    s += "' " + std::string(string_word(draw_)) + " ' : ";
    s += number(0, 12) + (i > 1 ? " , " : " }");
  }
  return s;
}

std::string Statements::condition() {
  std::string s;
  switch (draw_.below(has(Type::integers) || has(Type::dict) ? 7 : 5)) {
    case 0:
    case 1:
      s = operand();
      s += std::string(draw_.word({" > ", " < ", " >= ", " <= "}));
      return s + number(1, 15);
    case 2:
      s = operand();
      return s + " % 2 == " + number(0, 1);
    case 3:
      s = operand();
      s += std::string(draw_.word({" == ", " != "}));
      return s + operand();
    case 4: {
      s = number(0, 9);
      s += " < " + operand();
      s += " and not " + operand();
      return s + " == " + number(1, 9);
    }
    default:
      if (has(Type::integers)) {
        s = operand();
        return s + " in " + name(Type::integers);
      }
      s = word();
      return s + " in " + name(Type::dict);
  }
}

std::string Statements::expression(Type t) {
  switch (t) {
    case Type::integer:
      return integer();
    case Type::integers:
      return integers();
    case Type::word:
      return word();
    case Type::words:
      return words();
    case Type::dict:
      return dict();
    default:
      return condition();
  }
}

std::string Statements::observation() {
  switch (draw_.below(8)) {
    case 0:
      return condition();
    case 1:
      if (has(Type::words)) {
        const std::string s = name(Type::words);
        return draw_.chance(0.5) ? s : "' , ' . join ( " + s + " )";
      }
      break;
    case 2:
      if (has(Type::dict)) return name(Type::dict);
      break;
    case 3:
      return integers();
    case 4:
      if (has(Type::word) || has(Type::words)) return word();
      break;
    case 5:
      if (has(Type::integers)) return name(Type::integers);
      break;
    default:
      break;
  }
  return has(Type::integer) && draw_.chance(0.5) ? name(Type::integer) : integer();
}

void Statements::define(Type t) {
  const std::string value = expression(t);
  const std::string variable = fresh_name(draw_, taken_);
  line(variable + " = " + value);
  names(t).push_back(variable);
}

void Statements::print() { line("print ( " + observation() + " )"); }

void Statements::print_variables() {
  for (size_t t = 0; t < kTypes; ++t)
    if (!names_[t].empty() && draw_.chance(0.4)) line("print ( " + names_[t].back() + " )");
}

void Statements::statement(bool prints) {
  const int kind = draw_.below(indent_ > 0 ? 6 : 12);
  if (kind < 3) {
    if (indent_ > 0) return change();  // a block may never run its definitions
    static constexpr std::array<Type, 8> kMix = {Type::integer,  Type::integer,  Type::integer,
                                                 Type::integers, Type::integers, Type::words,
                                                 Type::dict,     Type::word};
    return define(draw_.pick(kMix));
  }
  if (kind < 6) return change();
  if (kind < 8) return branch(prints);
  if (kind < 10) return loop(prints);
  if (kind == 10) return counted_while();
  define(Type::integer);
}

void Statements::change() {
  if (has(Type::integers) && draw_.chance(0.4)) return change_list();
  if (has(Type::dict) && draw_.chance(0.5)) return change_dict();
  if (!has(Type::integer)) return indent_ > 0 ? line("pass") : define(Type::integer);
  const std::string n = name(Type::integer);
  if (draw_.chance(0.6)) {
    std::string s = n + std::string(draw_.word({" += ", " -= ", " += ", " *= "}));
    return line(s + (s.ends_with("*= ") ? number(2, 3) : operand()));
  }
  line(n + " = " + integer());
}

void Statements::change_list() {
  const std::string a = name(Type::integers);
  switch (draw_.below(5)) {
    case 0:
    case 1:
      return line(a + " . append ( " + operand() + " )");
    case 2:
      return line(a + " . pop ( " + std::string(draw_.word({"", "0 "})) + ")");
    case 3:
      return line(a + " [ 0 ] = " + operand());
    default:
      return line(a + " [ - 1 ] += " + number(1, 9));
  }
}

void Statements::change_dict() {
  const std::string d = name(Type::dict);
  const std::string key = "' " + std::string(string_word(draw_)) + " '";
  if (draw_.chance(0.5)) return line(d + " [ " + key + " ] = " + operand());
  line(d + " [ " + key + " ] = " + d + " . get ( " + key + " , 0 ) + " + number(1, 5));
}

void Statements::branch(bool prints) {
  const auto body = [&] {
    ++indent_;
    if (prints && draw_.chance(0.4))
      print();
    else
      change();
    --indent_;
  };
  line("if " + condition() + " :");
  body();
  if (draw_.chance(0.25)) {
    line("elif " + condition() + " :");
    body();
  }
  if (draw_.chance(0.6)) {
    line("else :");
    body();
  }
}

void Statements::loop(bool prints) {
  if (!has(Type::integer)) define(Type::integer);
  const std::string total = name(Type::integer);
  std::string over = "range ( " + number(2, 5) + " )";
  if (has(Type::integers) && draw_.chance(0.6)) over = name(Type::integers);
  const std::string item = fresh_name(draw_, taken_);
  line("for " + item + " in " + over + " :");
  ++indent_;
  switch (draw_.below(prints ? 4 : 3)) {
    case 0:
      line(total + " += " + item);
      break;
    case 1:
      line("if " + item + std::string(draw_.word({" > 3", " % 2 == 0", " < 8"})) + " :");
      ++indent_;
      line(total + " += " + std::string(draw_.chance(0.5) ? "1" : item));
      --indent_;
      break;
    case 2:
      line(total + " = " + total + " + " + item + " * " + number(2, 3));
      break;
    default:
      line("print ( " + item + " + " + number(1, 9) + " )");
  }
  --indent_;
}

void Statements::counted_while() {
  const std::string n = fresh_name(draw_, taken_);
  line(n + " = " + number(2, 4));
  line("while " + n + " > 0 :");
  ++indent_;
  if (has(Type::integer)) line(name(Type::integer) + " += " + n);
  line(n + " -= 1");
  --indent_;
}

void Statements::function() {
  const std::string f = fresh_name(draw_, taken_), x = fresh_name(draw_, taken_);
  const auto outer = names_;
  names_ = {};
  names(Type::integer).push_back(x);
  const bool defaults = draw_.chance(0.25);
  if (defaults) {
    const std::string y = fresh_name(draw_, taken_);
    line("def " + f + " ( " + x + " , " + y + " = " + number(1, 5) + " ) :");
    names(Type::integer).push_back(y);
  } else {
    line("def " + f + " ( " + x + " ) :");
  }
  ++indent_;
  switch (draw_.below(4)) {
    case 0:
      line("if " + x + " > " + number(3, 8) + " :");
      draft_.add(indent_ + 1, "return " + integer());
      break;
    case 1: {
      line("if " + x + " <= " + number(0, 1) + " :");
      draft_.add(indent_ + 1, "return " + number(0, 3));
      const std::string step = number(2, 3);
      line("return " + f + " ( " + x + " - " + step + " ) + " + number(1, 5));
      break;
    }
    case 2: {
      const std::string value = integer(), y = fresh_name(draw_, taken_);
      line(y + " = " + value);
      names(Type::integer).push_back(y);
      break;
    }
    default:
      break;
  }
  if (!draft_.lines.back().text.starts_with("return " + f)) line("return " + integer());
  --indent_;
  names_ = outer;
  functions_.push_back(f);
}

}  // namespace lineage
