#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

namespace lineage {

// A piece of work that may have to wait for others.
struct Piece {
  std::vector<size_t> after = {};  // pieces before this one in the list that must be done first
  double cost = 1;                 // in any unit
};

// Pieces of work done side by side, a thread each, which share the compute threads of the one who
// calls run(). Work that leaves threads idle between its parallel loops (a small model's training
// step does) takes less time beside other such work than one after another. Of what is ready, the
// piece that begins the costliest way to the end goes first (list scheduling by critical path: Hu,
// "Parallel Sequencing and Assembly Line Problems", Operations Research 9(6), 1961).
class SideBySide {
 public:
  // At most `at_once` pieces at a time. One: in the order of the list, on the calling thread.
  SideBySide(std::vector<Piece> pieces, int at_once);

  // work(i) for every piece i. Once one fails none is begun, and when those that run have ended the
  // first failure is thrown.
  void run(const std::function<void(size_t)>& work);

  // For the work on `piece` to call now and then: its loops use from here on what its share of the
  // threads is now. True: another piece has failed, so stop.
  bool pause(size_t piece);

 private:
  enum class State : uint8_t { waiting, running, done };
  bool ready(size_t piece) const;
  size_t next() const;  // the ready piece to begin; how many there are when none is ready
  void serve(const std::function<void(size_t)>& work);

  std::vector<Piece> pieces_;
  int at_once_, threads_;
  std::vector<double> way_;  // cost from the piece's begin to the end of all that waits for it
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<State> states_;
  std::vector<size_t> running_;  // in the order of their beginning
  std::exception_ptr failure_;
};

}  // namespace lineage
