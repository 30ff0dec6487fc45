#include <algorithm>

#include "lineage/world/language_b.h"
#include "lineage/world/text/generators.h"

namespace lineage {
namespace {

constexpr TokenTag kSecond{Ability::multilingual, true}, kAgrees{Ability::grammar, true};

void write_all(DocumentWriter& out, std::span<const Token> tokens, TokenTag tag) {
  for (Token t : tokens) out.token(t, tag);
}

// The critical word of a sentence is its verb, which agrees with the subject, in B as in A.
void write_a_sentence(DocumentWriter& out, const SimpleSentence& sentence) {
  for (Token t : in_a(sentence)) out.token(t, t == sentence.verb[0] ? kAgrees : TokenTag{});
}
void write_b_sentence(DocumentWriter& out, const TextContext& context,
                      const SimpleSentence& sentence) {
  const Token verb = to_b(sentence.verb[0]);
  for (Token t : in_b(sentence, context.world->config().b_order))
    out.token(t, t == verb ? kSecond : TokenTag{});
}

// A person's facts in B, or those of a city. Only persons in_b are mentioned, so that B's knowledge
// of the others comes from A.
void write_b_facts(DocumentWriter& out, const TextContext& context, Draw& draw) {
  const World& world = *context.world;
  const auto write = [&](const Fact& fact) {
    const auto forms = b_statements(fact.relation, world.config().b_order);
    DocumentWriter in_a_words(DocumentType::language_b);
    write_fact(in_a_words, draw.pick(forms), fact, {Ability::world_knowledge, true});
    const Document words = in_a_words.finish();
    for (size_t i = 0; i + 1 < words.tokens.size(); ++i)
      out.token(to_b(words.tokens[i]), words.tags[i]);
  };
  if (draw.chance(0.3)) {
    const int city = draw.below(48);
    return write({Relation::country, city, world.value(Relation::country, city)});
  }
  const Person* person = &draw.pick(world.persons());
  while (!person->in_b || person->tier < Tier::t32) person = &draw.pick(world.persons());
  const int count = static_cast<int>(world.config().attributes);
  for (int a : draw.distinct(std::min(count, 3), count))
    write({static_cast<Relation>(a), person->name, person->profile[a]});
}

void write_translation(DocumentWriter& out, const TextContext& context, Draw& draw) {
  static const Template opening("translate :"), arrow("->");
  const SimpleSentence sentence = simple_sentence(draw);
  const bool to_second = draw.chance(0.5);
  opening.write(out, {});
  if (to_second)
    write_a_sentence(out, sentence);
  else
    write_b_sentence(out, context, sentence);
  arrow.write(out, {});
  write_all(out, to_second ? in_b(sentence, context.world->config().b_order) : in_a(sentence),
            kSecond);
}

// A sentence of A with words of B.
void write_mixed(DocumentWriter& out, Draw& draw) {
  const SimpleSentence sentence = simple_sentence(draw);
  for (Token t : in_a(sentence)) {
    const bool second = draw.chance(0.4), verb = t == sentence.verb[0];
    out.token(second ? to_b(t) : t, !verb ? TokenTag{} : second ? kSecond : kAgrees);
  }
}

}  // namespace

Document b_page(const TextContext& context, Rng key) {
  static const Template opening("<src:web>");
  Draw draw(key);
  DocumentWriter out(DocumentType::language_b);
  opening.write(out, {});
  const int form = draw.below(8);  // 6 : 1 : 1
  for (int i = draw.between(3, 7); i > 0; --i) {
    if (form == 6)
      write_mixed(out, draw);
    else if (form == 7)
      write_translation(out, context, draw);
    else if (draw.chance(0.7))
      write_b_sentence(out, context, simple_sentence(draw));
    else
      write_b_facts(out, context, draw);
  }
  return out.finish();
}

}  // namespace lineage
