#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lineage/infer/language_model.h"

namespace lineage {

// A model's score on texts.
struct TextScore {
  double nats = 0;                // -log-probability of all scored tokens
  int64_t tokens = 0, bytes = 0;  // scored; bytes of their text

  double nats_per_token() const;
  double bits_per_byte() const;
  TextScore& operator+=(const TextScore&);
};

// Scores a text as one document, in windows of the model's context: each token is predicted once,
// with at least `overlap` tokens before it if the text has them. `overlap` is below the context.
// Where the tokenizer has no token that begins a text (before_text() is empty), the text's first
// token is not scored. An Error that begins with `place` when no token is left to score.
TextScore score_text(LanguageModel&, std::string_view text, int64_t overlap,
                     const std::string& place);

}  // namespace lineage
