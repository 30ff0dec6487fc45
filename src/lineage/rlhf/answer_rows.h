#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lineage/nn/gpt.h"
#include "lineage/ops/ops.h"
#include "lineage/text/tokenizer.h"

namespace lineage {

// A prompt and one answer to it. Neither is empty. An answer that ended has its end-of-turn token.
struct AnsweredPrompt {
  std::span<const Token> prompt, answer;
};

// Answers as rows of a model, several to a row; they do not see each other, and positions count
// from the start of each prompt. Token j of an answer of a prompt of p tokens is predicted at
// position p + j - 1: its log-probability, entropy and value belong there.
struct AnswerRows {
  Tensor tokens;               // (B,T) i32, padded on the right
  Tensor positions, starts;    // (B·T) i32
  Tensor predictors;           // (M) i32: the element that predicts each answer token
  Tensor targets;              // (M) i32: the answer tokens themselves, answer after answer
  Tensor last;                 // (N) i32: the element of each answer's last token
  std::vector<int64_t> first;  // (N+1): answer i has tokens [first[i], first[i + 1]) of the M

  int64_t answers() const { return last.numel(); }
  int64_t answer_tokens() const { return first.back(); }
};

// An Error for a prompt and answer of more than `context` tokens together. Lengths alone say what
// is real: the padding token may occur in a text.
AnswerRows answer_rows(std::span<const AnsweredPrompt>, int64_t context, Token pad = 0);

// Log-probabilities of the answer tokens under softmax(logits / temperature), and their
// distributions' entropies: (M) each.
ops::LogProbs answer_log_probs(const Gpt&, const AnswerRows&, float temperature = 1,
                               bool with_entropy = false);
// The scalar head before each answer token, (M): values of a state; and at each answer's last
// token, (N): rewards of an answer (Ouyang et al. 2022, section 3.5).
Tensor answer_values(const Gpt&, const AnswerRows&);
Tensor answer_rewards(const Gpt&, const AnswerRows&);

}  // namespace lineage
