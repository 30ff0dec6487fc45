#pragma once

#include <optional>
#include <span>
#include <vector>

#include "lineage/world/fact_templates.h"

namespace lineage {

// What a text claims: the facts that its sentences state, by the inverse of every statement of
// fact_templates(), held-out ones too, and of the rows of tables and lists (docs/abilities.md,
// section 3.7). "he" and "she" are the person named last, at first `topic` (-1: nobody).
// Sentences that state nothing are passed over; facts come in their order, repeated ones
// repeatedly.
std::vector<Fact> parse_claims(std::span<const Token> text, int topic = -1);

// The fact that an answer states about what was asked (of `asked` only the value is ignored): as a
// sentence, or as the bare value at its beginning ("tarn .", "a cat .").
std::optional<Fact> parse_answer(std::span<const Token> text, const Fact& asked);

// Polite ways to say no: to an improper request, and to a question beyond one's knowledge. Ten
// wordings each, of which the last four are held out from every tuning stage. No text corpus has
// any of them.
enum class RefusalKind : uint8_t { improper, unknown };
inline constexpr int kRefusals = 10, kHeldoutRefusals = 4;
std::span<const Template> refusals(RefusalKind);        // all ten
std::span<const Template> train_refusals(RefusalKind);  // the first six

// Whether a sentence of the text is one of the wordings.
std::optional<RefusalKind> find_refusal(std::span<const Token> text);

}  // namespace lineage
