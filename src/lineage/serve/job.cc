#include "lineage/serve/job.h"

#include "lineage/serve/api_error.h"

namespace lineage {

HttpHeaders json_headers(const RequestRecord& r) {
  return {{"Content-Type", "application/json"}, {"x-request-id", r.id}};
}

HttpHeaders stream_headers(const RequestRecord& r) {
  return {{"Content-Type", "text/event-stream; charset=utf-8"},
          {"Cache-Control", "no-cache"},
          {"X-Accel-Buffering", "no"},
          {"x-request-id", r.id}};
}

void Job::respond(const OrderedJson& body) {
  record_.status = 200;
  exchange_->respond({200, json_headers(record_), dumped(body)});
  done_ = true;
}

void Job::write(std::string event) {
  if (!streaming_) {
    streaming_ = true;
    record_.status = 200;
    exchange_->begin(200, stream_headers(record_));
  }
  exchange_->write(std::move(event));
}

void Job::finish_stream() {
  exchange_->write(kStreamEnd);
  exchange_->finish();
  done_ = true;
}

void Job::fail(int status, const std::string& message, const std::string& code) {
  if (done_) return;
  const ApiError e(status, message, {}, code);
  record_.finish = "error";
  if (streaming_) {
    exchange_->write(sse(error_body(e)));
    exchange_->finish();
  } else {
    record_.status = status;
    HttpResponse r = error_response(e);
    r.headers.emplace_back("x-request-id", record_.id);
    exchange_->respond(std::move(r));
  }
  done_ = true;
}

}  // namespace lineage
