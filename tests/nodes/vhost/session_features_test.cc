// SPDX-License-Identifier: Apache-2.0
// What a container and weft agree on before a ring runs: offloads and the longest frame.
#include <gtest/gtest.h>

#include <utility>

#include "nodes/vhost/session.h"
#include "tests/nodes/vhost/session_fixture.h"

namespace weft::vhost {
namespace {

using SessionFeaturesTest = testing::SessionFixture;
using testing::kSplitFeatures;

TEST_F(SessionFeaturesTest, AContainerGetsNoLongerFramesThanItsDriverWasToldOf) {
  Connect();
  front_end_.Send(Request::kSetProtocolFeatures, NumberPayload{kOfferedProtocolFeatures});
  // Before SET_FEATURES, as QEMU does it.
  EXPECT_EQ(front_end_.Ack(Request::kNetSetMtu, NumberPayload{68}), 0U);
  EXPECT_EQ(front_end_.Ack(Request::kNetSetMtu, NumberPayload{1400}), 0U);
  EXPECT_EQ(session_->driver_mtu(), 0U) << "not negotiated yet";
  front_end_.Handshake();
  EXPECT_EQ(session_->driver_mtu(), 1400U);
  for (const Queue* queue : {&to_guest_, &to_switch_}) {
    ASSERT_NE(queue->Running(), nullptr);
    EXPECT_EQ(queue->Running()->mtu, 1400U);
  }
  front_end_.SendMemoryTable();
  EXPECT_EQ(to_guest_.Running()->mtu, 1400U) << "with other memory, too";
  EXPECT_EQ(front_end_.Ack(Request::kNetSetMtu, NumberPayload{1300}), 1U);
  ExpectEnd("NET_SET_MTU: came while ring 0 is started");
}

TEST_F(SessionFeaturesTest, OffersOffloadsOnlyWhereThePortDoes) {
  Connect();
  EXPECT_EQ(front_end_.Ask(Request::kGetFeatures), kOfferedFeatures);
  front_end_.Send(Request::kSetFeatures, NumberPayload{kSplitFeatures | kFeatureChecksum});
  ExpectEnd("accepts feature bits 0x1, which were not offered");
  limits_.offload = true;
  Connect();
  EXPECT_EQ(front_end_.Ask(Request::kGetFeatures), kOfferedFeatures | kOffloadFeatures);
}

TEST_F(SessionFeaturesTest, RingsKnowWhatWasNegotiatedInEitherDirection) {
  limits_.offload = true;
  struct Row {
    uint64_t features;
    OffloadSet left, taken;
    uint32_t longest;
  };
  constexpr Row kRows[] = {
      {0, 0, 0, kMaxFrame},
      {kFeatureChecksum, kOffloadChecksum, 0, kMaxFrame},
      {kFeatureGuestChecksum, 0, kOffloadChecksum, kMaxFrame},
      {kFeatureChecksum | kFeatureHostTso4, kOffloadChecksum | kOffloadTso4, 0, kMaxOffloadFrame},
      {kFeatureGuestChecksum | kFeatureGuestTso6, 0, kOffloadChecksum | kOffloadTso6, kMaxFrame},
      {kOffloadFeatures, kEveryOffload, kEveryOffload, kMaxOffloadFrame},
  };
  for (const Row& row : kRows) {
    Connect();
    front_end_.Handshake(kSplitFeatures | row.features);
    for (const Queue* queue : {&to_guest_, &to_switch_}) {
      ASSERT_NE(queue->Running(), nullptr);
      EXPECT_EQ(queue->Running()->left, row.left);
      EXPECT_EQ(queue->Running()->taken, row.taken);
      EXPECT_EQ(queue->Running()->longest_frame, row.longest);
    }
    front_end_.Disconnect();
    for (int i = 0; i < 1'000 && !ended_.has_value(); ++i) Turn();
    ASSERT_TRUE(ended_.has_value());
  }
}

// virtio 1.2 §5.1.3.1.
TEST_F(SessionFeaturesTest, RefusesAnOffloadThatIsNothingWithoutAnother) {
  limits_.offload = true;
  constexpr std::pair<uint64_t, const char*> kRows[] = {
      {kFeatureHostTso4, "SET_FEATURES: accepts VIRTIO_NET_F_HOST_TSO4 without CSUM"},
      {kFeatureHostTso6 | kFeatureGuestChecksum, "HOST_TSO6 without CSUM"},
      {kFeatureChecksum | kFeatureHostEcn, "HOST_ECN without HOST_TSO"},
      {kFeatureGuestTso4 | kFeatureChecksum, "GUEST_TSO4 without GUEST_CSUM"},
      {kFeatureGuestTso6, "GUEST_TSO6 without GUEST_CSUM"},
      {kFeatureGuestChecksum | kFeatureGuestEcn, "GUEST_ECN without GUEST_TSO"},
  };
  for (const auto& [features, reason] : kRows) {
    Connect();
    front_end_.Send(Request::kSetFeatures, NumberPayload{kSplitFeatures | features});
    ExpectEnd(reason);
  }
}

TEST_F(SessionFeaturesTest, AnMtuCountsOnlyIfItIsNegotiated) {
  Connect();
  front_end_.Send(Request::kSetProtocolFeatures, NumberPayload{kOfferedProtocolFeatures});
  EXPECT_EQ(front_end_.Ack(Request::kNetSetMtu, NumberPayload{1400}), 0U);
  front_end_.Handshake(kSplitFeatures & ~kFeatureMtu);
  ASSERT_NE(to_guest_.Running(), nullptr);
  EXPECT_EQ(to_guest_.Running()->mtu, 0xffffU);
  EXPECT_EQ(session_->driver_mtu(), 0U);
}

TEST_F(SessionFeaturesTest, RefusesAnMtuThatThePortDoesNotTake) {
  for (const uint64_t mtu : {uint64_t{0}, uint64_t{67}, uint64_t{1501}, uint64_t{1} << 32 | 1400}) {
    Connect();
    front_end_.Send(Request::kSetProtocolFeatures, NumberPayload{kOfferedProtocolFeatures});
    EXPECT_EQ(front_end_.Ack(Request::kNetSetMtu, NumberPayload{mtu}), 1U);
    ExpectEnd("the port takes 68 to 1500");
  }
}

}  // namespace
}  // namespace weft::vhost
