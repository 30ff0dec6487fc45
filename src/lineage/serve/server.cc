#include "lineage/serve/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>

#include "lineage/base/clock.h"
#include "lineage/base/error.h"
#include "lineage/checkpoint/manifest.h"
#include "lineage/serve/api.h"
#include "lineage/serve/api_error.h"
#include "lineage/serve/page_files.h"
#include "lineage/serve/work_queue.h"

namespace lineage {
namespace {

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
}

// An exchange whose answers have further headers, those that let another origin's page read them.
class WithHeaders final : public HttpExchange {
 public:
  WithHeaders(std::shared_ptr<HttpExchange> inner, HttpHeaders headers)
      : inner_(std::move(inner)), headers_(std::move(headers)) {}
  void respond(HttpResponse r) override {
    r.headers.insert(r.headers.end(), headers_.begin(), headers_.end());
    inner_->respond(std::move(r));
  }
  void begin(int status, HttpHeaders headers) override {
    headers.insert(headers.end(), headers_.begin(), headers_.end());
    inner_->begin(status, std::move(headers));
  }
  void write(std::string piece) override { inner_->write(std::move(piece)); }
  void finish() override { inner_->finish(); }
  void on_gone(std::function<void()> f) override { inner_->on_gone(std::move(f)); }

 private:
  std::shared_ptr<HttpExchange> inner_;
  HttpHeaders headers_;
};

// 4f0c1d…: told apart from those of other runs of the server, too.
std::string next_id() {
  static const uint64_t run = std::random_device()() | (uint64_t{std::random_device()()} << 32);
  static std::atomic<uint64_t> count = 0;
  return fmt::format("{:016x}{:08x}", run, ++count);
}

// Clients show it with an error, and the log has it.
HttpResponse with_id(HttpResponse r, const std::string& id) {
  r.headers.emplace_back("x-request-id", id);
  return r;
}

HttpResponse json_response(int status, const nlohmann::ordered_json& body) {
  return {status, {{"Content-Type", "application/json"}}, body.dump()};
}

// What a request was, as key=value words or as JSON.
std::string log_line(RequestLog form, const RequestRecord& r, double seconds,
                     const std::string& prompt) {
  nlohmann::ordered_json j = {{"ts", utc_now()},
                              {"req_id", r.id},
                              {"method", r.method},
                              {"path", r.path},
                              {"status", r.status}};
  if (!r.model.empty()) j["model"] = r.model;
  if (r.sequences > 0) {
    j["stream"] = r.stream;
    j["sequences"] = r.sequences;
    j["prompt_tokens"] = r.usage.prompt;
    j["completion_tokens"] = r.usage.completion;
    j["queue_ms"] = std::round(1e5 * r.queue_seconds) / 100;
    if (r.first_token_seconds) j["ttft_ms"] = std::round(1e5 * *r.first_token_seconds) / 100;
  }
  j["total_ms"] = std::round(1e5 * seconds) / 100;
  if (!r.finish.empty()) j["finish"] = r.finish;
  j["peer"] = r.peer;
  if (!r.key.empty()) j["key_id"] = r.key;
  if (!prompt.empty()) j["body"] = prompt;
  constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
  if (form == RequestLog::json) return j.dump(-1, ' ', false, kReplace);
  std::string line;
  for (const auto& [key, value] : j.items()) {
    if (!line.empty()) line += ' ';
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    const bool plain = !text.empty() && text.find_first_of(" \"=\n") == std::string::npos;
    line += key + "=" + (plain ? text : value.dump(-1, ' ', true, kReplace));
  }
  return line;
}

}  // namespace

struct Server::Parts {
  Parts(ServeOptions given, ServedModels& served, Line line)
      : options(std::move(given)),
        write_line(std::move(line)),
        front({options.keys, options.allowed_hosts, options.allowed_origins, options.address}),
        api_options{options.content_filter, options.log_prompts, options.documents},
        page_api(options.page, served),
        report_pages(options.page.runs),
        scheduler(options.scheduler,
                  [this](std::vector<SequenceEvent> events) {
                    desk.post([this, events = std::make_shared<std::vector<SequenceEvent>>(
                                         std::move(events))] { api.take(std::move(*events)); });
                  }),
        api(api_options, served, scheduler, metrics,
            [this](const RequestRecord& r, double s, const std::string& prompt) {
              log(r, s, prompt);
            }),
        http(
            options.http,
            [this](HttpRequest r, std::shared_ptr<HttpExchange> e) {
              handle(std::move(r), std::move(e));
            },
            [](int status, const std::string& message) {
              return with_id(error_response(ApiError(status, message)), next_id());
            }) {}

  // The desk's work uses the API, which uses the scheduler, whose events go to the desk: so the
  // desk ends first.
  ~Parts() {
    pages.end();
    reports.end();
    desk.post([this] { api.end_all("this server has ended"); });
    desk.end();
  }

  void log(const RequestRecord& r, double seconds, const std::string& prompt) {
    if (options.log == RequestLog::off) return;
    const std::string line = log_line(options.log, r, seconds, prompt);
    const std::lock_guard lock(log_mutex);
    write_line(line);
  }

  // On the I/O thread.
  void handle(HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
    if (HttpHeaders cors = front.cors(request); !cors.empty())
      exchange = std::make_shared<WithHeaders>(std::move(exchange), std::move(cors));
    RequestRecord record;
    record.id = next_id();
    record.method = request.method;
    const std::string path = path_of(request.target).value_or("");
    record.route = route_of(path);
    record.path = record.route == "other" ? record.route : path;
    record.peer = request.peer;
    record.key = front.key_of(request);
    if (auto refused = front.refuse(request)) {
      record.status = refused->status;
      exchange->respond(with_id(std::move(*refused), record.id));
      metrics.count_request(record, seconds_since(record.began));
      return log(record, seconds_since(record.began), "");
    }
    if (path == "/livez") return exchange->respond(json_response(200, {{"status", "ok"}}));
    if (path == "/health") return exchange->respond(health());
    if (path == "/metrics")
      return exchange->respond({200,
                                {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                                metrics.text(scheduler.status(), http.counts())});
    if (auto file = page_files.answer(path, request)) return exchange->respond(std::move(*file));
    if (draining)
      return exchange->respond(
          with_id(unavailable("this server is shutting down", "server_shutdown"), record.id));
    if (PageApi::has(path)) {
      const bool report = ReportPages::has(path);
      return (report ? reports : pages)
          .post([this, request = std::make_shared<HttpRequest>(std::move(request)), exchange,
                 record, report]() mutable { answer_page(*request, *exchange, record, report); });
    }
    exchange->on_gone([this, id = record.id] { desk.post([this, id] { api.gone(id); }); });
    desk.post([this, request = std::make_shared<HttpRequest>(std::move(request)), exchange,
               record = std::move(record)] {
      try {
        api.handle(*request, exchange, record, [this](std::function<void()> f) { desk.post(f); });
      } catch (const std::exception& e) {  // a fault of this server
        RequestRecord failed = record;
        failed.status = 500, failed.finish = "error";
        exchange->respond(
            with_id(error_response(ApiError(500, e.what(), {}, "internal_error")), failed.id));
        metrics.count_request(failed, seconds_since(failed.began));
        log(failed, seconds_since(failed.began), "");
      }
    });
  }

  void answer_page(const HttpRequest& request, HttpExchange& exchange, RequestRecord& record,
                   bool report) {
    HttpResponse r;
    if (report && draining) {  // it would take seconds
      r = unavailable("this server is shutting down", "server_shutdown");
    } else
      try {
        r = report ? report_pages.answer(request) : page_api.answer(request);
      } catch (const std::exception& e) {  // a fault of this server
        r = error_response(ApiError(500, e.what(), {}, "internal_error"));
      }
    record.status = r.status;
    if (r.status >= 400) record.finish = "error";
    exchange.respond(with_id(std::move(r), record.id));
    metrics.count_request(record, seconds_since(record.began));
    log(record, seconds_since(record.began), "");
  }

  static HttpResponse unavailable(const std::string& why, const std::string& code) {
    ApiError e(503, why, {}, code);
    e.headers.emplace_back("Retry-After", "2");
    return error_response(e);
  }

  bool stuck(const Scheduler::Status& s) const {
    return s.idle_or_stepped_seconds_ago > options.stuck_seconds;
  }

  HttpResponse health() const {
    const Scheduler::Status s = scheduler.status();
    if (draining) return unavailable("this server is shutting down", "server_shutdown");
    if (stuck(s))
      return unavailable(
          fmt::format("no step of the models for {:.0f} s", s.idle_or_stepped_seconds_ago),
          "stuck");
    if (!loaded) return unavailable("the default model is being read", "loading");
    return json_response(200, {{"status", "ok"}});
  }

  ServeOptions options;
  Line write_line;
  std::mutex log_mutex;
  Front front;
  Metrics metrics;
  ApiOptions api_options;
  std::atomic<bool> draining = false, loaded = false;
  const PageFiles page_files;
  PageApi page_api;
  ReportPages report_pages;
  WorkQueue desk{"lineage-desk"}, pages{"lineage-pages"}, reports{"lineage-reports"};
  Scheduler scheduler;
  Api api;
  HttpServer http;
};

Server::Server(ServeOptions options, ServedModels& models, Line line) {
  if (!is_loopback(options.address) && options.keys.empty() && !options.open_to_all)
    throw Error(fmt::format("serve: {} can be reached from other machines, and no API key is "
                            "wanted of them; wanted --api-key-file",
                            options.address),
                "--insecure serves everybody who reaches it");
  parts_ = std::make_unique<Parts>(std::move(options), models, std::move(line));
  parts_->http.listen(parts_->options.address, parts_->options.port);
  Parts* p = parts_.get();
  if (const auto first = models.default_model())
    p->scheduler.run_with(first, [p](const Model*, const std::string&) { p->loaded = true; });
  else
    p->loaded = true;
}

Server::~Server() = default;

uint16_t Server::port() const { return parts_->http.port(); }

bool Server::well() const { return !parts_->stuck(parts_->scheduler.status()); }

void Server::run() { parts_->http.run(); }

void Server::drain() {
  Parts* p = parts_.get();
  if (p->draining.exchange(true)) return p->http.stop();  // the second time: at once
  p->http.drain();
  p->http.after(p->options.drain_seconds,
                [p] { p->desk.post([p] { p->api.end_all("this server is shutting down"); }); });
}

void Server::stop() { parts_->http.stop(); }

}  // namespace lineage
