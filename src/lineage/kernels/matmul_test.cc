#include "lineage/kernels/cases_matmul.h"
#include "lineage/kernels/testing.h"

namespace lineage::cases {
namespace {

class Matmul : public OnBackend {};
INSTANTIATE_TEST_SUITE_P(On, Matmul, every_backend(), backend_name);
class Linear : public OnBackend {};
INSTANTIATE_TEST_SUITE_P(On, Linear, every_backend(), backend_name);
class LinearPacked : public OnBackend {};
INSTANTIATE_TEST_SUITE_P(On, LinearPacked, every_backend(), backend_name);

Tensor values(Shape shape, std::vector<float> v) { return Tensor::from(std::move(shape), v); }

TEST_P(Matmul, MultipliesByHand) {
  const Tensor a = values({2, 3}, {1, 2, 3, 4, 5, 6}), b = values({3, 2}, {7, 8, 9, 10, 11, 12});
  Tensor c = Tensor::full({2, 2}, NAN);
  on.matmul(c, a, Trans::no, b, Trans::no, 0);
  expect_close("a b", c, {58, 64, 139, 154});
  on.matmul(c, a, Trans::no, b, Trans::no, 1);
  expect_close("a b + c", c, {116, 128, 278, 308});
  on.matmul(c, a, Trans::no, b, Trans::no, -0.5f);
  expect_close("a b - c/2", c, {0, 0, 0, 0});
  // The same numbers read as their transposes.
  on.matmul(c, a.view({3, 2}), Trans::yes, b.view({2, 3}), Trans::yes, 0);
  expect_close("aT bT", c, {76, 103, 100, 136});
}

TEST_P(Matmul, KeepsZerosAndLargeValues) {
  const Tensor a = values({1, 2}, {-0.0f, 1000}), b = values({2, 1}, {1000, -1000});
  Tensor c = Tensor::empty({1, 1});
  on.matmul(c, a, Trans::no, b, Trans::no, 0);
  EXPECT_EQ(c.data<float>()[0], -1e6f);
}

TEST_P(Linear, ComputesByHand) {
  const Tensor x = values({2, 2}, {1, 2, 3, 4}), w = values({3, 2}, {1, 0, 0, 1, 1, -1});
  const Tensor bias = values({3}, {10, 20, 30});
  const Tensor residual = values({2, 3}, {100, 200, 300, 400, 500, 600});
  Tensor y = Tensor::full({2, 3}, NAN);
  on.linear(y, x, w, {}, {});
  expect_close("x wT", y, {1, 2, -1, 3, 4, -1});
  on.linear(y, x, w, bias, {});
  expect_close("with a bias", y, {11, 22, 29, 13, 24, 29});
  on.linear(y, x, w, bias, residual);
  expect_close("and a residual", y, {111, 222, 329, 413, 524, 629});
  on.linear_packed(y, x, on.pack(w), bias, residual);
  expect_close("packed", y, {111, 222, 329, 413, 524, 629});
}

TEST_P(Linear, HasTheRightGradient) {
  for (bool extras : {false, true}) {
    const LinearCase c{3, 5, 4, extras, extras};
    SCOPED_TRACE(c.name());
    const auto d = c.data();
    const Tensor bias = extras ? d.bias : Tensor::zeros({c.outputs});
    expect_gradients(c.backward(Sinks(3, Sink::overwrite)).run(on), {d.x, d.w, bias},
                     [&](const auto& at) {
                       return dot(reference::linear(at[0], at[1], at[2], complexes(d.residual),
                                                    c.rows, c.inputs, c.outputs),
                                  d.dy);
                     });
  }
}

// --- parity --------------------------------------------------------------------------------------

TEST(MatmulParity, EverySizeAndTranspose) {
  for (int64_t m : kSizes)
    for (int64_t k : kSizes)
      for (int64_t n : kSizes) {
        const int64_t form = (m + 2 * k + n) % 4;
        expect_parity(MatmulCase{m, k, n, Trans(form % 2 == 1), Trans(form / 2 == 1)}.call());
      }
  for (int form = 0; form < 4; ++form)
    for (float beta : {0.0f, 1.0f, 0.5f})
      for (auto [m, k, n] : {std::array<int64_t, 3>{1, 129, 65}, {129, 65, 7}, {65, 7, 130}})
        expect_parity(MatmulCase{m, k, n, Trans(form % 2 == 1), Trans(form / 2 == 1), beta}.call());
}

TEST(MatmulParity, ManyBlocks) {
  expect_parity(MatmulCase{300, 530, 270}.call());
  expect_parity(MatmulCase{70, 1030, 520, Trans::no, Trans::yes, 1}.call());
  expect_parity(MatmulCase{530, 300, 70, Trans::yes, Trans::no, 1}.call());
}

TEST(MatmulSymmetricParity, EverySizeTallAndWide) {
  for (int64_t n : kSizes)
    for (int64_t k : kSizes) {
      const float beta = (n + 2 * k) % 3 == 0 ? 1 : 0;
      expect_parity(SymmetricCase{n, k, (n + k) % 2 == 1, beta}.call());
    }
  for (bool tall : {false, true})
    for (float beta : {0.0f, 1.0f, -2.5f}) {
      expect_parity(SymmetricCase{130, 530, tall, beta}.call());
      expect_parity(SymmetricCase{70, 2100, tall, beta}.call());  // tall: summed in slices
    }
}

TEST(MatmulSymmetric, IsTheSameBitsAsMatmul) {
  for (bool tall : {false, true})
    for (int64_t n : {5, 64, 130, 515}) {
      Draw draw("symmetric");
      const Tensor x = draw.normal(tall ? Shape{300, n} : Shape{n, 300});
      Tensor half = Tensor::empty({n, n}), full = Tensor::empty({n, n});
      cpu_kernels().matmul_symmetric(half, x, Trans(tall), x, Trans(!tall), 0);
      cpu_kernels().matmul(full, x, Trans(tall), x, Trans(!tall), 0);
      EXPECT_TRUE(std::ranges::equal(half.data<float>(), full.data<float>())) << n;
    }
}

TEST(LinearParity, EverySize) {
  for (int64_t rows : kSizes)
    for (int64_t inputs : kSizes)
      for (int64_t outputs : kSizes) {
        const bool bias = (rows + inputs) % 2, residual = (inputs + outputs) % 3 == 0;
        expect_parity(LinearCase{rows, inputs, outputs, bias, residual}.forward());
      }
  for (int extras = 0; extras < 4; ++extras)
    expect_parity(LinearCase{65, 200, 530, extras % 2 == 1, extras / 2 == 1}.forward());
}

TEST(LinearBackwardParity, EverySizeAndSink) {
  const auto modes = sink_modes(3);
  size_t mode = 0;
  for (int64_t rows : kSizes)
    for (int64_t inputs : kSizes)
      for (int64_t outputs : kSizes)
        expect_parity(
            LinearCase{rows, inputs, outputs, true}.backward(modes[mode++ % modes.size()]));
  for (const Sinks& sinks : modes) expect_parity(LinearCase{129, 65, 70, true}.backward(sinks));
  expect_parity(LinearCase{530, 130, 270, true}.backward(Sinks(3, Sink::accumulate)));
}

TEST(LinearPackedParity, EverySize) {
  for (int64_t rows : kSizes)
    for (int64_t inputs : kSizes)
      for (int64_t outputs : kSizes) {
        const bool bias = (rows + inputs) % 2, residual = (inputs + outputs) % 3 == 0;
        expect_parity(LinearCase{rows, inputs, outputs, bias, residual}.packed());
      }
  expect_parity(LinearCase{70, 530, 300, true, true}.packed());
}

// A sequence's text must not depend on who shares its batch.
TEST_P(LinearPacked, RowsAreTheSameBitsInAnyBatch) {
  for (int64_t inputs : {7, 64, 300})
    for (int64_t outputs : {1, 65, 200}) {
      const LinearCase c{67, inputs, outputs, true, true};
      SCOPED_TRACE(c.name());
      const auto d = c.data();
      const Tensor packed = on.pack(d.w);
      Tensor all = Tensor::empty({c.rows, outputs});
      on.linear_packed(all, d.x, packed, d.bias, d.residual);
      for (int64_t batch : {1, 2, 3, 4, 5, 6, 8, 13, 16, 33})
        for (int64_t begin = 0; begin < c.rows; begin += batch) {
          const int64_t end = std::min(begin + batch, c.rows);
          Tensor some = Tensor::empty({end - begin, outputs});
          on.linear_packed(some, d.x.rows(begin, end), packed, d.bias, d.residual.rows(begin, end));
          ASSERT_EQ(std::memcmp(some.bytes(), all.rows(begin, end).bytes(),
                                static_cast<size_t>(some.byte_size())),
                    0)
              << "rows " << begin << " to " << end;
        }
    }
}

}  // namespace
}  // namespace lineage::cases
