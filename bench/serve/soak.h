#pragma once

#include <nlohmann/json.hpp>

#include "bench/serve/http_client.h"
#include "bench/serve/server_process.h"
#include "bench/serve/workload.h"

namespace lineage {

// Clients that leave at any point, send what is no request, read slowly, and ask properly, all at
// once, for so long. Every whole answer is compared with the one that the same request got alone.
nlohmann::ordered_json soak(Poller&, ServerProcess&, const EngineAlone&, int64_t slots,
                            int64_t clients, double seconds, const Rng&);

// A client leaves while its request waits, while its prompt is read, and while its answer is made,
// streamed and not: the steps that the engine makes for it after that.
nlohmann::ordered_json cancellation(Poller&, ServerProcess&, const EngineAlone&, int64_t slots,
                                    const Rng&);

}  // namespace lineage
