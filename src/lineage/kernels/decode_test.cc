#include "lineage/kernels/cases_attention.h"
#include "lineage/kernels/testing.h"

namespace lineage::cases {
namespace {

class Decode : public OnBackend {};
INSTANTIATE_TEST_SUITE_P(On, Decode, every_backend(), backend_name);

constexpr AttentionSpec kSpecs[] = {{1, 1, 1},           {2, 2, 7},      {4, 2, 32, 5},
                                    {6, 2, 8, 33, true}, {5, 1, 65, 1},  {3, 3, 64, 0, true},
                                    {12, 12, 64},        {8, 1, 16, 100}};

// One sequence decoded row by row, and in prefills of several rows, is the causal attention of all.
TEST_P(Decode, EqualsAttention) {
  for (const AttentionSpec& spec : kSpecs) {
    const AttentionCase c{1, 40, spec};
    SCOPED_TRACE(c.name());
    const auto d = c.data();
    const auto want = c.forward().run(on);
    const int64_t width = spec.heads * spec.head_width;
    for (int64_t rows : {1, 3, 17, 40}) {
      Tensor keys = Tensor::full({2, 50, spec.kv_heads * spec.head_width}, NAN);
      Tensor values = Tensor::full(keys.shape(), NAN), y = Tensor::empty({40, width});
      for (int64_t begin = 0; begin < 40; begin += rows) {
        const int64_t end = std::min<int64_t>(40, begin + rows);
        std::vector<int32_t> slots(static_cast<size_t>(end - begin), 1), positions;
        for (int64_t p = begin; p < end; ++p) positions.push_back(static_cast<int32_t>(p));
        Tensor part = y.rows(begin, end);
        on.attention_decode(part, keys, values, d.qkv.view({40, spec.qkv_width()}).rows(begin, end),
                            Tensor::from({end - begin}, slots),
                            Tensor::from({end - begin}, positions), spec);
      }
      expect_close(fmt::format("{} at a time", rows), y.data<float>(), want[0].value.data<float>());
    }
  }
}

TEST_P(Decode, RowsAreTheSameBitsInAnyBatch) {
  for (const AttentionSpec& spec : kSpecs) {
    const DecodeCase c{9, 9, 70, spec};
    SCOPED_TRACE(c.name());
    const auto d = c.data();
    const Tensor all = c.call().run(on)[0].value;
    for (int64_t batch : {1, 2, 5})
      for (int64_t begin = 0; begin < c.rows; begin += batch) {
        const int64_t end = std::min(begin + batch, c.rows);
        Tensor keys = copy_of(d.key_cache), values = copy_of(d.value_cache);
        Tensor some = Tensor::empty({end - begin, spec.heads * spec.head_width});
        on.attention_decode(some, keys, values, d.qkv.rows(begin, end), d.slots.rows(begin, end),
                            d.positions.rows(begin, end), spec);
        ASSERT_EQ(std::memcmp(some.bytes(), all.rows(begin, end).bytes(),
                              static_cast<size_t>(some.byte_size())),
                  0)
            << "rows " << begin << " to " << end;
      }
  }
}

// A prompt read in one call must give the bits that reading it token by token gives.
TEST_P(Decode, PrefillIsTheSameBitsAsSingleSteps) {
  for (const AttentionSpec& spec : kSpecs) {
    const DecodeCase c{19, 2, 90, spec, true};
    SCOPED_TRACE(c.name());
    const auto d = c.data();
    const Tensor all = c.call().run(on)[0].value;
    Tensor keys = copy_of(d.key_cache), values = copy_of(d.value_cache);
    for (int64_t r = 0; r < c.rows; ++r) {
      Tensor one = Tensor::empty({1, spec.heads * spec.head_width});
      on.attention_decode(one, keys, values, d.qkv.rows(r, r + 1), d.slots.rows(r, r + 1),
                          d.positions.rows(r, r + 1), spec);
      ASSERT_EQ(std::memcmp(one.bytes(), all.rows(r, r + 1).bytes(),
                            static_cast<size_t>(one.byte_size())),
                0)
          << "row " << r;
    }
  }
}

// Continuous batching: a prompt being read beside sequences being continued, rows interleaved.
TEST_P(Decode, SequencesMayShareABatchInAnyOrder) {
  for (const AttentionSpec& spec : kSpecs) {
    const DecodeCase c{11, 3, 60, spec, true};
    SCOPED_TRACE(c.name());
    const auto d = c.data();
    const std::vector<int32_t> slots = {0, 2, 1, 2, 2, 0, 2, 1, 2, 2, 0};
    const std::vector<int32_t> positions = {40, 0, 9, 1, 2, 41, 3, 10, 4, 5, 42};
    Tensor keys = copy_of(d.key_cache), values = copy_of(d.value_cache);
    Tensor all = Tensor::empty({c.rows, spec.heads * spec.head_width});
    on.attention_decode(all, keys, values, d.qkv, Tensor::from({c.rows}, slots),
                        Tensor::from({c.rows}, positions), spec);
    keys = copy_of(d.key_cache), values = copy_of(d.value_cache);
    for (int64_t r = 0; r < c.rows; ++r) {
      Tensor one = Tensor::empty({1, spec.heads * spec.head_width});
      on.attention_decode(one, keys, values, d.qkv.rows(r, r + 1),
                          Tensor::from({1}, std::span(slots).subspan(r, 1)),
                          Tensor::from({1}, std::span(positions).subspan(r, 1)), spec);
      ASSERT_EQ(std::memcmp(one.bytes(), all.rows(r, r + 1).bytes(),
                            static_cast<size_t>(one.byte_size())),
                0)
          << "row " << r;
    }
  }
}

// NaN in any head of a row comes out of it, and of the rows that read its key or value later.
TEST_P(Decode, NaNComesThrough) {
  constexpr AttentionSpec kSpec{2, 1, 16};
  for (int64_t head = 0; head < 4; ++head) {
    SCOPED_TRACE(head);
    const DecodeCase c{2, 1, 45, kSpec, true};
    const auto d = c.data();
    d.qkv.data<float>()[head * 16 + 3] = NAN;
    const Tensor y = [&] {
      Tensor keys = copy_of(d.key_cache), values = copy_of(d.value_cache);
      Tensor out = Tensor::empty({2, 32});
      on.attention_decode(out, keys, values, d.qkv, d.slots, d.positions, kSpec);
      return out;
    }();
    for (int64_t h = 0; h < 2; ++h)
      for (int64_t row = 0; row < 2; ++row) {
        const bool reads = head >= 2 || (head == h && row == 0);
        EXPECT_TRUE(!reads || std::isnan(y.data<float>()[row * 32 + h * 16 + 3]))
            << row << " " << h;
      }
  }
}

TEST(DecodeParity, EveryForm) {
  expect_parity(DecodeCase{3, 3, 1000, {4, 2, 16}}.call());
  for (const AttentionSpec& spec : kSpecs)
    for (int64_t positions : {1, 7, 65, 129}) {
      expect_parity(DecodeCase{1, 1, positions, spec}.call());
      expect_parity(DecodeCase{5, 6, positions, spec}.call());
      expect_parity(DecodeCase{std::min<int64_t>(positions, 33), 2, positions, spec, true}.call());
    }
}

}  // namespace
}  // namespace lineage::cases
