#include "lineage/comm/communicator.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "lineage/base/error.h"

namespace lineage {

void Pending::wait() {
  for (int64_t times = 0; !over(); ++times) {
    comm_->poll();
    if (!over()) comm_->wait_for_change(times);
  }
}

void Communicator::poll() {
  for (size_t i = 0; i < in_flight_.size();) {
    in_flight_[i]->over_ = in_flight_[i]->advance();
    if (in_flight_[i]->over_)
      in_flight_.erase(in_flight_.begin() + static_cast<std::ptrdiff_t>(i));
    else
      ++i;
  }
}

Pending Communicator::begin(Kind kind, Tensor block, std::span<const int64_t> bounds) {
  const char* name = kind == Kind::reduce_scatter ? "reduce_scatter" : "all_gather";
  require(kind != Kind::reduce_scatter || block.dtype() == DType::f32, name,
          ": the tensor does not hold f32; only f32 is summed");
  require(block.device() == Device::cpu, name, ": the tensor is not in main memory");
  require(bounds.size() == static_cast<size_t>(size()) + 1, name, ": ", bounds.size(),
          " bounds for ", size(), " ranks; wanted one more than ranks");
  require(bounds.front() == 0 && bounds.back() == block.numel() && std::ranges::is_sorted(bounds),
          name, ": bounds from ", bounds.front(), " to ", bounds.back(),
          "; wanted ascending ones from 0 to ", block.numel());
  if (size() == 1) return {};
  if (block.empty()) block = Tensor::empty({0});
  auto part = start(kind, std::move(block), {bounds.begin(), bounds.end()});
  in_flight_.push_back(part);
  poll();
  return {this, std::move(part)};
}

Pending Communicator::start_reduce_scatter(Tensor block, std::span<const int64_t> bounds) {
  return begin(Kind::reduce_scatter, std::move(block), bounds);
}

Pending Communicator::start_all_gather(Tensor block, std::span<const int64_t> bounds) {
  return begin(Kind::all_gather, std::move(block), bounds);
}

void Communicator::reduce_scatter(Tensor block, std::span<const int64_t> bounds) {
  start_reduce_scatter(std::move(block), bounds).wait();
}

void Communicator::all_gather(Tensor block, std::span<const int64_t> bounds) {
  start_all_gather(std::move(block), bounds).wait();
}

void Communicator::all_reduce(Tensor x) {
  const std::vector<int64_t> bounds = even_shards(x.numel(), size());
  reduce_scatter(x, bounds);
  all_gather(x, bounds);
}

// Everyone's values to everyone, then the same fold on each rank.
void Communicator::all_reduce(std::span<double> values, Reduce how) {
  if (size() == 1) return;
  const int64_t words = static_cast<int64_t>(values.size()) * 2;  // of 4 bytes
  Tensor all = Tensor::empty({size(), words}, DType::i32);
  std::vector<int64_t> bounds;
  for (int r = 0; r <= size(); ++r) bounds.push_back(r * words);
  std::memcpy(all.rows(rank(), rank() + 1).bytes(), values.data(), values.size_bytes());
  all_gather(all, bounds);

  std::vector<double> part(values.size());
  std::memcpy(values.data(), all.bytes(), values.size_bytes());
  for (int r = 1; r < size(); ++r) {
    std::memcpy(part.data(), all.rows(r, r + 1).bytes(), values.size_bytes());
    for (size_t i = 0; i < part.size(); ++i) {
      if (how == Reduce::sum)
        values[i] += part[i];
      else if (part[i] > values[i] || std::isnan(part[i]))
        values[i] = part[i];
    }
  }
}

double Communicator::all_reduce(double value, Reduce how) {
  all_reduce({&value, 1}, how);
  return value;
}

// A gather in which the root owns everything.
void Communicator::broadcast(Tensor x, int root) {
  require(root >= 0 && root < size(), "broadcast: root ", root, " of ", size(), " ranks");
  std::vector<int64_t> bounds(static_cast<size_t>(size()) + 1, x.numel());
  std::fill_n(bounds.begin(), root + 1, 0);
  all_gather(std::move(x), bounds);
}

void Communicator::broadcast(std::span<std::byte> bytes, int root) {
  Tensor words = Tensor::zeros({(static_cast<int64_t>(bytes.size()) + 3) / 4}, DType::i32);
  if (!bytes.empty()) std::memcpy(words.bytes(), bytes.data(), bytes.size());
  broadcast(words, root);
  if (!bytes.empty()) std::memcpy(bytes.data(), words.bytes(), bytes.size());
}

void Communicator::barrier() { all_reduce(0.0); }

std::vector<int64_t> even_shards(int64_t numel, int ranks) {
  constexpr int64_t kLine = 16;  // f32 in a cache line
  const int64_t lines = (numel + kLine - 1) / kLine;
  std::vector<int64_t> bounds;
  for (int r = 0; r <= ranks; ++r) bounds.push_back(std::min(numel, lines * r / ranks * kLine));
  return bounds;
}

}  // namespace lineage
