#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "lineage/http/http.h"
#include "lineage/serve/job.h"
#include "lineage/serve/scheduler.h"

namespace lineage {

// What /metrics shows, in Prometheus's text format 0.0.4, with vLLM's names under lineage_
// (docs/serving.md has the list). Counters end in _total; no value is ever NaN. Any thread.
class Metrics {
 public:
  void count_request(const RequestRecord&, double seconds);
  void count_cancelled(const std::string& phase);
  std::string text(const Scheduler::Status&, const HttpServer::Counts&) const;

 private:
  struct Histogram {
    std::vector<int64_t> counts;  // by bucket, the last above all
    int64_t n = 0;
    double sum = 0;
    void add(const std::vector<double>& bounds, double x);
  };

  mutable std::mutex mutex_;
  std::map<std::array<std::string, 3>, int64_t> http_;     // path, method, status
  std::map<std::array<std::string, 2>, int64_t> success_;  // model, finish
  std::map<std::string, int64_t> cancelled_;
  std::map<std::string, std::map<std::string, Histogram>> histograms_;  // name, model
  std::map<std::string, std::pair<int64_t, int64_t>> tokens_;           // of prompts, generated
};

}  // namespace lineage
