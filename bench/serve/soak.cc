#include "bench/serve/soak.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "lineage/base/error.h"

namespace lineage {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kCompletions = "/v1/completions";

// Text, tokens with their log-probabilities, and how it ended: all of a choice, whether it came in
// one piece or in many. Numbers are compared as they were written.
std::string essence(const Answer& a, bool stream) {
  std::string text, finish = "none";
  Json logs = {{"tokens", Json::array()},
               {"token_logprobs", Json::array()},
               {"top_logprobs", Json::array()},
               {"text_offset", Json::array()}};
  int64_t tokens = -1;
  bool done = !stream;
  const auto add = [&](const std::string& part) {
    const Json j = Json::parse(part, nullptr, false);
    if (j.is_discarded() || j.contains("error")) {
      finish = "error: " + part;
      return;
    }
    if (j.contains("usage") && j["usage"].is_object()) tokens = j["usage"]["completion_tokens"];
    for (const Json& c : j["choices"]) {
      text += c["text"].get<std::string>();
      if (c["logprobs"].is_object())
        for (auto& [name, list] : logs.items())
          for (const Json& x : c["logprobs"][name]) list.push_back(x);
      if (c["finish_reason"].is_string()) finish = c["finish_reason"];
    }
  };
  if (stream) {
    size_t at = 0;
    for (size_t end; (end = a.body.find("\n\n", at)) != a.body.npos; at = end + 2) {
      const std::string part = a.body.substr(at + 6, end - at - 6);  // without "data: "
      if (part == "[DONE]")
        done = true;
      else
        add(part);
    }
  } else {
    add(a.body);
  }
  return fmt::format("{} {} {} {} {}", Json(text).dump(), logs.dump(), finish, tokens, done);
}

// A request with the answer that it gets alone.
struct Known {
  std::string whole, streamed;  // requests
  std::string essence;
};

std::vector<Known> known_requests(Poller& poller, uint16_t port, const EngineAlone& engine,
                                  const Rng& rng, int64_t n) {
  std::vector<Known> all;
  const int64_t context = engine.model().config.context;
  for (int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<uint64_t>(i);
    const Rng key = rng.fold(at);
    Ask a = engine.one(key, 1 + static_cast<int64_t>(key.below(96, 0)),
                       1 + static_cast<int64_t>(key.below(64, 1)));
    a.sampling.max_tokens = std::min(a.sampling.max_tokens, context - std::ssize(a.prompt));
    if (key.below(4, 2) == 0) a.sampling.temperature = 0;
    if (key.below(2, 3) == 0) a.sampling.logit_bias.clear();  // it may end early
    std::string more = fmt::format(",\"logprobs\":{}", key.below(6, 4));
    if (key.below(4, 5) == 0) more += ",\"echo\":true";
    if (key.below(4, 6) == 0) more += ",\"top_p\":0.9,\"presence_penalty\":0.5";
    if (key.below(4, 7) == 0) more += ",\"stop\":[\"a\",\" the\"]";
    Known k{post(kCompletions, body_of(a, false, more)),
            post(kCompletions, body_of(a, true, more)),
            {}};
    const Answer alone = ask_once(poller, port, k.whole);
    require(alone.status == 200, "a request alone: status ", alone.status, ": ", alone.body);
    k.essence = essence(alone, false);
    all.push_back(std::move(k));
  }
  return all;
}

// A request that the server must refuse, and how.
struct Refused {
  std::string bytes;
  int status;
};

std::vector<Refused> refused_requests() {
  std::vector<Refused> all;
  const auto add = [&](std::string_view path, const std::string& body) {
    all.push_back({post(path, body), 400});
  };
  add(kCompletions, "{");
  add(kCompletions, "[1,2");
  add(kCompletions, "\xff\xfe{}");
  add(kCompletions, "{\"prompt\":[1,2],\"max_tokens\":-1}");
  add(kCompletions, "{\"prompt\":[1,2],\"max_tokens\":1e300}");
  add(kCompletions, "{\"prompt\":[1,1000000]}");
  add(kCompletions, "{\"prompt\":[1],\"prompt\":[2]}");
  add(kCompletions, "{\"prompt\":[" + std::string(100000, '[') + std::string(100000, ']') + "]}");
  add(kCompletions, "{\"prompt\":[1],\"logit_bias\":{\"x\":1}}");
  add(kCompletions, "{\"prompt\":[1],\"logit_bias\":{\"99999999\":1}}");
  add(kCompletions, "{\"prompt\":[1],\"seed\":9223372036854775808}");
  add("/v1/chat/completions", "{\"messages\":[]}");
  add("/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":5}]}");
  const std::string hello = "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],";
  add("/v1/chat/completions", hello + "\"response_format\":{\"type\":3}}");
  add("/v1/chat/completions", hello + "\"tools\":[{\"function\":{}}]}");
  add("/v1/chat/completions", hello +
                                  "\"tools\":[{\"function\":{\"name\":\"c\",\"parameters\":"
                                  "{\"properties\":{\"x\":{\"type\":1}}}}}]}");
  add("/v1/chat/completions", hello +
                                  "\"tools\":[{\"function\":{\"name\":\"c\",\"parameters\":"
                                  "{\"properties\":[1]}}}]}");
  add("/detokenize", "{\"tokens\":[[[1]]]}");
  add("/tokenize", "{\"prompt\":5}");
  all.push_back(
      {"POST /v1/completions HTTP/1.1\r\nHost: evil.example\r\n"
       "Content-Length: 0\r\n\r\n",
       403});
  all.push_back({"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n", 404});
  all.push_back(
      {"PUT /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405});
  all.push_back(
      {"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
       "Content-Length: 2\r\n\r\n{}",
       415});
  all.push_back(
      {"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
       "Content-Type: application/json\r\nContent-Length: 90000000\r\n\r\n" +
           std::string(100000, ' '),
       413});
  all.push_back({"nonsense\r\n\r\n", 400});
  return all;
}

class Soak {
 public:
  Soak(Poller& poller, uint16_t port, const std::vector<Known>& known,
       const std::vector<Refused>& refused, int64_t clients, const Rng& rng)
      : known_(known), refused_(refused), rng_(rng) {
    for (int64_t i = 0; i < clients; ++i) {
      actors_.push_back(std::make_unique<Actor>(poller, port));
      Actor& a = *actors_.back();
      a.connection->on_answer = [this, &a](Connection& c) { answered(a, c.answer()); };
      a.connection->on_lost = [this, &a](Connection&) { lost(a); };
    }
    poller_ = &poller;
    port_ = port;
  }

  // Until the time is over and nobody waits for anything.
  void run(double seconds) {
    const auto begin = Clock::now();
    for (;;) {
      const bool more = seconds_since(begin) < seconds;
      bool idle = true;
      for (const auto& a : actors_) {
        advance(*a);
        if (more && a->kind == Kind::none) act(*a);
        idle &= a->kind == Kind::none;
      }
      if (!more && idle) return;
      require(seconds_since(begin) < seconds + 120,
              "soak: an answer is awaited for 120 s; wanted all to end");
      poller_->run(2);
    }
  }

  Json counts() const {
    Json example = nullptr;
    if (!example_.empty()) example = example_;
    return {{"complete", complete_},         {"wrong", wrong_},       {"left", left_},
            {"refused", refusals_},          {"slow", slow_},         {"lost", lost_},
            {"wrong_status", wrong_status_}, {"first_wrong", example}};
  }
  int64_t faults() const { return wrong_ + lost_ + wrong_status_; }

 private:
  enum class Kind : uint8_t { none, whole, streamed, refused, leaves, leaves_at_first };
  struct Actor {
    Actor(Poller& p, uint16_t port) : connection(std::make_unique<Connection>(p, port)) {}
    std::unique_ptr<Connection> connection;
    Kind kind = Kind::none;
    size_t which = 0;
    Clock::time_point leaves{}, reads{};
  };

  uint64_t roll(uint64_t n) { return rng_.below(n, draws_++); }

  void act(Actor& a) {
    Connection& c = *a.connection;
    const uint64_t what = roll(100);
    a.which = static_cast<size_t>(roll(known_.size()));
    const bool stream = roll(2) == 0;
    const std::string& request = stream ? known_[a.which].streamed : known_[a.which].whole;
    if (what < 55) {
      a.kind = stream ? Kind::streamed : Kind::whole;
    } else if (what < 65) {  // a slow reader
      if (!c.slow()) make_slow(a);
      a.kind = stream ? Kind::streamed : Kind::whole;
      a.reads = Clock::now();
      ++slow_;
      return a.connection->request(request);
    } else if (what < 80) {
      a.kind = Kind::refused;
      a.which = static_cast<size_t>(roll(refused_.size()));
    } else {  // one that leaves: in its request, or later
      a.kind = roll(3) == 0 ? Kind::leaves_at_first : Kind::leaves;
      a.leaves = Clock::now() + std::chrono::microseconds(roll(3) == 0 ? 0 : roll(60000));
      if (roll(4) == 0) return c.send_part(request.substr(0, roll(request.size())));
      return c.request(request);
    }
    c.request(a.kind == Kind::refused ? refused_[a.which].bytes : request);
  }

  void make_slow(Actor& a) { a.connection->read_slowly(); }

  void advance(Actor& a) {
    Connection& c = *a.connection;
    if (a.kind == Kind::none) return;
    const auto now = Clock::now();
    const bool has_some = c.busy() && !c.answer().body.empty();
    if ((a.kind == Kind::leaves && now >= a.leaves) ||
        (a.kind == Kind::leaves_at_first &&
         (has_some || now - a.leaves > std::chrono::seconds(2)))) {
      c.close();
      a.kind = Kind::none;
      ++left_;
    } else if (c.slow() && now >= a.reads) {
      a.reads = now + std::chrono::milliseconds(5);
      c.read_some(700);
    }
  }

  void answered(Actor& a, const Answer& answer) {
    const Kind kind = std::exchange(a.kind, Kind::none);
    if (kind == Kind::refused) {
      ++refusals_;
      const bool error = answer.body.find("\"error\"") != answer.body.npos;
      if (answer.status != refused_[a.which].status || !error)
        ++wrong_status_,
            note(fmt::format("{} for {}", answer.status, refused_[a.which].bytes.substr(0, 300)));
      return;
    }
    if (kind == Kind::leaves || kind == Kind::leaves_at_first) return;  // it was too late to leave
    ++complete_;
    if (answer.status != 200) {
      ++wrong_status_;
      return note(fmt::format("{}: {}", answer.status, answer.body.substr(0, 300)));
    }
    const std::string got = essence(answer, kind == Kind::streamed);
    if (got == known_[a.which].essence) return;
    ++wrong_;
    note("got " + got + " wanted " + known_[a.which].essence);
  }

  void lost(Actor& a) {
    const Kind kind = std::exchange(a.kind, Kind::none);
    if (kind == Kind::leaves || kind == Kind::leaves_at_first) return;
    ++lost_;
    note("the connection was closed without an answer");
  }

  void note(const std::string& what) {
    if (example_.empty()) example_ = what;
  }

  Poller* poller_;
  uint16_t port_;
  const std::vector<Known>& known_;
  const std::vector<Refused>& refused_;
  const Rng rng_;
  uint64_t draws_ = 0;
  std::vector<std::unique_ptr<Actor>> actors_;
  std::string example_;
  int64_t complete_ = 0, wrong_ = 0, left_ = 0, refusals_ = 0, slow_ = 0, lost_ = 0,
          wrong_status_ = 0;
};

// An answer of a whole context in every slot: the pages of the cache count as memory from their
// first use on, and would look like a leak.
void fill_cache(Poller& poller, const ServerProcess& server, const EngineAlone& engine,
                int64_t slots, const Rng& rng) {
  std::vector<std::unique_ptr<Connection>> all;
  for (int64_t i = 0; i < slots; ++i) {
    all.push_back(std::make_unique<Connection>(poller, server.port()));
    const Ask a =
        engine.one(rng.fold(static_cast<uint64_t>(i)), 4, engine.model().config.context - 4);
    all.back()->request(post(kCompletions, body_of(a, false)));
  }
  poller.run_until(
      [&] { return std::ranges::none_of(all, [](const auto& c) { return c->busy(); }); }, 120,
      "answers of a whole context");
}

}  // namespace

Json soak(Poller& poller, ServerProcess& server, const EngineAlone& engine, int64_t slots,
          int64_t clients, double seconds, const Rng& rng) {
  fill_cache(poller, server, engine, slots, rng.fold("fill"));
  const std::vector<Known> known = known_requests(poller, server.port(), engine, rng, 48);
  const std::vector<Refused> refused = refused_requests();
  Soak s(poller, server.port(), known, refused, clients, rng.fold("actions"));
  Connection watch(poller, server.port());
  const auto settled = [&] {
    poller.run_until([&] { return metric(poller, watch, "num_requests_running") == 0; }, 60,
                     "num_requests_running 0");
    return server.private_bytes();
  };
  constexpr int kParts = 10;
  std::vector<int64_t> memory;
  for (int i = 0; i < kParts; ++i) {
    s.run(seconds / kParts);
    memory.push_back(settled());
  }
  Json j = s.counts();
  j["seconds"] = seconds;
  j["private_bytes"] = memory;
  const int64_t before = memory[kParts / 5 - 1], after = memory.back();
  j["growth"] = before > 0 ? static_cast<double>(after) / static_cast<double>(before) - 1 : 0;
  j["crashed"] = !server.alive();
  return j;
}

Json cancellation(Poller& poller, ServerProcess& server, const EngineAlone& engine, int64_t slots,
                  const Rng& rng) {
  Json out = Json::object();
  Connection watch(poller, server.port());
  const auto running = [&] { return metric(poller, watch, "num_requests_running"); };
  const auto waiting = [&] { return metric(poller, watch, "num_requests_waiting"); };
  const auto steps = [&] { return metric(poller, watch, "engine_steps_total"); };
  const int64_t context = engine.model().config.context;
  uint64_t n = 0;
  const auto long_answer = [&](bool stream) {
    return post(kCompletions, body_of(engine.one(rng.fold(n++), 4, context - 4), stream));
  };
  // Some times: the client leaves when `ready`; then the steps until `over`.
  const auto measure = [&](const std::string& name, const auto& begin, const auto& ready,
                           const auto& over) {
    std::vector<double> all;
    for (int k = 0; k < 5; ++k) {
      Connection c(poller, server.port());
      begin(c);
      poller.run_until([&] { return !c.busy() || ready(c); }, 30, name);
      require(c.busy(), name, ": the answer is there already; wanted to leave before");
      const double before = steps();
      c.close();
      poller.run_until(over, 30, name);
      all.push_back(steps() - before);
    }
    std::ranges::sort(all);
    out[name] = {{"steps_median", all[2]}, {"steps_largest", all.back()}};
  };
  const auto none = [&] { return running() == 0 && waiting() == 0; };

  measure(
      "decoding streamed", [&](Connection& c) { c.request(long_answer(true)); },
      [](Connection& c) { return !c.answer().body.empty(); }, none);
  measure(
      "decoding unstreamed", [&](Connection& c) { c.request(long_answer(false)); },
      [&](Connection&) { return running() == 1; }, none);
  // Many prompts in one request, so that reading them takes many steps, whatever the slots.
  constexpr int64_t kPrompts = 64;
  measure(
      "prefill",
      [&](Connection& c) {
        std::string prompts;
        for (int64_t i = 0; i < kPrompts; ++i) {
          const std::string one = body_of(engine.one(rng.fold(n++), context - 2, 1), false);
          const size_t at = one.find('[');
          prompts += (prompts.empty() ? "" : ",") + one.substr(at, one.find(']') - at + 1);
        }
        c.request(post(kCompletions, fmt::format("{{\"prompt\":[{}],\"max_tokens\":1}}", prompts)));
      },
      [&](Connection&) { return running() > 0; }, none);
  {
    std::vector<std::unique_ptr<Connection>> others;
    const auto keep_full = [&](Connection& c) { c.request(long_answer(true)); };
    for (int64_t i = 0; i < slots; ++i) {
      others.push_back(std::make_unique<Connection>(poller, server.port()));
      others.back()->on_answer = keep_full;
      keep_full(*others.back());
    }
    poller.run_until([&] { return running() == static_cast<double>(slots); }, 30, "full");
    measure(
        "queued", [&](Connection& c) { c.request(long_answer(false)); },
        [&](Connection&) { return waiting() >= 1; }, [&] { return waiting() == 0; });
    const double before = steps();
    for (const auto& c : others) c->close();
    poller.run_until(none, 30, "all leave");
    out["all streams at once"] = {{"clients", slots}, {"steps", steps() - before}};
  }
  return out;
}

}  // namespace lineage
