#include "lineage/kernels/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "lineage/base/parallel.h"
#include "lineage/kernels/cpu/cpu.h"
#include "lineage/kernels/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lineage/kernels/cpu/attention.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "lineage/kernels/cpu/attention_block-inl.h"

#ifndef LINEAGE_KERNELS_CPU_ATTENTION_ONCE
#define LINEAGE_KERNELS_CPU_ATTENTION_ONCE
namespace lineage {

// Blocks of queries that share the copies of a chunk of keys.
constexpr int64_t kBlocksTogether = 6;

// Queries [begin, end) of one head of one sequence: the first query block up to kBlocksTogether.
struct AttentionTask {
  const float *q, *k, *v;  // of this sequence's row 0 and this head; rows are `stride` apart
  int64_t stride;
  float *y, *lse;  // likewise, y_stride and lse_stride apart
  int64_t y_stride, lse_stride;
  const int32_t* first;  // see first_keys()
  int64_t begin, end, head_width;
  float slope;  // of ALiBi, or 0
};

}  // namespace lineage
#endif

HWY_BEFORE_NAMESPACE();
namespace lineage {
namespace HWY_NAMESPACE {
namespace {

// Turns scores (base 2) into exp2(score - largest), where `largest` and the sum `total` of the
// panel's queries are carried from chunk to chunk (Milakov & Gimelshein 2018); what was summed
// before must be multiplied by `rescale`.
template <bool kAlibi>
HWY_NOINLINE void softmax_chunk(float* scores, const PanelSight& sight, int64_t chunk_begin,
                                float slope, float* largest, float* total, float* rescale) {
  const F32 d;
  constexpr int64_t kVectors = kPanel / kLaneCount;
  Vec32 most[kVectors], sum[kVectors], time[kVectors];
  HWY_UNROLL(16) for (int64_t v = 0; v < kVectors; ++v) {
    most[v] = hn::LoadU(d, largest + v * kLaneCount);
    sum[v] = hn::Zero(d);
    time[v] = hn::Iota(d, static_cast<float>(sight.t + v * kLaneCount));
  }
  const auto at = [&](int64_t j, int64_t v)
                      HWY_ATTR { return scores + (j - chunk_begin) * kQueries + v * kLaneCount; };
  for_scores(sight, [&](int64_t j, int64_t v, auto visible) HWY_ATTR {
    constexpr bool kMasked = !std::is_same_v<decltype(visible), std::nullptr_t>;
    Vec32 s = hn::LoadU(d, at(j, v));
    if constexpr (kAlibi) {
      const Vec32 age = hn::Sub(time[v], hn::Set(d, static_cast<float>(j)));
      s = hn::NegMulAdd(hn::Set(d, slope), age, s);
    }
    if constexpr (kMasked) s = hn::IfThenElse(visible, s, hn::Set(d, -HUGE_VALF));
    if constexpr (kAlibi || kMasked) hn::StoreU(s, d, at(j, v));
    most[v] = hn::Max(most[v], s);
  });
  for (int64_t j = sight.begin; j < sight.end; ++j) {
    HWY_UNROLL(16) for (int64_t v = 0; v < kVectors; ++v) {
      const Vec32 p = exp2_nonpositive(hn::Sub(hn::LoadU(d, at(j, v)), most[v]));
      hn::StoreU(p, d, at(j, v));
      sum[v] = hn::Add(sum[v], p);
    }
  }
  HWY_UNROLL(16) for (int64_t v = 0; v < kVectors; ++v) {
    const int64_t i = v * kLaneCount;
    const Vec32 factor = exp2_nonpositive(hn::Sub(hn::LoadU(d, largest + i), most[v]));
    hn::StoreU(factor, d, rescale + i);
    hn::StoreU(most[v], d, largest + i);
    hn::StoreU(hn::MulAdd(hn::LoadU(d, total + i), factor, sum[v]), d, total + i);
  }
}

// The running state of a block of queries.
struct QueryBlock {
  float* queries;  // (D, kQueries), times the scale of scores in base 2
  float* sums;     // (kQueries, ld): of P V
  float *largest, *total;
};

// Adds the keys [chunk_begin, chunk_end) to a block of `count` queries from time t on. `keys` and
// `values` are the chunk's copies.
void attend_chunk(const AttentionTask& task, const QueryBlock& block, int64_t t, int64_t count,
                  int64_t chunk_begin, int64_t chunk_end, const float* keys, const float* values,
                  float* scores, int64_t ld, bool first_chunk) {
  const int64_t steps = task.end;
  const int64_t begin =
      std::max<int64_t>(chunk_begin, *std::min_element(task.first + t, task.first + t + count));
  const int64_t end = std::min({chunk_end, t + count});
  HWY_ALIGN float rescale[kQueries];
  for (int64_t p = 0; p < count; p += kPanel) {
    const PanelSight sight = panel_sight(task.first, t + p, steps, chunk_begin, chunk_end);
    float* const panel = scores + p;
    score_tiles(sight.begin - chunk_begin, sight.end - chunk_begin, keys, ld, block.queries + p,
                task.head_width, panel);
    if (task.slope != 0)
      softmax_chunk<true>(panel, sight, chunk_begin, task.slope, block.largest + p, block.total + p,
                          rescale + p);
    else
      softmax_chunk<false>(panel, sight, chunk_begin, 0, block.largest + p, block.total + p,
                           rescale + p);
    clear_unseen(panel, sight, chunk_begin, begin, end);
  }
  if (!first_chunk)
    for (int64_t i = 0; i < count; ++i) {
      const Vec32 factor = hn::Set(F32(), rescale[i]);
      for (int64_t c = 0; c < ld; c += kLaneCount) {
        float* const at = block.sums + i * ld + c;
        hn::StoreU(hn::Mul(factor, hn::LoadU(F32(), at)), F32(), at);
      }
    }
  const auto keys_of = [&](int64_t from, int64_t to) HWY_ATTR {
    to = std::min(to, count);
    const int64_t oldest = *std::min_element(task.first + t + from, task.first + t + to);
    return Depth{std::max(begin, oldest) - chunk_begin, std::min(end, t + to) - chunk_begin};
  };
  channel_tiles<true>(0, count, scores, kQueries, values, block.sums, ld, task.head_width,
                      !first_chunk, keys_of);
}

// y = sums / total and lse, for a block whose keys have all been added.
HWY_NOINLINE void finish_block(const AttentionTask& task, const QueryBlock& block, int64_t t,
                               int64_t count, int64_t ld) {
  for (int64_t i = 0; i < count; ++i) {
    const Vec32 factor = hn::Set(F32(), 1 / block.total[i]);
    float* const to = task.y + (t + i) * task.y_stride;
    prefetch_row<true>(to + kAhead * task.y_stride, task.head_width);
    for_vectors(static_cast<size_t>(task.head_width), [&](size_t c, auto part) HWY_ATTR {
      part.store(hn::Mul(factor, hn::LoadU(F32(), block.sums + i * ld + static_cast<int64_t>(c))),
                 to + c);
    });
    task.lse[(t + i) * task.lse_stride] = kLn2 * (block.largest[i] + std::log2(block.total[i]));
  }
}

int64_t attend_scratch(int64_t head_width) {
  const int64_t ld = row_distance(head_width);
  const int64_t block = kQueries * head_width + (kQueries + kSlack) * ld + 2 * kQueries;
  return 2 * (kKeys + kSlack) * ld + (kKeys + kSlack) * kQueries + kBlocksTogether * block;
}

void attend(const AttentionTask& task, float* scratch) {
  const int64_t head_width = task.head_width, ld = row_distance(head_width);
  const auto take = [&](int64_t n) { return std::exchange(scratch, scratch + n); };
  float* const keys = take((kKeys + kSlack) * ld);
  float* const values = take((kKeys + kSlack) * ld);
  float* const scores = take((kKeys + kSlack) * kQueries);
  const float scale = kLog2E / std::sqrt(static_cast<float>(head_width));
  QueryBlock blocks[kBlocksTogether];
  int64_t oldest[kBlocksTogether];
  const int64_t n = (task.end - task.begin + kQueries - 1) / kQueries;
  const auto time_of = [&](int64_t b) { return task.begin + b * kQueries; };
  const auto count_of = [&](int64_t b) { return std::min(kQueries, task.end - time_of(b)); };
  for (int64_t b = 0; b < n; ++b) {
    const int64_t t = time_of(b), count = count_of(b);
    blocks[b] = {take(kQueries * head_width), take((kQueries + kSlack) * ld), take(kQueries),
                 take(kQueries)};
    copy_transposed(blocks[b].queries, task.q + t * task.stride, task.stride, count,
                    (count + kPanel - 1) / kPanel * kPanel, head_width, scale);
    std::fill_n(blocks[b].largest, kQueries, -1e30f);
    std::fill_n(blocks[b].total, kQueries, 0.0f);
    oldest[b] = *std::min_element(task.first + t, task.first + t + count);
  }
  const int64_t first_key = *std::min_element(oldest, oldest + n);
  for (int64_t chunk = first_key / kKeys * kKeys; chunk < task.end; chunk += kKeys) {
    const int64_t begin = std::max(chunk, first_key), end = std::min(chunk + kKeys, task.end);
    float* const k = keys + (begin - chunk) * ld;
    float* const v = values + (begin - chunk) * ld;
    copy_rows(k, ld, task.k + begin * task.stride, task.stride, end - begin, head_width, 1);
    copy_rows(v, ld, task.v + begin * task.stride, task.stride, end - begin, head_width, 1);
    for (int64_t b = 0; b < n; ++b) {
      const int64_t t = time_of(b), count = count_of(b);
      if (t + count <= chunk || oldest[b] >= chunk + kKeys) continue;
      attend_chunk(task, blocks[b], t, count, chunk, std::min(chunk + kKeys, t + count), keys,
                   values, scores, ld, oldest[b] >= chunk);
    }
  }
  for (int64_t b = 0; b < n; ++b) finish_block(task, blocks[b], time_of(b), count_of(b), ld);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lineage
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lineage {
namespace {
HWY_EXPORT(attend);
HWY_EXPORT(attend_scratch);
}  // namespace

void CpuKernels::attention(Tensor& y, Tensor& lse, const Tensor& qkv, const Tensor& starts,
                           const AttentionSpec& spec) const {
  const int64_t sequences = qkv.dim(0), steps = qkv.dim(1);
  const int64_t heads = spec.heads, group = heads / spec.kv_heads, width = spec.head_width;
  const auto first = attention_layout::first_keys(starts, sequences, steps, spec.window);
  const int64_t first_distance = static_cast<int64_t>(first.size()) / sequences;
  constexpr int64_t kTogether = kBlocksTogether * attention_layout::kQueries;
  const int64_t parts = (steps + kTogether - 1) / kTogether;
  const auto body = [&](int64_t task, int64_t, int64_t) {
    // The latest queries first: they see the most keys.
    const int64_t part = parts - 1 - task / (sequences * heads);
    const int64_t b = task % (sequences * heads) / heads, h = task % heads;
    const float* const row = qkv.data<float>().data() + b * steps * spec.qkv_width();
    const float* const key = row + (heads + h / group) * width;
    AttentionTask t;
    t.q = row + h * width;
    t.k = key;
    t.v = key + spec.kv_heads * width;
    t.stride = spec.qkv_width();
    t.y = y.data<float>().data() + (b * steps * heads + h) * width;
    t.lse = lse.data<float>().data() + b * steps * heads + h;
    t.y_stride = heads * width;
    t.lse_stride = heads;
    t.first = first.data() + b * first_distance;
    t.begin = part * kTogether;
    t.end = std::min(steps, t.begin + kTogether);
    t.head_width = width;
    t.slope = spec.alibi ? attention_layout::kLog2E * alibi_slope(h, heads) : 0;
    Tensor scratch = Tensor::empty({HWY_DYNAMIC_DISPATCH(attend_scratch)(width)});
    HWY_DYNAMIC_DISPATCH(attend)(t, scratch.data<float>().data());
  };
  parallel_blocks(parts * sequences * heads, 1, body, true);
}

}  // namespace lineage
#endif  // HWY_ONCE
