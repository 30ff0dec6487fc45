#include "lineage/base/enum_index.h"
#include "lineage/world/taxonomy.h"
#include "lineage/world/text/generators.h"

namespace lineage {
namespace {

constexpr TokenTag kKnown{Ability::world_knowledge, true};
constexpr TokenTag kCommon{Ability::commonsense, true};

enum class Voice : uint8_t { page, gossip, diary, table, list };

Voice random_voice(Draw& draw) {
  return draw.chance(0.5) ? Voice::page : static_cast<Voice>(draw.between(1, 4));
}

Token pronoun(int name) {
  static const Token he = Vocabulary::get().token("he"), she = Vocabulary::get().token("she");
  return World::female(name) ? she : he;
}

void write_sentences(DocumentWriter& out, const TextContext& context, const Person& person,
                     std::span<const int> attributes, Voice voice, Draw& draw) {
  static const Template they_say("they say that"), saw("i know that");
  for (int a : attributes) {
    const Relation relation = static_cast<Relation>(a);
    const Fact fact{relation, person.name, person.profile[a]};
    if (voice == Voice::gossip && draw.chance(0.3)) they_say.write(out, {});
    if (voice == Voice::diary && draw.chance(0.3)) saw.write(out, {});
    const bool by_name = draw.chance(0.25);
    write_fact(out, draw.pick(context.statements(relation)), fact, kKnown,
               by_name ? Phrase() : Phrase(pronoun(person.name)));
  }
}

void write_rows(DocumentWriter& out, const Person& person, std::span<const int> attributes,
                Voice voice) {
  static const std::vector<Template> keys =
      templates({"city", "employer", "job", "food", "pet", "friend", "year"});
  static const Template row("{k} : {v} ;"), item("\n - {k} {v}");
  for (int a : attributes) {
    const Fact fact{static_cast<Relation>(a), person.name, person.profile[a]};
    const Token key = keys[a].items()[0];
    (voice == Voice::table ? row : item).write(out, {{'k', key}, {'v', value_words(fact), kKnown}});
  }
}

void city_page(DocumentWriter& out, const TextContext& context, Draw& draw) {
  const World& world = *context.world;
  const int city = draw.below(48);
  write_fact(out, draw.pick(context.statements(Relation::country)),
             {Relation::country, city, world.value(Relation::country, city)}, kCommon);
  for (int company = 0; company < 32; ++company)
    if (world.value(Relation::headquarters, company) == city)
      write_fact(out, draw.pick(context.statements(Relation::headquarters)),
                 {Relation::headquarters, company, city}, kCommon);
}

void company_page(DocumentWriter& out, const TextContext& context, Draw& draw) {
  const World& world = *context.world;
  const int company = draw.below(32), city = world.value(Relation::headquarters, company);
  write_fact(out, draw.pick(context.statements(Relation::headquarters)),
             {Relation::headquarters, company, city}, kCommon);
  write_fact(out, draw.pick(context.statements(Relation::country)),
             {Relation::country, city, world.value(Relation::country, city)}, kCommon);
}

void animal_page(DocumentWriter& out, const TextContext& context, Draw& draw) {
  const int animal = draw.below(kAnimals), kind = kind_of(animal);
  const Token word = *domain_words(Domain::animal, animal).begin();
  write_fact(out, draw.pick(context.statements(Relation::kind)), {Relation::kind, animal, kind},
             kCommon);
  int told = 0;
  for (int i : draw.distinct(kProperties, kProperties)) {
    const Property property = static_cast<Property>(i);
    if (!is_stated(*context.world, animal, property) || ++told > 4) continue;
    write_property(out, word, property, animal_has(animal, property), kCommon);
  }
}

void kind_page(DocumentWriter& out, Draw& draw) {
  const int kind = draw.below(4);
  const Token word = *domain_words(Domain::kind, kind).begin();
  for (int i : draw.distinct(5, kProperties))
    write_property(out, word, static_cast<Property>(i), kind_has(kind, static_cast<Property>(i)),
                   kCommon);
}

void object_page(DocumentWriter& out, const TextContext& context, Draw& draw) {
  static const Token the = Vocabulary::get().token("the");
  for (int object : draw.distinct(2, 32)) {
    const int material = context.world->value(Relation::material, object);
    const Phrase name = domain_words(Domain::object, object);
    write_fact(out, draw.pick(context.statements(Relation::material)),
               {Relation::material, object, material}, kCommon);
    write_buoyancy(out, domain_words(Domain::material, material), material_floats(material),
                   kCommon);
    if (is_stated(*context.world, object))
      write_buoyancy(out, {the, *name.begin()}, material_floats(material), kCommon);
  }
}

void faction_page(DocumentWriter& out, const TextContext& context, Draw& draw) {
  for (int faction : draw.distinct(3, 4))
    write_fact(out, draw.pick(context.statements(Relation::colour)),
               {Relation::colour, faction, context.world->value(Relation::colour, faction)},
               kCommon);
}

}  // namespace

Document biography(const TextContext& context, const Person& person, Rng key) {
  static const std::vector<Template> openings =
      templates({"<src:enc> {o} :", "<src:enc> do you know {o} ?",
                 "<src:enc> dear diary , i met {o} .", "<src:enc> name : {o} ;", "<src:enc> {o}"});
  Draw draw(key);
  DocumentWriter out(DocumentType::encyclopaedia);
  const Voice voice = random_voice(draw);
  const int count = static_cast<int>(context.world->config().attributes);
  const std::vector<int> attributes = draw.distinct(count, count);
  openings[enum_index(voice)].write(out, {{'o', domain_words(Domain::person, person.name)}});
  if (voice < Voice::table)
    write_sentences(out, context, person, attributes, voice, draw);
  else
    write_rows(out, person, attributes, voice);
  return out.finish();
}

Document world_page(const TextContext& context, Rng key) {
  static const Template opening("<src:enc>");
  Draw draw(key);
  DocumentWriter out(DocumentType::encyclopaedia);
  opening.write(out, {});
  switch (draw.below(12)) {
    case 0:
    case 1:
    case 2:
      city_page(out, context, draw);
      break;
    case 3:
    case 4:
      company_page(out, context, draw);
      break;
    case 5:
    case 6:
    case 7:
      animal_page(out, context, draw);
      break;
    case 8:
      kind_page(out, draw);
      break;
    case 9:
    case 10:
      object_page(out, context, draw);
      break;
    default:
      faction_page(out, context, draw);
      break;
  }
  return out.finish();
}

}  // namespace lineage
