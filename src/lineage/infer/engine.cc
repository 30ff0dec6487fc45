#include "lineage/infer/engine.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "lineage/base/error.h"
#include "lineage/base/parallel.h"
#include "lineage/infer/ids.h"
#include "lineage/ops/ops.h"

namespace lineage {
namespace {

constexpr size_t kWorthWaiting = 8;    // tokens that another is about to read
constexpr int64_t kRowsOfAThread = 4;  // logits rows worth a thread of their own

Engine::Limits with_defaults(Engine::Limits limits, const GptConfig& config) {
  if (limits.context == 0) limits.context = config.context;
  require(limits.slots >= 1 && limits.prefill_rows >= 1, "engine: slots is ", limits.slots,
          ", prefill_rows ", limits.prefill_rows, "; wanted at least 1 of each");
  require(config.positions != Positions::learned || limits.context <= config.context,
          "engine: context is ", limits.context, "; the model has learned positions for ",
          config.context);
  return limits;
}

size_t common_prefix(std::span<const Token> a, std::span<const Token> b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

// The first n positions of a slot to another.
void copy_rows(KvCache& cache, size_t from, size_t to, int64_t n) {
  const auto copy = [&](Tensor& all, auto type) {
    auto values = all.data<decltype(type)>();
    const auto slot = static_cast<int64_t>(values.size()) / cache.slots;
    std::copy_n(values.begin() + static_cast<int64_t>(from) * slot, n * (slot / cache.context),
                values.begin() + static_cast<int64_t>(to) * slot);
  };
  for (size_t block = 0; block < cache.keys.size(); ++block)
    copy(cache.keys[block], float{}), copy(cache.values[block], float{});
  if (!cache.tokens.empty()) copy(cache.tokens, int32_t{});
}

}  // namespace

void check_log_probs(std::span<const float> log_probs) {
  for (const float x : log_probs)
    if (!std::isfinite(x))
      throw Error(
          "model: the log-probability of a token is " + std::to_string(x) + "; wanted finite ones",
          "its weights are too large to compute with, as after a training that diverged; "
          "grow it again with a lower learning rate");
}

struct Engine::Rows {
  std::vector<int32_t> tokens, slots, positions;
  std::vector<Slot> ready;    // sequences that get a token at this step …
  std::vector<int32_t> last;  // … and the row of each one's newest token
  // Rows that predict a reference's token: the row, whose, and which token.
  std::vector<int32_t> scored;
  std::vector<Slot> scored_of;
  std::vector<int32_t> targets;
  // Rows that predict a prompt's token: the row, whose, and which token.
  std::vector<int32_t> prompt;
  std::vector<Slot> prompt_of;
  std::vector<Token> prompt_targets;
};

Engine::Engine(const PackedGpt& gpt, const Tokenizer& tokenizer, Limits limits)
    : gpt_(gpt),
      tokenizer_(tokenizer),
      limits_(with_defaults(limits, gpt.config)),
      cache_(gpt.config, limits_.slots, limits_.context),
      slots_(static_cast<size_t>(limits_.slots)),
      held_(slots_.size()) {}

bool Engine::full() const { return active() == limits_.slots; }

int64_t Engine::active() const {
  return std::ranges::count_if(slots_, [](const auto& s) { return s.has_value(); });
}

int64_t Engine::cached() const {
  int64_t n = 0;
  for (const auto& s : slots_) n += s ? s->position : 0;
  return n;
}

Engine::Slot Engine::admit(std::vector<Token> prompt, Sampling sampling,
                           std::vector<Token> reference) {
  sampling.validate();
  require(!prompt.empty(), "prompt: is empty; wanted at least one token");
  const int64_t n = static_cast<int64_t>(prompt.size());
  if (n + (sampling.max_tokens > 0 ? 1 : 0) > limits_.context)
    throw Error("prompt: has " + std::to_string(n) + " tokens; the model's context is " +
                    std::to_string(limits_.context) + " for prompt and completion together",
                "shorten the prompt");
  const int64_t scored = static_cast<int64_t>(reference.size());
  require(scored == 0 || !sampling.score_prompt,
          "engine: score_prompt with a reference; wanted one");
  require(n + scored <= limits_.context + 1, "reference: prompt and reference have ", n + scored,
          " tokens; the model takes ", limits_.context + 1);
  for (const auto& [what, tokens] : {std::pair("prompt", &prompt), {"reference", &reference}})
    for (Token t : *tokens)
      require(t >= 0 && t < gpt_.config.vocab, what, ": token ", t, "; the vocabulary has ",
              gpt_.config.vocab);
  for (const auto& [token, bias] : sampling.logit_bias)
    require(token < gpt_.config.vocab, "logit_bias: token ", token, "; the vocabulary has ",
            gpt_.config.vocab);
  const auto free = std::ranges::find_if(slots_, [](const auto& s) { return !s; });
  require(free != slots_.end(), "engine: all ", limits_.slots, " slots are taken");
  const Token previous = prompt.back();
  Sequence& s = free->emplace();
  s.number = admitted_++;
  s.pending = std::move(prompt);
  s.prompt_scored = sampling.score_prompt ? 1 : s.pending.size();
  s.reference = std::move(reference);
  // The last token of a reference is predicted, never read.
  if (scored > 1) s.pending.insert(s.pending.end(), s.reference.begin(), s.reference.end() - 1);
  s.text = std::make_unique<TextStream>(tokenizer_, previous, sampling.stop);
  s.sampling = std::move(sampling);
  return static_cast<Slot>(free - slots_.begin());
}

void Engine::release(Slot slot) { slots_.at(static_cast<size_t>(slot)).reset(); }

// Whether a new sequence may read its prompt now. The part that another slot holds is copied.
bool Engine::begin(size_t slot) {
  Sequence& s = *slots_[slot];
  // The prompt's last token is read in any case: the next token is drawn from its row.
  // A prompt whose tokens are scored is read whole: the cache has no logits.
  const size_t of_use =
      s.sampling.score_prompt ? 0 : s.pending.size() - std::max<size_t>(1, s.reference.size());
  const std::span<const Token> wanted(s.pending.data(), of_use);
  size_t held = common_prefix(held_[slot], wanted), from = slot, coming = 0;
  for (size_t k = 0; k < slots_.size(); ++k) {
    if (k == slot) continue;
    if (const size_t n = common_prefix(held_[k], wanted); n > held) held = n, from = k;
    if (!slots_[k] || slots_[k]->ended || slots_[k]->generated > 0) continue;
    // In the order of admission, so that none waits for one that waits for it.
    if (slots_[k]->position > 0 || slots_[k]->number < s.number)
      coming = std::max(coming, common_prefix(slots_[k]->pending, wanted));
  }
  if (coming > held && coming >= kWorthWaiting) return false;
  if (from != slot) copy_rows(cache_, from, slot, static_cast<int64_t>(held));
  held_[slot].assign(wanted.begin(), wanted.begin() + static_cast<std::ptrdiff_t>(held));
  s.taken = held, s.position = static_cast<int64_t>(held);
  prefixes_.wanted += std::ssize(s.pending), prefixes_.copied += s.position;
  return true;
}

Engine::Rows Engine::next_rows() {
  Rows rows;
  int64_t budget = limits_.prefill_rows;
  // Not in the order of the slots: long prompts that come one after another into the first of them
  // would take all of the budget, and the others would never be read.
  std::vector<size_t> order;
  for (size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i] && !slots_[i]->ended) order.push_back(i);
  std::ranges::sort(order, {}, [&](size_t i) { return slots_[i]->number; });
  for (const size_t i : order) {
    Sequence& s = *slots_[i];
    if (s.position == 0 && s.generated == 0 && !begin(i)) continue;
    const bool prompt = s.pending.size() - s.taken > 1;
    while (s.taken < s.pending.size() && (!prompt || budget > 0)) {
      rows.tokens.push_back(s.pending[s.taken++]);
      rows.slots.push_back(static_cast<int32_t>(i));
      rows.positions.push_back(static_cast<int32_t>(s.position++));
      if (prompt) --budget;
      if (s.taken == s.prompt_scored && s.taken < s.pending.size()) {
        rows.prompt.push_back(static_cast<int32_t>(rows.tokens.size()) - 1);
        rows.prompt_of.push_back(static_cast<Slot>(i));
        rows.prompt_targets.push_back(s.pending[s.prompt_scored++]);
      }
      if (s.taken + s.reference.size() <= s.pending.size()) continue;
      rows.scored.push_back(static_cast<int32_t>(rows.tokens.size()) - 1);
      rows.scored_of.push_back(static_cast<Slot>(i));
      rows.targets.push_back(s.reference[s.taken + s.reference.size() - s.pending.size() - 1]);
    }
    if (s.taken < s.pending.size() || !s.reference.empty()) continue;
    rows.ready.push_back(static_cast<Slot>(i));
    rows.last.push_back(static_cast<int32_t>(rows.tokens.size()) - 1);
  }
  return rows;
}

void Engine::reserve_memory() {
  assert(active() == 0);
  const auto compute = [&](const std::vector<int32_t>& slots,
                           const std::vector<int32_t>& positions) {
    const std::vector<int32_t> tokens(slots.size());
    gpt_.logits(gpt_.hidden(ids(tokens), ids(slots), ids(positions), cache_));
  };
  // A block of the pool serves tensors down to half its size, so halves of the widest step do.
  for (int64_t n = limits_.prefill_rows + limits_.slots; n > 0; n /= 2) {
    std::vector<int32_t> of_one(static_cast<size_t>(n)), of_all(of_one), in_order(of_one);
    for (int64_t i = 0; i < n; ++i) {
      of_all[i] = static_cast<int32_t>(i % limits_.slots);
      in_order[i] = static_cast<int32_t>(i % limits_.context);
    }
    compute(of_one, in_order);  // a prompt alone
    compute(of_all, std::vector<int32_t>(of_one.size(), static_cast<int32_t>(limits_.context - 1)));
  }
  for (auto& held : held_) held.clear();  // their rows in the cache are overwritten
}

std::vector<Engine::Event> Engine::step() {
  const Rows rows = next_rows();
  if (rows.tokens.empty()) return {};
  std::vector<int32_t> wanted = rows.scored;  // then of prompts, then those that draw a token
  wanted.insert(wanted.end(), rows.prompt.begin(), rows.prompt.end());
  wanted.insert(wanted.end(), rows.last.begin(), rows.last.end());
  if (wanted.empty()) wanted.push_back(0);  // a part of a prompt: only the cache is of use
  const bool all = rows.last.size() == rows.tokens.size();  // and so in order
  const Tensor hidden = gpt_.hidden(ids(rows.tokens), ids(rows.slots), ids(rows.positions), cache_,
                                    all ? Tensor() : ids(wanted));
  rows_computed_ += static_cast<int64_t>(rows.tokens.size());
  for (size_t r = 0; r < rows.tokens.size(); ++r) {
    auto& held = held_[rows.slots[r]];
    held.resize(static_cast<size_t>(rows.positions[r]));
    held.push_back(rows.tokens[r]);
  }
  std::vector<Event> events;
  const auto scored = static_cast<int64_t>(rows.scored.size()),
             drawn = scored + static_cast<int64_t>(rows.prompt.size());
  if (scored > 0) score(rows, hidden.rows(0, scored), events);
  if (drawn > scored) score_prompts(rows, hidden.rows(scored, drawn), events);
  if (rows.ready.empty()) return events;

  const Tensor logits = gpt_.logits(hidden.rows(drawn, hidden.dim(0)));  // (n,V)
  const int64_t n = logits.dim(0), V = logits.dim(1);
  std::vector<SampledToken> draws(static_cast<size_t>(n));
  parallel_for(n, kRowsOfAThread, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Sequence& s = *slots_[rows.ready[static_cast<size_t>(i)]];
      const float* row = logits.data<float>().data() + i * V;
      draws[i] = draw({row, static_cast<size_t>(V)}, s.sampling, s.generated, s.penalized);
    }
  });
  for (size_t i = 0; i < draws.size(); ++i) {
    check_log_probs({&draws[i].log_prob, 1});
    events.push_back(advance(rows.ready[i], draws[i]));
  }
  return events;
}

// A sequence whose reference is scored goes back to the end of its prompt: that token is read again
// and everything behind it is overwritten.
void Engine::score(const Rows& rows, const Tensor& hidden, std::vector<Event>& events) {
  const Tensor log_probs = ops::linear_log_probs(hidden, gpt_.head(), ids(rows.targets)).log_probs;
  check_log_probs(log_probs.data<float>());
  for (size_t i = 0; i < rows.scored.size(); ++i) {
    Sequence& s = *slots_[rows.scored_of[i]];
    s.scored.push_back(log_probs.data<float>()[i]);
    if (s.scored.size() < s.reference.size()) continue;
    events.push_back({rows.scored_of[i], {}, {}, {}, {}, std::move(s.scored), {}});
    const size_t last = s.pending.size() - s.reference.size();  // of the prompt
    s.pending.assign(1, Token{s.pending[last]});
    s.taken = 0, s.position = static_cast<int64_t>(last);
    s.reference.clear();
  }
}

void Engine::score_prompts(const Rows& rows, const Tensor& hidden, std::vector<Event>& events) {
  const Tensor logits = gpt_.logits(hidden);  // (n,V)
  const int64_t n = logits.dim(0), V = logits.dim(1);
  std::vector<SampledToken> tokens(static_cast<size_t>(n));
  parallel_for(n, kRowsOfAThread, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      tokens[i] = judge({logits.data<float>().data() + i * V, static_cast<size_t>(V)},
                        rows.prompt_targets[i], slots_[rows.prompt_of[i]]->sampling.top_log_probs);
  });
  for (size_t i = 0; i < tokens.size(); ++i) {
    check_log_probs({&tokens[i].log_prob, 1});
    if (i == 0 || rows.prompt_of[i] != rows.prompt_of[i - 1])
      events.push_back({rows.prompt_of[i], {}, {}, {}, {}, {}, {}});
    events.back().prompt.push_back(std::move(tokens[i]));
  }
}

Engine::Event Engine::advance(Slot slot, const SampledToken& d) {
  Sequence& s = *slots_[slot];
  Event event{slot, {}, {}, {}, {}, {}, {}};
  const auto end = [&](Completion::End how) {
    s.ended = true;
    event.end = how;
    event.text += s.text->finish();
  };
  if (s.sampling.max_tokens == 0) {
    end(Completion::End::length);
    return event;
  }
  if (std::ranges::find(s.sampling.stop_tokens, d.token) != s.sampling.stop_tokens.end()) {
    end(Completion::End::stop);
    event.stop_token = d;
    return event;
  }
  event.draw = d;
  if (s.sampling.has_penalty()) s.penalized.push_back(d.token);
  event.text = s.text->push(d.token);
  ++s.generated;
  if (s.text->stopped()) {
    end(Completion::End::stop);
  } else if (s.generated == s.sampling.max_tokens || s.position == limits_.context) {
    end(Completion::End::length);
  } else {
    s.pending.assign(1, d.token);
    s.taken = 0;
  }
  return event;
}

}  // namespace lineage
