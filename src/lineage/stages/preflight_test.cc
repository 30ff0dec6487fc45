#include "lineage/stages/preflight.h"

#include <gtest/gtest.h>

#include <fstream>

#include "lineage/base/error.h"
#include "lineage/base/testing.h"
#include "lineage/train/machine.h"

namespace lineage {
namespace {

constexpr int64_t kTiB = int64_t{1} << 40;

std::string error_of(const std::vector<NodeToGrow>& nodes, int ranks = 1) {
  try {
    check_resources(nodes, "/tmp/no/such/folder/yet", ranks);
  } catch (const Error& e) {
    return std::string(e.what()) + " | " + e.hint();
  }
  return "none";
}

NodeToGrow node(const std::string& name, int64_t memory, int64_t disk, int64_t parameters = 0) {
  StagePlan plan;
  plan.memory_bytes = memory;
  plan.disk_bytes = disk;
  plan.parameters = parameters;
  return {"a.toml:7: nodes." + name, plan, {}};
}

TEST(Room, WhatFitsIsNoError) { EXPECT_EQ(error_of({node("a", 1 << 20, 1 << 10)}), "none"); }

TEST(Room, TooLittleMemoryNamesTheNodeAndBothSizes) {
  const std::string said = error_of({node("a", 1, 1), node("b", 2000 * kTiB, 1)}, 2);
  EXPECT_EQ(said.find("a.toml:7: nodes.b: needs about 4096000 GiB of memory for 2 ranks; this "
                      "machine has "),
            0u)
      << said;
  EXPECT_NE(said.find(" free | lower pretrain.micro_tokens"), std::string::npos) << said;
}

TEST(Room, TooLittleDiskNamesTheFolderAndBothSizes) {
  const std::string said = error_of({node("a", 1, 2000 * kTiB)});
  EXPECT_EQ(said.find("a.toml:7: nodes.a: needs about 2048000 GiB of disk; "
                      "/tmp/no/such/folder/yet has "),
            0u)
      << said;
  EXPECT_NE(said.find("--out"), std::string::npos) << said;
}

TEST(Room, NodesThatStayOnDiskCountForTheNext) {
  const int64_t free = free_disk("/tmp"), half = free / 2 + free / 8;
  EXPECT_EQ(error_of({node("a", 1, half), node("b", 1, half)}), "none");  // one after the other
  const std::string said = error_of({node("a", 1, half, half / 4), node("b", 1, half)});
  EXPECT_NE(said.find("nodes.b: needs about "), std::string::npos) << said;
  EXPECT_NE(said.find("with the nodes before it"), std::string::npos) << said;
}

TEST(Room, AsManyAtOnceAsTheLargestLeaveRoomFor) {
  const int64_t memory = available_memory(), disk = free_disk("/tmp");
  const auto fit = [](const std::vector<NodeToGrow>& nodes, int at_once) {
    return max_parallel_nodes(nodes, "/tmp", at_once);
  };
  const NodeToGrow small = node("small", 1, 1), half = node("half", memory / 2 + memory / 8, 1);
  EXPECT_EQ(fit({small, small, small}, 8), 3);
  EXPECT_EQ(fit({small, small, small}, 2), 2);
  EXPECT_EQ(fit({small, half, small}, 8), 3);
  EXPECT_EQ(fit({half, small, half}, 8), 1);  // the two large ones might meet
  EXPECT_EQ(fit({node("a", 1, disk / 2 + disk / 8), node("b", 1, disk / 2 + disk / 8)}, 2), 1);
  EXPECT_EQ(fit({node("too large", 2000 * kTiB, 1)}, 4), 1);
}

TEST(Room, AStateThatIsThereMakesRoomForTheNext) {
  const testing::TempFolder folder;
  folder.write("state", "x");
  std::filesystem::resize_file(folder / "state", 1 << 30);  // sparse
  NodeToGrow resumed = node("a", 1, free_disk("/tmp") + (1 << 29));
  EXPECT_NE(error_of({resumed}), "none");
  resumed.folder = folder.path();
  EXPECT_EQ(error_of({resumed}), "none");
}

TEST(Room, SizesAreRoundedUp) {
  EXPECT_EQ(size_text(1), "1 KiB");
  EXPECT_EQ(size_text(812 << 10), "812 KiB");
  EXPECT_EQ(size_text((int64_t{2048} << 20) - 1), "2048 MiB");
  EXPECT_EQ(size_text(kTiB), "1024 GiB");
}

}  // namespace
}  // namespace lineage
