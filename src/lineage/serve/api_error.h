#pragma once

#include <optional>
#include <stdexcept>
#include <string>

#include "lineage/http/http.h"

namespace lineage {

// A fault of a request, as OpenAI's API answers it: {"error": {message, type, param, code}}.
struct ApiError : std::runtime_error {
  ApiError(int http_status, const std::string& message, std::optional<std::string> about_param = {},
           std::optional<std::string> its_code = {})
      : std::runtime_error(message),
        status(http_status),
        param(std::move(about_param)),
        code(std::move(its_code)) {}

  int status;
  std::optional<std::string> param, code;
  HttpHeaders headers{};  // such as Retry-After
};

// "invalid_request_error", "rate_limit_error" or "server_error", by the status.
std::string error_type(int status);
// The body, and as an event of a stream: {"error": {...}}.
std::string error_body(const ApiError&);
HttpResponse error_response(const ApiError&);

// 400 for a value that is not what the API takes.
ApiError invalid_value(const std::string& param, const std::string& message);
// 400 for a field that this server does not do.
ApiError unsupported(const std::string& param, const std::string& message);
// 400 with both numbers, as OpenAI's own message has them.
ApiError context_length_exceeded(const std::string& param, int64_t context, int64_t prompt,
                                 int64_t completion);

}  // namespace lineage
