// SPDX-License-Identifier: Apache-2.0
// Mirrors of two workers, which copy for one port and one file: each copy arrives or is counted as
// lost, and those of one sender arrive in its order.
#include "tests/support/two_workers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/sdk/weft.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name is what a loader looks for
extern "C" const weft::PluginDescriptor weft_plugin;

namespace weft::mirror {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::MacNumber;
using ::testing::Pair;

constexpr uint32_t kEach = 5000;

// What web-1 sends is copied by the worker that polls web-1, what it is sent by that of web-2.
std::string Config(std::string_view mirror) {
  return Cat(R"(
[[bridge]]
name = "default"
[[bridge]]
name = "monitoring"
[[port]]
name = "web-1"
mac = "02:00:00:00:00:01"
vhost = {}
ingress-mirror = )",
             mirror, "\negress-mirror = ", mirror, R"(
[[port]]
name = "web-2"
mac = "02:00:00:00:00:02"
vhost = {}
[[port]]
name = "probe"
bridge = "monitoring"
vhost = {}
)");
}

class MirrorOfTwoWorkers : public testing::TwoWorkers {
 protected:
  uint64_t Mirrored() {
    return harness_.Counted("ingress-mirror", "mirrored") +
           harness_.Counted("egress-mirror", "mirrored");
  }
  // Nothing happens to originals but what their receivers' rings have no room for.
  void ExpectOriginals() {
    for (const auto& [port, from] : {std::pair("web-1", 2U), std::pair("web-2", 1U)}) {
      EXPECT_EQ(Received(port) + Dropped(port), kEach) << port;
      EXPECT_THAT(CountInOrder(FramesOf(port), 14),
                  ElementsAre(Pair(MacNumber(from), Received(port))));
    }
  }
};

TEST_F(MirrorOfTwoWorkers, ToAPort) {
  Start(weft_plugin.make(), Config("{ to = \"probe\" }"));
  for (const char* port : {"web-1", "web-2", "probe"}) Attach(port);
  SendBothWays("web-1", "web-2", kEach);
  ASSERT_TRUE(harness_.Until([&] {
    Look();
    return Received("probe") + Dropped("probe") == 2 * kEach;
  })) << Received("probe")
      << " received, " << Dropped("probe") << " dropped";
  ExpectOriginals();
  const auto counts = CountInOrder(FramesOf("probe"), 14);
  EXPECT_EQ(counts.size(), 2U) << "copies of either worker";
  EXPECT_GE(Mirrored(), Received("probe"));
}

TEST_F(MirrorOfTwoWorkers, ToAFile) {
  const std::string path = ::testing::TempDir() + Cat("weft-two-workers-", getpid(), ".pcapng");
  Start(weft_plugin.make(), Config(Cat("{ file = \"", path, "\" }")));
  for (const char* port : {"web-1", "web-2"}) Attach(port);
  SendBothWays("web-1", "web-2", kEach);
  EXPECT_EQ(Mirrored(), 2 * kEach) << "two rings of 4 MiB have room for all";
  ExpectOriginals();
  harness_.Destroy();
  absl::StatusOr<CaptureFile> file = CaptureFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  std::vector<Bytes> frames;
  FileFrame frame;
  while (*file->Next(frame)) frames.push_back(frame.bytes);
  std::filesystem::remove(path);
  EXPECT_THAT(CountInOrder(frames, 14),
              ElementsAre(Pair(MacNumber(1), kEach), Pair(MacNumber(2), kEach)));
}

}  // namespace
}  // namespace weft::mirror
