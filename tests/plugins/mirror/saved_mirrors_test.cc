// SPDX-License-Identifier: Apache-2.0
// What one build of the plugin hands to the next. Both live for a moment, as at `plugin replace`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/sdk/weft.h"
#include "tests/support/switch_with_plugin.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name is what a loader looks for
extern "C" const weft::PluginDescriptor weft_plugin;

namespace weft::mirror {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::FrameTo;
using ::testing::HasSubstr;
using testing::MacNumber;
using testing::SwitchWithPlugin;
using namespace std::chrono_literals;

class MirrorStateTest : public ::testing::Test {
 protected:
  MirrorStateTest() : path_(::testing::TempDir() + Cat("weft-saved-", getpid(), ".pcapng")) {}
  ~MirrorStateTest() override { std::filesystem::remove(path_); }

  std::unique_ptr<SwitchWithPlugin> Build() {
    return std::make_unique<SwitchWithPlugin>(
        weft_plugin.make(),
        Cat("[[bridge]]\nname = \"default\"\n"
            "[[bridge]]\nname = \"monitoring\"\n"
            "[[port]]\nname = \"a\"\nvhost = {}\n"
            "ingress-mirror = { to = \"probe\", file = \"",
            path_,
            "\" }\n"
            "[[port]]\nname = \"b\"\nvhost = {}\n"
            "[[port]]\nname = \"probe\"\nbridge = \"monitoring\"\nvhost = {}\n"));
  }
  static Bytes Frame(uint32_t number) {
    return FrameTo(MacNumber(2)).From(MacNumber(1)).Seed(number).Build();
  }
  static void Send(SwitchWithPlugin& build, uint32_t number) {
    build.Send("a", Frame(number));
    build->Run(2);
  }
  std::vector<Bytes> Written() {
    absl::StatusOr<CaptureFile> file = CaptureFile::Open(path_);
    EXPECT_TRUE(file.ok()) << file.status();
    std::vector<Bytes> frames;
    FileFrame frame;
    while (file.ok() && *file->Next(frame)) frames.push_back(frame.bytes);
    return frames;
  }

  const std::string path_;
};

TEST_F(MirrorStateTest, IsHandedToAnotherBuild) {
  auto before = Build(), after = Build();
  Send(*before, 1);
  EXPECT_EQ(MessageOf(after->plugin().RestoreState(before->plugin().SaveState())), "");
  EXPECT_THAT(after->Ask("show mirror"), HasSubstr("somebody else still writes the file"));
  // Workers may have both for a moment.
  Send(*after, 3);
  Send(*before, 2);
  (*after)->Wait(20ms);
  (*before)->Wait(20ms);
  EXPECT_THAT(Written(), ElementsAre(Frame(1), Frame(2)));
  before.reset();
  Send(*after, 4);
  (*after)->Wait(20ms);
  EXPECT_THAT(Written(), ElementsAre(Frame(1), Frame(2), Frame(3), Frame(4)));
  EXPECT_THAT(after->Sent("probe"), ElementsAre(Frame(3), Frame(4)));
  // A copy for the port and one for the file of each: of 1 before, of 3 and 4 after.
  EXPECT_THAT(after->Ask("show mirror"), HasSubstr(" 6     0  running"));
}

TEST_F(MirrorStateTest, OfABuildThatSaysNothingIsAnEmptyFile) {
  auto before = Build();
  Send(*before, 1);
  (*before)->Wait(20ms);
  EXPECT_THAT(Written(), ElementsAre(Frame(1)));
  auto after = Build();
  EXPECT_EQ(MessageOf(after->plugin().RestoreState("")), "");
  before.reset();
  Send(*after, 2);
  (*after)->Wait(20ms);
  EXPECT_THAT(Written(), ElementsAre(Frame(2)));
  EXPECT_THAT(MessageOf(after->plugin().RestoreState("state = { mirors = [] }")),
              HasSubstr("unknown key \"mirors\""));
}

}  // namespace
}  // namespace weft::mirror
