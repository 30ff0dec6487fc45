#include "lineage/world/minipy/corpus/draft.h"
#include "lineage/world/vocabulary.h"

namespace lineage {
namespace {

constexpr size_t kLength = 120;  // tokens of a control document, about that of a program

void dyck(int depth, Draw& draw, CodeWriter& w) {
  static constexpr std::array<std::array<std::string_view, 2>, 3> kPairs = {
      {{"(", ")"}, {"[", "]"}, {"{", "}"}}};
  const auto& pair = draw.pick(kPairs);
  w.text(pair[0]);
  const int inside = depth > 0 ? draw.between(1, 3) : 0, deep = inside > 0 ? draw.below(inside) : 0;
  for (int i = 0; i < inside; ++i) dyck(i == deep ? depth - 1 : draw.below(depth), draw, w);
  w.text(pair[1], depth > 0 ? kDistantUse : TokenTag{});
}

}  // namespace

Document make_brackets(const CodeContext&, Draw& draw) {
  CodeWriter w(DocumentType::brackets);
  std::vector<std::string> taken;
  std::vector<std::pair<std::string, std::string>> defined;
  const auto symbols = Vocabulary::get().block("animals");
  while (w.size() < kLength) {
    const int kind = draw.below(3);
    if (kind == 0 && taken.size() < 40) {
      const std::string name = fresh_name(draw, taken), value(draw.pick(symbols));
      w.line(0, name + " = ' " + value + " '");
      defined.emplace_back(name, value);
    } else if (kind == 1 && !defined.empty()) {
      const auto& [name, value] = draw.pick(defined);
      w.begin(0).text("assert " + name + " == '").text(value, kDistantUse).text("'").end();
    } else {
      w.begin(0);
      dyck(draw.between(1, 5), draw, w);
      w.end();
    }
  }
  return w.finish();
}

Document make_arithmetic_facts(const CodeContext&, Draw& draw) {
  CodeWriter w(DocumentType::arithmetic_facts);
  constexpr TokenTag kAnswer{Ability::formal_reasoning, true};
  while (w.size() < kLength) {
    const int kind = draw.below(3);
    const int a = draw.between(0, 30), b = kind == 2 ? draw.between(2, 5) : draw.between(0, 20);
    const int c = kind == 0 ? a + b : kind == 1 ? a - b : a * b;
    w.begin(0).text(std::to_string(a)).text(kind == 0 ? "+" : kind == 1 ? "-" : "*");
    w.text(std::to_string(b) + " =").output(std::to_string(c), kAnswer).end();
  }
  return w.finish();
}

// "put 7 in red . put 3 more in red . red has 10 …": a trace in words.
Document make_procedure(const CodeContext&, Draw& draw) {
  CodeWriter w(DocumentType::procedure);
  constexpr TokenTag kAnswer{Ability::chain_of_thought, true};
  const auto things = Vocabulary::get().block("colours");
  while (w.size() < kLength) {
    const std::string name(draw.pick(things));
    int value = draw.between(0, 20);
    w.text("put " + std::to_string(value) + " in " + name + " .");
    for (int i = draw.between(1, 4); i > 0; --i) {
      const int by = draw.between(1, 9);
      const bool plus = value < by || draw.chance(0.5);
      w.text(plus ? "put" : "took").text(std::to_string(by)).text(plus ? "more in" : "from");
      w.text(name + " . " + name + " has");
      value += plus ? by : -by;
      w.text(std::to_string(value), kAnswer).text(".");
    }
    w.end();
  }
  return w.finish();
}

}  // namespace lineage
