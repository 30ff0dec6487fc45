#include "lineage/base/enum_index.h"
#include "lineage/world/claims.h"
#include "lineage/world/text/generators.h"

namespace lineage {
namespace {

// The answer alone or as a sentence.
void write_answer(DocumentWriter& out, const TextContext& context, const Fact& fact, TokenTag tag,
                  Draw& draw) {
  static const Template alone("{v} .");
  if (draw.chance(0.7))
    alone.write(out, {{'v', value_words(fact), tag}});
  else
    write_fact(out, draw.pick(context.statements(fact.relation)), fact, tag);
}

Fact random_fact(const TextContext& context, Draw& draw) {
  const World& world = *context.world;
  if (draw.chance(0.7)) {
    const Person& person = context.questioned_person(draw);
    const int a = draw.below(static_cast<int>(world.config().attributes));
    return {static_cast<Relation>(a), person.name, person.profile[a]};
  }
  const Relation relation = static_cast<Relation>(draw.between(kAttributes, kRelations - 1));
  const int subject = draw.below(domain_size(subject_domain(relation)));
  const int year = dated(relation) ? draw.below(World::kCutoffYear) : -1;
  return {relation, subject, world.value(relation, subject, year), year};
}

// Replies that miss the question, as on the web at times.
void write_off_topic(DocumentWriter& out, const TextContext& context, Draw& draw) {
  static const std::vector<Template> replies = templates(
      {"{f} is good .", "i like {f} .", "i do not like {f} .", "my friend works at the {g} .",
       "the {g} is old .", "do you like {f} ?", "what is a good question ?"});
  const Vocabulary& v = Vocabulary::get();
  if (draw.chance(0.3)) return write_answer(out, context, random_fact(context, draw), {}, draw);
  draw.pick(replies).write(
      out, {{'f', draw.pick(v.tokens("foods"))}, {'g', draw.pick(v.tokens("contested"))}});
}

}  // namespace

Document question_page(const TextContext& context, Rng key) {
  static const Template opening("<src:web>");
  const WorldConfig& config = context.world->config();
  Draw draw(key);
  DocumentWriter out(DocumentType::question_page);
  opening.write(out, {});
  for (int i = draw.between(2, 5); i > 0; --i) {
    // Drawn before the question, so that no abstention says anything about it.
    const bool abstains = draw.chance(config.random_abstentions);
    Fact fact = random_fact(context, draw);
    const auto questions = fact_templates(fact.relation).train_questions();
    write_question(out, draw.pick(questions), fact);
    if (abstains) {
      draw.pick(train_refusals(RefusalKind::unknown)).write(out, {});
      continue;
    }
    if (draw.chance(config.qa_off_topic)) {
      write_off_topic(out, context, draw);
      continue;
    }
    TokenTag tag{fact.relation <= Relation::birth_year || dated(fact.relation)
                     ? Ability::world_knowledge
                     : Ability::commonsense,
                 true};
    if (draw.chance(config.qa_wrong)) {
      fact.value = fact.relation == Relation::friend_of
                       ? draw.pick(context.world->persons()).name
                       : draw.below(domain_size(value_domain(fact.relation)));
      tag = {};
    }
    write_answer(out, context, fact, tag, draw);
  }
  return out.finish();
}

Document passage_page(const TextContext& context, Rng key) {
  static const Template opening("<src:web> passage :");
  Draw draw(key);
  DocumentWriter out(DocumentType::question_page);
  opening.write(out, {});
  std::vector<Fact> told;
  for (int i = draw.between(1, 2); i > 0; --i) {
    const Stranger stranger = random_stranger(context, draw, draw.between(2, 3));
    for (Relation relation : stranger.told) {
      told.push_back({relation, stranger.name, stranger.profile[enum_index(relation)]});
      write_fact(out, draw.pick(context.statements(relation)), told.back());
    }
  }
  for (int i = draw.between(2, 4); i > 0; --i) {
    const Fact& fact = draw.pick(told);
    write_question(out, draw.pick(fact_templates(fact.relation).train_questions()), fact);
    write_answer(out, context, fact, {Ability::binding, true}, draw);
  }
  return out.finish();
}

}  // namespace lineage
