#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lineage/rlhf/answer_rows.h"

namespace lineage {

// A content filter's view of a conversation: in the chat template, up to and with the opening of
// the assistant's turn, it is what a language model would answer next. The scalar head at its last
// token is the logit of its being improper.

// Conversations as rows of a model, several to a row; `last` of the rows has one element each. An
// Error for a conversation of more than `context` tokens, or of less than two.
AnswerRows request_rows(std::span<const std::span<const Token>> conversations, int64_t context);

// The logit of each conversation, in their order, at most `micro_tokens` tokens in memory at once,
// one conversation at least. The model has a scalar head.
std::vector<float> request_logits(const Gpt&, std::span<const std::span<const Token>> conversations,
                                  int64_t micro_tokens);

}  // namespace lineage
