#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lineage/base/clock.h"
#include "lineage/infer/engine.h"
#include "lineage/serve/served_models.h"

namespace lineage {

struct SchedulerOptions {
  int64_t memory_bytes = 0;    // of weights and caches; a model that alone needs more is refused
  int64_t slots = 64;          // sequences of a model at once, fewer where memory is short
  int64_t prefill_rows = 256;  // prompt tokens that one step reads
  int64_t most_waiting = 1024;
};

// A sequence to generate or to score.
struct SequenceRequest {
  std::shared_ptr<const ServedModel> model;
  std::vector<Token> prompt;
  Sampling sampling;
};

using SequenceId = uint64_t;

struct SequenceEvent {
  SequenceId sequence;
  Engine::Event event;
  std::string failure{};  // the sequence has ended without an answer, and why
  double queue_seconds = 0, prefill_seconds = 0;  // with the first token: until it was admitted,
                                                  // from there on
};

// The one thread that owns all models. It steps every active sequence, of all clients and models,
// loads a model when a sequence wants it, and lets the one go that was not used for longest when
// memory is short. Sequences are admitted in the order in which they came.
//
// A sequence's events depend on its prompt and sampling alone (Engine), whoever runs beside it.
class Scheduler {
 public:
  // `deliver` is called on the scheduler's thread after a step that gave any event.
  using Deliver = std::function<void(std::vector<SequenceEvent>)>;
  Scheduler(SchedulerOptions, Deliver);
  ~Scheduler();  // cancels all

  // Any thread. All of them, or an ApiError of status 429 when too many are waiting.
  std::vector<SequenceId> submit(std::vector<SequenceRequest>);
  // Any thread. A further part of an answer that has begun: it is never refused, and comes before
  // all that wait.
  SequenceId go_on(SequenceRequest);
  // Any thread. Nothing more is computed for it from the next step on; its events may still come.
  void cancel(SequenceId);
  // Any thread. Runs the function on the scheduler's thread, between two steps, with the model's
  // weights; with nullptr and a reason where they cannot be had.
  using WithModel = std::function<void(const Model*, const std::string& failure)>;
  void run_with(std::shared_ptr<const ServedModel>, WithModel);

  struct Status {
    int64_t running = 0, waiting = 0, loaded = 0;
    int64_t memory_bytes = 0;
    int64_t cache_tokens = 0, cache_room = 0;  // of the caches of the models in memory
    int64_t steps = 0, generated_tokens = 0, cancelled = 0;
    Engine::Prefixes prefixes;
    double idle_or_stepped_seconds_ago = 0;  // large when the thread is stuck in a step or a load
  };
  Status status() const;

 private:
  using ModelPtr = std::shared_ptr<const ServedModel>;
  struct Loaded;
  struct Waiting {
    SequenceId id;
    SequenceRequest request;
    Clock::time_point since;
    bool goes_on = false;
  };
  struct Task {
    ModelPtr model;
    WithModel function;
  };
  void run();
  bool take_inbox();
  void cancel_all(const std::vector<SequenceId>&);
  void admit_waiting();
  void run_tasks();
  void step_all();
  void publish();
  // The model in memory, loaded if it is not; nullptr while memory is taken by models at work. An
  // Error where it cannot be had.
  Loaded* in_memory(const ModelPtr&);
  void make_room(int64_t bytes, const ModelPtr&);
  void fail(SequenceId, const std::string& why);
  void touch();

  SchedulerOptions options_;
  Deliver deliver_;
  std::vector<std::unique_ptr<Loaded>> loaded_;
  std::deque<Waiting> waiting_;
  std::vector<Task> tasks_;
  std::vector<SequenceEvent> events_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Waiting> inbox_;
  std::vector<SequenceId> cancels_;
  std::vector<Task> new_tasks_;
  SequenceId next_ = 1;
  int64_t in_queue_ = 0;  // submitted and not yet admitted
  bool stop_ = false;
  Status status_;
  std::atomic<Clock::duration::rep> last_progress_{};  // of Clock
  std::atomic<bool> idle_ = true;
  std::thread thread_;
};

}  // namespace lineage
