#include "bench/serve/workload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <time.h>

#include <charconv>

#include "lineage/base/clock.h"
#include "lineage/base/error.h"
#include "lineage/run/chat_session.h"

namespace lineage {
namespace {

double processor_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

EngineAlone::EngineAlone(const std::string& folder)
    : model_(load_model(folder)), packed_(*model_.gpt) {
  require(model_.tokenizer != nullptr, folder, ": has no tokenizer; wanted one");
  ends_ = stop_tokens(*model_.tokenizer, model_.manifest.chats);
  for (Token t = 0; t < model_.config.vocab; ++t)
    if (model_.tokenizer->contains(t) && !model_.tokenizer->is_special(t)) words_.push_back(t);
}

Ask EngineAlone::one(const Rng& rng, int64_t prompt, int64_t most) const {
  Ask a;
  const Rng tokens = rng.fold("tokens");
  for (int64_t i = 0; i < prompt; ++i)
    a.prompt.push_back(words_[tokens.below(words_.size(), static_cast<uint64_t>(i))]);
  Sampling& s = a.sampling;
  s.max_tokens = most;
  s.seed = rng.fold("seed").bits(0) >> 12;
  s.log_probs_of = LogProbsOf::model;
  s.stop_tokens = ends_;
  for (const Token t : ends_) s.logit_bias.emplace_back(t, -100.0f);
  return a;
}

std::vector<Ask> EngineAlone::draw(const Mix& mix, const Rng& rng, int64_t n) const {
  std::vector<Ask> all;
  const auto pick = [&](const std::vector<int64_t>& from, const char* what, int64_t i) {
    return from[rng.fold(what).below(from.size(), static_cast<uint64_t>(i))];
  };
  for (int64_t i = 0; i < n; ++i)
    all.push_back(one(rng.fold(static_cast<uint64_t>(i)), pick(mix.prompt_tokens, "prompt", i),
                      pick(mix.max_tokens, "answer", i)));
  return all;
}

EngineAlone::Run EngineAlone::run(const std::vector<Ask>& asks, int64_t together,
                                  int64_t slots) const {
  Engine engine(packed_, *model_.tokenizer, {slots, 0, 256});
  Run r;
  const auto begin = Clock::now();
  const double before = processor_seconds();
  size_t next = 0;
  while (next < asks.size() || engine.active() > 0) {
    while (next < asks.size() && engine.active() < std::min(together, slots)) {
      engine.admit(asks[next].prompt, asks[next].sampling);
      ++next;
    }
    for (const Engine::Event& e : engine.step()) {
      r.tokens += e.draw || e.stop_token;
      if (e.end) engine.release(e.slot);
    }
  }
  r.seconds = seconds_since(begin);
  r.processor_seconds = processor_seconds() - before;
  return r;
}

EngineAlone::FirstTokens EngineAlone::first_tokens(const std::vector<Ask>& asks,
                                                   int64_t slots) const {
  Engine engine(packed_, *model_.tokenizer, {slots, 0, 256});
  FirstTokens r;
  for (const Ask& a : asks) {
    const auto begin = Clock::now();
    const Engine::Slot slot = engine.admit(a.prompt, a.sampling);
    while (engine.step().empty()) {
    }
    r.one.push_back(seconds_since(begin));
    engine.step();
    r.two.push_back(seconds_since(begin));
    engine.release(slot);
  }
  return r;
}

std::string body_of(const Ask& a, bool stream, const std::string& more) {
  std::string bias;
  for (const auto& [token, value] : a.sampling.logit_bias)
    bias += fmt::format("{}\"{}\":{}", bias.empty() ? "" : ",", token, value);
  return fmt::format(
      "{{\"prompt\":[{}],\"max_tokens\":{},\"seed\":{},\"temperature\":{},\"logit_bias\":{{{}}}{}{}"
      "}}",
      fmt::join(a.prompt, ","), a.sampling.max_tokens, a.sampling.seed, a.sampling.temperature,
      bias, stream ? ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" : "", more);
}

int64_t completion_tokens(const std::string& body) {
  constexpr std::string_view kKey = "\"completion_tokens\":";
  const size_t at = body.rfind(kKey);
  if (at == body.npos) return -1;
  int64_t n = -1;
  std::from_chars(body.data() + at + kKey.size(), body.data() + body.size(), n);
  return n;
}

}  // namespace lineage
