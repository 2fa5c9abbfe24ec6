// SPDX-License-Identifier: Apache-2.0
#include "core/graph/port_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::FieldsAre;

// What one call of `send` got; packets by their number in the frame.
struct Sent {
  uint16_t port;
  std::vector<size_t> packets;
  uint16_t next;
};

class PortSplitterTest : public ::testing::Test {
 protected:
  std::vector<Sent> Split(const std::vector<uint16_t>& out_ports) {
    packets_ = std::make_unique<Packet[]>(out_ports.size());
    Frame frame;
    for (size_t i = 0; i < out_ports.size(); ++i) {
      packets_[i].set_out_port(PortId(out_ports[i]));
      frame.Push(&packets_[i]);
    }
    std::vector<Sent> sent;
    splitter_.ForEachPort(
        frame, [&](PortId port, Packet* const* packets, size_t count, PortId next) {
          Sent one{port.value(), {}, next.value()};
          for (size_t i = 0; i < count; ++i)
            one.packets.push_back(static_cast<size_t>(packets[i] - packets_.get()));
          sent.push_back(std::move(one));
        });
    return sent;
  }

  static constexpr uint16_t kNone = PortId().value();
  PortSplitter splitter_;
  std::unique_ptr<Packet[]> packets_;
};

TEST_F(PortSplitterTest, NothingForNobody) { EXPECT_TRUE(Split({}).empty()); }

TEST_F(PortSplitterTest, OnePortGetsTheFrameAsItIs) {
  EXPECT_THAT(Split({7, 7, 7}), ElementsAre(FieldsAre(7, ElementsAre(0, 1, 2), kNone)));
}

TEST_F(PortSplitterTest, EachPortGetsItsOwnInOrder) {
  EXPECT_THAT(Split({3, 1, 3, 2, 1, 3}),
              ElementsAre(FieldsAre(3, ElementsAre(0, 2, 5), 1), FieldsAre(1, ElementsAre(1, 4), 2),
                          FieldsAre(2, ElementsAre(3), kNone)));
  // Nothing of the frame before is left.
  EXPECT_THAT(Split({2, 3}),
              ElementsAre(FieldsAre(2, ElementsAre(0), 3), FieldsAre(3, ElementsAre(1), kNone)));
}

TEST_F(PortSplitterTest, WhatIsNoPortIsOne) {
  EXPECT_THAT(Split({kMaxPorts, 0, 5000}), ElementsAre(FieldsAre(kMaxPorts, ElementsAre(0, 2), 0),
                                                       FieldsAre(0, ElementsAre(1), kNone)));
}

TEST_F(PortSplitterTest, AsManyPortsAsPackets) {
  std::vector<uint16_t> ports;
  for (uint16_t i = 0; i < Frame::kCapacity; ++i) ports.push_back(static_cast<uint16_t>(i * 3));
  const std::vector<Sent> sent = Split(ports);
  ASSERT_EQ(sent.size(), Frame::kCapacity);
  for (size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(sent[i].port, ports[i]);
    EXPECT_THAT(sent[i].packets, ElementsAre(i));
  }
}

}  // namespace
}  // namespace weft
