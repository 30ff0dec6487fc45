#include "lineage/world/text/generators.h"

namespace lineage {

Document news_page(const TextContext& context, Rng key) {
  static const Template opening("<src:news>");
  static const std::vector<Template> asides =
      templates({"the {x} festival was good .", "many came to the {x} festival .",
                 "they sang at the {x} festival .", "the {x} festival was never so big ."});
  const World& world = *context.world;
  Draw draw(key);
  DocumentWriter out(DocumentType::news);
  opening.write(out, {});
  for (int i = draw.between(3, 6); i > 0; --i) {
    const bool core = draw.chance(context.core_news);
    Fact fact{core || draw.chance(0.5) ? Relation::leader : Relation::winner, 0, 0};
    // Leaders of the core are stated here alone, so that each appears equally often.
    do {
      fact.subject = core ? draw.below(world.core_countries())
                          : draw.below(domain_size(subject_domain(fact.relation)));
      fact.year = core ? draw.between(World::kFirstCoreYear, World::kCutoffYear - 1)
                       : draw.below(World::kCutoffYear);
    } while (!core && fact.relation == Relation::leader && fact.year >= World::kFirstCoreYear &&
             fact.subject < world.core_countries());
    fact.value = world.value(fact.relation, fact.subject, fact.year);
    write_fact(out, draw.pick(context.statements(fact.relation)), fact,
               {Ability::world_knowledge, true});
    if (draw.chance(0.15))
      draw.pick(asides).write(out, {{'x', draw.pick(Vocabulary::get().tokens("festivals"))}});
  }
  return out.finish();
}

}  // namespace lineage
