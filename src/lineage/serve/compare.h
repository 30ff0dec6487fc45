#pragma once

#include <memory>

#include "lineage/serve/generation.h"

namespace lineage {

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

// The models are those of the request, in its order. An ApiError where an answer is given and their
// tokenizers differ: its tokens would not be the same.
std::unique_ptr<Job> compare_job(std::shared_ptr<HttpExchange>, RequestRecord, const CompareRequest&,
                                 const std::vector<std::shared_ptr<const ServedModel>>&,
                                 const GenerationContext&);

}  // namespace lineage
