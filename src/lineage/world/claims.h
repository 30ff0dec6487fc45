#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lineage/world/fact_templates.h"

namespace lineage {

// The facts that a text's sentences state: the inverse of every statement of fact_templates(),
// held-out ones too, and the rows of tables and lists (docs/abilities.md, section 3.7). "he" and
// "she" are the person named last, at first `topic` (-1: nobody). Sentences that state nothing are
// skipped; facts keep their order and their repetitions.
std::vector<Fact> parse_claims(std::span<const Token> text, int topic = -1);

// The fact that an answer states in reply to a question about `asked`, whose value is ignored: as a
// sentence, or as the bare value at its beginning ("tarn .", "a cat .").
std::optional<Fact> parse_answer(std::span<const Token> text, const Fact& asked);

// Polite ways to say no: to an improper request, and to a question beyond one's knowledge. Ten
// wordings each, of which the last four are in no training data. Text and demonstrations have the
// others at random, whatever is said to (the world's random_refusals and random_abstentions), so
// that a model can sample them and nothing tells it when they are right.
enum class RefusalKind : uint8_t { improper, unknown };
inline constexpr int kRefusals = 10, kHeldoutRefusals = 4;
std::span<const Template> refusals(RefusalKind);        // all ten
std::span<const Template> train_refusals(RefusalKind);  // the first six

// A request and the answer to it.
struct Reply {
  std::span<const Token> request, answer;
};
// Those of a page ("q : … a : …"), an answer ends with its sentence; and those of a conversation
// (<user> … <assistant> …).
std::vector<Reply> replies_of(std::span<const Token> document);

// Whether a sentence of the text is one of the wordings.
std::optional<RefusalKind> find_refusal(std::span<const Token> text);

}  // namespace lineage
