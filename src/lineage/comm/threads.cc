#include "lineage/comm/threads.h"

#include <condition_variable>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "lineage/base/error.h"
#include "lineage/comm/rank_order.h"

namespace lineage {
namespace {

// One collective call: what each rank brought. The hub's mutex guards all but the elements, which
// nobody writes where another reads: a rank writes what it owns of a sum, or what others own of a
// gather, and only in its own block.
struct Exchange {
  explicit Exchange(size_t ranks) : blocks(ranks) {}

  std::vector<Tensor> blocks;  // by rank, empty until it has called; kept alive for its readers
  int arrived = 0, finished = 0;
};

// Where the ranks meet.
struct Hub {
  explicit Hub(int ranks) : size(ranks), left(static_cast<size_t>(ranks)) {}

  // With the mutex held: something changed that a waiting rank may be waiting for.
  void changed() {
    ++version;
    change.notify_all();
  }
  // `rank` goes on no more, because of `error` where there is one. The first to fail is the cause;
  // the others' errors follow from it.
  void fail(int rank, std::exception_ptr error) noexcept {
    const std::lock_guard lock(mutex);
    if (first_failed < 0) first_failed = rank;
    if (first_failed == rank && !first_error) first_error = std::move(error);
    changed();
  }
  void leave(int rank) {
    const std::lock_guard lock(mutex);
    left[rank] = true;
    changed();
  }

  const int size;
  std::mutex mutex;
  std::condition_variable change;
  uint64_t version = 0;
  int first_failed = -1;
  std::exception_ptr first_error;
  std::vector<bool> left;  // by rank: it makes no more calls
  // By the number of the call, until every rank has come.
  struct Call {
    std::shared_ptr<Exchange> exchange;
    bool sum;
    std::vector<int64_t> bounds;
  };
  std::map<uint64_t, Call> calls;
};

// What `rank` computes once everyone's block is known.
void combine(bool sum, const std::vector<int64_t>& bounds, std::span<Tensor> blocks, size_t rank) {
  const auto begin = [&](size_t r) { return static_cast<size_t>(bounds[r]); };
  const auto length = [&](size_t r) { return static_cast<size_t>(bounds[r + 1] - bounds[r]); };
  if (sum) {
    std::vector<const float*> parts;
    for (const Tensor& block : blocks) parts.push_back(block.data<float>().data() + begin(rank));
    add_in_rank_order(blocks[rank].data<float>().subspan(begin(rank), length(rank)), parts);
    return;
  }
  const auto width = static_cast<size_t>(size_of(blocks[rank].dtype()));
  for (size_t r = 0; r < blocks.size(); ++r) {
    if (r == rank || length(r) == 0) continue;
    std::memcpy(blocks[rank].bytes() + begin(r) * width, blocks[r].bytes() + begin(r) * width,
                length(r) * width);
  }
}

class ThreadCollective final : public Collective {
 public:
  ThreadCollective(Hub& hub, int rank, bool sum, std::vector<int64_t> bounds,
                   std::shared_ptr<Exchange> exchange)
      : hub_(hub), rank_(rank), sum_(sum), bounds_(std::move(bounds)), all_(std::move(exchange)) {}

  bool advance() override {
    std::unique_lock lock(hub_.mutex);
    check();
    if (all_->arrived < hub_.size) return false;
    if (!combined_) {
      lock.unlock();  // nobody touches the list of blocks any more
      combine(sum_, bounds_, all_->blocks, static_cast<size_t>(rank_));
      lock.lock();
      combined_ = true;
      if (++all_->finished == hub_.size) hub_.changed();
    }
    return all_->finished == hub_.size;
  }

 private:
  void check() const {
    require(hub_.first_failed < 0, "ranks: rank ", rank_, " waits for rank ", hub_.first_failed,
            ", which stopped with an error");
    if (all_->arrived == hub_.size) return;
    for (size_t r = 0; r < all_->blocks.size(); ++r)
      require(!all_->blocks[r].empty() || !hub_.left[r], "ranks: rank ", rank_, " waits for rank ",
              r, ", which has ended; every rank must make the same calls");
  }

  Hub& hub_;
  int rank_;
  bool sum_, combined_ = false;
  std::vector<int64_t> bounds_;
  std::shared_ptr<Exchange> all_;
};

class ThreadRank final : public Communicator {
 public:
  ThreadRank(Hub& hub, int rank) : hub_(hub), rank_(rank) {}
  int rank() const override { return rank_; }
  int size() const override { return hub_.size; }
  void abandon() noexcept override { hub_.fail(rank_, nullptr); }

 private:
  std::shared_ptr<Collective> start(Kind kind, Tensor block, std::vector<int64_t> bounds) override {
    const bool sum = kind == Kind::reduce_scatter;
    const std::lock_guard lock(hub_.mutex);
    const auto found = hub_.calls.try_emplace(call_).first;
    Hub::Call& call = found->second;
    if (!call.exchange) call = {std::make_shared<Exchange>(hub_.left.size()), sum, bounds};
    require(call.sum == sum && call.bounds == bounds, "ranks: in collective ", call_, " rank ",
            rank_, " calls another operation than the others, or with other bounds; every rank ",
            "must make the same calls");
    auto exchange = call.exchange;
    exchange->blocks[rank_] = std::move(block);
    if (++exchange->arrived == hub_.size) {
      hub_.calls.erase(found);
      hub_.changed();
    }
    ++call_;
    return std::make_shared<ThreadCollective>(hub_, rank_, sum, std::move(bounds), exchange);
  }

  // A change since the last return counts: it may have come after poll() looked.
  void wait_for_change(int64_t) override {
    std::unique_lock lock(hub_.mutex);
    hub_.change.wait(lock, [&] { return hub_.version != seen_; });
    seen_ = hub_.version;
  }

  Hub& hub_;
  int rank_;
  uint64_t call_ = 0, seen_ = 0;
};

}  // namespace

void run_ranks(int ranks, const std::function<void(Communicator&)>& body) {
  require(ranks >= 1, "run_ranks: ", ranks, " ranks; wanted one or more");
  Hub hub(ranks);
  const auto run = [&](int rank) {
    try {
      ThreadRank comm(hub, rank);
      body(comm);
    } catch (...) {
      hub.fail(rank, std::current_exception());
    }
    hub.leave(rank);
  };
  std::vector<std::jthread> threads;
  for (int rank = 0; rank < ranks; ++rank) threads.emplace_back(run, rank);
  threads.clear();
  if (hub.first_error) std::rethrow_exception(hub.first_error);
  require(hub.first_failed < 0, "ranks: rank ", hub.first_failed, " abandoned the run");
}

}  // namespace lineage
