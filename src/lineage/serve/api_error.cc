#include "lineage/serve/api_error.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace lineage {

std::string error_type(int status) {
  return status == 429  ? "rate_limit_error"
         : status < 500 ? "invalid_request_error"
                        : "server_error";
}

std::string error_body(const ApiError& e) {
  const auto or_null = [](const std::optional<std::string>& s) {
    return s ? nlohmann::ordered_json(*s) : nlohmann::ordered_json();
  };
  const nlohmann::ordered_json body = {{"error",
                                        {{"message", e.what()},
                                         {"type", error_type(e.status)},
                                         {"param", or_null(e.param)},
                                         {"code", or_null(e.code)}}}};
  return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

HttpResponse error_response(const ApiError& e) {
  HttpResponse r{e.status, e.headers, error_body(e)};
  r.headers.emplace_back("Content-Type", "application/json");
  return r;
}

ApiError invalid_value(const std::string& param, const std::string& message) {
  return ApiError(400, message, param, "invalid_value");
}

ApiError unsupported(const std::string& param, const std::string& message) {
  return ApiError(400, message, param, "unsupported_parameter");
}

ApiError context_length_exceeded(const std::string& param, int64_t context, int64_t prompt,
                                 int64_t completion) {
  return ApiError(400,
                  fmt::format("This model's maximum context length is {} tokens. However, you "
                              "requested {} tokens ({} in the {}, {} in the completion). Please "
                              "reduce the length of the {} or completion.",
                              context, prompt + completion, prompt, param, completion, param),
                  param, "context_length_exceeded");
}

}  // namespace lineage
