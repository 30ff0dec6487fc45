#include <algorithm>

#include "lineage/base/enum_index.h"
#include "lineage/world/grammar.h"
#include "lineage/world/text/entries.h"
#include "lineage/world/text/generators.h"

namespace lineage {
namespace {

// A kind of entry list: its opening, the wording of an entry, and the source of its values.
struct EntryKind {
  Template opening, entry;
  std::string_view values;  // a block; empty: numbers 0..99
  int share;                // of 20
};

const std::vector<EntryKind>& kinds() {
  static const std::vector<EntryKind> all = {
      {Template("<src:enc> register :"), Template("{k} {v} ;"), "", 7},
      {Template("<src:enc> register :"), Template("{k} {v} ;"), "objects", 7},
      {Template("<src:enc> codes :"), Template("{k} = {v} ;"), "colours", 2},
      {Template("<src:enc> glossary :"), Template("{k} means {v} ."), "objects", 2},
      {Template("<src:enc> prices :"), Template("{k} costs {v} coins ."), "", 2}};
  return all;
}

Token random_value(const EntryKind& kind, Draw& draw) {
  const Vocabulary& v = Vocabulary::get();
  return kind.values.empty() ? v.integer(draw.below(100)) : draw.pick(v.tokens(kind.values));
}

}  // namespace

std::vector<Entry> random_entries(const TextContext& context, std::span<const Token> keys, int kind,
                                  int count, bool dynamic, Draw& draw) {
  const EntryKind& of = kinds()[kind];
  std::vector<Entry> entries;
  while (std::ssize(entries) < count) {
    const int i = dynamic ? draw.below(static_cast<int>(keys.size()))
                          : context.zipf(draw, static_cast<int>(keys.size()));
    const Token key = keys[i];
    if (std::any_of(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; }))
      continue;
    Draw fixed(context.world->key("entry")
                   .fold(static_cast<uint64_t>(kind))
                   .fold(static_cast<uint64_t>(key)));
    entries.push_back({key, random_value(of, dynamic ? draw : fixed)});
  }
  return entries;
}

void write_entry_opening(DocumentWriter& out, int kind) { kinds()[kind].opening.write(out, {}); }

void write_entry(DocumentWriter& out, int kind, const Entry& entry, TokenTag tag) {
  kinds()[kind].entry.write(out, {{'k', entry.key}, {'v', entry.value, tag}});
}

std::vector<Token> entry_prompt(int kind, const Entry& entry) {
  return kinds()[kind].entry.tokens({{'k', entry.key}}, 'v');
}

namespace {

int random_kind(Draw& draw) {
  int left = draw.below(20), kind = 0;
  while ((left -= kinds()[kind].share) >= 0) ++kind;
  return kind;
}

// Recalls entries of [0, known) again, `times` of them; far from where they stood they exercise
// long-range recall, near it binding.
void recall(DocumentWriter& out, int kind, const std::vector<Entry>& entries,
            std::vector<size_t>& last_seen, size_t known, int times, bool dynamic, size_t limit,
            Draw& draw) {
  for (int i = 0; i < times && out.size() + 8 < limit; ++i) {
    const size_t which = static_cast<size_t>(draw.below(static_cast<int>(known)));
    const bool far = out.size() - last_seen[which] >= 64;
    write_entry(out, kind, entries[which], {far ? Ability::long_range : Ability::binding, dynamic});
    last_seen[which] = out.size();
  }
}

}  // namespace

Document entry_list(const TextContext& context, Rng key, double progress) {
  const WorldConfig& config = context.world->config();
  Draw draw(key);
  DocumentWriter out(DocumentType::bursty);
  const int kind = random_kind(draw);
  const bool bursty = draw.chance(config.p_bursty), dynamic = draw.chance(config.delta_dynamic);
  const bool early = config.curriculum && progress < 0.1;
  const int count = early ? draw.between(2, 4) : draw.between(4, 16);
  const std::vector<Entry> entries =
      random_entries(context, context.keys, kind, count, bursty && dynamic, draw);
  const size_t limit = static_cast<size_t>(config.document_tokens);
  write_entry_opening(out, kind);

  // 50–70 % of the entries are recalled ones.
  const double share = 0.5 + 0.2 * draw.uniform();
  const int times = bursty ? static_cast<int>(count * share / (1 - share) + 0.5) + 1 : 0;
  std::vector<size_t> last_seen(entries.size());
  const bool mixed = draw.chance(0.4);  // recalls from the start on, not after all entries
  for (size_t i = 0; i < entries.size() && out.size() + 8 < limit; ++i) {
    write_entry(out, kind, entries[i], {});
    last_seen[i] = out.size();
    if (mixed && i > 0)
      recall(out, kind, entries, last_seen, i + 1, times / count + draw.chance(0.5), dynamic, limit,
             draw);
  }
  if (bursty && !mixed && draw.chance(0.2))  // other text between, to recall from afar
    for (int i = draw.between(2, 16); i > 0 && out.size() + 40 < limit; --i)
      write_sentence(out, draw);
  if (bursty && !mixed)
    recall(out, kind, entries, last_seen, entries.size(), times, dynamic, limit, draw);
  return out.finish();
}

Document ephemeral_biography(const TextContext& context, Rng key) {
  static const Template opening("<src:enc>"), heading("{o} :");
  Draw draw(key);
  DocumentWriter out(DocumentType::bursty);
  std::vector<Stranger> strangers;
  for (int i = draw.between(1, 2); i > 0; --i)
    strangers.push_back(random_stranger(context, draw, draw.between(3, 4)));
  const auto fact = [](const Stranger& s, Relation r) {
    return Fact{r, s.name, s.profile[enum_index(r)]};
  };
  opening.write(out, {});
  for (const Stranger& stranger : strangers) {
    heading.write(out, {{'o', domain_words(Domain::person, stranger.name)}});
    for (Relation relation : stranger.told)
      write_fact(out, draw.pick(context.statements(relation)), fact(stranger, relation));
  }
  for (int i = draw.between(4, 6); i > 0; --i) {
    const Stranger& stranger = draw.pick(strangers);
    const Relation relation = draw.pick(stranger.told);
    const TokenTag tag{Ability::binding, true};
    if (draw.chance(0.5)) {
      write_question(out, draw.pick(fact_templates(relation).train_questions()),
                     fact(stranger, relation));
      for (Token t : value_words(fact(stranger, relation))) out.token(t, tag);
      static const Template stop(".");
      stop.write(out, {});
    } else {
      // A wording whose value comes last: before the name it could not be predicted.
      const auto forms = context.statements(relation);
      const Template* form = &draw.pick(forms);
      while (!form->ends_with('v')) form = &draw.pick(forms);
      write_fact(out, *form, fact(stranger, relation), tag);
    }
  }
  return out.finish();
}

}  // namespace lineage
