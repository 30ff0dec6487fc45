#include "lineage/abilities/audit/split_rules.h"

#include <algorithm>

#include "lineage/world/claims.h"
#include "lineage/world/item_split.h"
#include "lineage/world/minipy/ast.h"
#include "lineage/world/minipy/words.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

struct Marks {
  Token q = word_token("q"), colon = word_token(":"), question = word_token("?"),
        year = word_token("year"), user = word_token("<user>"), eot = word_token("<eot>"),
        prompt = word_token(">>>");
};
const Marks& marks() {
  static const Marks m;
  return m;
}

// Whether the document is one program whose key is for tests only.
bool is_test_program(const Document& d) {
  switch (d.type) {
    case DocumentType::script:
    case DocumentType::trace:
    case DocumentType::repl:
    case DocumentType::class_tree:
    case DocumentType::long_range:
      break;
    default:
      return false;  // functions and fixes go by their specs
  }
  // A session without its marks and output.
  std::vector<Token> program;
  for (size_t i = 1; i + 1 < d.tokens.size(); ++i) {
    const bool printed = d.type == DocumentType::repl && d.tags[i].answer;
    if (!printed && d.tokens[i] != marks().prompt) program.push_back(d.tokens[i]);
  }
  try {
    return is_test_key(minipy::canonical_hash(*minipy::parse(minipy::read_words(program).items)));
  } catch (const minipy::Fault&) {
    return false;
  }
}

}  // namespace

SplitRules::SplitRules(const World& world) : h_half_(64 * 64), shadow_(64 * 64) {
  for (const Person& p : world.persons()) h_half_[p.name] = !p.questioned;
  for (int name : world.shadows()) shadow_[name] = 1;
}

std::string_view SplitRules::name(Rule rule) {
  constexpr std::array<std::string_view, kRules> kNames = {
      "a question about a person of the H-half", "a shadow, whom nothing may name",
      "a year after the cutoff", "a program whose key is for tests",
      "an item whose key is for tests"};
  return kNames[rule];
}

int SplitRules::person_at(std::span<const Token> text, size_t i) const {
  return find_member(Domain::person, text.subspan(i)).first;
}

// The questions are "q : … ?" in text, the user's turns in demonstrations; a person who is only
// stated to be a friend of the question's subject is not asked about.
bool SplitRules::asks_about_h_half(std::span<const Token> text, AuditSource::Kind kind) const {
  const Marks& m = marks();
  const bool chat = kind == AuditSource::Kind::demonstrations;
  size_t begin = 0;
  bool asking = false;
  for (size_t i = 0; i <= text.size(); ++i) {
    const bool ends = i == text.size() || text[i] == (chat ? m.eot : m.question);
    if (asking && ends) {
      if (names_h_half(text.subspan(begin, i - begin))) return true;
      asking = false;
    }
    if (i == text.size()) break;
    const bool opens = chat ? text[i] == m.user : text[i] == m.colon && i > 0 && text[i - 1] == m.q;
    if (opens) asking = true, begin = i + 1;
  }
  return false;
}

bool SplitRules::names_h_half(std::span<const Token> asked) const {
  std::vector<int> named;
  for (size_t i = 0; i < asked.size(); ++i)
    if (const int person = person_at(asked, i); person >= 0 && h_half_[person])
      named.push_back(person);
  if (named.empty()) return false;
  for (const Tokens& piece : split_tokens(asked, marks().colon))
    for (const Fact& f : parse_claims(piece))
      if (f.relation == Relation::friend_of && !h_half_[f.subject]) std::erase(named, f.value);
  return !named.empty();
}

uint32_t SplitRules::broken(const Document& d, AuditSource::Kind kind) const {
  const Marks& m = marks();
  uint32_t bits = 0;
  const auto set = [&](Rule rule, bool value) { bits |= static_cast<uint32_t>(value) << rule; };
  if (kind == AuditSource::Kind::code) {
    set(kProgram, is_test_program(d));
    return bits;
  }
  const std::span<const Token> text(d.tokens);
  const Token first_late = Vocabulary::get().integer(World::kCutoffYear);
  for (size_t i = 0; i < text.size(); ++i) {
    if (const int person = person_at(text, i); person >= 0) set(kShadow, shadow_[person]);
    if (text[i] == m.year && i + 1 < text.size())
      set(kYear, text[i + 1] >= first_late && text[i + 1] < first_late + 100 - World::kCutoffYear);
  }
  set(kQuestioned, asks_about_h_half(text, kind));
  return bits;
}

}  // namespace lineage
