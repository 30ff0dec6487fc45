#include "lineage/serve/front.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <charconv>

#include "lineage/base/digest.h"
#include "lineage/serve/api_error.h"
#include "lineage/serve/page_files.h"

namespace lineage {
namespace {

// The name in a Host header: "localhost:8080" -> "localhost", "[::1]:8080" -> "[::1]".
std::string_view host_name(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned code = 0;
    if (i + 3 > text.size()) return {};
    const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, code, 16);
    if (error != std::errc() || end != text.data() + i + 3) return {};
    out += static_cast<char>(code);
    i += 2;
  }
  return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view bearer(const HttpRequest& r) {
  constexpr std::string_view kBearer = "bearer ";
  const std::string_view value = r.header("authorization").value_or("");
  if (value.size() < kBearer.size() ||
      !std::ranges::equal(value.substr(0, kBearer.size()), kBearer, {},
                          [](unsigned char c) { return std::tolower(c); }))
    return {};
  return value.substr(kBearer.size());
}

struct Route {
  std::string_view path;
  std::vector<std::string_view> methods;
  bool below = false;  // every path that goes on from there, in place of it
};
const std::vector<Route> kRoutes = {
    {"/v1/models", {"GET"}},
    {"/v1/models/", {"GET"}, true},
    {"/v1/completions", {"POST"}},
    {"/v1/chat/completions", {"POST"}},
    {"/v1/moderations", {"POST"}},
    {"/v1/lineage/compare", {"POST"}},
    {"/tokenize", {"POST"}},
    {"/detokenize", {"POST"}},
    {"/tokenizer_info", {"GET"}},
    {"/health", {"GET"}},
    {"/livez", {"GET"}},
    {"/metrics", {"GET"}},
    {"/", {"GET"}},
    {"/assets/app.js", {"GET"}},
    {"/assets/app.css", {"GET"}},
    {"/v1/lineage/prompts", {"GET"}},
    {"/v1/lineage/trees", {"GET"}},
    {"/v1/lineage/report", {"GET"}},
    {"/v1/lineage/differences", {"GET"}},
    {"/v1/lineage/curves", {"GET"}},
    {"/v1/lineage/rankings", {"GET", "POST"}},
    {"/v1/lineage/rankings/", {"GET", "POST"}, true},
};

const Route* find_route(const std::string& path) {
  for (const Route& r : kRoutes)
    if (r.below ? path.starts_with(r.path) && path.size() > r.path.size() : path == r.path)
      return &r;
  return nullptr;
}

bool needs_key(const std::string& path) {
  return path != "/health" && path != "/livez" && !PageFiles::has(path);
}

}  // namespace

std::optional<std::string> path_of(std::string_view target) {
  return percent_decoded(target.substr(0, target.find('?')));
}

std::optional<std::string> query_of(std::string_view target, std::string_view key) {
  const size_t at = target.find('?');
  std::string_view rest = at == target.npos ? std::string_view() : target.substr(at + 1);
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (part.substr(0, part.find('=')) == key && part.find('=') != part.npos)
      return percent_decoded(part.substr(part.find('=') + 1));
  }
  return {};
}

std::string route_of(const std::string& path) {
  const Route* r = find_route(path);
  return r ? std::string(r->path) : "other";
}

std::vector<std::string_view> methods_of(const std::string& path) {
  const Route* r = find_route(path);
  return r ? r->methods : std::vector<std::string_view>{};
}

Front::Front(FrontOptions options) : options_(std::move(options)) {}

bool Front::host_allowed(const HttpRequest& r) const {
  const auto host = r.header("host");
  if (!host) return r.version == 10;
  const std::string_view name = host_name(*host);
  for (const char* known : {"localhost", "127.0.0.1", "[::1]"})
    if (name == known) return true;
  const std::string own = options_.address.find(':') == std::string::npos
                              ? options_.address
                              : "[" + options_.address + "]";
  if (name == own) return true;
  return std::ranges::find(options_.allowed_hosts, name) != options_.allowed_hosts.end();
}

bool Front::key_allowed(const HttpRequest& r) const {
  if (options_.keys.empty()) return true;
  const std::string_view given = bearer(r);
  bool allowed = false;  // every key is compared, so that the time tells nothing
  for (const std::string& key : options_.keys) allowed |= equal_in_constant_time(given, key);
  return allowed;
}

std::string Front::key_of(const HttpRequest& r) const {
  if (options_.keys.empty()) return "";
  return digest_of(bearer(r)).substr(0, 8);
}

HttpHeaders Front::cors(const HttpRequest& r) const {
  const auto origin = r.header("origin");
  if (!origin) return {};
  const auto allows = [&](const std::string& o) { return o == "*" || o == *origin; };
  if (std::ranges::none_of(options_.allowed_origins, allows)) return {};
  return {{"Access-Control-Allow-Origin", std::string(*origin)}, {"Vary", "Origin"}};
}

std::optional<HttpResponse> Front::refuse(const HttpRequest& r) const {
  if (!host_allowed(r))
    return error_response(ApiError(
        403,
        fmt::format("this server is not called '{}'; whoever starts it allows further names with "
                    "--allowed-host",
                    r.header("host").value_or("")),
        {}, "host_not_allowed"));
  const auto path = path_of(r.target);
  const std::vector<std::string_view> methods =
      path ? methods_of(*path) : std::vector<std::string_view>{};
  const bool reads = std::ranges::find(methods, "GET") != methods.end();
  const std::string allowed =
      methods.empty()
          ? ""
          : fmt::format("{}{}, OPTIONS", fmt::join(methods, ", "), reads ? ", HEAD" : "");
  if (r.method == "OPTIONS" && !allowed.empty()) {
    HttpResponse response{204, {{"Allow", allowed}}, ""};
    if (!cors(r).empty()) {
      response.headers.emplace_back("Access-Control-Allow-Methods", allowed);
      response.headers.emplace_back("Access-Control-Allow-Headers", "authorization, content-type");
      response.headers.emplace_back("Access-Control-Max-Age", "600");
    }
    return response;
  }
  if (path && needs_key(*path) && !key_allowed(r)) {
    ApiError e(401, "the API key is absent or wrong; wanted `Authorization: Bearer KEY`", {},
               "invalid_api_key");
    e.headers.emplace_back("WWW-Authenticate", "Bearer");
    return error_response(e);
  }
  if (methods.empty())
    return error_response(ApiError(
        404, fmt::format("unknown path: {} {}", r.method, r.target.substr(0, r.target.find('?'))),
        {}, "unknown_url"));
  const bool takes = std::ranges::find(methods, r.method) != methods.end();
  if (!takes && !(reads && r.method == "HEAD")) {
    ApiError e(405,
               fmt::format("{} takes {}, not {}", *path, fmt::join(methods, " and "), r.method), {},
               "method_not_allowed");
    e.headers.emplace_back("Allow", allowed);
    return error_response(e);
  }
  if (r.method == "POST") {
    const std::string_view type = r.header("content-type").value_or("");
    if (type.substr(0, type.find(';')) != "application/json")
      return error_response(
          ApiError(415, fmt::format("Content-Type is '{}'; wanted application/json", type), {},
                   "unsupported_media_type"));
  }
  return {};
}

}  // namespace lineage
