#include "lineage/kernels/cases_attention.h"
#include "lineage/kernels/testing.h"

namespace lineage::cases {
namespace {

class Position : public OnBackend {};
INSTANTIATE_TEST_SUITE_P(On, Position, every_backend(), backend_name);

Tensor ids(std::vector<int32_t> values) {
  return Tensor::from({static_cast<int64_t>(values.size())}, values);
}

TEST_P(Position, EmbedsByHand) {
  const std::vector<float> tokens = {1, 2, 3, 4, 5, 6}, positions = {10, 20, 30, 40};
  const Tensor table = Tensor::from({3, 2}, tokens), places = Tensor::from({2, 2}, positions);
  Tensor y = Tensor::full({3, 2}, NAN);
  on.embed(y, ids({2, 0, 2}), {}, table, {});
  expect_close("tokens", y, {5, 6, 1, 2, 5, 6});
  on.embed(y, ids({2, 0, 2}), ids({0, 1, 1}), table, places);
  expect_close("and positions", y, {15, 26, 31, 42, 35, 46});

  Tensor dtokens = Tensor::full({3, 2}, NAN), dplaces = Tensor::full({2, 2}, 1);
  on.embed_backward({dtokens}, {dplaces, true}, y, ids({2, 0, 2}), ids({0, 1, 1}));
  expect_close("dtokens", dtokens, {31, 42, 0, 0, 50, 72});
  expect_close("dpositions", dplaces, {16, 27, 67, 89});
}

TEST_P(Position, RotatesByHand) {
  const AttentionSpec spec{1, 1, 4};
  std::vector<float> qkv = {1, 2, 3, 4, 1, 0, 0, 0, 5, 6, 7, 8};
  Tensor y = Tensor::full({1, 12}, NAN);
  on.rotary(y, Tensor::from({1, 12}, qkv), ids({3}), spec, rotary_frequencies(100, 4), false);
  // Angles 3 and 3 / sqrt(100).
  const float c = std::cos(3.0f), s = std::sin(3.0f), c2 = std::cos(0.3f), s2 = std::sin(0.3f);
  expect_close("y", y,
               {1 * c - 3 * s, 2 * c2 - 4 * s2, 3 * c + 1 * s, 4 * c2 + 2 * s2,  //
                c, 0, s, 0, 5, 6, 7, 8});
}

TEST_P(Position, RotaryAtZeroIsTheIdentityAndInverseUndoes) {
  const HeadsCase c{65, {4, 2, 64}};
  const auto d = c.data();
  Tensor y = Tensor::like(d.qkv), back = Tensor::like(y);
  on.rotary(y, d.qkv, Tensor::zeros({c.rows}, DType::i32), c.spec, c.frequencies(), false);
  expect_close("identity", y.data<float>(), d.qkv.data<float>());
  on.rotary(y, d.qkv, d.positions, c.spec, c.frequencies(), false);
  on.rotary(back, y, d.positions, c.spec, c.frequencies(), true);
  expect_close("there and back", back.data<float>(), d.qkv.data<float>());
}

// GPT-NeoX turns a quarter of each head's channels; halves are those of the quarter.
TEST_P(Position, RotatesSomeChannelsByHand) {
  const AttentionSpec spec{1, 1, 6};
  std::vector<float> qkv = {1, 2, 3, 4, 5, 6, 1, 0, 0, 0, 7, 8, 9, 10, 11, 12, 13, 14};
  Tensor y = Tensor::full({1, 18}, NAN);
  on.rotary(y, Tensor::from({1, 18}, qkv), ids({3}), spec, rotary_frequencies(100, 4), false);
  const float c = std::cos(3.0f), s = std::sin(3.0f), c2 = std::cos(0.3f), s2 = std::sin(0.3f);
  expect_close("y", y,
               {1 * c - 3 * s, 2 * c2 - 4 * s2, 3 * c + 1 * s, 4 * c2 + 2 * s2, 5, 6,  //
                c, 0, s, 0, 7, 8, 9, 10, 11, 12, 13, 14});
}

// A model of 2048 positions and beyond: the angle must not be lost in f32.
TEST_P(Position, RotaryIsAccurateFarOut) {
  const AttentionSpec spec{1, 1, 8};
  const std::vector<int32_t> far = {2047, 32767, 100'000};
  Tensor qkv = Tensor::full({3, 24}, 1), y = Tensor::like(qkv);
  on.rotary(y, qkv, ids(far), spec, rotary_frequencies(10000, 8), false);
  for (int64_t n = 0; n < 3; ++n)
    for (int64_t i = 0; i < 4; ++i) {
      const double angle = far[n] * std::pow(10000.0, -2.0 * i / 8);
      EXPECT_NEAR(y.data<float>()[n * 24 + i], std::cos(angle) - std::sin(angle), 1e-4)
          << far[n] << ' ' << i;
    }
}

TEST_P(Position, EmbedHasTheRightGradient) {
  const EmbedCase c{9, 3, 4, 5, true};
  const auto d = c.data();
  expect_gradients(c.backward(Sinks(2, Sink::overwrite)).run(on), {d.token_table, d.position_table},
                   [&](const auto& at) {
                     return dot(
                         reference::embed(d.tokens.data<int32_t>(), d.positions.data<int32_t>(),
                                          at[0], at[1], c.width),
                         d.dy);
                   });
}

TEST_P(Position, RotaryBackwardsIsItsGradient) {
  for (const int64_t rotated : {0, 4}) {
    const HeadsCase c{.rows = 2, .spec = {2, 1, 6}, .theta = 100, .rotated = rotated};
    const auto d = c.data();
    Tensor dqkv = Tensor::like(d.qkv);
    on.rotary(dqkv, d.dy, d.positions, c.spec, c.frequencies(), true);
    expect_gradients({{"dqkv", dqkv}}, {d.qkv}, [&](const auto& at) {
      return dot(reference::rotary(at[0], d.positions.data<int32_t>(), c.spec,
                                   std::span<const double>(c.frequencies()), false),
                 d.dy);
    });
  }
}

// --- parity --------------------------------------------------------------------------------------

TEST(EmbedParity, EverySize) {
  for (int64_t rows : kSizes)
    for (int64_t width : kSizes)
      for (bool positions : {false, true})
        expect_parity(EmbedCase{rows, width, 300, 65, positions}.forward());
}

TEST(EmbedBackwardParity, EverySizeAndSink) {
  const auto modes = sink_modes(2);
  size_t mode = 0;
  for (int64_t rows : {1, 7, 65, 600})
    for (int64_t width : kSizes)
      expect_parity(EmbedCase{rows, width, 70, 33, true}.backward(modes[mode++ % modes.size()]));
  for (const Sinks& sinks : modes)
    for (bool positions : {false, true})
      expect_parity(EmbedCase{300, 20, 70, 33, positions}.backward(sinks));
}

TEST(RotaryParity, EverySpec) {
  constexpr AttentionSpec kSpecs[] = {{1, 1, 2}, {1, 1, 14}, {3, 3, 64}, {4, 2, 32}, {6, 1, 66}};
  for (const AttentionSpec& spec : kSpecs)
    for (int64_t rows : kSizes)
      for (bool inverse : {false, true})
        for (bool in_place : {false, true})
          for (int64_t rotated : {int64_t{0}, spec.head_width / 4 * 2})
            expect_parity(HeadsCase{.rows = rows, .spec = spec, .rotated = rotated}.rotary(
                inverse, in_place));
}

}  // namespace
}  // namespace lineage::cases
