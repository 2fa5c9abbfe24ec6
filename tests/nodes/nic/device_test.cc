// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/device.h"

#include <gtest/gtest.h>

#include "core/base/text.h"

namespace weft::nic {
namespace {

Device Good(std::string_view text) {
  absl::StatusOr<Device> device = Device::Parse(text);
  EXPECT_TRUE(device.ok()) << text << ": " << device.status();
  return *device;
}

std::string ErrorOf(std::string_view text) {
  const absl::StatusOr<Device> device = Device::Parse(text);
  EXPECT_FALSE(device.ok()) << text << " is " << (device.ok() ? device->ToString() : "");
  return MessageOf(device.status());
}

TEST(DeviceTest, PciAddressesGetDomainAndLowerCase) {
  EXPECT_EQ(Good("0000:3b:00.1").ToString(), "0000:3b:00.1");
  EXPECT_EQ(Good("3B:00.1").ToString(), "0000:3b:00.1");
  const Device device = Good("5E:00.0,representor=[0-3]");
  EXPECT_TRUE(device.is_pci());
  EXPECT_EQ(device.name(), "0000:5e:00.0");
  EXPECT_EQ(device.ToString(), "0000:5e:00.0,representor=[0-3]");
}

TEST(DeviceTest, VirtualDevicesHaveArguments) {
  const Device device = Good("net_af_packet0,iface=eth1,qdisc_bypass=0,odd");
  EXPECT_FALSE(device.is_pci());
  EXPECT_EQ(device.name(), "net_af_packet0");
  EXPECT_TRUE(device.Is("net_af_packet"));
  EXPECT_FALSE(device.Is("net_tap"));
  EXPECT_EQ(device.Argument("iface"), "eth1");
  EXPECT_EQ(device.Argument("odd"), "");
  EXPECT_EQ(device.Argument("blocksz"), "");
  EXPECT_EQ(device.ToString(), "net_af_packet0,iface=eth1,qdisc_bypass=0,odd");
}

TEST(DeviceTest, KernelInterfaceDependsOnTheDriver) {
  EXPECT_EQ(Good("net_af_packet0,iface=eth1").KernelInterface(), "eth1");
  EXPECT_EQ(Good("net_pcap0,iface=eth1").KernelInterface(), "eth1");
  EXPECT_EQ(Good("net_tap0,iface=tap7,remote=eth1").KernelInterface(), "eth1");
  EXPECT_EQ(Good("net_tap0,iface=tap7").KernelInterface(), "") << "that one is made by the driver";
  EXPECT_EQ(Good("net_null0").KernelInterface(), "");
}

TEST(DeviceTest, SameDevice) {
  EXPECT_TRUE(Good("3b:00.1").SameAs(Good("0000:3B:00.1,x=1")));
  EXPECT_FALSE(Good("3b:00.1").SameAs(Good("3b:00.0")));
  EXPECT_TRUE(Good("net_null0,size=64").SameAs(Good("net_null0")));
  EXPECT_TRUE(Good("net_af_packet0,iface=eth1").SameAs(Good("net_tap0,iface=tap7,remote=eth1")));
  EXPECT_FALSE(Good("net_af_packet0,iface=eth1").SameAs(Good("net_af_packet1,iface=eth2")));
  EXPECT_FALSE(Good("net_null0").SameAs(Good("net_null1"))) << "no interface is no common one";
}

TEST(DeviceTest, WhatNamesNothing) {
  EXPECT_EQ(ErrorOf(""), "must name a device: \"0000:3b:00.1\" or \"net_af_packet0,iface=eth1\"");
  EXPECT_EQ(ErrorOf(",iface=eth1"), ErrorOf(""));
  EXPECT_EQ(ErrorOf("net_null0, size=64"), "must not contain spaces or control characters");
  EXPECT_EQ(ErrorOf("net_null0,,size=64"), "has a comma without an argument");
  for (const std::string_view text : {"0000:3b:00.8", "0000:3b:00", "3b:0.1", "000g:3b:00.1",
                                      "0000:3b:00.11", "a:b:c:d.e", "iface=eth1", "/dev/net/tun"}) {
    EXPECT_NE(ErrorOf(text).find("is neither a PCI address"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace weft::nic
