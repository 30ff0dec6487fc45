#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lineage/serve/choice_text.h"
#include "lineage/serve/fields.h"

namespace lineage {

// The JSON of OpenAI's answers (API reference, "The completion object", "The chat completion
// object" and their chunks).

// What all parts of an answer have: the first keys of each.
struct AnswerHead {
  std::string id, object, model, fingerprint;
  int64_t created = 0;
};
OrderedJson head_json(const AnswerHead&);

struct Usage {
  int64_t prompt = 0, completion = 0;
};
OrderedJson usage_json(const Usage&);

// The log-probability as JSON can have it: at least -9999.
double shown_log_prob(float);

// {tokens, token_logprobs, top_logprobs, text_offset} of a completion, with `most` alternatives and
// the token itself. A token that is no whole UTF-8 is written "bytes:\xf0\x9f"; of two alternatives
// that are written alike the likelier one is kept.
OrderedJson completion_logprobs(const Tokenizer&, const std::vector<TokenEntry>&, int64_t most);
// {content: [{token, logprob, bytes, top_logprobs}], refusal} of a chat; bytes are null for special
// tokens.
OrderedJson chat_logprobs(const Tokenizer&, const std::vector<TokenEntry>&, int64_t most);

// An event of a stream of Server-Sent Events.
std::string sse(const std::string& data);
inline constexpr const char* kStreamEnd = "data: [DONE]\n\n";

}  // namespace lineage
