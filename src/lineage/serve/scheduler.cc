#include "lineage/serve/scheduler.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <map>

#include "lineage/base/error.h"
#include "lineage/base/parallel.h"
#include "lineage/serve/api_error.h"

namespace lineage {
namespace {

// Of the weights and of the packed copy that decoding uses.
int64_t weight_bytes(const GptConfig& config) { return 2 * 4 * parameter_count(config); }

std::string reason(const std::exception& e) {
  const auto* error = dynamic_cast<const Error*>(&e);
  return error && !error->hint().empty() ? fmt::format("{}; {}", e.what(), error->hint())
                                         : std::string(e.what());
}

}  // namespace

// A model in memory. A model with a scalar head has no engine.
struct Scheduler::Loaded {
  struct Running {
    SequenceId id = 0;
    Clock::time_point admitted;
    double queue_seconds = 0;
    bool begun = false;
  };

  Loaded(ModelPtr served_model, Model loaded_model, int64_t slots, int64_t prefill_rows)
      : served(std::move(served_model)), model(std::move(loaded_model)) {
    bytes = weight_bytes(model.config);
    if (served->use != ModelUse::language) return;
    packed = std::make_unique<PackedGpt>(*model.gpt);
    engine = std::make_unique<Engine>(*packed, *served->tokenizer,
                                      Engine::Limits{slots, 0, prefill_rows});
    engine->reserve_memory();
    running.resize(static_cast<size_t>(slots));
    bytes += KvCache::bytes(model.config, slots, model.config.context);
  }
  bool at_work() const { return engine && engine->active() > 0; }

  ModelPtr served;
  Model model;
  std::unique_ptr<PackedGpt> packed;
  std::unique_ptr<Engine> engine;
  std::vector<Running> running;  // by slot; id 0: none
  int64_t bytes = 0;
  int64_t last_used = 0;     // steps of the scheduler
  Engine::Prefixes counted;  // in the status
};

Scheduler::Scheduler(SchedulerOptions options, Deliver deliver)
    : options_(options), deliver_(std::move(deliver)) {
  touch();
  // Loops use as many threads as those of whoever made this: the number is a thread's own.
  thread_ = std::thread([this, threads = num_threads()] {
    set_num_threads(threads);
    run();
  });
  pthread_setname_np(thread_.native_handle(), "lineage-models");  // for top and the like
}

Scheduler::~Scheduler() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::vector<SequenceId> Scheduler::submit(std::vector<SequenceRequest> requests) {
  if (std::ssize(requests) > options_.most_waiting)  // in vain, however often it is tried
    throw invalid_value("n", fmt::format("{} answers are wanted at once; wanted at most {}",
                                         requests.size(), options_.most_waiting));
  std::vector<SequenceId> ids;
  {
    const std::lock_guard lock(mutex_);
    if (in_queue_ + std::ssize(requests) > options_.most_waiting) {
      ApiError e(429,
                 fmt::format("{} requests are waiting, of {} that may; try again later", in_queue_,
                             options_.most_waiting),
                 {}, "queue_full");
      e.headers.emplace_back("Retry-After", "1");
      throw e;
    }
    for (SequenceRequest& r : requests) {
      inbox_.push_back({next_, std::move(r), Clock::now(), false});
      ids.push_back(next_++);
    }
    in_queue_ += std::ssize(ids);
  }
  wake_.notify_one();
  return ids;
}

SequenceId Scheduler::go_on(SequenceRequest request) {
  SequenceId id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = next_++;
    inbox_.push_back({id, std::move(request), Clock::now(), true});
    ++in_queue_;
  }
  wake_.notify_one();
  return id;
}

void Scheduler::cancel(SequenceId id) {
  {
    const std::lock_guard lock(mutex_);
    cancels_.push_back(id);
  }
  wake_.notify_one();
}

void Scheduler::run_with(ModelPtr model, WithModel function) {
  {
    const std::lock_guard lock(mutex_);
    new_tasks_.push_back({std::move(model), std::move(function)});
  }
  wake_.notify_one();
}

Scheduler::Status Scheduler::status() const {
  const Clock::time_point last{Clock::duration(last_progress_.load())};
  const std::lock_guard lock(mutex_);
  Status s = status_;
  s.waiting = in_queue_;
  s.idle_or_stepped_seconds_ago = idle_ ? 0 : seconds_since(last);
  return s;
}

void Scheduler::touch() { last_progress_ = Clock::now().time_since_epoch().count(); }

void Scheduler::run() {
  while (take_inbox()) {
    run_tasks();
    admit_waiting();
    step_all();
    publish();
    touch();
  }
}

// Waits until there is something to do; false when the scheduler ends.
bool Scheduler::take_inbox() {
  std::vector<SequenceId> cancels;
  {
    std::unique_lock lock(mutex_);
    const bool work = !waiting_.empty() || !tasks_.empty() ||
                      std::ranges::any_of(loaded_, [](const auto& l) { return l->at_work(); });
    idle_ = !work;
    if (!work)
      wake_.wait(lock, [&] {
        return stop_ || !inbox_.empty() || !cancels_.empty() || !new_tasks_.empty();
      });
    touch();
    idle_ = false;
    if (stop_) return false;
    const auto new_ones = std::ranges::find_if(waiting_, [](const auto& w) { return !w.goes_on; });
    auto at = new_ones - waiting_.begin();
    for (Waiting& w : inbox_)
      if (w.goes_on)
        waiting_.insert(waiting_.begin() + at++, std::move(w));
      else
        waiting_.push_back(std::move(w));
    std::ranges::move(new_tasks_, std::back_inserter(tasks_));
    inbox_.clear(), new_tasks_.clear();
    cancels.swap(cancels_);
  }
  cancel_all(cancels);
  return true;
}

void Scheduler::cancel_all(const std::vector<SequenceId>& ids) {
  int64_t waited = 0, ended = 0;
  for (const SequenceId id : ids) {
    const auto before = std::ssize(waiting_);
    std::erase_if(waiting_, [&](const Waiting& w) { return w.id == id; });
    waited += before - std::ssize(waiting_);
    for (const auto& l : loaded_)
      for (size_t slot = 0; slot < l->running.size(); ++slot)
        if (l->running[slot].id == id) {
          l->engine->release(static_cast<Engine::Slot>(slot));
          l->running[slot] = {};
          ++ended;
        }
  }
  const std::lock_guard lock(mutex_);
  in_queue_ -= waited;
  status_.cancelled += waited + ended;
}

void Scheduler::fail(SequenceId id, const std::string& why) {
  SequenceEvent e{id, {}, why};
  events_.push_back(std::move(e));
}

// Lets models go that nobody uses, the longest unused first.
void Scheduler::make_room(int64_t bytes, const ModelPtr& model) {
  if (bytes > options_.memory_bytes)
    throw Error(fmt::format("{} needs {} MiB of memory; this server has {} for models", model->id,
                            bytes >> 20, options_.memory_bytes >> 20),
                "start it with a larger --memory");
  for (;;) {
    int64_t used = 0;
    for (const auto& l : loaded_) used += l->bytes;
    if (used + bytes <= options_.memory_bytes) return;
    auto oldest = loaded_.end();
    for (auto l = loaded_.begin(); l != loaded_.end(); ++l)
      if (!(*l)->at_work() && (oldest == loaded_.end() || (*l)->last_used < (*oldest)->last_used))
        oldest = l;
    if (oldest == loaded_.end()) return;
    loaded_.erase(oldest);
  }
}

Scheduler::Loaded* Scheduler::in_memory(const ModelPtr& model) {
  for (const auto& l : loaded_)
    if (l->served == model) return l.get();
  const int64_t a_slot = KvCache::bytes(model->config, 1, model->config.context),
                weights = weight_bytes(model->config);
  int64_t slots = 0, bytes = weights;
  if (model->use == ModelUse::language) {
    slots = std::clamp<int64_t>(
        (options_.memory_bytes / 2 - weights) / std::max<int64_t>(1, a_slot), 1, options_.slots);
    bytes += slots * a_slot;
  }
  make_room(bytes, model);
  int64_t used = 0;
  for (const auto& l : loaded_) used += l->bytes;
  if (used + bytes > options_.memory_bytes) return nullptr;
  Model read = load_model(model->folder);
  if (read.manifest.weights != model->manifest.weights)
    throw Error(fmt::format("{}: another checkpoint is there than when this server looked",
                            model->folder.string()),
                "GET /v1/models looks again");
  loaded_.push_back(std::make_unique<Loaded>(model, std::move(read), slots, options_.prefill_rows));
  return loaded_.back().get();
}

void Scheduler::run_tasks() {
  std::vector<Task> later;
  for (Task& t : tasks_) {
    const Model* model = nullptr;
    std::string failure;
    try {
      Loaded* l = in_memory(t.model);
      if (!l) {
        later.push_back(std::move(t));
        continue;
      }
      l->last_used = status_.steps;
      model = &l->model;
    } catch (const std::exception& e) {
      failure = reason(e);
    }
    t.function(model, failure);
  }
  tasks_ = std::move(later);
}

void Scheduler::admit_waiting() {
  int64_t admitted = 0;
  for (auto w = waiting_.begin(); w != waiting_.end();) {
    try {
      Loaded* l = in_memory(w->request.model);
      if (!l) break;  // whoever came later waits too, or a model at work would never let it in
      if (l->engine->full()) {
        ++w;
        continue;
      }
      const Engine::Slot slot =
          l->engine->admit(std::move(w->request.prompt), std::move(w->request.sampling));
      l->running[static_cast<size_t>(slot)] = {w->id, Clock::now(), seconds_since(w->since), false};
    } catch (const std::exception& e) {
      fail(w->id, reason(e));
    }
    w = waiting_.erase(w);
    ++admitted;
  }
  const std::lock_guard lock(mutex_);
  in_queue_ -= admitted;
}

void Scheduler::step_all() {
  for (const auto& l : loaded_) {
    if (!l->at_work()) continue;
    l->last_used = status_.steps;
    std::vector<Engine::Event> events;
    try {
      events = l->engine->step();
    } catch (const std::exception& e) {  // of the model, as a log-probability that is not finite
      for (size_t slot = 0; slot < l->running.size(); ++slot)
        if (l->running[slot].id) {
          fail(l->running[slot].id, reason(e));
          l->engine->release(static_cast<Engine::Slot>(slot));
          l->running[slot] = {};
        }
      continue;
    }
    for (Engine::Event& e : events) {
      Loaded::Running& r = l->running[static_cast<size_t>(e.slot)];
      SequenceEvent out{r.id, {}, {}, 0, 0};
      if (!r.begun && (e.draw || e.end)) {
        r.begun = true;
        out.queue_seconds = r.queue_seconds;
        out.prefill_seconds = seconds_since(r.admitted);
      }
      const bool ends = e.end.has_value();
      const Engine::Slot slot = e.slot;
      out.event = std::move(e);
      events_.push_back(std::move(out));
      if (!ends) continue;
      l->engine->release(slot);
      l->running[static_cast<size_t>(slot)] = {};
    }
  }
}

// The counts, and the events of this step.
void Scheduler::publish() {
  {
    const std::lock_guard lock(mutex_);
    ++status_.steps;
    status_.running = status_.memory_bytes = status_.cache_tokens = status_.cache_room = 0;
    for (const auto& l : loaded_) {
      status_.memory_bytes += l->bytes;
      if (!l->engine) continue;
      status_.running += l->engine->active();
      status_.cache_tokens += l->engine->cached();
      status_.cache_room += std::ssize(l->running) * l->engine->context();
      const Engine::Prefixes now = l->engine->prefixes();
      status_.prefixes.wanted += now.wanted - l->counted.wanted;
      status_.prefixes.copied += now.copied - l->counted.copied;
      l->counted = now;
    }
    status_.loaded = std::ssize(loaded_);
    for (const SequenceEvent& e : events_)
      status_.generated_tokens += e.event.draw || e.event.stop_token;
  }
  if (!events_.empty()) deliver_(std::exchange(events_, {}));
}

}  // namespace lineage
