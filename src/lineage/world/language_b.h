#pragma once

#include <span>
#include <vector>

#include "lineage/world/grammar.h"
#include "lineage/world/world_config.h"

namespace lineage {

// The second language (A25; docs/abilities.md, sections 3.1 and 3.3): 64 words of A have a word of
// B each; names, numbers and punctuation are shared. With WordOrder::verb_last its verbs are at the
// end of the sentence, as in b_statements().
Token to_b(Token);
std::vector<Token> to_b(std::span<const Token>);
bool has_b_word(Token);

// The sentence in A and in B.
std::vector<Token> in_a(const SimpleSentence&);
std::vector<Token> in_b(const SimpleSentence&, WordOrder);

}  // namespace lineage
