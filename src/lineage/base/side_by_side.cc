#include "lineage/base/side_by_side.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "lineage/base/error.h"
#include "lineage/base/parallel.h"

namespace lineage {

SideBySide::SideBySide(std::vector<Piece> pieces, int at_once)
    : pieces_(std::move(pieces)),
      at_once_(std::min(at_once, static_cast<int>(pieces_.size()))),
      threads_(num_threads()),
      way_(pieces_.size()),
      states_(pieces_.size(), State::waiting) {
  for (size_t i = pieces_.size(); i-- > 0;) {
    way_[i] += pieces_[i].cost;
    for (const size_t before : pieces_[i].after) {
      require(before < i, "side by side: piece ", i, " waits for piece ", before,
              "; wanted one that stands before it");
      way_[before] = std::max(way_[before], way_[i]);
    }
  }
}

void SideBySide::run(const std::function<void(size_t)>& work) {
  if (at_once_ <= 1) {
    for (size_t i = 0; i < pieces_.size(); ++i) work(i);
    return;
  }
  {
    std::vector<std::jthread> workers;
    for (int w = 0; w < at_once_; ++w) workers.emplace_back([&] { serve(work); });
  }
  if (failure_) std::rethrow_exception(failure_);
}

bool SideBySide::ready(size_t piece) const {
  const auto& after = pieces_[piece].after;
  return states_[piece] == State::waiting &&
         std::ranges::all_of(after, [&](size_t i) { return states_[i] == State::done; });
}

size_t SideBySide::next() const {
  size_t best = pieces_.size();
  for (size_t i = 0; i < pieces_.size(); ++i)
    if (ready(i) && (best == pieces_.size() || way_[i] > way_[best])) best = i;
  return best;
}

void SideBySide::serve(const std::function<void(size_t)>& work) {
  std::unique_lock lock(mutex_);
  const auto over = [&] {
    return failure_ || std::ranges::find(states_, State::waiting) == states_.end();
  };
  while (true) {
    changed_.wait(lock, [&] { return over() || next() < pieces_.size(); });
    if (over()) return;
    const size_t piece = next();
    states_[piece] = State::running;
    running_.push_back(piece);
    lock.unlock();
    std::exception_ptr failure;
    try {
      pause(piece);
      work(piece);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    states_[piece] = State::done;
    std::erase(running_, piece);
    if (!failure_) failure_ = failure;
    changed_.notify_all();
  }
}

bool SideBySide::pause(size_t piece) {
  if (at_once_ <= 1) return false;
  const std::scoped_lock lock(mutex_);
  const int pieces = static_cast<int>(running_.size());
  const int place = static_cast<int>(std::ranges::find(running_, piece) - running_.begin());
  const int share = threads_ / pieces + (place < threads_ % pieces);
  set_num_threads(share);
  return failure_ != nullptr;
}

}  // namespace lineage
