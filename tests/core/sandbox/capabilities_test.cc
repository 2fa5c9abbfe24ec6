// SPDX-License-Identifier: Apache-2.0
#include "core/sandbox/capabilities.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>

#include <csignal>

#include "tests/core/sandbox/child.h"

namespace weft {
namespace {

TEST(Capabilities, HaveTheNamesOfTheManualInLowerCase) {
  EXPECT_EQ(CapabilitySet::NumberOf("chown"), CAP_CHOWN);
  EXPECT_EQ(CapabilitySet::NumberOf("net-admin"), CAP_NET_ADMIN);
  EXPECT_EQ(CapabilitySet::NumberOf("checkpoint-restore"), CAP_CHECKPOINT_RESTORE);
  EXPECT_EQ(CapabilitySet::NumberOf("CAP_CHOWN"), std::nullopt);
  EXPECT_EQ(CapabilitySet().ToString(), "nothing");
  EXPECT_EQ((CapabilitySet{CAP_NET_RAW, CAP_CHOWN}).ToString(), "chown, net-raw");
}

TEST(Capabilities, AreSets) {
  const CapabilitySet both{CAP_CHOWN, CAP_CHECKPOINT_RESTORE};
  EXPECT_TRUE(both.Has(CAP_CHECKPOINT_RESTORE));
  EXPECT_FALSE(both.Has(CAP_NET_RAW));
  EXPECT_EQ(both - CapabilitySet{CAP_CHOWN}, CapabilitySet{CAP_CHECKPOINT_RESTORE});
  EXPECT_EQ(both & CapabilitySet{CAP_CHOWN}, CapabilitySet{CAP_CHOWN});
  EXPECT_EQ(both | CapabilitySet{CAP_NET_RAW},
            (CapabilitySet{CAP_CHOWN, CAP_CHECKPOINT_RESTORE, CAP_NET_RAW}));
}

TEST(Capabilities, WhatIsGivenUpIsGoneForGood) {
  const CapabilitySet before = CapabilitySet::Effective();
  const ChildEnd end = InChild([before] {
    const CapabilitySet kept{CAP_CHOWN};
    if (!KeepOnly(kept).ok()) return 1;
    if (CapabilitySet::Effective() != (before & kept)) return 2;
    // Only CAP_SETPCAP may touch the bounding set, and an ordinary user has none.
    if (before.Has(CAP_SETPCAP) && prctl(PR_CAPBSET_READ, CAP_NET_ADMIN, 0, 0, 0) != 0) return 3;
    if (before.Has(CAP_SETPCAP) && prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0) != 1) return 4;
    // Asking for more later gives nothing back.
    if (!KeepOnly(CapabilitySet{CAP_CHOWN, CAP_NET_ADMIN}).ok()) return 5;
    return CapabilitySet::Effective() == (before & kept) ? 0 : 6;
  });
  EXPECT_TRUE(end.Exited(0)) << end.status;
  EXPECT_EQ(CapabilitySet::Effective(), before);
}

}  // namespace
}  // namespace weft
