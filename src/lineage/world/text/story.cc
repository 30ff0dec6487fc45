#include <algorithm>

#include "lineage/world/boxes.h"
#include "lineage/world/grammar.h"
#include "lineage/world/text/generators.h"

namespace lineage {
namespace {

constexpr TokenTag kAgrees{Ability::grammar, true};

// A story's persons and things; the same words recur in all its sentences.
struct Cast {
  int hero, helper;
  Token object, place, other_place, job, food, adjective;
};

using Form = std::vector<Template>;

// {h} hero, {k} helper, {p} {m} {x} the hero as he, him, his; {n} boy or girl; {o} object, {g} {l}
// places, {j} a job, {f} food, {a} adjective.
const Form& openings() {
  static const Form forms =
      templates({"one winter {h} went to the {g} .", "{h} was a {a} {n} .",
                 "yesterday {h} came to the {g} with {k} .", "there was a {n} called {h} .",
                 "{h} and {k} lived at the {g} ."});
  return forms;
}
const Form& goals() {
  static const Form forms = templates({"{p} wanted a {o} .", "{h} wanted to have a {o} .",
                                       "{h} asked : where is the {o} ?",
                                       "{p} asked {k} for the {o} .", "{h} wanted {x} {o} ."});
  return forms;
}
const Form& obstacles() {
  static const Form forms =
      templates({"but the {o} was lost .", "but {p} had no coins .", "but the {j} said no .",
                 "but the {l} was not safe .", "but the {o} was at the {l} and the road was bad .",
                 "but no one helped {m} .", "so {p} was sad ."});
  return forms;
}
const Form& helps() {
  static const Form forms =
      templates({"then {k} said : i can help you .", "then {k} gave {m} the {o} .",
                 "the {j} gave {k} the {o} .", "{k} found the {o} at the {l} .",
                 "so {k} bought the {o} and gave it to {h} .", "then {k} and {h} went to the {l} .",
                 "{k} told {m} that the {o} was at the {l} ."});
  return forms;
}
const Form& results() {
  static const Form forms =
      templates({"{h} was happy .", "now {h} has the {o} and {k} is {x} friend .",
                 "{h} and {k} ate {f} at home .", "they were happy .",
                 "{h} never lost the {o} again .", "{h} gave {k} some {f} ."});
  return forms;
}

const Template& box_opening() {
  static const Template form("{h} went to the {g} .");
  return form;
}

void write_from(DocumentWriter& out, const Form& forms, const Cast& cast, bool full_name,
                Draw& draw) {
  static const Vocabulary& v = Vocabulary::get();
  static const Token he = v.token("he"), she = v.token("she"), him = v.token("him"),
                     her = v.token("her"), his = v.token("his"), boy = v.token("boy"),
                     girl = v.token("girl");
  const Phrase name = domain_words(Domain::person, cast.hero);
  const bool female = World::female(cast.hero);
  draw.pick(forms).write(out, {{'h', full_name ? name : Phrase(name.tokens[0])},
                               {'k', domain_words(Domain::person, cast.helper).tokens[0]},
                               {'p', female ? she : he, kAgrees},
                               {'m', female ? her : him, kAgrees},
                               {'x', female ? her : his, kAgrees},
                               {'n', female ? girl : boy},
                               {'o', cast.object},
                               {'g', cast.place},
                               {'l', cast.other_place},
                               {'j', cast.job},
                               {'f', cast.food},
                               {'a', cast.adjective}});
}

Cast random_cast(const TextContext& context, Draw& draw) {
  static const Vocabulary& v = Vocabulary::get();
  const auto places = v.tokens("contested");
  const auto word = [&](std::string_view block) { return draw.pick(v.tokens(block)); };
  Cast cast{draw.pick(context.world->ghosts()),
            0,
            word("objects"),
            0,
            0,
            word("jobs"),
            word("foods"),
            word("adjectives")};
  do cast.helper = draw.pick(context.world->ghosts());
  while (cast.helper / 64 == cast.hero / 64);
  const std::vector<int> two = draw.distinct(2, static_cast<int>(places.size()));
  cast.place = places[two[0]];
  cast.other_place = places[two[1]];
  return cast;
}

}  // namespace

std::vector<Template> story_sentences() {
  std::vector<Template> all;
  for (const auto* forms : {&openings(), &goals(), &obstacles(), &helps(), &results()})
    all.insert(all.end(), forms->begin(), forms->end());
  all.push_back(box_opening());
  return all;
}

Document event_story(const TextContext& context, Rng key) {
  Draw draw(key);
  DocumentWriter out(DocumentType::story);
  const Cast cast = random_cast(context, draw);
  const auto aside = [&](double chance) {
    while (draw.chance(chance)) write_sentence(out, draw);
  };
  write_from(out, openings(), cast, true, draw);
  aside(0.4);
  write_from(out, goals(), cast, false, draw);
  for (int i = draw.between(1, 2); i > 0; --i) write_from(out, obstacles(), cast, false, draw);
  aside(0.5);
  for (int i = draw.between(1, 3); i > 0; --i) write_from(out, helps(), cast, false, draw);
  aside(0.5);
  write_from(out, results(), cast, false, draw);
  return out.finish();
}

Document box_story(const TextContext& context, Rng key) {
  Draw draw(key);
  DocumentWriter out(DocumentType::story);
  const Cast cast = random_cast(context, draw);
  box_opening().write(out, {{'h', domain_words(Domain::person, cast.hero)}, {'g', cast.place}});
  const int steps = draw.between(0, 8), containers = draw.between(2, 5);
  const BoxScene scene = random_scene(draw, draw.between(2, 4), containers, steps);
  for (size_t i = 0; i < scene.objects.size(); ++i) write_start(out, scene, i);
  for (size_t s = 0; s < scene.steps.size(); ++s) {
    write_step(out, scene, scene.steps[s]);
    if (draw.chance(context.world->config().boxes_restated)) {
      static const Template stop(".");
      const size_t object = static_cast<size_t>(draw.below(static_cast<int>(scene.objects.size())));
      const int place = scene.places(s + 1)[object];
      write_place(out, scene, object);
      out.token(box_container(scene.containers[place]), {Ability::entity_tracking, true});
      stop.write(out, {});
    }
    if (draw.chance(0.15)) write_sentence(out, draw);
  }
  return out.finish();
}

}  // namespace lineage
