#include "lineage/comm/communicator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "lineage/base/error.h"
#include "lineage/comm/launcher.h"
#include "lineage/comm/rank_order.h"
#include "lineage/comm/testing.h"
#include "lineage/comm/threads.h"

namespace lineage {
namespace {

using ::testing::HasSubstr;

template <class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

class ThreadRanks : public ::testing::TestWithParam<int> {};

TEST_P(ThreadRanks, collectives_agree_with_a_plain_loop) {
  run_ranks(GetParam(), [](Communicator& comm) {
    for (const int64_t n : {0, 1, 15, 16, 17, 1023, 1025, 5003})
      testing::expect_collectives(comm, n);
  });
}

TEST_P(ThreadRanks, small_collectives) { run_ranks(GetParam(), testing::expect_small_collectives); }

TEST_P(ThreadRanks, many_under_way_at_once) { run_ranks(GetParam(), testing::expect_overlap); }

TEST_P(ThreadRanks, blocks_are_free_afterwards) {
  run_ranks(GetParam(), testing::expect_blocks_are_free_afterwards);
}

TEST_P(ThreadRanks, ranks_are_numbered) {
  std::vector<std::atomic<int>> seen(static_cast<size_t>(GetParam()));
  run_ranks(GetParam(), [&](Communicator& comm) {
    EXPECT_EQ(comm.size(), GetParam());
    ++seen[comm.rank()];
  });
  for (const auto& times : seen) EXPECT_EQ(times, 1);
}

// Whatever the ranks were doing, the cause comes out and nobody hangs.
TEST_P(ThreadRanks, an_exception_releases_the_others) {
  const int ranks = GetParam(), thrower = ranks / 2;
  const auto fail = [&](Communicator& comm, int64_t n, bool pending) {
    Tensor x = testing::brought_tensor(comm.rank(), {n});
    Pending sum;
    if (pending) sum = comm.start_reduce_scatter(x, even_shards(n, ranks));
    if (comm.rank() == thrower) throw Error("the cause");
    for (;;) comm.all_reduce(x);
  };
  for (const bool pending : {false, true})
    for (const int64_t n : {1, 10'000})
      EXPECT_EQ(message_of(
                    [&] { run_ranks(ranks, [&](Communicator& comm) { fail(comm, n, pending); }); }),
                "the cause");
}

INSTANTIATE_TEST_SUITE_P(, ThreadRanks, ::testing::Values(1, 2, 3, 4, 5));

TEST(RunRanks, others_see_who_stopped) {
  std::string seen;
  EXPECT_THROW(run_ranks(2,
                         [&](Communicator& comm) {
                           if (comm.rank() == 1) throw std::runtime_error("not an Error");
                           seen = message_of([&] { comm.barrier(); });
                         }),
               std::runtime_error);
  EXPECT_EQ(seen, "ranks: rank 0 waits for rank 1, which stopped with an error");
}

TEST(RunRanks, a_rank_that_ends_early_is_an_error) {
  EXPECT_THAT(message_of([] {
                run_ranks(3, [](Communicator& comm) {
                  if (comm.rank() != 1) comm.barrier();
                });
              }),
              HasSubstr(" waits for rank 1, which has ended; every rank must make the same calls"));
}

TEST(RunRanks, different_calls_are_an_error) {
  const auto run = [](auto body) { return message_of([&] { run_ranks(2, body); }); };
  EXPECT_THAT(run([](Communicator& comm) {
                Tensor x = Tensor::zeros({4});
                const std::vector<int64_t> bounds{0, 2, 4};
                comm.rank() ? comm.all_gather(x, bounds) : comm.reduce_scatter(x, bounds);
              }),
              HasSubstr("calls another operation than the others"));
  EXPECT_THAT(run([](Communicator& comm) { comm.broadcast(Tensor::zeros({4}), comm.rank()); }),
              HasSubstr("or with other bounds"));
}

TEST(RunRanks, an_abandoned_run_is_an_error) {
  EXPECT_EQ(message_of([] {
              run_ranks(2, [](Communicator& comm) {
                if (comm.rank() == 1) return comm.abandon();
                EXPECT_THROW(comm.barrier(), Error);
              });
            }),
            "ranks: rank 1 abandoned the run");
  EXPECT_EQ(message_of([] { run_ranks(0, [](Communicator&) {}); }),
            "run_ranks: 0 ranks; wanted one or more");
}

// The order of arrival differs from run to run; the bits do not (nor do they differ from total()).
TEST(RunRanks, sums_do_not_depend_on_who_comes_first) {
  for (int late = 0; late < 4; ++late)
    run_ranks(4, [&](Communicator& comm) {
      Tensor x = testing::brought_tensor(comm.rank(), {3001});
      volatile double work = 1;
      if (comm.rank() == late)
        for (int i = 0; i < 2'000'000; ++i) work = work + 1;
      comm.all_reduce(x);
      testing::expect_elements(
          x, [](int64_t i) { return testing::total(4, i); }, "late rank");
    });
}

TEST(Communicator, arguments_are_checked) {
  const auto comm = single_process();
  Tensor x = Tensor::zeros({6}), tokens = Tensor::zeros({6}, DType::i32);
  const auto scatter = [&](Tensor t, std::vector<int64_t> bounds) {
    return message_of([&] { comm->reduce_scatter(t, bounds); });
  };
  EXPECT_EQ(scatter(tokens, {0, 6}),
            "reduce_scatter: the tensor does not hold f32; only f32 is summed");
  EXPECT_EQ(scatter(x, {0, 3, 6}),
            "reduce_scatter: 3 bounds for 1 ranks; wanted one more than ranks");
  EXPECT_EQ(scatter(x, {0, 5}),
            "reduce_scatter: bounds from 0 to 5; wanted ascending ones from 0 to 6");
  EXPECT_EQ(message_of([&] { comm->broadcast(x, 1); }), "broadcast: root 1 of 1 ranks");
}

TEST(Communicator, gathers_integers_too) {
  run_ranks(3, [](Communicator& comm) {
    Tensor x = Tensor::full({0}, 0);
    x = Tensor::from({3}, std::vector<int32_t>(3, -1 - comm.rank()));
    comm.all_gather(x, std::vector<int64_t>{0, 1, 2, 3});
    const auto seen = x.data<int32_t>();
    EXPECT_EQ(std::vector<int32_t>(seen.begin(), seen.end()), (std::vector<int32_t>{-1, -2, -3}));
  });
}

TEST(Communicator, single_process_changes_nothing) {
  const auto comm = single_process();
  testing::expect_collectives(*comm, 100);
  testing::expect_small_collectives(*comm);
  testing::expect_overlap(*comm);
}

TEST(Communicator, even_shards_begin_on_cache_lines) {
  EXPECT_EQ(even_shards(100, 1), (std::vector<int64_t>{0, 100}));
  EXPECT_EQ(even_shards(100, 3), (std::vector<int64_t>{0, 32, 64, 100}));
  EXPECT_EQ(even_shards(10, 3), (std::vector<int64_t>{0, 0, 0, 10}));
  EXPECT_EQ(even_shards(0, 2), (std::vector<int64_t>{0, 0, 0}));
}

TEST(RankOrder, flushes_denormals_whoever_sums) {
  const float tiny = 0x1p-126f, less = -0x1.8p-126f;
  float sum = 1;
  add_in_rank_order({&sum, 1}, std::vector<const float*>{&tiny, &less});
  EXPECT_EQ(sum, 0);
}

class Launcher : public ::testing::Test {
 protected:
  void SetUp() override { clear(); }
  void TearDown() override { clear(); }
  static void clear() {
    for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "SLURM_NTASKS"})
      unsetenv(name);
  }
};

TEST_F(Launcher, is_seen_in_the_environment) {
  EXPECT_EQ(launched_processes(), 1);
  setenv("SLURM_NTASKS", "8", 1);
  EXPECT_EQ(launched_processes(), 1);
  setenv("PMIX_RANK", "0", 1);
  EXPECT_EQ(launched_processes(), 8);
  setenv("PMI_SIZE", "3", 1);
  EXPECT_EQ(launched_processes(), 3);
  setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
  EXPECT_EQ(launched_processes(), 2);
}

TEST_F(Launcher, a_process_started_alone_is_a_single_one) {
  EXPECT_EQ(mpi()->size(), 1);
  setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
  EXPECT_EQ(mpi()->size(), 1);
}

}  // namespace
}  // namespace lineage
