#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "lineage/infer/language_model.h"
#include "lineage/infer/text_stream.h"
#include "lineage/nn/gpt.h"

namespace lineage {

// Decodes many sequences at once, each in a slot of one KV cache; a sequence joins and leaves at
// any step (continuous batching; Yu et al. 2022, "Orca"). Owns no weights: the model must outlive
// it. Not thread-safe: one thread owns an engine.
//
// The beginning that a prompt shares with one in the cache, of a sequence running or just released,
// is copied from there; and a sequence waits for another that is about to read the same. So several
// samples of a prompt read it once.
//
// A sequence's tokens depend on its prompt and sampling alone, not on the other sequences of the
// batch: every kernel used here sums a row in an order that does not depend on the other rows.
class Engine {
 public:
  struct Limits {
    int64_t slots = 64;          // sequences at once
    int64_t context = 0;         // tokens of a sequence; 0: the model's
    int64_t prefill_rows = 256;  // prompt tokens read by one step
  };
  Engine(const PackedGpt&, const Tokenizer&, Limits);

  // Computes the widest step there can be and drops what it gives, so that the pool has memory for
  // every later one: a server then uses as much at the start as after a week. No sequence may run.
  void reserve_memory();

  using Slot = int;
  // Adds a sequence. Throws when the sampling is invalid, the prompt is empty, has a token outside
  // the vocabulary or leaves no room for a new token (a whole context where none is wanted), or
  // when full(). A reference is scored after the prompt before anything is generated, so that the
  // prompt is read once for both.
  Slot admit(std::vector<Token> prompt, Sampling, std::vector<Token> reference = {});
  bool full() const;
  int64_t active() const;
  int64_t context() const { return limits_.context; }
  int64_t rows_computed() const { return rows_computed_; }  // tokens read so far, of all sequences
  struct Prefixes {
    int64_t wanted = 0, copied = 0;  // tokens of prompts so far; of them, those copied
  };
  Prefixes prefixes() const { return prefixes_; }
  int64_t cached() const;  // tokens in the cache, of running sequences

  struct Event {
    Slot slot;
    std::optional<SampledToken> draw;        // the new token; none in an event that only ends
    std::optional<SampledToken> stop_token;  // the token that it ended with, one of stop_tokens
    std::string text;                        // text that is now certain
    std::optional<Completion::End> end;
    std::vector<float> reference;  // the log-probability of each of its tokens, in an event alone
    std::vector<SampledToken> prompt;  // of score_prompt: the next of its tokens, in an event alone
  };
  // One token for every sequence whose prompt is read; reads at most `prefill_rows` prompt tokens,
  // those of the sequence first that was admitted first.
  std::vector<Event> step();
  // Frees the slot of an ended sequence, or cancels a running one.
  void release(Slot);

 private:
  struct Sequence {
    int64_t number = 0;            // in the order of admission
    std::vector<Token> pending;    // tokens not yet in the cache
    size_t taken = 0;              // of them
    std::vector<Token> reference;  // still to be scored
    std::vector<float> scored;     // its tokens so far
    int64_t position = 0;          // of the next token in the cache
    int64_t generated = 0;
    std::vector<Token> penalized;  // the new tokens, where there is a penalty
    size_t prompt_scored = 0;      // tokens of the prompt, the first among them
    Sampling sampling;
    std::unique_ptr<TextStream> text;
    bool ended = false;
  };
  struct Rows;
  bool begin(size_t slot);
  Rows next_rows();
  void score(const Rows&, const Tensor& hidden, std::vector<Event>&);
  void score_prompts(const Rows&, const Tensor& hidden, std::vector<Event>&);
  Event advance(Slot, const SampledToken&);

  const PackedGpt& gpt_;
  const Tokenizer& tokenizer_;
  Limits limits_;
  KvCache cache_;
  std::vector<std::optional<Sequence>> slots_;
  std::vector<std::vector<Token>> held_;  // the tokens whose rows each slot of the cache has
  int64_t rows_computed_ = 0, admitted_ = 0;
  Prefixes prefixes_;
};

// score() by the full forward pass, generate() by an engine of its own, over a PackedGpt that is
// made here. `gpt` and `tokenizer` must outlive it, and the weights must not change: after an
// update make another.
std::unique_ptr<LanguageModel> language_model(const Gpt& gpt, const Tokenizer& tokenizer,
                                              Engine::Limits = {});

}  // namespace lineage
