#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lineage/http/http.h"

namespace lineage {

// Who may ask: what is decided from a request's headers alone, before anything is read.
struct FrontOptions {
  std::vector<std::string> keys;             // empty: none is wanted
  std::vector<std::string> allowed_hosts;    // besides those of the loopback and `address`
  std::vector<std::string> allowed_origins;  // "*": every one; empty: no page of another origin
  std::string address;                       // that the server listens on
};

class Front {
 public:
  explicit Front(FrontOptions);
  // An answer that ends the request: 403 for a foreign Host (DNS rebinding), 204 for OPTIONS, 401
  // without a key, 415 for a POST that is not JSON (a page of another origin can send text without
  // asking). Nothing for a request that may go on.
  std::optional<HttpResponse> refuse(const HttpRequest&) const;
  // The headers that let the page of a request's origin read the answer, whoever gives it. whatever
  // it is; those of refuse() lack them.
  HttpHeaders cors(const HttpRequest&) const;
  // A short digest of the request's key, for the log; "" without keys.
  std::string key_of(const HttpRequest&) const;

 private:
  bool host_allowed(const HttpRequest&) const;
  bool key_allowed(const HttpRequest&) const;

  FrontOptions options_;
};

// The path of a target, percent-decoded, without its query; nothing for a wrong encoding.
std::optional<std::string> path_of(std::string_view target);
// The value of a key of the query.
std::optional<std::string> query_of(std::string_view target, std::string_view key);
// The path as the table of routes has it, of which there are few: "/v1/models/" for every model;
// "other" if there is no such path.
std::string route_of(const std::string& path);
// The methods of a path; none if there is no such path.
std::vector<std::string_view> methods_of(const std::string& path);

}  // namespace lineage
