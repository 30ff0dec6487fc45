#include "lineage/world/gallery/gallery.h"

#include <algorithm>

#include "lineage/base/config.h"
#include "lineage/base/error.h"
#include "lineage/world/dialogs/dialog.h"
#include "lineage/world/instructions/registry.h"
#include "lineage/world/minipy/corpus/code_corpus.h"
#include "lineage/world/problems/chain.h"
#include "lineage/world/text_corpus.h"

namespace lineage {
namespace {

using WorldPtr = std::shared_ptr<const World>;
using Kinds = std::vector<SampleKind>;

SamplePart document_part(Document d) {
  d.tokens.pop_back(), d.tags.pop_back();  // the end of text
  return {{}, std::move(d.tokens), std::move(d.tags)};
}

// The next documents of a type, in the order of the corpus.
template <class Corpus>
auto documents_of(std::shared_ptr<const Corpus> corpus, DocumentType type) {
  return [=](uint64_t first, int64_t count) {
    std::vector<Sample> out;
    for (auto i = static_cast<int64_t>(first); i < corpus->documents() && std::ssize(out) < count;
         ++i) {
      Document d = corpus->document(i);
      if (d.type != type) continue;
      out.push_back({std::string(document_type_name(type)),
                     "document " + std::to_string(i),
                     {document_part(std::move(d))}});
    }
    return out;
  };
}

void add_text(const WorldPtr& world, const GalleryConfig& config, Kinds& kinds) {
  struct Owned {  // the corpus refers to its world
    WorldPtr world;
    TextCorpus corpus;
  };
  const auto owned =
      std::make_shared<const Owned>(Owned{world, TextCorpus(*world, config.text_tokens)});
  const std::shared_ptr<const TextCorpus> corpus(owned, &owned->corpus);
  constexpr std::pair<DocumentType, std::string_view> kTypes[] = {
      {DocumentType::encyclopaedia, "biographies; pages of cities, companies, animals"},
      {DocumentType::story, "stories; things in boxes"},
      {DocumentType::bursty, "registers, glossaries, prices, patterns, strangers"},
      {DocumentType::question_page, "questions; passages with questions"},
      {DocumentType::news, "dated events"},
      {DocumentType::forum, "contested topics; improper requests"},
      {DocumentType::informal_math, "one-step sums, comparisons, syllogisms"},
      {DocumentType::language_b, "language B, mixed text, translations"}};
  for (const auto& [type, title] : kTypes)
    kinds.push_back({"text", std::string(document_type_name(type)), std::string(title),
                     documents_of(corpus, type)});
}

void add_code(const World& world, const GalleryConfig& config, Kinds& kinds) {
  constexpr std::pair<DocumentType, std::string_view> kForms[] = {
      {DocumentType::script, "programs with what they print"},
      {DocumentType::function, "functions with docstring and asserts"},
      {DocumentType::repl, "interactive sessions"},
      {DocumentType::trace, "programs with the value after each step"},
      {DocumentType::class_tree, "classes, inheritance, override"},
      {DocumentType::long_range, "definitions and uses far apart"},
      {DocumentType::bugfix, "bugs with their fix; code with comments in words"}};
  CodeConfig shown = config.code;
  if (shown.rung >= Rung::c4) shown.rung = Rung::c2;  // the controls are kinds of their own
  const auto corpus_of = [&](const CodeConfig& c) {
    return std::make_shared<const CodeCorpus>(c, world.config().seed, config.code_tokens);
  };
  const auto corpus = corpus_of(shown);
  for (const auto& [type, title] : kForms)
    kinds.push_back({"code", std::string(document_type_name(type)), std::string(title),
                     documents_of(corpus, type)});
  constexpr std::tuple<Rung, DocumentType, std::string_view> kControls[] = {
      {Rung::arithmetic, DocumentType::arithmetic_facts, "control: facts of one step"},
      {Rung::procedure, DocumentType::procedure, "control: procedures in words"},
      {Rung::c4, DocumentType::brackets, "control: brackets, definitions and uses"}};
  for (const auto& [rung, type, title] : kControls) {
    CodeConfig control = config.code;
    control.rung = rung;
    kinds.push_back({"code", std::string(document_type_name(type)), std::string(title),
                     documents_of(corpus_of(control), type)});
  }
}

void add_problems(const WorldPtr& world, Kinds& kinds) {
  for (ProblemFamily family : kProblemFamilies)
    for (bool chain : {true, false}) {
      const std::string family_name(problem_family_name(family));
      const std::string name = family_name + (chain ? ".chain" : ".direct");
      const auto one = [=](uint64_t index) {
        const int steps = family == ProblemFamily::hop ? 2 + static_cast<int>(index % 2)
                                                       : 1 + static_cast<int>(index % 4);
        const Problem p = make_problem(*world, {family, steps, 1}, "gallery " + family_name, index);
        const TokenTag tag{Ability::chain_of_thought, true};
        return Sample{name,
                      "problem " + std::to_string(index) + ", " + std::to_string(steps) +
                          (steps == 1 ? " step" : " steps"),
                      {sample_part("problem", problem_text(p)),
                       sample_part("answer", chain ? chained_answer(p) : direct_answer(p), tag)}};
      };
      kinds.push_back({"problem", name,
                       family_name + (chain ? " problems, worked out" : " problems, direct"),
                       [one](uint64_t first, int64_t count) {
                         std::vector<Sample> out;
                         for (int64_t i = 0; i < count; ++i)
                           out.push_back(one(first + static_cast<uint64_t>(i)));
                         return out;
                       }});
    }
}

// A family's types in turn; held-out families are in no mixture, so they are shown as in tests.
void add_instructions(const WorldPtr& world, Kinds& kinds) {
  struct Owned {
    WorldPtr world;
    Instructions instructions;
  };
  const auto all = std::make_shared<const Owned>(Owned{world, Instructions(*world)});
  for (const FamilyInfo& info : families()) {
    std::vector<InstructionType> types;
    for (const InstructionType& t : all->instructions.train_types())
      if (t.family == info.family) types.push_back(t);
    if (info.heldout)
      for (int p = 0; p < family_parameters(*world, info.family); ++p)
        types.push_back({.family = info.family, .parameter = p});
    const std::string code(info.code);
    kinds.push_back(
        {"instruction", code, std::string(info.name) + (info.heldout ? " (held out)" : ""),
         [all, types, code, ability = info.ability](uint64_t first, int64_t count) {
           std::vector<Sample> out;
           for (uint64_t i = first; i < first + static_cast<uint64_t>(count); ++i) {
             const InstructionType& type = types[i % types.size()];
             const Demonstration d = all->instructions.demonstration(type, "gallery", i);
             out.push_back(
                 {code,
                  type_name(type),
                  {sample_part("user", d.prompt), sample_part("bot", d.answer, {ability, true})}});
           }
           return out;
         }});
  }
}

void add_dialogs(const WorldPtr& world, Kinds& kinds) {
  for (int t = 0; t < kDialogTypes; ++t) {
    const auto type = static_cast<DialogType>(t);
    const std::string name = "dialog." + std::string(dialog_type_name(type));
    kinds.push_back(
        {"dialog", name, "conversations of this type", [=](uint64_t first, int64_t count) {
           std::vector<Sample> out;
           for (int64_t i = 0; i < count; ++i) {
             const Dialog d =
                 make_dialog(*world, type, 0, "gallery " + name, first + static_cast<uint64_t>(i));
             Sample s{name, "lag " + std::to_string(d.lag), {}};
             for (size_t k = 0; k < d.turns.size(); ++k) {
               s.parts.push_back(sample_part("user", d.turns[k].user));
               s.parts.push_back(
                   sample_part("bot", d.turns[k].bot, {Ability::dialog_history, k == d.asked}));
             }
             out.push_back(std::move(s));
           }
           return out;
         }});
  }
}

}  // namespace

SamplePart sample_part(std::string name, Tokens tokens, TokenTag tag) {
  std::vector<TokenTag> tags(tokens.size(), tag);
  return {std::move(name), std::move(tokens), std::move(tags)};
}

std::vector<SampleKind> corpus_samples(WorldPtr world, const GalleryConfig& config) {
  Kinds kinds;
  add_text(world, config, kinds);
  add_code(*world, config, kinds);
  add_problems(world, kinds);
  add_instructions(world, kinds);
  add_dialogs(world, kinds);
  return kinds;
}

std::vector<SampleKind> find_kinds(const Kinds& kinds, std::string_view wanted) {
  Kinds found;
  std::vector<std::string> names;
  for (const SampleKind& kind : kinds) {
    if (kind.group == wanted || kind.name.starts_with(wanted)) found.push_back(kind);
    names.push_back(kind.name), names.push_back(kind.group);
  }
  if (!found.empty()) return found;
  const std::string near = nearest_name(wanted, names);
  throw Error("world: \"" + std::string(wanted) +
                  "\" is no kind of sample; wanted a group, a name or how one begins",
              (near.empty() ? "" : "did you mean " + near + "? ") +
                  std::string("lineage world show --list names them all"));
}

}  // namespace lineage
