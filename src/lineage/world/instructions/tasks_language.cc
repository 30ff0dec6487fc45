#include <algorithm>
#include <array>

#include "lineage/world/fact_templates.h"
#include "lineage/world/grammar.h"
#include "lineage/world/instructions/statements.h"
#include "lineage/world/instructions/task.h"
#include "lineage/world/language_b.h"

namespace lineage {
namespace {

std::string_view two(const TaskInput& in, std::string_view a, std::string_view b) {
  return in.phrase == 0 ? a : b;
}

// F18, F19: simple sentences.
std::optional<Task> to_b_task(const TaskInput& in) {
  const SimpleSentence s = simple_sentence(in.draw);
  const Tokens a = in_a(s), b = in_b(s, in.world.config().b_order);
  if (std::equal(a.begin(), a.end(), b.begin(), b.end())) return std::nullopt;
  Task task{.request = words_to_tokens(two(in, "translate to b", "write in b")),
            .payload = a,
            .answer = {b}};
  task.key = item_key("translate", a);
  return task;
}

std::optional<Task> from_b_task(const TaskInput& in) {
  auto task = to_b_task(in);
  if (!task) return std::nullopt;
  std::swap(task->payload, task->answer[0]);
  task->request = words_to_tokens(two(in, "translate from b", "what does this say"));
  return task;
}

// F20: nouns, or a noun and its verb.
std::optional<Task> pluralise(const TaskInput& in) {
  const Vocabulary& v = Vocabulary::get();
  const auto one = v.tokens("nouns_singular"), many = v.tokens("nouns_plural");
  const auto runs = v.tokens("verbs_singular"), run = v.tokens("verbs_plural");
  const auto at = [](std::span<const Token> of, int i) { return of[i]; };
  Task task{.request = words_to_tokens(two(in, "pluralise", "write as many")), .payload = {}};
  if (in.parameter == 0) {
    Tokens nouns;
    std::vector<Tokens> from, to;
    for (int i : in.draw.distinct(in.draw.between(2, 4), static_cast<int>(one.size())))
      nouns.push_back(at(one, i)), from.push_back({at(one, i)}), to.push_back({at(many, i)});
    task.also_trained = is_trained_list(nouns);
    task.payload = TokenText().list(from).take();
    task.answer = to;
  } else {
    const int noun = in.draw.below(8), verb = in.draw.below(static_cast<int>(runs.size())),
              object = in.draw.below(static_cast<int>(one.size()));
    task.payload = TokenText("the")
                       .token(at(one, noun))
                       .token(at(runs, verb))
                       .text("the")
                       .token(at(one, object))
                       .take();
    task.answer = {TokenText("the")
                       .token(at(many, noun))
                       .token(at(run, verb))
                       .text("the")
                       .token(at(many, object))
                       .take()};
  }
  task.key = item_key("pluralise", task.payload);
  return task;
}

// F21: "the boy helped the girl" -> "the girl was helped by the boy".
std::optional<Task> passive(const TaskInput& in) {
  const auto nouns = Vocabulary::get().tokens("nouns_singular");
  const Token verb = words_to_tokens("liked helped wanted called asked")[in.draw.below(5)];
  const std::vector<int> who = in.draw.distinct(2, 8);
  const Token a = nouns[who[0]], b = nouns[who[1]];
  Task task{.request = words_to_tokens(two(in, "write as passive", "active to passive")),
            .payload = TokenText("the").token(a).token(verb).text("the").token(b).text(".").take(),
            .answer = {TokenText("the")
                           .token(b)
                           .text("was")
                           .token(verb)
                           .text("by the")
                           .token(a)
                           .text(".")
                           .take()}};
  task.key = item_key("passive", task.payload);
  return task;
}

// F22: who, where, what, or all three of a passage.
std::optional<Task> summarise(const TaskInput& in) {
  const Vocabulary& v = Vocabulary::get();
  const Token who = in.draw.pick(v.tokens("first_names")), where = in.draw.pick(v.tokens("cities")),
              what = in.draw.pick(v.tokens("objects"));
  TokenText text;
  text.token(who);
  if (in.draw.chance(0.5))
    text.text("went to")
        .token(where)
        .text(". there")
        .text(two(in, "he or she", "they"))
        .text("bought a")
        .token(what)
        .text(".");
  else
    text.text("bought a")
        .token(what)
        .text("in")
        .token(where)
        .text(". it was")
        .token(in.draw.pick(v.tokens("adjectives")))
        .text(".");
  const std::array<Token, 3> parts = {who, where, what};
  constexpr std::array<std::string_view, 3> kAsk = {"who", "where", "what"};
  Task task{.payload = text.take()};
  if (in.parameter < 3) {
    task.request = TokenText(two(in, "summarise :", "only write")).text(kAsk[in.parameter]).take();
    task.answer = {{parts[in.parameter]}};
  } else {
    task.request = words_to_tokens(two(in, "summarise", "who , where and what"));
    for (Token t : parts) task.answer.push_back({t});
  }
  task.key = item_key("summarise", {who, where, what});
  return task;
}

// F23: opinions as forums state them; held-out topics are for tests.
std::optional<Task> stance(const TaskInput& in) {
  const Topic& topic = in.draw.pick(in.world.topics());
  const bool for_it = in.draw.chance(0.5);
  TokenText text;
  const int by = in.draw.below(6);
  if (by < 4)
    text.text("the").words(domain_words(Domain::faction, by)).text("say that");
  else if (by == 4)
    text.text("i say that");
  switch (in.draw.below(3)) {
    case 0:
      text.text("the")
          .token(topic.word)
          .text("is")
          .text(for_it ? in.draw.word({"good", "safe"}) : in.draw.word({"bad", "wrong"}));
      break;
    case 1:
      text.text(for_it ? "we want the" : "we do not want the").token(topic.word);
      break;
    default:
      text.text("the").token(topic.word).text(for_it ? "helps many" : "helps no one");
  }
  Task task{.request = words_to_tokens(
                two(in, "classify the stance : yes or no", "is this for it : yes or no")),
            .payload = text.text(".").take(),
            .answer = {words_to_tokens(for_it ? "yes" : "no")}};
  task.key = item_key("stance", task.payload);
  task.test_only = topic.heldout;
  task.also_trained = by > 4 && !topic.heldout;  // the bare opinion is part of the quoted one
  return task;
}

// F24: another wording of a stranger's fact; all it needs is in the prompt.
std::optional<Task> paraphrase(const TaskInput& in) {
  const auto relation = static_cast<Relation>(in.parameter);
  const int name = in.draw.pick(in.world.ephemerals());
  const Fact fact{relation, name, in.world.random_profile(in.draw)[in.parameter]};
  const int form = in.draw.below(8);
  Task task{.request = words_to_tokens(two(in, "paraphrase", "say the same again")),
            .payload = statement(fact, form),
            .answer = {statement(fact, form + 1)}};
  const Tokens given = task.payload;
  task.accept = [fact, given](std::span<const Token> content) {
    const ReadClaims claims = read_claims(content);
    const bool same = claims.facts == std::vector<Fact>{fact} && claims.other_sentences == 0;
    const bool copied = std::equal(content.begin(), content.end(), given.begin(), given.end());
    return same ? (copied ? 0.5 : 1.0) : 0.0;
  };
  task.record.facts = {fact};
  task.key = item_key("paraphrase", given);
  return task;
}

// F25: a sentence with two words.
std::optional<Task> constrained(const TaskInput& in) {
  const Vocabulary& v = Vocabulary::get();
  const auto nouns = v.tokens("nouns_singular"), verbs = v.tokens("verbs_singular");
  const Token noun = nouns[in.draw.below(8)];
  const Token thing =
      in.parameter == 0 ? in.draw.pick(v.tokens("animals")) : in.draw.pick(v.tokens("objects"));
  const Token verb = verbs[in.draw.below(3)];
  Task task{
      .request = TokenText(two(in, "write a sentence with", "use in one sentence"))
                     .token(noun)
                     .text("and")
                     .token(thing)
                     .take(),
      .payload = {},
      .answer = {
          TokenText("the").token(noun).token(verb).text("the").token(thing).text(".").take()}};
  task.accept = [noun, thing](std::span<const Token> content) {
    const auto has = [&](Token t) {
      return std::find(content.begin(), content.end(), t) != content.end();
    };
    const Token stop = word_token(".");
    const bool one = !content.empty() && content.back() == stop &&
                     std::count(content.begin(), content.end(), stop) == 1;
    const bool size = 4 <= content.size() && content.size() <= 14;
    return (has(noun) + has(thing) + (one && size)) / 3.0;
  };
  task.key = item_key("constrained", {noun, thing, verb});
  return task;
}

// F26: "ann met tom . he likes soup . who likes soup ?"
std::optional<Task> pronoun(const TaskInput& in) {
  const Vocabulary& v = Vocabulary::get();
  const auto names = v.tokens("first_names");  // the first half are women
  const std::array<Token, 2> who = {names[in.draw.below(32)], names[32 + in.draw.below(32)]};
  const int order = in.draw.below(2), asked = in.draw.below(2);
  const Token food = in.draw.pick(v.tokens("foods"));
  const auto at = [&](int i) { return who[i]; };
  const std::string_view he = asked == 0 ? "she" : "he";
  TokenText text;
  text.token(at(order)).text(in.parameter == 0 ? "met" : "helped").token(at(1 - order)).text(".");
  text.text(he).text("likes").token(food).text(".");
  Task task{.request = TokenText(two(in, "resolve :", "refers to who :")).text(he).take(),
            .payload = text.take(),
            .answer = {{at(asked)}}};
  task.key = item_key("pronoun", {who[0], who[1], food});
  return task;
}

}  // namespace

std::vector<FamilyEntry> language_families() {
  const auto instruction = Ability::instruction, unseen = Ability::unseen_instruction;
  return {{{Family::to_b, "F18", "to_b", Ability::multilingual}, &fixed_parameters<1>, &to_b_task},
          {{Family::from_b, "F19", "from_b", Ability::multilingual},
           &fixed_parameters<1>,
           &from_b_task},
          {{Family::pluralise, "F20", "pluralise", Ability::grammar, false, false, true},
           &fixed_parameters<2>,
           &pluralise},
          {{Family::passive, "F21", "passive", unseen, true}, &fixed_parameters<1>, &passive},
          {{Family::summarise, "F22", "summarise", instruction, false, false, true},
           &fixed_parameters<4>,
           &summarise},
          {{Family::stance, "F23", "stance", instruction, false, false, true},
           &fixed_parameters<1>,
           &stance},
          {{Family::paraphrase, "F24", "paraphrase", instruction}, &told_attributes, &paraphrase},
          {{Family::constrained_sentence, "F25", "constrained_sentence", instruction},
           &fixed_parameters<2>,
           &constrained},
          {{Family::pronoun, "F26", "pronoun", unseen, true, false, true},
           &fixed_parameters<2>,
           &pronoun}};
}

}  // namespace lineage
