#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "lineage/documents/document_index.h"
#include "lineage/serve/job.h"
#include "lineage/serve/requests.h"

namespace lineage {

// Prompts as a model reads them, and the tokens at their beginning that the client did not write.
struct ReadPrompt {
  std::vector<Token> tokens;
  int64_t hidden = 0;
};
// Text gets the tokens that the model expects before every text; ids are taken as they are, special
// ones too. An ApiError for ids outside the vocabulary and for words that it cannot express.
ReadPrompt read_prompt(const ServedModel&, const PromptText&, const std::string& param);
// A conversation up to the assistant's turn, or inside of it. An ApiError for a model that has no
// template, and for a role that its tokenizer lacks.
// `behind_user` is added to the last turn of the user.
ReadPrompt read_chat(const ServedModel&, const std::vector<ChatMessage>&, bool continue_last,
                     std::span<const Token> behind_user = {});
std::optional<size_t> last_user_turn(const std::vector<ChatMessage>&);
// The longest answer that has room behind a prompt; an ApiError where `wanted` exceeds it, or
// nothing fits.
int64_t room_for(const ServedModel&, int64_t prompt, std::optional<int64_t> wanted,
                 const std::string& param);

// An ApiError for a bias of a token that the model does not have.
void check_bias(const ServedModel&, const Sampling&);

struct GenerationContext {
  std::shared_ptr<const ServedModel> model;
  AnswerHead head;
  uint64_t seed = 0;                  // where the request has none
  std::vector<FoundLine> found = {};  // lines of documents that the answer may need
};

std::unique_ptr<Job> completion_job(std::shared_ptr<HttpExchange>, RequestRecord, CompletionRequest,
                                    const GenerationContext&);

// What a content filter said of a conversation, for its answer.
struct FilterVerdict {
  std::string model;
  double score = 0;  // probability that the request is improper
  bool flagged = false;
};
std::unique_ptr<Job> chat_job(std::shared_ptr<HttpExchange>, RequestRecord, ChatRequest,
                              const GenerationContext&, std::optional<FilterVerdict> = {});
// The answer to a conversation that the filter flagged: no model is asked, the content is empty and
// the finish_reason content_filter.
void answer_filtered(std::shared_ptr<HttpExchange>, RequestRecord&, const ChatRequest&,
                     const GenerationContext&, const FilterVerdict&);

}  // namespace lineage
