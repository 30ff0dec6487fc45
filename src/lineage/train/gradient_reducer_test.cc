#include "lineage/train/gradient_reducer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>

#include "lineage/comm/testing.h"
#include "lineage/comm/threads.h"
#include "lineage/ops/tape.h"

namespace lineage {
namespace {

// Parameters of all kinds whose gradients are those of testing::brought(), so that no model is
// needed: a chain of ops, each with one parameter.
class Model {
 public:
  // `matrices` of 60,000 elements: one and more to a bucket.
  explicit Model(int matrices) {
    const auto add = [&](std::string name, ParameterKind kind, int64_t n) {
      parameters.root().constant(handles_.emplace_back(), name, kind, {n}, 0);
    };
    add("tokens", ParameterKind::embedding, 70'001);
    add("positions", ParameterKind::embedding, 33);
    for (int i = 0; i < matrices; ++i) {
      add("matrix" + std::to_string(i), ParameterKind::matrix, 60'000 + i);
      add("gain" + std::to_string(i), ParameterKind::vector, 7);
    }
    parameters.allocate(true);
  }

  // The parameters in the order in which the forward pass uses them.
  std::vector<size_t> forward_order() const {
    std::vector<size_t> order;
    for (const char* name : {"tokens", "positions"}) order.push_back(index_of(name));
    for (int i = 0; parameters.contains("matrix" + std::to_string(i)); ++i)
      for (const char* name : {"gain", "matrix"})
        order.push_back(index_of(name + std::to_string(i)));
    return order;
  }

  // One micro-batch: every gradient becomes, or grows by, the part of `rank`. `before` gets each
  // op's parameter at its turn in the backward pass.
  void backward(
      Tape& tape, int rank, std::span<const size_t> order,
      const std::function<void(const Parameter&)>& before = [](const Parameter&) {}) {
    Tensor y = Tensor::zeros({1});
    for (const size_t i : order) {
      const Parameter& p = parameters.all()[i];
      const Tensor x = std::exchange(y, Tensor::zeros({1}));
      tape.record("use", {x, p.value}, {y}, [=, &p](auto, std::span<const GradSink> grads) {
        before(p);
        if (grads[0]) Tensor(grads[0].out).data<float>()[0] = 1;
        const auto out = grads[1].out.data<float>();
        for (size_t k = 0; k < out.size(); ++k) {
          const float g = testing::brought(rank, p.begin + static_cast<int64_t>(k));
          out[k] = grads[1].accumulate ? out[k] + g : g;
        }
      });
    }
    tape.backward(y);
  }

  Parameters parameters;

 private:
  size_t index_of(const std::string& name) const {
    return static_cast<size_t>(&parameters.at(name) - parameters.all().data());
  }
  std::deque<Tensor> handles_;
};

// Two ranks of which the other does nothing; records the calls.
class Recorder final : public Communicator {
 public:
  struct Call {
    const std::byte* block;
    std::vector<int64_t> bounds;
  };
  int rank() const override { return 0; }
  int size() const override { return 2; }
  void abandon() noexcept override {}
  std::vector<Call> calls;

 private:
  struct Done final : Collective {
    bool advance() override { return true; }
  };
  std::shared_ptr<Collective> start(Kind, Tensor block, std::vector<int64_t> bounds) override {
    calls.push_back({block.bytes(), std::move(bounds)});
    return std::make_shared<Done>();
  }
  void wait_for_change(int64_t) override {}
};

void step(Communicator& comm, Model& model, std::span<const int64_t> bounds, int micro_batches,
          std::span<const size_t> order) {
  GradientReducer reducer(comm, model.parameters, bounds);
  for (int i = 0; i < micro_batches; ++i) {
    Tape tape;
    model.parameters.watch(tape, i > 0);
    if (i + 1 == micro_batches) reducer.follow(tape);
    model.backward(tape, comm.rank(), order);
  }
  reducer.finish();
}

// Bit for bit, for every way to share the block, and whatever order each rank computes in.
TEST(GradientReducer, owner_has_the_total) {
  for (const int ranks : {1, 2, 3, 4})
    for (const bool shuffled : {false, true})
      run_ranks(ranks, [&](Communicator& comm) {
        Model model(3);
        std::vector<size_t> order = model.forward_order();
        if (shuffled) std::rotate(order.begin(), order.begin() + 3 * comm.rank() % 8, order.end());
        for (const auto& bounds : testing::ways_to_share(model.parameters.numel(), ranks)) {
          step(comm, model, bounds, 1, order);
          const auto own = static_cast<size_t>(comm.rank());
          const Tensor shard =
              model.parameters.grads().slice(bounds[own], {bounds[own + 1] - bounds[own]});
          testing::expect_elements(
              shard, [&](int64_t i) { return testing::total(ranks, bounds[own] + i); }, "shard");
        }
      });
}

// Reduced once, after the last micro-batch: 2 ranks x 3 micro-batches.
TEST(GradientReducer, waits_for_the_last_micro_batch) {
  run_ranks(2, [](Communicator& comm) {
    Model model(2);
    const int64_t n = model.parameters.numel();
    const std::vector<int64_t> bounds = even_shards(n, 2);
    step(comm, model, bounds, 3, model.forward_order());
    comm.all_gather(model.parameters.grads(), bounds);
    const auto three = [](int rank, int64_t i) {
      const float g = testing::brought(rank, i);
      return g + g + g;
    };
    testing::expect_elements(
        model.parameters.grads(), [&](int64_t i) { return three(0, i) + three(1, i); }, "total");
  });
}

TEST(GradientReducer, a_rank_without_rows_adds_its_block_as_it_is) {
  run_ranks(3, [](Communicator& comm) {
    Model model(3);
    const int64_t n = model.parameters.numel();
    const std::vector<int64_t> bounds = even_shards(n, 3);
    step(comm, model, bounds, comm.rank() == 1 ? 0 : 1, model.forward_order());
    comm.all_gather(model.parameters.grads(), bounds);
    testing::expect_elements(
        model.parameters.grads(),
        [](int64_t i) { return testing::brought(0, i) + 0.0f + testing::brought(2, i); }, "total");
  });
}

struct Sent {
  std::vector<Recorder::Call> calls;
  std::map<std::string, size_t> before;  // how many, when a parameter's backward began
};

Sent sent(Model& model, std::span<const size_t> order) {
  Recorder comm;
  GradientReducer reducer(comm, model.parameters, even_shards(model.parameters.numel(), 2));
  Tape tape;
  model.parameters.watch(tape, false);
  reducer.follow(tape);
  Sent result;
  model.backward(tape, 0, order,
                 [&](const Parameter& p) { result.before[p.name] = comm.calls.size(); });
  reducer.finish();
  result.calls = comm.calls;
  return result;
}

TEST(GradientReducer, sends_during_the_backward_pass) {
  Model model(6);
  const Sent s = sent(model, model.forward_order());
  // Matrices, two by two from the last; then the vectors; then the embeddings in one bucket.
  ASSERT_EQ(s.calls.size(), 5u);
  EXPECT_EQ(s.before.at("matrix5"), 0u);
  EXPECT_EQ(s.before.at("matrix4"), 0u);
  EXPECT_EQ(s.before.at("matrix3"), 1u);
  EXPECT_EQ(s.before.at("matrix1"), 2u);
  EXPECT_EQ(s.before.at("gain0"), 3u);
  EXPECT_EQ(s.before.at("positions"), 4u);
  int64_t elements = 0;
  for (const Recorder::Call& call : s.calls) elements += call.bounds.back();
  EXPECT_EQ(elements, model.parameters.numel());
}

TEST(GradientReducer, sends_in_the_same_order_whatever_ends_first) {
  Model model(6);
  std::vector<size_t> order = model.forward_order();
  const Sent forth = sent(model, order);
  std::ranges::reverse(order);
  const Sent back = sent(model, order);
  ASSERT_EQ(forth.calls.size(), back.calls.size());
  for (size_t i = 0; i < forth.calls.size(); ++i) {
    EXPECT_EQ(forth.calls[i].block, back.calls[i].block) << i;
    EXPECT_EQ(forth.calls[i].bounds, back.calls[i].bounds) << i;
  }
  EXPECT_EQ(back.before.at("matrix5"), 0u);  // all wait for the bucket ahead of them
}

TEST(GradientReducer, one_rank_keeps_its_gradients) {
  const auto comm = single_process();
  Model model(2);
  step(*comm, model, std::vector<int64_t>{0, model.parameters.numel()}, 1, model.forward_order());
  testing::expect_elements(
      model.parameters.grads(), [](int64_t i) { return testing::brought(0, i); }, "grads");
}

// The model fails on one rank during the sums: the error is thrown and nothing hangs.
TEST(GradientReducer, an_exception_in_the_backward_pass_comes_out) {
  EXPECT_THROW(run_ranks(3,
                         [](Communicator& comm) {
                           Model model(4);
                           GradientReducer reducer(comm, model.parameters,
                                                   even_shards(model.parameters.numel(), 3));
                           Tape tape;
                           model.parameters.watch(tape, false);
                           reducer.follow(tape);
                           model.backward(tape, comm.rank(), model.forward_order());
                           if (comm.rank() == 1) throw std::domain_error("diverged");
                           reducer.finish();
                         }),
               std::domain_error);
}

}  // namespace
}  // namespace lineage
