#include <fmt/format.h>
#include <gtest/gtest.h>

#include <future>

#include "lineage/base/parallel.h"
#include "lineage/base/testing.h"
#include "lineage/serve/api_error.h"
#include "lineage/serve/requests.h"
#include "lineage/serve/scheduler.h"

namespace lineage {
namespace {

// Fields of a wrong type are the client's fault, never this server's.
TEST(WrongTypes, OfAChatAreRefused) {
  const std::string hello = R"({"messages":[{"role":"user","content":"a"}],)";
  for (const char* rest : {
           R"("response_format":{"type":3}})",
           R"("response_format":3})",
           R"("tools":[{"function":{}}]})",
           R"("tools":[{"function":[]}]})",
           R"("tools":[{"function":{"name":5}}]})",
           R"("tools":[{"function":{"name":"c","parameters":{"properties":{"x":{"type":1}}}}}]})",
           R"("tools":[{"function":{"name":"c","parameters":{"properties":{"x":1}}}}]})",
           R"("tools":[{"function":{"name":"c","parameters":{"properties":[1]}}}]})",
       }) {
    try {
      chat_request(Fields::parse(hello + rest));
      ADD_FAILURE() << rest;
    } catch (const ApiError& e) {
      EXPECT_EQ(e.status, 400) << rest;
    }
  }
}

TEST(WrongTypes, IntegersAreOf64Bits) {
  const auto seed = [](const char* text) {
    return generation_request(Fields::parse(fmt::format("{{\"seed\":{}}}", text))).seed;
  };
  EXPECT_EQ(seed("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(seed("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(seed("1e18"), 1000000000000000000);
  for (const char* text : {"9223372036854775808", "18446744073709551615", "9.3e18", "1.5", "1e300"})
    EXPECT_THROW(seed(text), ApiError) << text;
}

// A number of threads is a thread's own, so the scheduler's has to be told.
TEST(SchedulerThreads, AreThoseOfItsMaker) {
  for (const int threads : {1, 3}) {
    const testing::UseThreads use(threads);
    std::promise<int> seen;
    Scheduler scheduler({}, [](std::vector<SequenceEvent>) {});
    scheduler.run_with(std::make_shared<ServedModel>(),
                       [&](const Model*, const std::string&) { seen.set_value(num_threads()); });
    EXPECT_EQ(seen.get_future().get(), threads);
  }
}

}  // namespace
}  // namespace lineage
