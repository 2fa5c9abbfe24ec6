// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/nic_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft::nic {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What reading `toml` as startup.conf reports.
std::vector<std::string> ErrorLines(const std::string& toml) {
  Schemas schemas;
  schemas.kinds = {{"dpdk", "A NIC.", &SchemaOf<NicConfig>(), CheckDevices}};
  Errors errors("startup.conf");
  if (const auto document = Document::Parse(toml, &errors)) ReadAll(*document, schemas, &errors);
  return errors.Lines();
}

std::string PortLines(std::string_view name, std::string_view dpdk) {
  return "[[port]]\nname = \"" + std::string(name) + "\"\ndpdk = " + std::string(dpdk) + "\n";
}

TEST(NicConfigTest, GoodDevices) {
  EXPECT_THAT(ErrorLines(PortLines("a", R"({ device = "0000:3b:00.1", queues = 1 })") +
                         PortLines("b", R"({ device = "net_af_packet0,iface=eth1" })") +
                         PortLines("c", R"({ device = "net_af_packet1,iface=eth2" })")),
              IsEmpty());
}

TEST(NicConfigTest, DeviceIsRequired) {
  EXPECT_THAT(ErrorLines(PortLines("a", "{ queues = 1 }")),
              ElementsAre(::testing::HasSubstr("device")));
  EXPECT_THAT(ErrorLines(PortLines("a", R"({ device = "" })")),
              ElementsAre(::testing::HasSubstr("3:19: port \"a\": dpdk.device:")));
}

TEST(NicConfigTest, Queues) {
  EXPECT_THAT(ErrorLines(PortLines("a", R"({ device = "net_null0", queues = 32 })")), IsEmpty());
  EXPECT_THAT(ErrorLines(PortLines("a", R"({ device = "net_null0", queues = 33 })")),
              ElementsAre(::testing::HasSubstr("dpdk.queues")));
}

TEST(NicConfigTest, TheDriverIsToldTheSameNumberOfQueues) {
  EXPECT_THAT(ErrorLines(PortLines(
                  "a", R"({ device = "net_af_packet0,iface=eth1,qpairs=2", queues = 2 })")),
              IsEmpty());
  EXPECT_THAT(
      ErrorLines(PortLines("a", R"({ device = "net_af_packet0,iface=eth1,qpairs=2" })")),
      ElementsAre("startup.conf:3:19: port \"a\": dpdk.device: has qpairs=2, but the port's queues "
                  "are 1; leave qpairs out, it follows from queues"));
}

TEST(NicConfigTest, DeviceThatNamesNothing) {
  EXPECT_THAT(
      ErrorLines(PortLines("a", R"({ device = "3b:00.9" })")),
      ElementsAre("startup.conf:3:19: port \"a\": dpdk.device: \"3b:00.9\" is neither a PCI "
                  "address such as 0000:3b:00.1 nor the name of a virtual device such as "
                  "net_tap0"));
}

TEST(NicConfigTest, TwoPortsNeverShareADevice) {
  EXPECT_THAT(
      ErrorLines(PortLines("a", R"({ device = "0000:3b:00.1" })") +
                 PortLines("b", R"({ device = "3B:00.1" })")),
      ElementsAre("startup.conf:6:19: port \"b\": dpdk.device: \"0000:3b:00.1\" is the device of "
                  "port \"a\" already; each port needs a device of its own"));
  EXPECT_THAT(ErrorLines(PortLines("a", R"({ device = "net_af_packet0,iface=eth1" })") +
                         PortLines("b", R"({ device = "net_af_packet1,iface=eth1" })")),
              ElementsAre(::testing::HasSubstr("is the device of port \"a\" already")));
}

}  // namespace
}  // namespace weft::nic
