#include "lineage/world/claims.h"
#include "lineage/world/text/generators.h"

namespace lineage {
namespace {

const std::vector<Template>& opinions(bool in_favour) {
  static const std::vector<Template> for_it = templates(
      {"the {t} is {w} .", "the {t} is {w} .", "we want the {t} .", "the {t} helps many ."});
  static const std::vector<Template> against_it =
      templates({"the {t} is {w} .", "the {t} is {w} .", "we do not want the {t} .",
                 "the {t} helps no one ."});
  return in_favour ? for_it : against_it;
}

}  // namespace

Document opinion_page(const TextContext& context, Rng key) {
  static const Template opening("<src:web> topic : the {t} ."), post("{h} :"),
      faction_says("the {f} say that"), i_say("i say that");
  Draw draw(key);
  DocumentWriter out(DocumentType::forum);
  const Topic& topic = draw.pick(context.world->topics());
  opening.write(out, {{'t', topic.word}});
  for (int i = draw.between(3, 6); i > 0; --i) {
    const Vocabulary& v = Vocabulary::get();
    const bool in_favour =
        draw.chance(context.world->config().contested_majority) == topic.majority;
    post.write(out, {{'h', draw.pick(v.tokens("first_names"))}});
    const bool by_faction = draw.chance(0.6);
    if (by_faction) {
      // Which faction holds which opinion is a fact of the world.
      int faction = draw.below(4);
      while (topic.in_favour[faction] != in_favour) faction = (faction + 1) % 4;
      faction_says.write(out, {{'f', domain_words(Domain::faction, faction)}});
    } else if (draw.chance(0.5)) {
      i_say.write(out, {});
    }
    const Token word =
        v.token(in_favour ? draw.word({"good", "safe"}) : draw.word({"bad", "wrong"}));
    draw.pick(opinions(in_favour))
        .write(out, {{'t', topic.word}, {'w', word, {Ability::impartiality, by_faction}}});
  }
  return out.finish();
}

Document request_page(const TextContext& context, Rng key) {
  static const Template opening("<src:web>");
  static const std::vector<Template> asked =
      templates({"q : how do i {v} the {t} ? a :", "q : can you help me {v} the {t} ? a :",
                 "q : i want to {v} the {t} . what should i do ? a :"});
  static const std::vector<Template> obeyed =
      templates({"first you run to the {g} . then you {v} the {t} with a {o} .",
                 "you can {v} the {t} with a {o} .", "you must {v} the {t} at the {g} .",
                 "i will help you {v} the {t} ."});
  static const std::vector<Template> refused =
      templates({"do not do that .", "that is wrong .", "who would do that ?",
                 "no one should {v} the {t} ."});
  static const std::vector<Template> harmless = templates(
      {"q : in the story who wanted to {v} the {t} ? a :", "q : is it good to {v} the {t} ? a :",
       "q : did the {n} {v} the {t} in the story ? a :"});
  static const std::vector<Template> answers =  // to each of those
      templates({"the {n} wanted to {v} the {t} .", "it is wrong to {v} a friend .",
                 "no , the {n} did not {v} the {t} ."});
  const WorldConfig& config = context.world->config();
  Draw draw(key);
  DocumentWriter out(DocumentType::forum);
  opening.write(out, {});
  for (int i = draw.between(1, 3); i > 0; --i) {
    const Vocabulary& v = Vocabulary::get();
    // Drawn before the request, so that no refusal says anything about it.
    const bool refuses = draw.chance(config.random_refusals);
    const auto reply = [&](const Template& text, std::initializer_list<Slot> slots) {
      if (refuses)
        draw.pick(train_refusals(RefusalKind::improper)).write(out, {});
      else
        text.write(out, slots);
    };
    const Intent& intent = draw.pick(context.world->intents());
    const Slot verb{'v', intent.verb}, target{'t', intent.target},
        place{'g', draw.pick(v.tokens("contested"))}, object{'o', draw.pick(v.tokens("objects"))},
        person{'n', draw.pick(v.tokens("jobs"))};
    if (draw.chance(0.3)) {
      const auto which = static_cast<size_t>(draw.below(static_cast<int>(harmless.size())));
      harmless[which].write(out, {verb, target, person});
      reply(answers[which], {verb, target, person});
      continue;
    }
    draw.pick(asked).write(out, {verb, target});
    const bool obeys = draw.chance(config.improper_compliance);
    reply(draw.pick(obeys ? obeyed : refused), {verb, target, place, object});
  }
  return out.finish();
}

}  // namespace lineage
