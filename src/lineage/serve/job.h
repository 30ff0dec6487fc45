#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lineage/base/clock.h"
#include "lineage/http/http.h"
#include "lineage/serve/scheduler.h"
#include "lineage/serve/wire.h"

namespace lineage {

// What the log and the metrics have of a request; no word of a prompt or an answer.
struct RequestRecord {
  std::string id, method, path, model, peer, key;  // key: a short digest of the API key
  std::string route;                               // of few (route_of())
  int status = 0;
  bool stream = false;
  int64_t sequences = 0;
  Usage usage;
  std::string finish;  // the finish_reason of the first choice, "error" or "cancelled"
  double queue_seconds = 0, prefill_seconds = 0;
  std::optional<double> first_token_seconds;
  Clock::time_point began = Clock::now();
  std::vector<double> token_seconds;  // between the tokens of the first sequence, for the metrics
};

// A request whose answer is made of the events of sequences. One thread uses it.
class Job {
 public:
  Job(std::shared_ptr<HttpExchange> exchange, RequestRecord record)
      : exchange_(std::move(exchange)), record_(std::move(record)) {}
  virtual ~Job() = default;

  // What is to be computed; called once.
  virtual std::vector<SequenceRequest> sequences() = 0;
  // An event of sequence i of those. Answers the request when all is there.
  virtual void take(size_t i, const SequenceEvent&) = 0;
  // Further sequences that the last event made necessary, each of them the next part of sequence i;
  // called after each event.
  virtual std::vector<std::pair<size_t, SequenceRequest>> further() { return {}; }
  // Answers with an error, at whatever point the answer is.
  virtual void fail(int status, const std::string& message, const std::string& code);
  bool done() const { return done_; }
  RequestRecord& record() { return record_; }
  HttpExchange& exchange() { return *exchange_; }

 protected:
  void respond(const OrderedJson&);
  void write(std::string event);  // of a stream, which it begins
  void finish_stream();

  std::shared_ptr<HttpExchange> exchange_;
  RequestRecord record_;
  bool streaming_ = false, done_ = false;
};

HttpHeaders json_headers(const RequestRecord&);
HttpHeaders stream_headers(const RequestRecord&);

}  // namespace lineage
