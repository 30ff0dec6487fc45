#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lineage/tensor/tensor.h"

namespace lineage {

class Communicator;

// One rank's part in a collective call; made by a Communicator's start(), driven by its poll().
class Collective {
 public:
  virtual ~Collective() = default;
  // Does what can be done without waiting. True once this rank's part is over: its results are in
  // place and nobody reads its block any more. Not called again after that.
  virtual bool advance() = 0;

 private:
  friend class Communicator;
  friend class Pending;
  bool over_ = false;
};

// A collective under way. Dropping it cancels nothing: the communicator keeps it, and its tensor,
// until it is over.
class Pending {
 public:
  Pending() = default;  // nothing under way
  // Returns once this rank's part is over; meanwhile the other pending collectives move on too.
  void wait();
  bool over() const { return !part_ || part_->over_; }

 private:
  friend class Communicator;
  Pending(Communicator* comm, std::shared_ptr<Collective> part)
      : comm_(comm), part_(std::move(part)) {}
  Communicator* comm_ = nullptr;
  std::shared_ptr<Collective> part_;
};

enum class Reduce { sum, max };

// The processes of one run. Every rank makes the same calls in the same order, from one thread.
//
// Every sum is taken in the order of the ranks, ((x0 + x1) + x2) + …, for each element by itself.
// So a result is the same bits on every rank, in every run, for every choice of shards, and for
// thread ranks as for processes.
//
// `bounds` are size() + 1 positions in a tensor's elements, ascending from 0 to numel(): rank r
// owns [bounds[r], bounds[r + 1]), which may be empty. Every rank passes the same bounds.
class Communicator {
 public:
  Communicator() = default;
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  // The owner's shard becomes the sum over ranks; the rest of the block keeps this rank's values.
  // f32 only.
  void reduce_scatter(Tensor block, std::span<const int64_t> bounds);
  // Every shard becomes its owner's.
  void all_gather(Tensor block, std::span<const int64_t> bounds);
  // Every rank's `x` becomes the sum. f32 only.
  void all_reduce(Tensor x);
  // For small things: losses, norms, flags. A NaN on any rank is the maximum.
  void all_reduce(std::span<double> values, Reduce = Reduce::sum);
  double all_reduce(double value, Reduce = Reduce::sum);
  // Every rank's elements or bytes become the root's.
  void broadcast(Tensor x, int root);
  void broadcast(std::span<std::byte> bytes, int root);
  // Returns once every rank has called it.
  void barrier();

  // The same while this rank computes on. The block must not be written between start and the end
  // of wait(), nor its shards read. Messages move only inside this communicator's calls, so call
  // poll() now and then between pieces of work.
  [[nodiscard]] Pending start_reduce_scatter(Tensor block, std::span<const int64_t> bounds);
  [[nodiscard]] Pending start_all_gather(Tensor block, std::span<const int64_t> bounds);
  void poll();

  // For a rank that cannot go on: releases the others, which would wait for it in vain. Thread
  // ranks meet an Error in their next collective; processes, this one included, are ended.
  virtual void abandon() noexcept = 0;

 protected:
  enum class Kind : uint8_t { reduce_scatter, all_gather };
  // Called with checked arguments, and only where size() > 1.
  virtual std::shared_ptr<Collective> start(Kind, Tensor block, std::vector<int64_t> bounds) = 0;
  // Returns when a pending collective may have something new to do, or earlier. `times`: how often
  // the same wait has come here before.
  virtual void wait_for_change(int64_t times) = 0;
  bool idle() const { return in_flight_.empty(); }

 private:
  friend class Pending;
  Pending begin(Kind, Tensor block, std::span<const int64_t> bounds);
  std::vector<std::shared_ptr<Collective>> in_flight_;  // in the order of their start
};

// Bounds that share `numel` elements evenly, each a multiple of a cache line from the first.
std::vector<int64_t> even_shards(int64_t numel, int ranks);

// One rank, rank 0: every collective is done at once.
std::unique_ptr<Communicator> single_process();

// The processes that mpirun started: reads from the environment whether it did, and is
// single_process() otherwise, without the cost of setting up MPI. Make it once in a process, on
// the thread that will use it; it lives as long as collectives are wanted. Throws Error in a build
// without MPI when mpirun started several processes.
//
// When it dies by an exception or with collectives under way it does not take leave of the other
// ranks: the process must then end with a non-zero status, at which mpirun ends them too.
// An error inside MPI itself ends all processes with MPI's own message.
std::unique_ptr<Communicator> mpi();

}  // namespace lineage
