#include "lineage/abilities/audit/content_keys.h"

#include <algorithm>
#include <array>
#include <map>

#include "lineage/abilities/audit/token_hash.h"
#include "lineage/world/minipy/ast.h"
#include "lineage/world/minipy/words.h"
#include "lineage/world/token_text.h"

namespace lineage {
namespace {

using Span = std::span<const Token>;

struct Marks {
  Token code = word_token("<src:code>"), def = word_token("def"), indent = word_token("<indent>"),
        dedent = word_token("<dedent>"), quote = word_token("\""), colon = word_token(":"),
        semicolon = word_token(";"), exclaim = word_token("!"), question = word_token("?"),
        plus = word_token("+"), minus = word_token("-"), stop = word_token("."),
        user = word_token("<user>"), eot = word_token("<eot>"), line = word_token("\n");
};
const Marks& marks() {
  static const Marks m;
  return m;
}

// Tags a kind, so that equal hashes of two kinds are two.
void send(const KeySink& sink, ContentKind kind, uint64_t hash) {
  sink(kind, mix_bits(hash + 0x1000 * (static_cast<uint64_t>(kind) + 1)));
}

void send_program(Span program, const KeySink& sink) {
  try {
    const auto parsed = minipy::parse(minipy::read_words(program).items);
    if (!parsed->body.empty()) send(sink, ContentKind::program, minipy::canonical_hash(*parsed));
  } catch (const minipy::Fault&) {
    // No program: a part of one, or several.
  }
}

// The functions in a text: from "def" to the <dedent> that closes their block.
void read_functions(Span text, const KeySink& sink) {
  const Marks& m = marks();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != m.def) continue;
    int depth = 0;
    for (size_t end = i; end < text.size(); ++end) {
      depth += text[end] == m.indent ? 1 : text[end] == m.dedent ? -1 : 0;
      const bool closed = text[end] == m.dedent && depth == 0;
      if (closed || (end + 1 == text.size() && depth > 0)) {
        send_program(text.subspan(i, end + 1 - i), sink);
        break;
      }
    }
  }
}

void read_docstrings(Span text, const KeySink& sink) {
  const Marks& m = marks();
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] != m.quote || text[i - 1] != m.indent) continue;
    const auto end =
        std::find(text.begin() + static_cast<std::ptrdiff_t>(i) + 1, text.end(), m.quote);
    if (end == text.end()) return;
    send(sink, ContentKind::docstring,
         token_hash(Span(text.begin() + static_cast<std::ptrdiff_t>(i) + 1, end)));
    i = static_cast<size_t>(end - text.begin());
  }
}

// Sums of digit tokens: 4 8 2 + 1 3 9.
void read_sums(Span text, const KeySink& sink) {
  const Marks& m = marks();
  const Token zero = Vocabulary::get().digit(0);
  const auto digit = [&](size_t i) {
    return i < text.size() && text[i] >= zero && text[i] < zero + 10;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (!digit(i) || (i > 0 && digit(i - 1))) continue;
    size_t end = i;
    while (digit(end)) ++end;
    if (end >= text.size() || (text[end] != m.plus && text[end] != m.minus) || !digit(end + 1))
      continue;
    for (++end; digit(end);) ++end;
    send(sink, ContentKind::sum, token_hash(text.subspan(i, end - i)));
  }
}

// Persons and goods by the order in which they first appear.
Tokens renamed(Span text) {
  static const std::array<Span, 2> kBlocks = {Vocabulary::get().tokens("first_names"),
                                              Vocabulary::get().tokens("foods")};
  std::array<std::vector<Token>, 2> seen;
  Tokens out(text.begin(), text.end());
  for (Token& t : out)
    for (size_t b = 0; b < kBlocks.size(); ++b) {
      if (std::find(kBlocks[b].begin(), kBlocks[b].end(), t) == kBlocks[b].end()) continue;
      auto at = std::find(seen[b].begin(), seen[b].end(), t);
      if (at == seen[b].end()) at = seen[b].insert(seen[b].end(), t);
      t = kBlocks[b][at - seen[b].begin()];
      break;
    }
  return out;
}

void send_payload(Span payload, const KeySink& sink) {
  const Marks& m = marks();
  constexpr size_t kShortest = 5;  // "a , b , c"
  if (payload.size() < kShortest) return;
  send(sink, ContentKind::payload, token_hash(payload));
  const bool sentences = std::count(payload.begin(), payload.end(), m.stop) >= 1;
  if (sentences && payload.back() == m.question)
    send(sink, ContentKind::problem, token_hash(renamed(payload)));
}

// An instruction is "request : payload" or "payload ; request !"; a request may have a colon, too,
// so each piece that could be the payload is taken for one.
void read_payload(Span prompt, const KeySink& sink) {
  const Marks& m = marks();
  if (prompt.empty()) return;
  if (prompt.back() == m.exclaim) {
    for (size_t i = prompt.size(); i-- > 0;)
      if (prompt[i] == m.semicolon) return send_payload(prompt.first(i), sink);
    return;
  }
  for (size_t i = 0; i < prompt.size(); ++i)
    if (prompt[i] == m.colon && i + 1 < prompt.size() && prompt[i + 1] != m.line)
      send_payload(prompt.subspan(i + 1), sink);
}

}  // namespace

void read_content_keys(Span text, ContentPlace place, const KeySink& sink) {
  const Marks& m = marks();
  if (!text.empty() && text.back() == Vocabulary::kEndOfText) text = text.first(text.size() - 1);
  if (text.empty()) return;
  read_sums(text, sink);
  const bool code = text.front() == m.code;
  if (!code || place == ContentPlace::document) read_functions(text, sink);
  if (code) {
    read_docstrings(text, sink);
    return send_program(text.subspan(1), sink);
  }
  // The user's turns of a conversation; a bare question is one.
  if (place == ContentPlace::item && std::find(text.begin(), text.end(), m.user) == text.end()) {
    if (text.back() == m.question && std::count(text.begin(), text.end(), m.stop) >= 1)
      send(sink, ContentKind::problem, token_hash(renamed(text)));
    return read_payload(text, sink);
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != m.user) continue;
    size_t end = i + 1;
    while (end < text.size() && text[end] != m.eot) ++end;
    read_payload(text.subspan(i + 1, end - i - 1), sink);
    i = end;
  }
}

}  // namespace lineage
