#pragma once

#include <memory>

#include "lineage/serve/generation.h"

namespace lineage {

// The models are those of the request, in its order. An ApiError where an answer is given and their
// tokenizers differ: its tokens would not be the same.
std::unique_ptr<Job> compare_job(std::shared_ptr<HttpExchange>, RequestRecord,
                                 const CompareRequest&,
                                 const std::vector<std::shared_ptr<const ServedModel>>&,
                                 const GenerationContext&);

}  // namespace lineage
