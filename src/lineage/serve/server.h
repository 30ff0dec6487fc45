#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lineage/documents/document_index.h"
#include "lineage/http/http.h"
#include "lineage/serve/front.h"
#include "lineage/serve/page_api.h"
#include "lineage/serve/scheduler.h"
#include "lineage/serve/served_models.h"

namespace lineage {

enum class RequestLog : uint8_t { logfmt, json, off };
constexpr std::array<std::string_view, 3> enum_names(RequestLog) {
  return {"logfmt", "json", "off"};
}

struct ServeOptions {
  PageOptions page;
  std::string address = "127.0.0.1";
  uint16_t port = 8080;
  bool open_to_all = false;  // no key is wanted on an address that other machines reach
  std::vector<std::string> keys, allowed_hosts, allowed_origins;
  SchedulerOptions scheduler;
  HttpLimits http;
  double drain_seconds = 30;  // for the answers that are running when the server is to end
  double stuck_seconds = 30;  // a step that takes longer makes /health say 503
  std::string content_filter;
  RequestLog log = RequestLog::logfmt;
  bool log_prompts = false;
  const DocumentIndex* documents = nullptr;  // that requests may ask for
};

// The server of `lineage serve`. Three threads: one reads and writes sockets and answers /health,
// one reads requests and makes answers, one owns the models. Nothing that a client sends can make
// the first wait.
class Server {
 public:
  // A line of the log, without its end; called on any of its threads, one at a time.
  using Line = std::function<void(const std::string&)>;
  // An Error for a keyless server on an address beyond the loopback, and for a port in use.
  Server(ServeOptions, ServedModels&, Line);
  ~Server();

  uint16_t port() const;
  // Whether the thread of the models makes progress, or has nothing to do. Any thread.
  bool well() const;
  // Until drain() is done, or stop().
  void run();
  // Any thread, also of a signal handler's. No new connections; answers that run have drain_seconds
  // to end, then their streams end with an error event.
  void drain();
  void stop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lineage
