#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lineage/infer/sampler.h"
#include "lineage/serve/fields.h"
#include "lineage/text/chat.h"

namespace lineage {

// The requests of OpenAI's API as this server reads them (API reference, "Create completion" and
// "Create chat completion"). Parsing knows no model: whatever needs a tokenizer or a context comes
// later. Every fault is an ApiError that names the field.

constexpr int64_t kMostLogProbs = 20;
constexpr int64_t kDefaultLines = 4, kMostLines = 32;  // of documents; tuning has 3 or 4

// What both ways of generating have in common.
struct GenerationRequest {
  std::string model;  // empty: the default
  Sampling sampling;  // without stop tokens; max_tokens is a limit only if `max_tokens` is set
  std::optional<int64_t> max_tokens;
  std::optional<int64_t> seed;
  int64_t n = 1;
  bool stream = false, include_usage = false;
};

// The fields that all requests share; the prompt and max_tokens are not read.
GenerationRequest generation_request(const Fields&);

using PromptText = std::variant<std::string, std::vector<Token>>;

struct CompletionRequest : GenerationRequest {
  std::vector<PromptText> prompts;  // at least one
  int64_t best_of = 1;
  bool echo = false;
  std::optional<int64_t> logprobs;
};
CompletionRequest completion_request(const Fields&);

// A message of a conversation: a turn, with the calls of tools that an assistant made in it, and
// the result of one.
struct ChatMessage {
  enum class Kind : uint8_t { turn, call, result };
  Kind kind = Kind::turn;
  Role role = Role::user;
  std::string text;  // of a call its arguments, of a result what the tool printed
};

// The calculator among a client's tools: a function with one string parameter.
struct CalculatorTool {
  std::string name, parameter;
};

struct ChatRequest : GenerationRequest {
  std::vector<ChatMessage> messages;
  bool logprobs = false;
  int64_t top_logprobs = 0;
  bool continue_last = false;  // the last message is the assistant's, to go on with
  std::optional<CalculatorTool> tool;
  std::optional<std::string> moderation;  // the model to judge the conversation first; "" the only
  bool run_calls = false;                 // the server runs the model's calls itself
  int64_t documents = 0;                  // lines of the server's documents that the model may read
};
ChatRequest chat_request(const Fields&);
// POST /v1/lineage/compare: one prompt, or conversation, put to several models: what each answers,
// and how likely each finds a given answer, token by token, so that parent and child can be laid
// over each other (docs/serving.md has the fields).
struct CompareRequest : GenerationRequest {
  std::vector<std::string> models;
  std::optional<std::string> prompt;
  std::vector<ChatMessage> messages;  // instead of a prompt
  std::optional<std::string> answer;  // to be judged by all; without it each writes its own
};
CompareRequest compare_request(const Fields&);
// The list `messages` of another request.
std::vector<ChatMessage> chat_messages(const Fields&);
// A string, a list of strings, of token ids, or of lists of token ids; an absent or empty one is
// one empty text.
std::vector<PromptText> prompts_of(const Fields&, std::string_view name);

}  // namespace lineage
