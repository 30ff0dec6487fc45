#include "lineage/serve/metrics.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "lineage/tensor/pool.h"

namespace lineage {
namespace {

// vLLM's bounds of latencies, for small models too.
const std::vector<double> kSeconds = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25,
                                      0.5,   0.75,  1,    2.5,  5,    7.5,  10,   20,  40};
const std::vector<double> kTokens = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};

const std::vector<double>& bounds_of(const std::string& name) {
  return name.ends_with("_tokens") ? kTokens : kSeconds;
}

std::string escaped(const std::string& label) {
  std::string out;
  for (const char c : label) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

int64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  int64_t size = 0, resident = 0;
  in >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

int64_t open_files() {
  DIR* folder = opendir("/proc/self/fd");
  if (!folder) return 0;
  int64_t n = 0;
  while (readdir(folder)) ++n;
  closedir(folder);
  return n - 3;  // ".", ".." and the folder itself
}

void head(std::string& out, const char* name, const char* type, const char* help) {
  out += fmt::format("# HELP lineage_{0} {2}\n# TYPE lineage_{0} {1}\n", name, type, help);
}

template <class Number>
void single(std::string& out, const char* name, const char* type, const char* help, Number value) {
  head(out, name, type, help);
  out += fmt::format("lineage_{} {}\n", name, value);
}

}  // namespace

void Metrics::Histogram::add(const std::vector<double>& bounds, double x) {
  counts.resize(bounds.size() + 1);
  ++counts[static_cast<size_t>(std::ranges::lower_bound(bounds, x) - bounds.begin())];
  ++n;
  sum += x;
}

void Metrics::count_request(const RequestRecord& r, double seconds) {
  const std::lock_guard lock(mutex_);
  ++http_[{r.route, r.method, std::to_string(r.status)}];
  if (r.sequences == 0 || r.finish == "error" || r.finish == "cancelled") return;
  ++success_[{r.model, r.finish}];
  auto& [prompt, generated] = tokens_[r.model];
  prompt += r.usage.prompt, generated += r.usage.completion;
  const auto add = [&](const char* name, double x) {
    histograms_[name][r.model].add(bounds_of(name), x);
  };
  add("e2e_request_latency_seconds", seconds);
  add("request_queue_time_seconds", r.queue_seconds);
  add("request_prefill_time_seconds", r.prefill_seconds);
  if (r.first_token_seconds) add("time_to_first_token_seconds", *r.first_token_seconds);
  for (const double s : r.token_seconds) add("inter_token_latency_seconds", s);
  add("request_prompt_tokens", static_cast<double>(r.usage.prompt));
  add("request_generation_tokens", static_cast<double>(r.usage.completion));
}

void Metrics::count_cancelled(const std::string& phase) {
  const std::lock_guard lock(mutex_);
  ++cancelled_[phase];
}

std::string Metrics::text(const Scheduler::Status& s, const HttpServer::Counts& http) const {
  std::string out;
  single(out, "num_requests_running", "gauge", "Sequences that are read or generated now.",
         s.running);
  single(out, "num_requests_waiting", "gauge", "Sequences that wait for a slot.", s.waiting);
  single(out, "kv_cache_usage_perc", "gauge", "Share of the models' caches in use, 0 to 1.",
         s.cache_room > 0 ? static_cast<double>(s.cache_tokens) / static_cast<double>(s.cache_room)
                          : 0.0);
  single(out, "prefix_cache_queries_total", "counter", "Tokens of prompts, those copied too.",
         s.prefixes.wanted);
  single(out, "prefix_cache_hits_total", "counter", "Tokens of prompts that were copied.",
         s.prefixes.copied);
  single(out, "models_loaded", "gauge", "Models in memory.", s.loaded);
  single(out, "models_memory_bytes", "gauge", "Bytes of their weights and caches.", s.memory_bytes);
  const pool::Stats pooled = pool::stats();
  single(out, "tensor_pool_cached_bytes", "gauge", "Bytes kept for the tensors of later steps.",
         pooled.cached);
  single(out, "tensor_pool_used_bytes", "gauge", "Bytes of tensors, weights and caches too.",
         pooled.in_use);
  single(out, "engine_steps_total", "counter", "Steps of the scheduler.", s.steps);
  single(out, "engine_generated_tokens_total", "counter",
         "Tokens drawn, those of cancelled requests too.", s.generated_tokens);
  single(out, "http_connections", "gauge", "Open connections.", http.connections);
  single(out, "http_connections_total", "counter", "Connections accepted.", http.accepted);
  single(out, "http_clients_gone_total", "counter",
         "Clients that left before they had all of an answer.", http.gone);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  single(out, "process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes());
  single(out, "process_cpu_seconds_total", "counter", "Processor time.",
         seconds(usage.ru_utime) + seconds(usage.ru_stime));
  single(out, "process_open_fds", "gauge", "Open files and sockets.", open_files());

  const std::lock_guard lock(mutex_);
  head(out, "http_requests_total", "counter", "Requests answered.");
  for (const auto& [key, n] : http_)
    out += fmt::format(
        "lineage_http_requests_total{{handler=\"{}\",method=\"{}\",status=\"{}\"}} {}\n",
        escaped(key[0]), escaped(key[1]), key[2], n);
  head(out, "request_success_total", "counter", "Requests with an answer, by how it ended.");
  for (const auto& [key, n] : success_)
    out += fmt::format(
        "lineage_request_success_total{{model_name=\"{}\",finished_reason=\"{}\"}} {}\n",
        escaped(key[0]), key[1], n);
  head(out, "requests_cancelled_total", "counter", "Requests whose client left, by phase.");
  for (const auto& [phase, n] : cancelled_)
    out += fmt::format("lineage_requests_cancelled_total{{phase=\"{}\"}} {}\n", phase, n);
  head(out, "prompt_tokens_total", "counter", "Tokens of prompts.");
  for (const auto& [model, n] : tokens_)
    out += fmt::format("lineage_prompt_tokens_total{{model_name=\"{}\"}} {}\n", escaped(model),
                       n.first);
  head(out, "generation_tokens_total", "counter", "Tokens of answers.");
  for (const auto& [model, n] : tokens_)
    out += fmt::format("lineage_generation_tokens_total{{model_name=\"{}\"}} {}\n", escaped(model),
                       n.second);
  for (const auto& [name, models] : histograms_) {
    head(out, name.c_str(), "histogram", "By model.");
    for (const auto& [model, h] : models) {
      const auto& bounds = bounds_of(name);
      int64_t below = 0;
      const std::string label = escaped(model);
      for (size_t b = 0; b < bounds.size(); ++b)
        out += fmt::format("lineage_{}_bucket{{model_name=\"{}\",le=\"{}\"}} {}\n", name, label,
                           bounds[b], below += h.counts[b]);
      out += fmt::format(
          "lineage_{0}_bucket{{model_name=\"{1}\",le=\"+Inf\"}} {2}\n"
          "lineage_{0}_sum{{model_name=\"{1}\"}} {3}\n"
          "lineage_{0}_count{{model_name=\"{1}\"}} {2}\n",
          name, label, h.n, h.sum);
    }
  }
  return out;
}

}  // namespace lineage
