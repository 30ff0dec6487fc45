// A request's body through every parser of the server. The first byte chooses one. An ApiError of
// status 400 with a message is a fine answer; a request that breaks its own limits is not.
#include <cstdlib>

#include "lineage/serve/api_error.h"
#include "lineage/serve/requests.h"

namespace {

using namespace lineage;

void check(bool ok) {
  if (!ok) std::abort();
}

void check_generation(const GenerationRequest& r) {
  check(r.n >= 1 && r.n <= 128);
  check(r.sampling.stop.size() <= 16);
  check(!r.include_usage || r.stream);
  check(!r.max_tokens || *r.max_tokens >= 0);
}

void check_messages(const std::vector<ChatMessage>& messages) {
  check(!messages.empty());
  for (size_t i = 0; i < messages.size(); ++i)
    if (messages[i].kind == ChatMessage::Kind::result)
      check(i > 0 && messages[i - 1].kind == ChatMessage::Kind::call);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    const Fields f = Fields::parse(body);
    if (data[0] % 3 == 0) {
      const CompletionRequest r = completion_request(f);
      check_generation(r);
      check(!r.prompts.empty() && r.best_of >= r.n && r.max_tokens);
    } else if (data[0] % 3 == 1) {
      const ChatRequest r = chat_request(f);
      check_generation(r);
      check_messages(r.messages);
    } else {
      const CompareRequest r = compare_request(f);
      check_generation(r);
      check(!r.models.empty() && r.prompt.has_value() == r.messages.empty());
    }
  } catch (const ApiError& e) {
    check(e.status == 400 && e.what()[0] != 0);
    error_body(e);
  }
  return 0;
}
