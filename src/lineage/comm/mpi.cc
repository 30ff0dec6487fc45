#define OMPI_SKIP_MPICXX 1  // the C interface only
#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <thread>

#include "lineage/base/error.h"
#include "lineage/comm/communicator.h"
#include "lineage/comm/launcher.h"
#include "lineage/comm/rank_order.h"

namespace lineage {
namespace {

// MPI's default error handler ends all processes with its own message, so no status is looked at.

// Elements in one message: small enough that what has come is still in the cache when it is added,
// large enough that a message's fixed cost does not matter.
constexpr int64_t kChunk = 64 << 10;

struct Peers {
  MPI_Comm comm;
  int rank, size, tag;
};

struct Shard {
  int64_t begin, end;
  int64_t chunks() const { return (end - begin + kChunk - 1) / kChunk; }
  Shard chunk(int64_t i) const {
    return {begin + i * kChunk, std::min(end, begin + (i + 1) * kChunk)};
  }
  int length() const { return static_cast<int>(end - begin); }
};

Shard shard_of(const std::vector<int64_t>& bounds, int rank) {
  const auto r = static_cast<size_t>(rank);
  return {bounds[r], bounds[r + 1]};
}

bool all_done(std::vector<MPI_Request>& requests) {
  int done = 0;
  MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE);
  return done != 0;
}

// Each rank sends every owner its part of that owner's shard, straight from the block and in
// chunks; the owner receives a chunk from all, adds them in the order of the ranks, and meanwhile
// the next chunk arrives. Memory: kSlots chunks from every other rank.
class ReduceScatter final : public Collective {
 public:
  ReduceScatter(const Peers& peers, Tensor block, const std::vector<int64_t>& bounds)
      : peers_(peers),
        block_(std::move(block)),
        values_(block_.data<float>()),
        mine_(shard_of(bounds, peers.rank)) {
    const int64_t room = std::min(kChunk, mine_.end - mine_.begin);
    for (Slot& slot : slots_)
      slot.received = Tensor::empty({static_cast<int64_t>(peers.size) - 1, room});
    for (int64_t chunk = 0; chunk < kSlots; ++chunk) receive(chunk);
    // Rank r sends to r + 1 first, so that no owner is everyone's first.
    for (int step = 1; step < peers.size; ++step) send((peers.rank + step) % peers.size, bounds);
  }

  bool advance() override {
    for (; next_ < mine_.chunks(); ++next_) {
      if (!all_done(slot(next_).requests)) return false;
      add(next_);
      receive(next_ + kSlots);
    }
    return all_done(sends_);
  }

 private:
  static constexpr int64_t kSlots = 2;
  struct Slot {
    Tensor received;  // (other ranks, chunk)
    std::vector<MPI_Request> requests;
  };
  Slot& slot(int64_t chunk) { return slots_[chunk % kSlots]; }

  void send(int owner, const std::vector<int64_t>& bounds) {
    const Shard theirs = shard_of(bounds, owner);
    for (int64_t i = 0; i < theirs.chunks(); ++i) {
      const Shard chunk = theirs.chunk(i);
      MPI_Isend(values_.data() + chunk.begin, chunk.length(), MPI_FLOAT, owner, peers_.tag,
                peers_.comm, &sends_.emplace_back());
    }
  }

  void receive(int64_t i) {
    if (i >= mine_.chunks()) return;
    slot(i).requests.clear();
    for (int r = 0; r < peers_.size; ++r)
      if (r != peers_.rank)
        MPI_Irecv(arrived(i, r), mine_.chunk(i).length(), MPI_FLOAT, r, peers_.tag, peers_.comm,
                  &slot(i).requests.emplace_back());
  }

  void add(int64_t i) {
    const Shard chunk = mine_.chunk(i);
    const auto own = values_.subspan(static_cast<size_t>(chunk.begin),
                                     static_cast<size_t>(chunk.end - chunk.begin));
    std::vector<const float*> parts;
    for (int r = 0; r < peers_.size; ++r)
      parts.push_back(r == peers_.rank ? own.data() : arrived(i, r));
    add_in_rank_order(own, parts);
  }

  // Where `sender`'s part of chunk i lies once it is here.
  float* arrived(int64_t i, int sender) {
    const int row = sender < peers_.rank ? sender : sender - 1;
    return slot(i).received.data<float>().data() + row * slot(i).received.dim(1);
  }

  Peers peers_;
  Tensor block_;
  std::span<float> values_;
  Shard mine_;
  int64_t next_ = 0;  // chunk to add
  std::array<Slot, kSlots> slots_;
  std::vector<MPI_Request> sends_;
};

// Each owner sends its shard to every other rank, straight into place.
class AllGather final : public Collective {
 public:
  AllGather(const Peers& peers, Tensor block, const std::vector<int64_t>& bounds)
      : block_(std::move(block)) {
    for (int step = 1; step < peers.size; ++step) {
      const int from = (peers.rank + peers.size - step) % peers.size;
      each_message(shard_of(bounds, from), [&](void* data, int n, MPI_Request* request) {
        MPI_Irecv(data, n, MPI_INT32_T, from, peers.tag, peers.comm, request);
      });
    }
    for (int step = 1; step < peers.size; ++step) {
      const int to = (peers.rank + step) % peers.size;
      each_message(shard_of(bounds, peers.rank), [&](void* data, int n, MPI_Request* request) {
        MPI_Isend(data, n, MPI_INT32_T, to, peers.tag, peers.comm, request);
      });
    }
  }

  bool advance() override { return all_done(requests_); }

 private:
  template <class Post>
  void each_message(Shard shard, const Post& post) {
    constexpr int64_t kMost = 1 << 28;  // elements; MPI counts with an int
    for (int64_t begin = shard.begin; begin < shard.end; begin += kMost)
      post(block_.bytes() + begin * size_of(block_.dtype()),
           static_cast<int>(std::min(kMost, shard.end - begin)), &requests_.emplace_back());
  }

  Tensor block_;
  std::vector<MPI_Request> requests_;
};

class MpiProcesses final : public Communicator {
 public:
  MpiProcesses() {
    int provided = 0, initialized = 0;
    MPI_Initialized(&initialized);
    require(!initialized, "mpi: made twice in one process; wanted once");
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_dup(MPI_COMM_WORLD, &peers_.comm);
    MPI_Comm_rank(peers_.comm, &peers_.rank);
    MPI_Comm_size(peers_.comm, &peers_.size);
  }

  // MPI_Finalize waits for all ranks, so it is only for ranks that all reach their end.
  ~MpiProcesses() override {
    if (std::uncaught_exceptions() > exceptions_ || !idle()) return;
    MPI_Comm_free(&peers_.comm);
    MPI_Finalize();
  }

  int rank() const override { return peers_.rank; }
  int size() const override { return peers_.size; }
  void abandon() noexcept override { MPI_Abort(MPI_COMM_WORLD, 1); }

 private:
  std::shared_ptr<Collective> start(Kind kind, Tensor block, std::vector<int64_t> bounds) override {
    // Tags tell apart what is under way at once, so they may come round again.
    peers_.tag = (peers_.tag + 1) % kTags;
    if (kind == Kind::reduce_scatter)
      return std::make_shared<ReduceScatter>(peers_, std::move(block), bounds);
    return std::make_shared<AllGather>(peers_, std::move(block), bounds);
  }

  // Spinning is the fastest wait, and a core that waits has nothing else to do; but the rank waited
  // for may need this very core, and one that stays away for longer is not missed by microseconds.
  void wait_for_change(int64_t times) override {
    constexpr int64_t kSpins = 100, kYields = 10'000;
    if (times > kYields)
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    else if (times > kSpins)
      std::this_thread::yield();
  }

  static constexpr int kTags = 32768;             // all that MPI promises
  Peers peers_{MPI_COMM_NULL, 0, 0, kTags - 50};  // so that every test sees them come round
  int exceptions_ = std::uncaught_exceptions();
};

}  // namespace

std::unique_ptr<Communicator> mpi() {
  if (launched_processes() <= 1) return single_process();
  return std::make_unique<MpiProcesses>();
}

}  // namespace lineage
