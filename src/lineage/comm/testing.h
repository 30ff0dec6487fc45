#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "lineage/base/rng.h"
#include "lineage/comm/communicator.h"

namespace lineage::testing {

// What rank `rank` brings at element i: of magnitudes so mixed that another order of summation
// gives other bits.
inline float brought(int rank, int64_t i) {
  const uint64_t bits = Rng(static_cast<uint64_t>(rank)).bits(static_cast<uint64_t>(i));
  const auto exponent = static_cast<uint32_t>(bits >> 32) % 40;
  const auto scale = std::bit_cast<float>((107 + exponent) << 23);  // 2^-20 to 2^19
  return (static_cast<float>(bits & 0xFFFFFF) - 0x800000) * scale;
}

inline Tensor brought_tensor(int rank, Shape shape) {
  Tensor x = Tensor::empty(std::move(shape));
  for (int64_t i = 0; i < x.numel(); ++i) x.data<float>()[i] = brought(rank, i);
  return x;
}

// The sum over ranks in their order, element by element.
inline float total(int ranks, int64_t i) {
  float sum = brought(0, i);
  for (int r = 1; r < ranks; ++r) sum += brought(r, i);
  return sum;
}

// Several ways to share n elements: evenly; all to one rank; most to the last, with empty shards.
inline std::vector<std::vector<int64_t>> ways_to_share(int64_t n, int ranks) {
  std::vector<std::vector<int64_t>> ways{even_shards(n, ranks)};
  for (int owner = 0; owner < ranks; ++owner) {
    std::vector<int64_t> bounds(static_cast<size_t>(ranks) + 1, n);
    std::fill_n(bounds.begin(), owner + 1, 0);
    ways.push_back(bounds);
  }
  std::vector<int64_t> uneven{0};
  for (int r = 0; r + 1 < ranks; ++r) uneven.push_back(n * r * r / (ranks * ranks));
  uneven.push_back(n);
  ways.push_back(uneven);
  return ways;
}

inline int owner_of(int64_t i, const std::vector<int64_t>& bounds) {
  int r = 0;
  while (i >= bounds[static_cast<size_t>(r) + 1]) ++r;
  return r;
}

// Bits equal; names the first element that is not.
template <class Wanted>
void expect_elements(const Tensor& x, const Wanted& wanted, const std::string& what) {
  const auto seen = x.data<float>();
  for (size_t i = 0; i < seen.size(); ++i) {
    const float want = wanted(static_cast<int64_t>(i));
    if (std::memcmp(&want, &seen[i], sizeof want) == 0) continue;
    ADD_FAILURE() << what << ": element " << i << " is " << seen[i] << ", wanted " << want;
    return;
  }
}

// Every collective against a plain loop, for one size of tensor.
inline void expect_collectives(Communicator& comm, int64_t n) {
  const int rank = comm.rank(), ranks = comm.size();
  std::vector<Tensor> all;
  for (int r = 0; r < ranks; ++r) all.push_back(brought_tensor(r, {n}));
  Tensor total_of_all = Tensor::empty({n});
  for (int64_t i = 0; i < n; ++i) total_of_all.data<float>()[i] = total(ranks, i);
  const auto at = [](const Tensor& x, int64_t i) { return x.data<float>()[i]; };
  const auto from = [&](int r, int64_t i) { return at(all[r], i); };
  const auto sum = [&](int64_t i) { return at(total_of_all, i); };
  const auto mine = [&] {
    Tensor x = Tensor::empty({n});
    std::ranges::copy(all[rank].data<float>(), x.data<float>().begin());
    return x;
  };
  for (const std::vector<int64_t>& bounds : ways_to_share(n, ranks)) {
    const auto owned = [&](int64_t i) { return owner_of(i, bounds) == rank; };
    Tensor x = mine();
    comm.reduce_scatter(x, bounds);
    expect_elements(
        x, [&](int64_t i) { return owned(i) ? sum(i) : from(rank, i); }, "reduce_scatter");
    comm.all_gather(x, bounds);
    expect_elements(x, sum, "reduce_scatter + all_gather");

    Tensor y = mine();
    comm.all_gather(y, bounds);
    expect_elements(
        y, [&](int64_t i) { return from(owner_of(i, bounds), i); }, "all_gather");
  }
  Tensor x = mine().view({1, n});
  comm.all_reduce(x);
  expect_elements(x, sum, "all_reduce");
  for (int root = 0; root < ranks; ++root) {
    Tensor y = mine();
    comm.broadcast(y, root);
    expect_elements(
        y, [&](int64_t i) { return from(root, i); }, "broadcast");
  }
}

inline void expect_small_collectives(Communicator& comm) {
  const int rank = comm.rank(), ranks = comm.size();
  std::vector<double> values{rank + 0.1, 1e300 * rank, -1.0 * rank}, most = values;
  comm.all_reduce(values);
  double tenths = 0, huge = 0;
  for (int r = 0; r < ranks; ++r) tenths += r + 0.1, huge += 1e300 * r;
  EXPECT_EQ(values, (std::vector<double>{tenths, huge, -0.5 * ranks * (ranks - 1)}));
  comm.all_reduce(most, Reduce::max);
  EXPECT_EQ(most, (std::vector<double>{ranks - 1 + 0.1, 1e300 * (ranks - 1), 0.0}));

  EXPECT_EQ(comm.all_reduce(1.0), ranks);
  EXPECT_EQ(comm.all_reduce(rank == ranks - 1 ? 1.0 : 0.0, Reduce::max), 1);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (int who = 0; who < ranks; ++who)
    EXPECT_TRUE(std::isnan(comm.all_reduce(rank == who ? nan : 1e9, Reduce::max))) << who;

  for (const size_t length : {0, 1, 4, 13}) {
    std::string text(length, static_cast<char>('a' + rank));
    comm.broadcast(std::as_writable_bytes(std::span(text)), ranks - 1);
    EXPECT_EQ(text, std::string(length, static_cast<char>('a' + ranks - 1)));
  }
  comm.barrier();
}

// Once a collective is over its block may be written, however late the other ranks are.
inline void expect_blocks_are_free_afterwards(Communicator& comm) {
  constexpr int64_t kElements = 5000;
  const std::vector<int64_t> bounds = even_shards(kElements, comm.size());
  const auto own = static_cast<size_t>(comm.rank());
  const Tensor mine = brought_tensor(comm.rank(), {kElements});
  Tensor x = Tensor::like(mine), sums = Tensor::empty({bounds[own + 1] - bounds[own]});
  for (int round = 0; round < 100; ++round) {
    std::ranges::copy(mine.data<float>(), x.data<float>().begin());
    comm.reduce_scatter(x, bounds);
    std::memcpy(sums.bytes(), x.bytes() + bounds[own] * 4, static_cast<size_t>(sums.byte_size()));
    std::ranges::fill(x.data<float>(), -1.0f);
    expect_elements(
        sums, [&](int64_t i) { return total(comm.size(), bounds[own] + i); }, "late rank");
  }
}

// Many collectives under way at once, waited for out of order and with others in between.
inline void expect_overlap(Communicator& comm) {
  constexpr int kBlocks = 20;
  const int rank = comm.rank(), ranks = comm.size();
  std::vector<Tensor> blocks;
  std::vector<Pending> pending;
  for (int b = 0; b < kBlocks; ++b) {
    const int64_t n = 1 + 997 * b;
    blocks.push_back(brought_tensor(rank, {n}));
    pending.push_back(comm.start_reduce_scatter(blocks.back(), even_shards(n, ranks)));
    if (b % 3 == 0) comm.poll();
  }
  EXPECT_EQ(comm.all_reduce(1.0), ranks);
  for (int b = kBlocks - 1; b >= 0; --b) {
    pending[b].wait();
    EXPECT_TRUE(pending[b].over());
  }
  for (Tensor& block : blocks) {
    // Dropping a Pending cancels nothing; the barrier's wait carries the gather along.
    Pending gather = comm.start_all_gather(block, even_shards(block.numel(), ranks));
    comm.barrier();
    gather.wait();
    expect_elements(
        block, [&](int64_t i) { return total(ranks, i); }, "overlap");
  }
}

}  // namespace lineage::testing
