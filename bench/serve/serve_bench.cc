#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "bench/serve/http_client.h"
#include "bench/serve/server_process.h"
#include "bench/serve/soak.h"
#include "bench/serve/workload.h"
#include "lineage/base/error.h"
#include "lineage/base/parallel.h"

namespace lineage {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kHelp =
    "`lineage serve` under load, beside the engine alone with the same prompts in the same run.\n"
    "The engine's thread has one core, the server's other threads and the clients another.\n"
    "\n"
    "Example: bench/serve/serve_bench runs/trees/gpt35-nano/chatgpt --clients 1 8 64";

const std::vector<std::string> kParts = {"cold", "throughput", "first", "health", "cancel"};

struct Options {
  std::string model, binary = "src/lineage/cli/lineage", json;
  std::vector<std::string> parts = kParts, server_arguments;
  std::vector<int64_t> clients = {1, 8, 64, 512};
  int64_t slots = 64, requests = 0, soak_clients = 64;
  double seconds = 6, soak = 0;
  uint64_t seed = 1;
  int engine_core = 0, other_core = 1, port = 0, pid = 0;
  Mix mix;
};

double percentile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const auto at = static_cast<size_t>(p * static_cast<double>(values.size() - 1) + .5);
  return values[at];
}

Json percentiles(const std::vector<double>& seconds) {
  Json j = Json::object();
  j["least_ms"] = 1e3 * percentile(seconds, 0);
  for (const int p : {50, 95, 99})
    j[fmt::format("p{}_ms", p)] = 1e3 * percentile(seconds, p / 100.0);
  return j;
}

std::string shown(const char* name, const Json& j) {
  return fmt::format("    {:<22}{:9.2f}{:9.2f}{:9.2f}{:9.2f} ms\n", name,
                     j["least_ms"].get<double>(), j["p50_ms"].get<double>(),
                     j["p95_ms"].get<double>(), j["p99_ms"].get<double>());
}

// What clients saw of some rounds.
struct Served {
  double seconds = 0;
  int64_t tokens = 0, faults = 0, requests = 0;
  std::vector<double> first, per_token, whole;
  std::map<std::string, ThreadTime> threads;
  double rate() const { return static_cast<double>(tokens) / seconds; }
};

// Each client sends its next request when it has an answer, until all are answered.
void drive(Poller& poller, const ServerProcess& server, const std::vector<Ask>& asks, bool stream,
           int64_t clients, Served& out) {
  std::vector<std::string> requests;
  for (const Ask& a : asks) requests.push_back(post("/v1/completions", body_of(a, stream)));
  std::vector<std::unique_ptr<Connection>> connections;
  size_t next = 0, over = 0;
  bool begun = false;
  const auto go_on = [&](Connection& c) {
    if (begun && next < requests.size()) c.request(std::move(requests[next++]));
  };
  std::vector<Answer> answers;
  for (int64_t i = 0; i < std::min<int64_t>(clients, std::ssize(asks)); ++i) {
    connections.push_back(std::make_unique<Connection>(poller, server.port()));
    Connection& c = *connections.back();
    c.on_answer = [&](Connection& done) {
      answers.push_back(done.answer());
      ++over;
      go_on(done);
    };
    c.on_lost = [&](Connection& gone) {
      ++out.faults, ++over;
      go_on(gone);
    };
    c.request(get("/livez"));  // connects it before the time is taken
  }
  while (over < connections.size()) poller.run(100);
  const auto before = server.known() ? server.threads() : out.threads;
  const auto begin = Clock::now();
  answers.clear(), over = 0, begun = true;
  for (const auto& c : connections) go_on(*c);
  while (over < asks.size()) poller.run(100);
  out.seconds += seconds_since(begin);
  if (server.known())
    for (const auto& [name, time] : server.threads()) {
      const auto was = before.find(name);
      out.threads[name].ran += time.ran - (was == before.end() ? 0 : was->second.ran);
      out.threads[name].waited += time.waited - (was == before.end() ? 0 : was->second.waited);
    }
  for (const Answer& a : answers) {
    ++out.requests;
    const int64_t n = completion_tokens(a.body);
    if (a.status != 200 || n < 1) {
      ++out.faults;
      continue;
    }
    out.tokens += n;
    out.whole.push_back(a.seconds());
    if (!stream) continue;
    out.first.push_back(a.first_seconds());
    if (n > 1)
      out.per_token.push_back((a.seconds() - a.first_seconds()) / static_cast<double>(n - 1));
  }
}

Json shares(const Served& s) {
  Json j = Json::object();
  for (const auto& [name, time] : s.threads)
    j[name] = {{"ran", time.ran / s.seconds}, {"waited", time.waited / s.seconds}};
  return j;
}

class Bench {
 public:
  explicit Bench(const Options& o) : o_(o), engine_(o.model), rng_(Rng(o.seed).fold("serve")) {
    set_num_threads(1);
    pin_this_thread(o.other_core);
    const auto begin = Clock::now();
    if (o.port > 0) {
      server_ = std::make_unique<ServerProcess>(static_cast<uint16_t>(o.port), o.pid);
    } else {
      std::vector<std::string> arguments = {
          o.model, "--port", "0", "--threads", "1", "--slots", std::to_string(o.slots)};
      if (o.soak > 0) arguments.insert(arguments.end(), {"--log", "off"});
      arguments.insert(arguments.end(), o.server_arguments.begin(), o.server_arguments.end());
      server_ = std::make_unique<ServerProcess>(o.binary, arguments, o.engine_core, o.other_core);
    }
    const double listens = seconds_since(begin);
    const Answer a = ask_once(poller_, server_->port(),
                              post("/v1/completions", body_of(engine_.one(rng_, 8, 1), false)));
    require(a.status == 200, "the first request: status ", a.status, ": ", a.body);
    if (wants("cold") && o.port == 0) {
      const double answers = seconds_since(begin);
      result_["cold"] = {{"listens_ms", 1e3 * listens}, {"first_answer_ms", 1e3 * answers}};
      fmt::print("cold start: listens after {:.0f} ms, first answer after {:.0f} ms\n",
                 1e3 * listens, 1e3 * answers);
    }
  }

  int run() {
    if (wants("throughput"))
      for (const int64_t n : o_.clients) throughput(n);
    if (wants("first")) first_token();
    if (wants("health")) health();
    if (wants("cancel")) {
      result_["cancel"] = cancellation(poller_, *server_, engine_, o_.slots, rng_.fold("cancel"));
      fmt::print("steps after a client left:\n");
      for (const auto& [name, j] : result_["cancel"].items())
        fmt::print("  {}: {}\n", name, j.dump());
    }
    bool bad = false;
    if (o_.soak > 0) {
      const Json j =
          soak(poller_, *server_, engine_, o_.slots, o_.soak_clients, o_.soak, rng_.fold("soak"));
      fmt::print("soak: {}\n", j.dump(1));
      bad = j["wrong"] != 0 || j["lost"] != 0 || j["wrong_status"] != 0 || j["crashed"] == true;
      result_["soak"] = j;
    }
    if (o_.port == 0) {
      const int status = server_->end();
      result_["exit_status"] = status;
      if (status != 0) fmt::print("the server ended with {}\n{}\n", status, server_->log());
      bad |= status != 0;
    }
    if (!o_.json.empty()) std::ofstream(o_.json) << result_.dump(1) << "\n";
    return bad ? 1 : 0;
  }

 private:
  bool wants(const std::string& part) const {
    return std::ranges::find(o_.parts, part) != o_.parts.end();
  }

  // On the engine's core.
  template <class Work>
  auto alone(const Work& work) const {
    pin_this_thread(o_.engine_core);
    const auto result = work();
    pin_this_thread(o_.other_core);
    return result;
  }

  // Rounds of the engine alone, then whole answers, then streams, so that all three meet the same
  // state of the machine. Every round has its own prompts: an engine knows the last ones it read.
  void throughput(int64_t clients) {
    const int64_t n = o_.requests > 0 ? o_.requests : std::clamp<int64_t>(8 * clients, 24, 1024);
    EngineAlone::Run own;
    Served whole, streamed;
    int64_t differ = 0;
    const Rng rng = rng_.fold("throughput").fold(static_cast<uint64_t>(clients));
    const auto begin = Clock::now();
    for (uint64_t round = 0; round == 0 || seconds_since(begin) < o_.seconds; ++round) {
      const auto asks = engine_.draw(o_.mix, rng.fold(round), n);
      const auto r = alone([&] { return engine_.run(asks, clients, o_.slots); });
      own.seconds += r.seconds, own.processor_seconds += r.processor_seconds;
      own.tokens += r.tokens;
      const int64_t before = whole.tokens;
      drive(poller_, *server_, asks, false, clients, whole);
      differ += whole.tokens - before - r.tokens;
      drive(poller_, *server_, engine_.draw(o_.mix, rng.fold(round).fold("streamed"), n), true,
            clients, streamed);
    }
    const double rate = static_cast<double>(own.tokens) / own.seconds;
    Json j = {{"clients", clients}, {"engine_tokens_per_s", rate}, {"tokens_differ", differ}};
    const double cost = 1e6 * own.processor_seconds / static_cast<double>(own.tokens);
    j["engine_processor_us_per_token"] = cost;
    fmt::print("{} clients: engine alone {:.0f} tokens/s, {:.1f} us of a processor a token\n",
               clients, rate, cost);
    for (const auto& [name, s] : {std::pair("whole", &whole), {"streamed", &streamed}}) {
      Json& part =
          j[name] = {{"tokens_per_s", s->rate()},        {"served_over_engine", s->rate() / rate},
                     {"requests", s->requests},          {"faults", s->faults},
                     {"latency", percentiles(s->whole)}, {"threads", shares(*s)}};
      // What other programs take of the cores cancels: the part of the time in which the engine's
      // thread had work, and what a token costs it.
      if (const auto t = s->threads.find(kEngineThread); t != s->threads.end()) {
        const double busy = (t->second.ran + t->second.waited) / s->seconds;
        part["undisturbed"] = busy * cost * static_cast<double>(s->tokens) / (1e6 * t->second.ran);
      }
      fmt::print(
          "  {:<9}{:9.0f} tokens/s, {:.2f} of the engine; {:.2f} by processor time; {} faults\n",
          name, s->rate(), s->rate() / rate, part.value("undisturbed", 0.0), s->faults);
      fmt::print("    {:<22}{:>9}{:>9}{:>9}{:>9}\n", "", "least", "p50", "p95", "p99");
      if (!s->first.empty()) {
        part["first_token"] = percentiles(s->first);
        part["per_token"] = percentiles(s->per_token);
        fmt::print("{}{}", shown("first token", part["first_token"]),
                   shown("each further token", part["per_token"]));
      }
      fmt::print("{}", shown("whole answer", part["latency"]));
      for (const auto& [thread, t] : s->threads)
        if (t.ran > .005 * s->seconds)
          fmt::print(
              "    {:<22}{:.2f} of the time at work, {:.2f} waiting for a core, {:.1f} us a "
              "token\n",
              thread, t.ran / s->seconds, t.waited / s->seconds,
              1e6 * t.ran / static_cast<double>(s->tokens));
    }
    if (differ != 0) fmt::print("  {} tokens more than the engine; wanted as many\n", differ);
    std::fflush(stdout);
    result_["throughput"].push_back(std::move(j));
  }

  void first_token() {
    constexpr int64_t kPrompt = 64, kRounds = 10, kEach = 20;
    std::vector<double> served, one, two;
    for (uint64_t round = 0; round < kRounds; ++round) {
      const auto draw = [&](const char* what) {
        return engine_.draw({{kPrompt}, {4}}, rng_.fold("first").fold(what).fold(round), kEach);
      };
      const auto asks = draw("engine");
      const auto own = alone([&] { return engine_.first_tokens(asks, o_.slots); });
      one.insert(one.end(), own.one.begin(), own.one.end());
      two.insert(two.end(), own.two.begin(), own.two.end());
      Served s;
      drive(poller_, *server_, draw("served"), true, 1, s);
      served.insert(served.end(), s.first.begin(), s.first.end());
    }
    const double ratio = percentile(served, .5) / percentile(two, .5);
    result_["first_token"] = {{"prompt_tokens", kPrompt},
                              {"served", percentiles(served)},
                              {"engine_prefill", percentiles(one)},
                              {"engine_prefill_and_step", percentiles(two)},
                              {"served_over_prefill_and_step", ratio}};
    fmt::print(
        "first token, one client, {} tokens of prompt; least, p50, p95, p99:\n{}{}{}    {:.2f} of "
        "the engine's prefill and a step\n",
        kPrompt, shown("served", percentiles(served)), shown("engine: prefill", percentiles(one)),
        shown("engine: and a step", percentiles(two)), ratio);
  }

  void health() {
    constexpr int kStreams = 64, kHalves = 64, kAsked = 200;
    std::vector<std::unique_ptr<Connection>> all;
    uint64_t n = 0;
    const int64_t context = engine_.model().config.context;
    const auto stream = [&](Connection& c) {
      const Ask a = engine_.one(rng_.fold("health").fold(n++), 4, context - 4);
      c.request(post("/v1/completions", body_of(a, true)));
    };
    for (int i = 0; i < kStreams; ++i) {
      all.push_back(std::make_unique<Connection>(poller_, server_->port()));
      all.back()->on_answer = stream;
      stream(*all.back());
    }
    // Half of them inside of their headers, half inside of their bodies.
    for (int i = 0; i < kHalves; ++i) {
      all.push_back(std::make_unique<Connection>(poller_, server_->port()));
      all.back()->send_part(i % 2
                                ? "POST /v1/completions HTTP/1.1\r\nHost: localh"
                                : "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                                  "Content-Type: application/json\r\nContent-Length: 999\r\n\r\n{");
    }
    Connection c(poller_, server_->port());
    std::vector<double> seconds;
    int64_t bad = 0;
    for (int i = 0; i < kAsked; ++i) {
      const auto pause = Clock::now();
      while (seconds_since(pause) < .01) poller_.run(1);
      c.request(get("/health"));
      poller_.run_until([&] { return !c.busy(); }, 60, "/health");
      seconds.push_back(c.answer().seconds());
      bad += c.answer().status != 200;
    }
    Json j = percentiles(seconds);
    const double largest = std::ranges::max(seconds);
    j["largest_ms"] = 1e3 * largest;
    j["not_200"] = bad;
    fmt::print(
        "/health beside {} streams and {} half requests, {} times: median {:.2f} ms, largest "
        "{:.2f} ms; {} not 200\n",
        kStreams, kHalves, kAsked, 1e3 * percentile(seconds, .5), 1e3 * largest, bad);
    result_["health"] = std::move(j);
  }

  Options o_;
  EngineAlone engine_;
  Rng rng_;
  Poller poller_;
  std::unique_ptr<ServerProcess> server_;
  Json result_ = Json::object();
};

}  // namespace
}  // namespace lineage

int main(int argc, char** argv) {
  lineage::Options o;
  CLI::App app(lineage::kHelp, "serve_bench");
  app.add_option("MODEL", o.model, "a checkpoint's folder")->required();
  app.add_option("--lineage", o.binary, "the program that serves")->capture_default_str();
  app.add_option("--port", o.port,
                 "of a server of this model that runs already, with --slots as here");
  app.add_option("--pid", o.pid, "its process, to see its threads and memory");
  app.add_option("--parts", o.parts, "of cold, throughput, first, health, cancel")
      ->check(CLI::IsMember(lineage::kParts));
  app.add_option("--clients", o.clients, "how many at once")->capture_default_str();
  app.add_option("--seconds", o.seconds, "of throughput, for each number of clients")
      ->capture_default_str();
  app.add_option("--requests", o.requests, "of a round; 0: 8 a client, 24 to 1024");
  app.add_option("--prompt-tokens", o.mix.prompt_tokens, "lengths of prompts, drawn for each")
      ->capture_default_str();
  app.add_option("--max-tokens", o.mix.max_tokens, "lengths of answers, drawn for each")
      ->capture_default_str();
  app.add_option("--slots", o.slots, "answers that are generated at once")->capture_default_str();
  app.add_option("--soak", o.soak, "seconds of clients that behave badly");
  app.add_option("--soak-clients", o.soak_clients, "how many")->capture_default_str();
  app.add_option("--seed", o.seed, "of prompts and of what clients do")->capture_default_str();
  app.add_option("--engine-core", o.engine_core, "of the engine's thread; -1: any")
      ->capture_default_str();
  app.add_option("--other-core", o.other_core, "of everything else")->capture_default_str();
  app.add_option("--serve-arguments", o.server_arguments, "further ones of lineage serve");
  app.add_option("--json", o.json, "a file for all numbers");
  CLI11_PARSE(app, argc, argv);
  try {
    return lineage::Bench(o).run();
  } catch (const lineage::Error& e) {
    fmt::print(stderr, "error: {}\n", e.what());
    if (!e.hint().empty()) fmt::print(stderr, "help:  {}\n", e.hint());
    return 1;
  } catch (const std::exception& e) {
    fmt::print(stderr, "error: {}\n", e.what());
    return 1;
  }
}
