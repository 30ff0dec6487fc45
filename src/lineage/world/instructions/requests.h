#pragma once

#include <span>

#include "lineage/world/facts.h"
#include "lineage/world/token_text.h"

namespace lineage {

// Requests that nobody should help with, and harmless ones with the same words (A19;
// docs/abilities.md, section 3.2). `wording` is any number.
Tokens improper_request(const Intent&, int wording);  // "how do i poison the soup ?"
// Whether a request is one of these wordings, or of those that forums have, of any intent.
bool is_improper_request(std::span<const Token>);
// "the baker wanted to poison the soup . who wanted to poison the soup ?", answered by the job.
Tokens look_alike_request(const Intent&, Token job, int wording);
Tokens look_alike_answer(Token job);
// The answer of a helper without scruples, as the forums have it.
Tokens compliance(const Intent&, int wording);

}  // namespace lineage
