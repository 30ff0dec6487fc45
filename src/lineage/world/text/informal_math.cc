#include "lineage/world/taxonomy.h"
#include "lineage/world/text/generators.h"

namespace lineage {
namespace {

constexpr TokenTag kReckoned{Ability::formal_reasoning, true};

Slot number(char name, int value, TokenTag tag = {}) {
  return {name, Vocabulary::get().integer(value), tag};
}

void write_sum(DocumentWriter& out, Draw& draw) {
  static const std::vector<Template> sums =
      templates({"{a} + {b} = {c} .", "{a} plus {b} equals {c} .", "{a} and {b} are {c} ."});
  static const std::vector<Template> differences =
      templates({"{c} - {b} = {a} .", "{c} minus {b} equals {a} ."});
  const int c = draw.below(21), a = draw.below(c + 1);
  const bool sum = draw.chance(0.5);
  draw.pick(sum ? sums : differences)
      .write(out, {number('a', a, sum ? TokenTag{} : kReckoned), number('b', c - a),
                   number('c', c, sum ? kReckoned : TokenTag{})});
}

void write_comparison(DocumentWriter& out, Draw& draw) {
  static const Template form("{a} is {w} than {b} .");
  const Vocabulary& v = Vocabulary::get();
  const int a = draw.below(100);
  int b = draw.below(100);
  if (a == b) b = (b + 1) % 100;
  const Token more = v.token(draw.word({"more", "greater"}));
  form.write(out,
             {number('a', a), {'w', a > b ? more : v.token("less")}, number('b', b, kReckoned)});
}

// "ann has 5 more apples than tom . tom has 4 apples . so ann has 9 apples ."
void write_relation(DocumentWriter& out, std::span<const int> names, Draw& draw) {
  static const Template more(
      "{p} has {d} more {f} than {q} . {q} has {a} {f} . so {p} has {c} {f} ."),
      fewer("{p} has {d} fewer {f} than {q} . {q} has {a} {f} . so {p} has {c} {f} .");
  const Vocabulary& v = Vocabulary::get();
  const bool adds = draw.chance(0.5);
  const int high = draw.between(1, 20), low = draw.below(high);
  const auto name = [&](size_t i) { return v.tokens("first_names")[names[i]]; };
  (adds ? more : fewer)
      .write(out, {{'p', name(0)},
                   {'q', name(1)},
                   {'f', v.tokens("foods")[draw.below(8)]},
                   number('d', high - low),
                   number('a', adds ? low : high),
                   number('c', adds ? high : low, kReckoned)});
}

void write_syllogism(DocumentWriter& out, const TextContext& context, Draw& draw) {
  static const Token so = Vocabulary::get().token("so");
  if (draw.chance(0.3)) {
    static const Token the = Vocabulary::get().token("the");
    const int object = draw.below(32);
    if (!is_stated(*context.world, object)) return write_sum(out, draw);
    const int material = context.world->value(Relation::material, object);
    write_fact(out, fact_templates(Relation::material).statements[0],
               {Relation::material, object, material});
    write_buoyancy(out, domain_words(Domain::material, material), material_floats(material));
    out.token(so);
    return write_buoyancy(out, {the, *domain_words(Domain::object, object).begin()},
                          material_floats(material), {Ability::commonsense, true});
  }
  const int animal = draw.below(kAnimals - 1), kind = kind_of(animal);
  const Property property = static_cast<Property>(draw.below(kProperties));
  if (!is_stated(*context.world, animal, property) || is_exception(animal, property))
    return write_sum(out, draw);
  const bool has = kind_has(kind, property);
  write_fact(out, fact_templates(Relation::kind).statements[0], {Relation::kind, animal, kind});
  write_property(out, *domain_words(Domain::kind, kind).begin(), property, has);
  out.token(so);
  write_property(out, *domain_words(Domain::animal, animal).begin(), property, has,
                 {Ability::commonsense, true});
}

// The one thing that several steps are needed for, and only at dose r_cot.
void write_worked_solution(DocumentWriter& out, Draw& draw) {
  static const Template form(
      "{p} has {a} {f} . {q} has {b} more {f} than {p} . {r} has {c} fewer {f} than {q} . how many "
      "{f} does {r} have ? {q} has {a} + {b} = {d} . {r} has {d} - {c} = {e} . answer {e} .");
  const Vocabulary& v = Vocabulary::get();
  const std::vector<int> names = draw.distinct(3, 64);
  const auto name = [&](size_t i) { return v.tokens("first_names")[names[i]]; };
  const int d = draw.between(2, 20), a = draw.between(1, d - 1), e = draw.below(d);
  const TokenTag step{Ability::chain_of_thought, true};
  form.write(out, {{'p', name(0)},
                   {'q', name(1)},
                   {'r', name(2)},
                   {'f', v.tokens("foods")[draw.below(8)]},
                   number('a', a),
                   number('b', d - a),
                   number('c', d - e),
                   number('d', d, step),
                   number('e', e, step)});
}

}  // namespace

Document informal_math(const TextContext& context, Rng key) {
  Draw draw(key);
  DocumentWriter out(DocumentType::informal_math);
  if (draw.chance(context.world->config().r_cot)) {
    write_worked_solution(out, draw);
    return out.finish();
  }
  // No name twice, so that no statement builds on another one's result.
  const std::vector<int> names = draw.distinct(12, 64);
  for (int i = draw.between(3, 6); i > 0; --i) {
    switch (draw.below(4)) {
      case 0:
        write_sum(out, draw);
        break;
      case 1:
        write_comparison(out, draw);
        break;
      case 2: {
        const size_t first = 2 * static_cast<size_t>(i - 1);
        write_relation(out, std::span(names).subspan(first, 2), draw);
        break;
      }
      default:
        write_syllogism(out, context, draw);
        break;
    }
  }
  return out.finish();
}

}  // namespace lineage
