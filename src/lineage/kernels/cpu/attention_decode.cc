#include <algorithm>
#include <cmath>
#include <span>
#include <type_traits>
#include <vector>

#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/attention.h"
#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lineage/kernels/cpu/attention_decode.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "lineage/kernels/cpu/attention_block-inl.h"

#ifndef LINEAGE_KERNELS_CPU_ATTENTION_DECODE_ONCE
#define LINEAGE_KERNELS_CPU_ATTENTION_DECODE_ONCE
namespace lineage {

// Sums over the positions seen so far; `rescale` is for what was summed before the last chunk.
struct RunningSoftmax {
  float largest = -1e30f, total = 0, rescale = 1;
};

// One query and the cached positions [begin, end) that it sees.
struct DecodeQuery {
  const float* query;
  float* y;
  int64_t begin, end;
  float slope;  // of ALiBi in base 2, or 0
  RunningSoftmax softmax;
};

// Queries that read the keys and values of one head together.
struct DecodeTile {
  static constexpr int kMost = 3;
  DecodeQuery queries[kMost];
  int count;
  const float *keys, *values;  // of position 0
};

// Tiles that walk along the same positions [begin, end) of neighbouring heads of one slot.
// Positions are cut into chunks, and scores into vectors, by absolute position, and values are
// added one position after the other, so that each query's sums are the same bits in any company:
// what only its neighbours see, it adds with weight 0.
struct DecodeWalk {
  std::span<DecodeTile> tiles;  // the first one's keys and values are those of the first head
  int64_t begin, end, stride, head_width, heads;
  int64_t rows_at_once;  // positions that one head takes before the next head does
  bool fetch_ahead;
  const float* then;  // rows that will be read after this walk, or null
};

}  // namespace lineage
#endif

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace {

// Positions whose scores are held at once. A multiple of 64: sum_vectors() takes four vectors of up
// to 16 at a time.
constexpr int64_t kChunk = 256, kAligned = 64;
static_assert(kChunk % kAligned == 0);

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void store_four_sums(const Vec32 (&v)[4], float* to) {
  for (int i = 0; i < 4; ++i) to[i] = hn::GetLane(v[i]);
}
#else
template <class D>
HWY_INLINE hn::Vec<hn::FixedTag<float, 4> > sum_of_blocks([[maybe_unused]] D d, hn::Vec<D> v) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return v;
  } else {
    const hn::Half<D> half;
    return sum_of_blocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// The sums over the lanes of four vectors, all in the same order.
HWY_INLINE void store_four_sums(const Vec32 (&v)[4], float* to) {
  const F32 d;
  const auto fold = [](Vec32 a, Vec32 b) HWY_ATTR {
    return hn::Add(hn::InterleaveLower(F32(), a, b), hn::InterleaveUpper(F32(), a, b));
  };
  const Vec32 all = fold(fold(v[0], v[2]), fold(v[1], v[3]));
  hn::StoreU(sum_of_blocks(d, all), hn::FixedTag<float, 4>(), to);
}
#endif

// Of one query, with room for what four keys at a time write beyond the end; whole cache lines.
using Scores = float[kChunk + 16];

// Fetches rows of memory, in order, a few lines at a time between other work. The loops below jump
// from row to row and wait for sums, so hardware alone keeps too few fetches in flight; and it
// answers those in order best.
class FetchAhead {
 public:
  FetchAhead(const float* rows, int64_t count, const DecodeWalk& walk)
      : row_(rows), width_(walk.heads * walk.head_width), stride_(walk.stride), left_(count) {
    if (width_ == stride_) width_ *= left_, left_ = left_ > 0;  // one long row
    if (!rows) left_ = 0;
  }
  HWY_INLINE void fetch(int64_t columns) {
    while (left_ > 0 && columns > 0) {
      const int64_t end = std::min(column_ + columns, width_);
      columns -= end - column_;
      for (; column_ < end; column_ += 16) __builtin_prefetch(row_ + column_, 0, 2);
      if (column_ < width_) return;
      column_ = 0;
      row_ += stride_;
      --left_;
    }
  }

 private:
  const float* row_;
  int64_t column_ = 0, width_, stride_, left_;
};

// Calls body(c, vectors, part) for all channels: kMost vectors at a time, then one, then what is
// left. `vectors` is an integral_constant.
template <int kMost, class Body>
HWY_INLINE void for_channels(int64_t width, const Body& body) {
  constexpr std::integral_constant<int, kMost> most;
  constexpr std::integral_constant<int, 1> one;
  int64_t c = 0;
  for (; c + most * kLaneCount <= width; c += most * kLaneCount) body(c, most, Whole{});
  for (; c + kLaneCount <= width; c += kLaneCount) body(c, one, Whole{});
  if (c < width) body(c, one, Part{static_cast<size_t>(width - c)});
}

// scores[q][j] = query q · keys[j] for j in [begin, end), four keys at a time; at the end the last
// key stands in for those that are missing.
template <int kCount>
HWY_INLINE void score_keys(Scores* scores, const DecodeTile& tile, const float* keys,
                           int64_t stride, int64_t begin, int64_t end, int64_t head_width) {
  for (int64_t j = begin; j < end; j += 4) {
    const float* four[4];
    for (int64_t i = 0; i < 4; ++i) four[i] = keys + std::min(j + i, end - 1) * stride;
    Vec32 sums[kCount][4];
    HWY_UNROLL(4) for (int q = 0; q < kCount; ++q) {
      HWY_UNROLL(4) for (int i = 0; i < 4; ++i) sums[q][i] = hn::Zero(F32());
    }
    for_channels<4>(head_width, [&](int64_t at, auto vectors, auto part) HWY_ATTR {
      for (int64_t c = at; c < at + vectors * kLaneCount; c += kLaneCount) {
        Vec32 x[kCount];
        HWY_UNROLL(4) for (int q = 0; q < kCount; ++q) x[q] = part.load(tile.queries[q].query + c);
        HWY_UNROLL(4) for (int i = 0; i < 4; ++i) {
          const Vec32 k = part.load(four[i] + c);
          HWY_UNROLL(4) for (int q = 0; q < kCount; ++q) {
            sums[q][i] = hn::MulAdd(x[q], k, sums[q][i]);
          }
        }
      }
    });
    HWY_UNROLL(4) for (int q = 0; q < kCount; ++q) store_four_sums(sums[q], scores[q] + j);
  }
}

// Turns the scores of the chunk that begins at `first` into weights: 0 in [begin, end) where the
// query does not see.
HWY_INLINE void weigh_scores(float* scores, DecodeQuery& query, float scale, int64_t first,
                             int64_t begin, int64_t end) {
  const F32 d;
  const int64_t from = std::clamp(query.begin - first, begin, end);
  const int64_t to = std::clamp(query.end - first, from, end), at = from / kAligned * kAligned;
  RunningSoftmax& state = query.softmax;
  state.rescale = 1;
  if (from < to) {
    std::fill(scores + at, scores + from, -HUGE_VALF);
    float* const s = scores + at;
    const Vec32 vscale = hn::Set(d, scale);
    const auto n = static_cast<size_t>(to - at);
    Vec32 most = hn::Set(d, state.largest);
    for_vectors(n, [&](size_t j, auto part) HWY_ATTR {
      Vec32 score = hn::Mul(vscale, part.load(s + j));
      if (query.slope != 0) {
        const auto age = static_cast<float>(query.end - 1 - first - at - static_cast<int64_t>(j));
        const Vec32 ages = hn::Sub(hn::Set(d, age), hn::Iota(d, 0));
        score = hn::NegMulAdd(hn::Set(d, query.slope), ages, score);
      }
      part.store(score, s + j);
      most = part.keep_outside(hn::Max(most, score), most);
    });
    const float largest = hn::GetLane(hn::MaxOfLanes(d, most));
    float sum[1];
    sum_vectors(n, sum, [&](size_t j, auto part, Vec32* sums) HWY_ATTR {
      const Vec32 p = exp2_nonpositive(hn::Sub(part.load(s + j), hn::Set(d, largest)));
      part.store(p, s + j);
      sums[0] = hn::Add(sums[0], part.zero_outside(p));
    });
    state.rescale = hn::GetLane(exp2_nonpositive(hn::Set(d, state.largest - largest)));
    state.total = state.total * state.rescale + sum[0];
    state.largest = largest;
  }
  std::fill(scores + begin, scores + from, 0.0f);
  std::fill(scores + to, scores + end, 0.0f);
}

// y += weights[j] values[j] for j in [begin, end), one after the other.
template <int kCount>
HWY_INLINE void add_values(const DecodeTile& tile, const Scores* weights, const float* values,
                           int64_t stride, int64_t begin, int64_t end, int64_t head_width) {
  for_channels<kCount == 1 ? 4 : 2>(head_width, [&](int64_t c, auto vectors, auto part) HWY_ATTR {
    constexpr int kVectors = vectors;
    Vec32 sums[kCount][kVectors];
    HWY_UNROLL(4) for (int q = 0; q < kCount; ++q) {
      HWY_UNROLL(8) for (int v = 0; v < kVectors; ++v) {
        sums[q][v] = part.load(tile.queries[q].y + c + v * kLaneCount);
      }
    }
    const float* row = values + begin * stride + c;
    for (int64_t j = begin; j < end; ++j, row += stride) {
      HWY_UNROLL(8) for (int v = 0; v < kVectors; ++v) {
        const Vec32 value = part.load(row + v * kLaneCount);
        HWY_UNROLL(4) for (int q = 0; q < kCount; ++q) {
          sums[q][v] = hn::MulAdd(hn::Set(F32(), weights[q][j]), value, sums[q][v]);
        }
      }
    }
    HWY_UNROLL(4) for (int q = 0; q < kCount; ++q) {
      HWY_UNROLL(8) for (int v = 0; v < kVectors; ++v) {
        part.store(sums[q][v], tile.queries[q].y + c + v * kLaneCount);
      }
    }
  });
}

// y *= factor.
HWY_INLINE void multiply_row(float* y, int64_t width, float factor) {
  for_vectors(static_cast<size_t>(width), [&](size_t c, auto part) HWY_ATTR {
    part.store(hn::Mul(hn::Set(F32(), factor), part.load(y + c)), y + c);
  });
}

template <class Body>
HWY_INLINE void with_count(int count, const Body& body) {
  static_assert(DecodeTile::kMost == 3);
  if (count == 1) return body.template operator()<1>();
  if (count == 2) return body.template operator()<2>();
  body.template operator()<3>();
}

// Adds the positions [begin, end) of the chunk that begins at `first`. All heads take some keys,
// and then as many values, before the next: memory is read nearly in order.
HWY_NOINLINE void add_chunk(const DecodeWalk& walk, int64_t first, int64_t begin, int64_t end,
                            Scores* scores) {
  const int64_t width = walk.head_width, stride = walk.stride;
  const float scale = kLog2E / std::sqrt(static_cast<float>(width));
  const float* const keys = walk.tiles[0].keys + first * stride;
  const float* const values = walk.tiles[0].values + first * stride;
  const float* const then = first + end < walk.end ? keys + end * stride : walk.then;
  const int64_t rows = walk.rows_at_once, share = rows * width;
  const int64_t ahead = walk.fetch_ahead ? rows : 0;
  for (int64_t j = begin; j < end; j += rows) {
    const int64_t to = std::min(j + rows, end);
    FetchAhead next(to < end ? keys + to * stride : values + begin * stride, ahead, walk);
    for (size_t i = 0; i < walk.tiles.size(); ++i) {
      next.fetch(share);
      const DecodeTile& tile = walk.tiles[i];
      Scores* const s = scores + i * DecodeTile::kMost;
      with_count(tile.count, [&]<int kCount>() HWY_ATTR {
        score_keys<kCount>(s, tile, tile.keys + first * stride, stride, j, to, width);
      });
    }
  }
  for (size_t i = 0; i < walk.tiles.size(); ++i)
    for (int q = 0; q < walk.tiles[i].count; ++q) {
      DecodeQuery& query = walk.tiles[i].queries[q];
      weigh_scores(scores[i * DecodeTile::kMost + static_cast<size_t>(q)], query, scale, first,
                   begin, end);
      if (first > 0) multiply_row(query.y, width, query.softmax.rescale);
    }
  for (int64_t j = begin; j < end; j += rows) {
    const int64_t to = std::min(j + rows, end);
    FetchAhead next(to < end ? values + to * stride : then, ahead, walk);
    for (size_t i = 0; i < walk.tiles.size(); ++i) {
      next.fetch(share);
      const DecodeTile& tile = walk.tiles[i];
      const Scores* const s = scores + i * DecodeTile::kMost;
      with_count(tile.count, [&]<int kCount>() HWY_ATTR {
        add_values<kCount>(tile, s, tile.values + first * stride, stride, j, to, width);
      });
    }
  }
}

// Floats of scratch for each tile.
int64_t decode_scratch() {
  return DecodeTile::kMost * static_cast<int64_t>(sizeof(Scores) / sizeof(float));
}

// The softmax's largest score and sums are carried from chunk to chunk.
void decode_walk(const DecodeWalk& walk, float* scratch) {
  for (DecodeTile& tile : walk.tiles)
    for (int q = 0; q < tile.count; ++q) std::fill_n(tile.queries[q].y, walk.head_width, 0.0f);
  for (int64_t first = walk.begin / kChunk * kChunk; first < walk.end; first += kChunk)
    add_chunk(walk, first, std::max<int64_t>(0, walk.begin - first),
              std::min(kChunk, walk.end - first), reinterpret_cast<Scores*>(scratch));
  for (const DecodeTile& tile : walk.tiles)
    for (int q = 0; q < tile.count; ++q)
      multiply_row(tile.queries[q].y, walk.head_width, 1 / tile.queries[q].softmax.total);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lineage {
namespace {
HWY_EXPORT(decode_walk);
HWY_EXPORT(decode_scratch);

// The tensors of a call, and what is where in them.
struct DecodeCall {
  const AttentionSpec& spec;
  const float* qkv;
  float *keys, *values, *y;
  std::span<const int32_t> slots, positions;
  int64_t capacity;

  int64_t stride() const { return spec.kv_heads * spec.head_width; }
  const float* row(int64_t r) const { return qkv + r * spec.qkv_width(); }
  int64_t position(int64_t r) const { return positions[r]; }
  int64_t first_seen(int64_t r) const {
    return spec.window > 0 ? std::max<int64_t>(0, position(r) - spec.window + 1) : 0;
  }
  int64_t cached(int64_t r) const {  // where position 0 of the row's slot lies
    return slots[r] * capacity * stride();
  }
};

// Rows [begin, end) are one stretch of a sequence: the same slot, positions one by one.
struct Stretch {
  int64_t begin, end;
};

std::vector<Stretch> stretches_of(const DecodeCall& call, int64_t most) {
  std::vector<Stretch> stretches;
  for (int64_t r = 0; r < static_cast<int64_t>(call.slots.size()); ++r) {
    const auto i = static_cast<size_t>(r);
    if (r > 0 && call.slots[i] == call.slots[i - 1] &&
        call.positions[i] == call.positions[i - 1] + 1 && r - stretches.back().begin < most)
      ++stretches.back().end;
    else
      stretches.push_back({r, r + 1});
  }
  return stretches;
}

// The queries of a stretch that read one key/value head, row by row, in tiles of nearly equal size.
void add_tiles(std::vector<DecodeTile>& tiles, const DecodeCall& call, const Stretch& stretch,
               int64_t kv) {
  const AttentionSpec& spec = call.spec;
  const int64_t width = spec.head_width, group = spec.heads / spec.kv_heads;
  const int64_t queries = (stretch.end - stretch.begin) * group;
  const int64_t count = (queries + DecodeTile::kMost - 1) / DecodeTile::kMost;
  for (int64_t i = 0; i < count; ++i) {
    DecodeTile& tile = tiles.emplace_back();
    tile.count = 0;
    tile.keys = call.keys + call.cached(stretch.begin) + kv * width;
    tile.values = call.values + call.cached(stretch.begin) + kv * width;
    for (int64_t q = queries * i / count; q < queries * (i + 1) / count; ++q) {
      const int64_t r = stretch.begin + q / group, h = kv * group + q % group;
      const float slope = spec.alibi ? attention_layout::kLog2E * alibi_slope(h, spec.heads) : 0;
      tile.queries[tile.count++] = {call.row(r) + h * width,
                                    call.y + (r * spec.heads + h) * width,
                                    call.first_seen(r),
                                    call.position(r) + 1,
                                    slope,
                                    {}};
    }
  }
}

}  // namespace

void CpuKernels::attention_decode(Tensor& y, Tensor& key_cache, Tensor& value_cache,
                                  const Tensor& qkv, const Tensor& slots, const Tensor& positions,
                                  const AttentionSpec& spec) const {
  const DecodeCall call{spec,
                        qkv.data<float>().data(),
                        key_cache.data<float>().data(),
                        value_cache.data<float>().data(),
                        y.data<float>().data(),
                        slots.data<int32_t>(),
                        positions.data<int32_t>(),
                        key_cache.dim(1)};
  const int64_t rows = slots.numel(), width = spec.head_width, stride = call.stride();
  int64_t work = 0;  // multiply-adds
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t to = call.cached(r) + call.position(r) * stride;
    const float* const from = call.row(r) + spec.heads * width;
    std::copy_n(from, stride, call.keys + to);
    std::copy_n(from + stride, stride, call.values + to);
    work += 2 * (call.position(r) + 1 - call.first_seen(r)) * spec.heads * width;
  }

  // Heads that lie side by side are walked together, unless that leaves threads without a walk.
  constexpr int64_t kRowsTogether = 12;
  // A single sequence is read the simplest way: its cache is in our caches, or the weights push it
  // out anyway.
  constexpr int64_t kRowsAtOnce = 8, kLongest = 1 << 20;
  const auto stretches = stretches_of(call, kRowsTogether);
  const auto count = static_cast<int64_t>(stretches.size());
  const int64_t parts = std::clamp<int64_t>(2 * num_threads() / count, 1, spec.kv_heads);
  const auto stretch_of = [&](int64_t i) { return stretches[i / parts]; };
  const auto first_head = [&](int64_t i) { return spec.kv_heads * (i % parts) / parts; };
  const auto decode = [&](int64_t begin, int64_t end) {
    std::vector<DecodeTile> tiles;
    Tensor scratch;
    for (int64_t i = begin; i < end; ++i) {
      const Stretch stretch = stretch_of(i);
      const int64_t kv0 = first_head(i), kv1 = spec.kv_heads * (i % parts + 1) / parts;
      tiles.clear();
      for (int64_t kv = kv0; kv < kv1; ++kv) add_tiles(tiles, call, stretch, kv);
      const int64_t wanted =
          static_cast<int64_t>(tiles.size()) * HWY_DYNAMIC_DISPATCH(decode_scratch)();
      if (scratch.empty() || scratch.numel() < wanted) scratch = Tensor::empty({wanted});
      DecodeWalk walk{};
      walk.tiles = tiles;
      walk.begin = call.first_seen(stretch.begin);
      walk.end = call.position(stretch.end - 1) + 1;
      walk.stride = stride;
      walk.head_width = width;
      walk.heads = kv1 - kv0;
      walk.rows_at_once = count == 1 ? kLongest : kRowsAtOnce;
      walk.fetch_ahead = count > 1;
      if (i + 1 < end) {
        const int64_t r = stretch_of(i + 1).begin;
        walk.then =
            call.keys + call.cached(r) + call.first_seen(r) * stride + first_head(i + 1) * width;
      }
      HWY_DYNAMIC_DISPATCH(decode_walk)(walk, scratch.data<float>().data());
    }
  };
  // Waking the other threads costs some microseconds, and so do many turns.
  constexpr int64_t kWorthThreads = 1 << 17, kWorthTurn = 1 << 16;
  const int64_t n = count * parts;
  if (work < kWorthThreads) return decode(0, n);
  const int64_t turns = std::clamp<int64_t>(work / kWorthTurn, 1, 4 * num_threads());
  parallel_blocks(
      n, (n + turns - 1) / turns, [&](int64_t, int64_t begin, int64_t end) { decode(begin, end); },
      true);
}

}  // namespace lineage
#endif  // HWY_ONCE
