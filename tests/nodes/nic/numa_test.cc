// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/numa.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/base/text.h"

namespace weft::nic {
namespace {

namespace fs = std::filesystem;

// Cores 0 and 1 on node 0, 2 and 3 on node 1; a card and an interface on node 1.
class NumaTest : public ::testing::Test {
 protected:
  NumaTest() {
    std::string name = (fs::temp_directory_path() / "weft-numa-XXXXXX").string();
    root_ = mkdtemp(name.data());
    system_.sysfs = root_;
    for (int core = 0; core < 4; ++core) {
      fs::create_directories(root_ / "devices/system/cpu" / Cat("cpu", core) /
                             Cat("node", core / 2));
    }
    Write("bus/pci/devices/0000:3b:00.1/numa_node", "1");
    Write("bus/pci/devices/0000:3b:00.2/numa_node", "-1");
    Write("class/net/eth1/device/numa_node", "1");
    fs::create_directories(root_ / "class/net/veth0");
  }
  ~NumaTest() override { fs::remove_all(root_); }

  void Write(const std::string& path, std::string_view text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << "\n";
  }
  std::string Said(std::string_view device, std::vector<uint16_t> cores) const {
    return FarCores(system_, Device::Parse(device).value(), cores);
  }

  fs::path root_;
  SystemView system_;
};

TEST_F(NumaTest, NodesOfCores) {
  EXPECT_EQ(NodeOfCore(system_, 1), 0U);
  EXPECT_EQ(NodeOfCore(system_, 2), 1U);
  EXPECT_EQ(NodeOfCore(system_, 9), std::nullopt);
}

TEST_F(NumaTest, WorkersOnAnotherNodeAreSaid) {
  EXPECT_EQ(Said("3b:00.1", {2, 3}), "");
  EXPECT_EQ(Said("3b:00.1", {1, 2, 0}),
            "device 0000:3b:00.1 is on NUMA node 1, but workers run on core 1 on node 0, core 0 on "
            "node 0: its frames cross between the nodes; choose other cores in [workers]");
  EXPECT_NE(Said("net_af_packet0,iface=eth1", {0}), "");
}

TEST_F(NumaTest, WhatIsOnNoNodeIsNearEverybody) {
  EXPECT_EQ(Said("3b:00.2", {0, 2}), "");
  EXPECT_EQ(Said("3b:00.3", {0, 2}), "");
  EXPECT_EQ(Said("net_af_packet0,iface=veth0", {0, 2}), "");
  EXPECT_EQ(Said("net_null0", {0, 2}), "");
  EXPECT_EQ(Said("3b:00.1", {9}), "") << "a core that nobody knows";
}

}  // namespace
}  // namespace weft::nic
