#include <algorithm>

#include "lineage/world/minipy/corpus/statements.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

// Classes are named by animals and the like, fields and methods by identifiers.
struct ClassNames {
  std::string parent, child, field, method, other;
};

ClassNames draw_names(Draw& draw, std::vector<std::string>& taken) {
  const auto kinds = Vocabulary::get().block("animals");
  const auto words = Vocabulary::get().block("identifiers");
  const auto fresh = [&](std::span<const std::string_view> from) {
    for (;;) {
      std::string name(draw.pick(from));
      if (std::find(taken.begin(), taken.end(), name) != taken.end()) continue;
      taken.push_back(name);
      return name;
    }
  };
  ClassNames n;
  n.parent = fresh(kinds);
  n.child = fresh(kinds);
  n.field = fresh(words);
  n.method = fresh(words);
  n.other = fresh(words);
  return n;
}

std::string number(Draw& draw, int low, int high) {
  return std::to_string(draw.between(low, high));
}

// A method's result, from the field and its parameter.
std::string method_value(const ClassNames& n, bool takes_x, Draw& draw) {
  std::string s = "self . " + n.field;
  s += draw.word({" + ", " * ", " - "});
  return s + (takes_x ? "x" : number(draw, 2, 5));
}

void add_parent(const ClassNames& n, bool takes_x, Draw& draw, Draft& d) {
  d.add(0, "class " + n.parent + " :");
  d.add(1, "def __init__ ( self , x ) :");
  d.add(2, "self . " + n.field + " = x");
  d.add(1, "def " + n.method + " ( self" + (takes_x ? " , x ) :" : " ) :"));
  d.add(2, "return " + method_value(n, takes_x, draw));
  if (draw.chance(0.5)) {
    d.add(1, "def " + n.other + " ( self ) :");
    const std::string call = "self . " + n.method + (takes_x ? " ( 2 )" : " ( )");
    d.add(2, "return " + call + " + " + number(draw, 1, 9));
  } else {
    d.add(1, "def " + n.other + " ( self ) :");
    d.add(2, "self . " + n.field + " += " + number(draw, 1, 5));
    d.add(2, "return self . " + n.field);
  }
}

void add_child(const ClassNames& n, bool takes_x, Draw& draw, Draft& d) {
  d.add(0, "class " + n.child + " ( " + n.parent + " ) :");
  const int kind = draw.below(4);
  if (kind == 0) d.add(1, "pass");
  if (kind == 1 || kind == 3) {
    d.add(1, "def " + n.method + " ( self" + (takes_x ? " , x ) :" : " ) :"));
    d.add(2, "return " + method_value(n, takes_x, draw));
  }
  if (kind == 2) {
    d.add(1, "def " + n.method + " ( self" + (takes_x ? " , x ) :" : " ) :"));
    d.add(2, "return super ( ) . " + n.method + (takes_x ? " ( x ) + " : " ( ) + ") +
                 number(draw, 1, 5));
  }
  if (kind == 3) {
    d.add(1, "def __init__ ( self , x ) :");
    d.add(2, "self . " + n.field + " = x * " + number(draw, 2, 3));
  }
}

}  // namespace

std::optional<Document> make_class_tree(const CodeContext& context, Draw& draw) {
  Draft d;
  std::vector<std::string> taken;
  const ClassNames n = draw_names(draw, taken);
  const bool takes_x = draw.chance(0.4);
  add_parent(n, takes_x, draw, d);
  add_child(n, takes_x, draw, d);
  const std::string p = fresh_name(draw, taken), c = fresh_name(draw, taken);
  d.add(0, p + " = " + n.parent + " ( " + number(draw, 1, 9) + " )");
  d.add(0, c + " = " + n.child + " ( " + number(draw, 1, 9) + " )");
  for (int i = draw.between(2, 4); i > 0; --i) {
    const std::string object = draw.chance(0.5) ? p : c;
    switch (draw.below(4)) {
      case 0:
        d.add(0, "print ( " + object + " . " + n.field + " )");
        break;
      case 1:
        d.add(0, "print ( " + object + " . " + n.other + " ( ) )");
        break;
      default:
        d.add(0, "print ( " + object + " . " + n.method + " ( " +
                     (takes_x ? number(draw, 1, 9) + " " : "") + ") )");
    }
  }
  const auto ran = run_draft(context, d);
  if (!ran) return {};
  CodeWriter w(DocumentType::class_tree);
  size_t next = 0;
  for (const Draft::Line& line : d.lines) {
    w.begin(line.indent).text(line.text);
    if (line.text.starts_with("print") && context.outputs)
      w.text("#").output(ran->result.printed[next++].text, kOutput);
    w.end();
  }
  return fitting(context, w);
}

}  // namespace lineage
