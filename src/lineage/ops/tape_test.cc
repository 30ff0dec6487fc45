#include "lineage/ops/tape.h"

#include "lineage/ops/ops.h"
#include "lineage/ops/testing.h"

namespace lineage {
namespace {

using testing::error_of;
using testing::probe;
using testing::random_tensor;

TEST(Tape, RecordsNothingWithoutALeaf) {
  const Tensor x = random_tensor({2, 3}, 1), w = random_tensor({3, 3}, 2);
  Tape tape;
  const Tensor loss = probe(ops::linear(x, w));
  EXPECT_FALSE(tape.tracked(loss));
  EXPECT_NE(error_of([&] { tape.backward(loss); }).find("does not depend"), std::string::npos);
}

TEST(Tape, OverwritesOrAccumulatesLeaves) {
  const Tensor x = random_tensor({2, 3}, 1), w = random_tensor({3, 3}, 2);
  Tensor once = Tensor::full({3, 3}, 7), twice = Tensor::full({3, 3}, 7);
  const auto run = [&](Tensor& grad, bool accumulate) {
    Tape tape;
    tape.watch(w, grad, accumulate);
    tape.backward(probe(ops::linear(x, w)));
  };
  run(once, false);
  run(twice, false);
  run(twice, true);
  for (size_t i = 0; i < 9; ++i) EXPECT_FLOAT_EQ(twice.data<float>()[i], 2 * once.data<float>()[i]);
}

TEST(Tape, ALeafThatNothingUsesGetsZero) {
  const Tensor x = random_tensor({2, 3}, 1), w = random_tensor({3, 3}, 2),
               u = random_tensor({2}, 3);
  Tensor dw = Tensor::zeros({3, 3}), du = Tensor::full({2}, 7);
  Tape tape;
  tape.watch(w, dw, false);
  tape.watch(u, du, false);
  tape.backward(probe(ops::linear(x, w)));
  EXPECT_EQ(du.data<float>()[0], 0);
  EXPECT_EQ(du.data<float>()[1], 0);
}

TEST(Tape, TellsOfEachLeafOnceWhenItsGradientIsFinal) {
  const Tensor x = random_tensor({2, 3}, 1), w1 = random_tensor({3, 3}, 2),
               w2 = random_tensor({3, 3}, 3), unused = random_tensor({1}, 4);
  Tensor d1 = Tensor::like(w1), d2 = Tensor::like(w2), d3 = Tensor::like(unused);
  Tape tape;
  tape.watch(w1, d1, false);
  tape.watch(w2, d2, false);
  tape.watch(unused, d3, false);
  std::vector<size_t> order;
  tape.on_leaf_final([&](size_t leaf) { order.push_back(leaf); });
  // w1 is used twice, first and last: it is final only after its first use has been walked.
  tape.backward(probe(ops::linear(ops::linear(ops::linear(x, w1), w2), w1)));
  EXPECT_EQ(order, (std::vector<size_t>{1, 0, 2}));
}

TEST(Tape, RefusesTheSameTensorTwiceInOneOp) {
  const Tensor x = random_tensor({2, 3}, 1);
  Tensor dx = Tensor::like(x);
  Tape tape;
  tape.watch(x, dx, false);
  EXPECT_EQ(error_of([&] { ops::add(x, x); }),
            "add: the same tensor is input 0 and 1; use two handles of its own");
}

TEST(Tape, AFusedLossRefusesACoefficient) {
  const Tensor h = random_tensor({2, 3}, 1), w = random_tensor({5, 3}, 2);
  const Tensor targets = Tensor::zeros({2}, DType::i32), weights = Tensor::full({2}, 1);
  Tensor dh = Tensor::like(h);
  Tape tape;
  tape.watch(h, dh, false);
  const Tensor loss = ops::linear_cross_entropy(h, w, targets, weights, 2);
  const Tensor scaled = probe(loss);
  EXPECT_NE(error_of([&] { tape.backward(scaled); }).find("must be 1"), std::string::npos);
}

}  // namespace
}  // namespace lineage
