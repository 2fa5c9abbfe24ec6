// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/base/text.h"

namespace weft::nic {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A system of its own: two interfaces, two NICs and a disk on PCI.
class PreflightTest : public ::testing::Test {
 protected:
  PreflightTest() {
    std::string name = (fs::temp_directory_path() / "weft-preflight-XXXXXX").string();
    root_ = mkdtemp(name.data());
    system_.sysfs = root_ / "sys";
    system_.tun = root_ / "tun";
    system_.capabilities = CapabilitySet{CAP_NET_RAW, CAP_NET_ADMIN};
    Write("tun", "");
    for (const std::string_view interface : {"eth1", "eth0", "lo"}) {
      Write(Cat("sys/class/net/", interface, "/ifindex"), "1");
    }
    Write("sys/class/net/bonding_masters", "");
    Pci("0000:3b:00.0", "0x020000", "vfio-pci");
    Pci("0000:3b:00.1", "0x020000", "e1000e");
    Pci("0000:3c:00.0", "0x020000", "");
    Pci("0000:00:1f.2", "0x010601", "ahci");
  }
  ~PreflightTest() override { fs::remove_all(root_); }

  void Write(const std::string& path, std::string_view text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << "\n";
  }
  void Pci(const std::string& address, std::string_view class_code, std::string_view driver) {
    const std::string path = "sys/bus/pci/devices/" + address;
    Write(path + "/class", class_code);
    if (!driver.empty()) {
      fs::create_symlink("../../drivers/" + std::string(driver), root_ / path / "driver");
    }
  }
  std::string Said(std::string_view device) const {
    return MessageOf(Preflight(Device::Parse(device).value(), system_));
  }

  fs::path root_;
  SystemView system_;
};

TEST_F(PreflightTest, WhatThereIs) {
  EXPECT_THAT(KernelInterfaces(system_), ElementsAre("eth0", "eth1"));
  EXPECT_THAT(NetworkPciDevices(system_),
              ElementsAre("0000:3b:00.0", "0000:3b:00.1", "0000:3c:00.0"));
  EXPECT_EQ(ThereAre({}), " (there are none)");
}

TEST_F(PreflightTest, GoodDevices) {
  for (const std::string_view device :
       {"0000:3b:00.0", "net_af_packet0,iface=eth1", "net_tap0,iface=tap7", "net_null0",
        "net_ring_x", "net_memif0,id=1", "net_tap1,remote=eth0", "net_of_a_plugin0"}) {
    EXPECT_EQ(Said(device), "") << device;
  }
}

TEST_F(PreflightTest, MissingInterface) {
  EXPECT_EQ(Said("net_af_packet0,iface=eth7"),
            "device net_af_packet0: there is no network interface eth7 (there are: eth0, eth1)");
  EXPECT_THAT(Said("net_tap0,remote=eth7"), HasSubstr("no network interface eth7"));
  EXPECT_EQ(Said("net_af_packet0"),
            "device net_af_packet0 needs an interface: \"net_af_packet0,iface=NAME\" (there are: "
            "eth0, eth1)");
}

TEST_F(PreflightTest, MissingRights) {
  system_.capabilities = CapabilitySet();
  EXPECT_THAT(Said("net_af_packet0,iface=eth1"),
              HasSubstr("net_af_packet0 needs CAP_NET_RAW and CAP_NET_ADMIN"));
  EXPECT_THAT(Said("net_tap0"), HasSubstr("CAP_NET_ADMIN"));
  EXPECT_EQ(Said("net_null0"), "");
  EXPECT_EQ(Said("net_memif0"), "");
  system_.capabilities = CapabilitySet{CAP_NET_RAW};
  EXPECT_THAT(Said("net_tap0"), HasSubstr("net_tap0 needs CAP_NET_ADMIN, which"));
}

TEST_F(PreflightTest, Pci) {
  EXPECT_EQ(Said("0000:3d:00.0"),
            "there is no PCI device 0000:3d:00.0; network devices on PCI: (there are: "
            "0000:3b:00.0, 0000:3b:00.1, 0000:3c:00.0)");
  EXPECT_THAT(Said("0000:00:1f.2"), HasSubstr("0000:00:1f.2 is no network device"));
  EXPECT_EQ(Said("0000:3b:00.1"),
            "PCI device 0000:3b:00.1 is bound to the kernel's driver e1000e; hand it to DPDK with "
            "`dpdk-devbind.py --bind=vfio-pci 0000:3b:00.1`");
  EXPECT_THAT(Said("0000:3c:00.0"), HasSubstr("is bound to no driver"));
}

TEST_F(PreflightTest, NamesThatAreNoDevice) {
  EXPECT_EQ(Said("eth1"),
            "eth1 is an interface of the kernel; write \"net_af_packet0,iface=eth1\"");
  EXPECT_THAT(Said("net_af_paket0"), HasSubstr("did you mean \"net_af_packet\"?"));
  EXPECT_THAT(Said("uplink"), HasSubstr("no driver makes a device uplink; virtual devices begin"));
}

TEST_F(PreflightTest, TapAndPcapNeedTheirFiles) {
  EXPECT_EQ(Said("net_tap0,iface=fifteen-letters"), "");
  EXPECT_THAT(Said("net_tap0,iface=sixteen--letters"), HasSubstr("longer than 15 characters"));
  fs::remove(root_ / "tun");
  EXPECT_THAT(Said("net_tap0"), HasSubstr("modprobe tun"));
  const std::string capture = (root_ / "in.pcap").string();
  EXPECT_THAT(Said("net_pcap0,rx_pcap=" + capture), HasSubstr("in.pcap cannot be read"));
  Write("in.pcap", "");
  EXPECT_EQ(Said("net_pcap0,rx_pcap=" + capture), "");
}

TEST_F(PreflightTest, Carrier) {
  Write("sys/class/net/eth1/carrier", "1");
  EXPECT_EQ(MessageOf(Carrier(system_, "eth1")), "");
  Write("sys/class/net/eth1/carrier", "0");
  EXPECT_EQ(MessageOf(Carrier(system_, "eth1")), "eth1 has no carrier");
  EXPECT_EQ(MessageOf(Carrier(system_, "eth0")),
            "eth0 is switched off; `ip link set eth0 up` switches it on");
  EXPECT_EQ(MessageOf(Carrier(system_, "eth7")), "the interface eth7 is gone");
}

}  // namespace
}  // namespace weft::nic
