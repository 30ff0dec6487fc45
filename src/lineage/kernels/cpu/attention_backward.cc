#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/attention.h"
#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lineage/kernels/cpu/attention_backward.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "lineage/kernels/cpu/attention_block-inl.h"

#ifndef LINEAGE_KERNELS_CPU_ATTENTION_BACKWARD_ONCE
#define LINEAGE_KERNELS_CPU_ATTENTION_BACKWARD_ONCE
namespace lineage {

// The queries [begin, end) of every head that shares one key/value head of one sequence. Pointers
// are to this sequence's row 0; the group's heads follow each other.
struct AttentionBackwardTask {
  const float *q, *k, *v, *dy, *y, *lse;
  float *dq, *dk, *dv;
  int64_t stride, y_stride, lse_stride, dkv_stride;  // of q k v dq; dy y; lse; dk dv
  bool accumulate_dq, accumulate_dkv;
  const int32_t* first;  // see first_keys()
  int64_t begin, end, group, head_width;
  const float* slopes;  // of ALiBi for the group's heads in base 2, or null
};

}  // namespace lineage
#endif

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace {

// p = exp2(score - lse) and ds = p (dp - delta) in place of scores and dp. Statistics are in base
// 2 and of the panel's queries.
template <bool kAlibi>
HWY_NOINLINE void softmax_backward(float* scores, float* dp, const PanelSight& sight,
                                   int64_t chunk_begin, float slope, const float* lse,
                                   const float* delta) {
  const F32 d;
  for_scores(sight, [&](int64_t j, int64_t v, auto visible) HWY_ATTR {
    const int64_t at = (j - chunk_begin) * kQueries + v * kLaneCount;
    Vec32 s = hn::Sub(hn::LoadU(d, scores + at), hn::LoadU(d, lse + v * kLaneCount));
    if constexpr (kAlibi) {
      const Vec32 age = hn::Iota(d, static_cast<float>(sight.t + v * kLaneCount - j));
      s = hn::NegMulAdd(hn::Set(d, slope), age, s);
    }
    Vec32 p = exp2_nonpositive(s);
    if constexpr (!std::is_same_v<decltype(visible), std::nullptr_t>)
      p = hn::IfThenElseZero(visible, p);
    const Vec32 centred = hn::Sub(hn::LoadU(d, dp + at), hn::LoadU(d, delta + v * kLaneCount));
    hn::StoreU(p, d, scores + at);
    hn::StoreU(hn::Mul(p, centred), d, dp + at);
  });
}

// Scratch of a task.
struct BackwardBlocks {
  float *keys, *values, *dkeys, *dvalues;  // (kKeys + kSlack, ld)
  float *probabilities, *dscores;          // (kKeys + kSlack, kQueries)
  float *q_across, *dy_across;             // (D, kQueries)
  float *q, *dy, *dq;                      // (kQueries + kSlack, ld)
  float *lse, *delta;                      // (kQueries)
};

int64_t backward_scratch(int64_t head_width) {
  const int64_t ld = row_distance(head_width);
  return 4 * (kKeys + kSlack) * ld + 2 * (kKeys + kSlack) * kQueries + 2 * kQueries * head_width +
         3 * (kQueries + kSlack) * ld + 2 * kQueries;
}

BackwardBlocks divide_scratch(float* scratch, int64_t head_width) {
  const auto take = [&](int64_t n) { return std::exchange(scratch, scratch + n); };
  const int64_t ld = row_distance(head_width), chunk = (kKeys + kSlack) * ld;
  const int64_t square = (kKeys + kSlack) * kQueries, block = (kQueries + kSlack) * ld;
  BackwardBlocks s;
  for (float** to : {&s.keys, &s.values, &s.dkeys, &s.dvalues}) *to = take(chunk);
  for (float** to : {&s.probabilities, &s.dscores}) *to = take(square);
  for (float** to : {&s.q_across, &s.dy_across}) *to = take(kQueries * head_width);
  for (float** to : {&s.q, &s.dy, &s.dq}) *to = take(block);
  for (float** to : {&s.lse, &s.delta}) *to = take(kQueries);
  return s;
}

// Queries [t, t + count) of the group's head g, and their statistics.
HWY_NOINLINE void load_queries(const AttentionBackwardTask& task, const BackwardBlocks& s,
                               int64_t g, int64_t t, int64_t count) {
  const int64_t width = task.head_width, ld = row_distance(width);
  const int64_t padded = (count + kPanel - 1) / kPanel * kPanel;
  const float scale = 1 / std::sqrt(static_cast<float>(width));
  const float* const q = task.q + g * width + t * task.stride;
  const float* const dy = task.dy + g * width + t * task.y_stride;
  const float* const y = task.y + g * width + t * task.y_stride;
  copy_transposed(s.q_across, q, task.stride, count, padded, width, scale * kLog2E);
  copy_transposed(s.dy_across, dy, task.y_stride, count, padded, width, 1);
  copy_rows(s.q, ld, q, task.stride, count, width, scale);
  copy_rows(s.dy, ld, dy, task.y_stride, count, width, 1);
  for (int64_t i = 0; i < padded; ++i) {
    prefetch_row(y + (i + kAhead) * task.y_stride, width);
    float delta[1] = {0};
    if (i < count)
      sum_vectors(static_cast<size_t>(width), delta,
                  [&](size_t c, auto part, Vec32* sums) HWY_ATTR {
                    const size_t at = static_cast<size_t>(i * task.y_stride) + c;
                    sums[0] = hn::MulAdd(part.load(dy + at), part.load(y + at), sums[0]);
                  });
    s.delta[i] = delta[0];
    s.lse[i] = i < count ? kLog2E * task.lse[(t + i) * task.lse_stride + g] : 0;
  }
}

// to = factor from, or +=, for rows of D floats.
HWY_NOINLINE void store_rows(float* to, int64_t stride, bool add, const float* from, int64_t ld,
                             int64_t rows, int64_t head_width, float factor) {
  const Vec32 scale = hn::Set(F32(), factor);
  for (int64_t i = 0; i < rows; ++i) {
    prefetch_row<true>(to + (i + kAhead) * stride, head_width);
    for_vectors(static_cast<size_t>(head_width), [&](size_t c, auto part) HWY_ATTR {
      float* const at = to + i * stride + static_cast<int64_t>(c);
      const Vec32 value = hn::LoadU(F32(), from + i * ld + static_cast<int64_t>(c));
      part.store(add ? hn::MulAdd(scale, value, part.load(at)) : hn::Mul(scale, value), at);
    });
  }
}

// One block of queries against one chunk of keys.
void block_backward(const AttentionBackwardTask& task, const BackwardBlocks& s, int64_t g,
                    int64_t t, int64_t count, int64_t chunk, int64_t oldest) {
  const int64_t width = task.head_width, ld = row_distance(width);
  const int64_t begin = std::max(chunk, oldest), end = std::min(chunk + kKeys, t + count);
  load_queries(task, s, g, t, count);
  for (int64_t p = 0; p < count; p += kPanel) {
    const PanelSight sight = panel_sight(task.first, t + p, task.end, chunk, chunk + kKeys);
    float *const scores = s.probabilities + p, *const dp = s.dscores + p;
    const int64_t from = sight.begin - chunk, to = sight.end - chunk;
    score_tiles(from, to, s.keys, ld, s.q_across + p, width, scores);
    score_tiles(from, to, s.values, ld, s.dy_across + p, width, dp);
    if (task.slopes)
      softmax_backward<true>(scores, dp, sight, chunk, task.slopes[g], s.lse + p, s.delta + p);
    else
      softmax_backward<false>(scores, dp, sight, chunk, 0, s.lse + p, s.delta + p);
    clear_unseen(scores, sight, chunk, begin, end + kSlack);
    clear_unseen(dp, sight, chunk, begin, end + kSlack);
  }
  // Those of the block's queries that see keys [from, to) of the chunk.
  const auto queries_of = [&](int64_t from, int64_t to) HWY_ATTR {
    Depth depth{std::max<int64_t>(0, chunk + from - t), count};
    while (depth.end > depth.begin && task.first[t + depth.end - 1] >= chunk + to) --depth.end;
    return depth;
  };
  const auto keys_of = [&](int64_t from, int64_t to) HWY_ATTR {
    to = std::min(to, count);
    const int64_t least = *std::min_element(task.first + t + from, task.first + t + to);
    return Depth{std::max(begin, least) - chunk, std::min(end, t + to) - chunk};
  };
  const int64_t from = begin - chunk, to = end - chunk;
  channel_tiles<false>(from, to, s.probabilities, kQueries, s.dy, s.dvalues, ld, width, true,
                       queries_of);
  channel_tiles<false>(from, to, s.dscores, kQueries, s.q, s.dkeys, ld, width, true, queries_of);
  channel_tiles<true>(0, count, s.dscores, kQueries, s.keys, s.dq, ld, width, false, keys_of);
  store_rows(task.dq + g * width + t * task.stride, task.stride,
             task.accumulate_dq || oldest < chunk, s.dq, ld, count, width,
             1 / std::sqrt(static_cast<float>(width)));
}

void attend_backward(const AttentionBackwardTask& task, float* scratch) {
  const int64_t width = task.head_width, ld = row_distance(width);
  const BackwardBlocks s = divide_scratch(scratch, width);
  const int64_t first_key = *std::min_element(task.first + task.begin, task.first + task.end);
  for (int64_t chunk = first_key / kKeys * kKeys; chunk < task.end; chunk += kKeys) {
    const int64_t begin = std::max(chunk, first_key), end = std::min(chunk + kKeys, task.end);
    const int64_t at = (begin - chunk) * ld, rows = end - begin, from = begin * task.stride;
    copy_rows(s.keys + at, ld, task.k + from, task.stride, rows, width, 1);
    copy_rows(s.values + at, ld, task.v + from, task.stride, rows, width, 1);
    std::fill_n(s.dkeys + at, (rows + kSlack) * ld, 0.0f);
    std::fill_n(s.dvalues + at, (rows + kSlack) * ld, 0.0f);
    for (int64_t g = 0; g < task.group; ++g)
      for (int64_t t = task.begin; t < task.end; t += kQueries) {
        const int64_t count = std::min(kQueries, task.end - t);
        const int64_t oldest = *std::min_element(task.first + t, task.first + t + count);
        if (t + count > chunk && oldest < end) block_backward(task, s, g, t, count, chunk, oldest);
      }
    const int64_t to = begin * task.dkv_stride;
    store_rows(task.dk + to, task.dkv_stride, task.accumulate_dkv, s.dkeys + at, ld, rows, width,
               1);
    store_rows(task.dv + to, task.dkv_stride, task.accumulate_dkv, s.dvalues + at, ld, rows, width,
               1);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lineage {
namespace {
using attention_layout::kQueries;
HWY_EXPORT(attend_backward);
HWY_EXPORT(backward_scratch);

// How the queries of a sequence are shared out. One task has all of them, since it sums the
// gradients of their keys; but a few long sequences are cut in parts, whose sums of dk and dv are
// kept apart and then added in order. Depends on shapes alone.
struct QueryParts {
  int64_t count, steps;
  QueryParts(int64_t tasks, int64_t t) : count(1), steps(t) {
    constexpr int64_t kEnough = 16, kLeastSteps = 4 * kQueries;
    if (tasks < kEnough)
      count = std::clamp<int64_t>(kEnough / tasks, 1, std::max<int64_t>(1, t / kLeastSteps));
  }
  // Whole blocks; about the same number of scores in each part.
  int64_t begin(int64_t part) const {
    if (part == count) return steps;
    const double share = std::sqrt(static_cast<double>(part) / static_cast<double>(count));
    return static_cast<int64_t>(share * static_cast<double>(steps)) / kQueries * kQueries;
  }
};

}  // namespace

void CpuKernels::attention_backward(GradSink dqkv, const Tensor& dy, const Tensor& y,
                                    const Tensor& lse, const Tensor& qkv, const Tensor& starts,
                                    const AttentionSpec& spec) const {
  if (!dqkv) return;
  const int64_t sequences = qkv.dim(0), steps = qkv.dim(1);
  const int64_t heads = spec.heads, group = heads / spec.kv_heads, width = spec.head_width;
  const auto first = attention_layout::first_keys(starts, sequences, steps, spec.window);
  const int64_t first_distance = static_cast<int64_t>(first.size()) / sequences;
  std::vector<float> slopes;
  for (int64_t h = 0; spec.alibi && h < heads; ++h)
    slopes.push_back(attention_layout::kLog2E * alibi_slope(h, heads));
  const int64_t tasks = sequences * spec.kv_heads;
  const QueryParts parts(tasks, steps);
  Tensor dkv;  // (parts, tasks, 2, T, D)
  if (parts.count > 1) dkv = Tensor::zeros({parts.count, tasks, 2, steps, width});

  const auto dkv_rows = [&](int64_t part, int64_t task) {
    return dkv.data<float>().data() + (part * tasks + task) * 2 * steps * width;
  };
  const auto body = [&](int64_t index, int64_t, int64_t) {
    const int64_t part = parts.count - 1 - index / tasks;
    const int64_t b = index % tasks / spec.kv_heads, kv = index % spec.kv_heads;
    const int64_t row = b * steps * spec.qkv_width(), key = (heads + kv) * width;
    const int64_t values = spec.kv_heads * width, y_row = (b * steps * heads + kv * group) * width;
    AttentionBackwardTask t;
    t.q = qkv.data<float>().data() + row + kv * group * width;
    t.k = qkv.data<float>().data() + row + key;
    t.v = t.k + values;
    t.dq = dqkv.out.data<float>().data() + row + kv * group * width;
    t.dk = dqkv.out.data<float>().data() + row + key;
    t.dv = t.dk + values;
    t.stride = t.dkv_stride = spec.qkv_width();
    t.accumulate_dq = t.accumulate_dkv = dqkv.accumulate;
    if (parts.count > 1) {
      t.dk = dkv_rows(part, index % tasks);
      t.dv = t.dk + steps * width;
      t.dkv_stride = width;
      t.accumulate_dkv = false;
    }
    t.dy = dy.data<float>().data() + y_row;
    t.y = y.data<float>().data() + y_row;
    t.y_stride = heads * width;
    t.lse = lse.data<float>().data() + b * steps * heads + kv * group;
    t.lse_stride = heads;
    t.first = first.data() + b * first_distance;
    t.begin = parts.begin(part);
    t.end = parts.begin(part + 1);
    t.group = group;
    t.head_width = width;
    t.slopes = spec.alibi ? slopes.data() + kv * group : nullptr;
    Tensor scratch = Tensor::empty({HWY_DYNAMIC_DISPATCH(backward_scratch)(width)});
    HWY_DYNAMIC_DISPATCH(attend_backward)(t, scratch.data<float>().data());
  };
  parallel_blocks(parts.count * tasks, 1, body, true);
  if (parts.count == 1) return;

  parallel_for(tasks * steps, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t task = i / steps, t = i % steps, kv = task % spec.kv_heads;
      float* const row =
          dqkv.out.data<float>().data() + (task / spec.kv_heads * steps + t) * spec.qkv_width();
      for (int64_t which = 0; which < 2; ++which) {
        float* const to = row + (heads + which * spec.kv_heads + kv) * width;
        if (!dqkv.accumulate) std::fill_n(to, width, 0.0f);
        for (int64_t part = 0; part < parts.count; ++part) {
          const float* const from = dkv_rows(part, task) + (which * steps + t) * width;
          for (int64_t c = 0; c < width; ++c) to[c] += from[c];
        }
      }
    }
  });
}

}  // namespace lineage
#endif  // HWY_ONCE
