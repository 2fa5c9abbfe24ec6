// SPDX-License-Identifier: Apache-2.0
// Cases and replays on the real built-in nodes. Those of plugins are run by weftd itself.
#include "core/replay/run_case.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/text.h"
#include "core/packet/capture_file.h"
#include "core/replay/replay.h"
#include "core/trace/pcapng.h"
#include "nodes/builtin.h"

namespace weft {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kPorts = R"(=== config
[[port]]
name = "a"
mac = "02:00:00:00:00:0a"
vhost = {}
[[port]]
name = "b"
mac = "02:00:00:00:00:0b"
vhost = {}
mtu = 100
)";

absl::StatusOr<CaseResult> RunText(std::string_view rest) {
  const auto file = CaseFile::Parse("x.case", Cat(kPorts, rest));
  if (!file.ok()) return file.status();
  return RunCase(*file, BuiltinModules(), "");
}
std::vector<std::string> Failures(std::string_view rest) {
  const auto result = RunText(rest);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? result->failures : std::vector<std::string>();
}

TEST(RunCase, PassesWhenAllIsAsItSays) {
  EXPECT_THAT(Failures("=== send a\n"
                       "02000000000b 02000000000a 0800 0102\n"
                       "length 60 02:00:00:00:00:0b 02:00:00:00:00:0a 0800\n"
                       "=== get b\n"
                       "length 16 02000000000b 02000000000a 0800 0102\n"
                       "length 60 02000000000b 02000000000a 0800\n"
                       "=== trace l2-switch\n"
                       "1 l2-switch: -> port-output\n"
                       "2 l2-switch: -> port-output\n"
                       "=== send b\n"
                       "02000000000a 02000000000b 0800\n"
                       "=== get a\n"
                       "02000000000a 02000000000b 0800\n"),
              IsEmpty());
}

TEST(RunCase, EveryPacketIsAccountedFor) {
  constexpr std::string_view kSend = "=== send a\nlength 60 02000000000b 02000000000a 0800 01\n";
  EXPECT_THAT(Failures(kSend), ElementsAre("x.case:11: get b",
                                           "  + length 60 02000000000b "
                                           "02000000000a 0800 01"));
  EXPECT_THAT(Failures(Cat(kSend, "=== get b\n02000000000b 02000000000a 0800\n")),
              ElementsAre("x.case:13: get b", "  - 02000000000b 02000000000a 0800",
                          "  + length 60 02000000000b 02000000000a 0800 01"));
  EXPECT_THAT(Failures("=== send a\nlength 60 02000000000b 02000000000c 0800\n"),
              ElementsAre("x.case:11: drops", "  + a l2-switch mac-limit 1"));
  EXPECT_THAT(Failures("=== drops\na l2-switch mac-limit 1\n"),
              ElementsAre("x.case:11: drops", "  - a l2-switch mac-limit 1"));
  EXPECT_THAT(Failures("=== send a\nlength 115 02000000000b 02000000000a 0800\n"),
              ElementsAre("x.case:11: drops", "  + b memory-output too-long 1"));
}

TEST(RunCase, WritesDownWhatReallyCame) {
  const auto result = RunText("=== send a\nlength 60 02000000000b 02000000000a 0800\n# over\n");
  ASSERT_TRUE(result.ok());
  EXPECT_FALSE(result->failures.empty());
  const auto again = RunCase(result->as_it_went, BuiltinModules(), "");
  ASSERT_TRUE(again.ok());
  EXPECT_THAT(again->failures, IsEmpty());
  EXPECT_THAT(result->as_it_went.ToString(), HasSubstr("# over\n=== get b\nlength 60 "));
}

TEST(RunCase, TimeMovesWhenItIsTold) {
  const auto ask = [](std::string_view wait) {
    return Failures(
        Cat("=== send a\nlength 60 02000000000b 02000000000a 0800\n=== get b\nlength 60 "
            "02000000000b 02000000000a 0800\n=== wait ",
            wait, "\n=== ask show bridges\n"));
  };
  EXPECT_THAT(ask("1s"), Not(IsEmpty())) << "what a command answers is compared";
  EXPECT_THAT(std::string(RunText("=== wait long\n").status().message()),
              HasSubstr("x.case:11: \"long\" is no time; write one like 5s"));
}

TEST(RunCase, LearnedAddressesAgeInAMomentOfOurs) {
  // b has no address of its own here, so that a's frames are flooded when it is forgotten.
  const auto file = CaseFile::Parse("x.case", R"(=== config
[[bridge]]
name = "default"
ageing = "300s"
[[port]]
name = "a"
vhost = {}
[[port]]
name = "b"
vhost = {}
=== send b
length 60 02000000000a 02000000000b 0800
=== get a
length 60 02000000000a 02000000000b 0800
=== wait 200s
=== send a
length 60 02000000000b 02000000000a 0800
=== get b
length 60 02000000000b 02000000000a 0800
=== trace l2-switch
1 l2-switch: -> port-output
=== wait 400s
=== send a
length 60 02000000000b 02000000000a 0800
=== get b
length 60 02000000000b 02000000000a 0800
=== trace l2-switch
1 l2-switch: -> flood
)");
  ASSERT_TRUE(file.ok()) << file.status();
  const auto result = RunCase(*file, BuiltinModules(), "");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->failures, IsEmpty());
}

TEST(RunCase, SaysWhereACaseIsWrong) {
  const auto error = [](std::string_view rest) {
    return std::string(RunText(rest).status().message());
  };
  EXPECT_EQ(error("=== send zebra\n"), "x.case:11: there is no port \"zebra\"");
  EXPECT_THAT(error("=== send a\n01\n"), HasSubstr("x.case:11: a frame has 14 to 9216 bytes"));
  EXPECT_THAT(error("=== send a\nhello\n"), HasSubstr("x.case:11: \"hello\" is no frame"));
  EXPECT_THAT(error("=== send a\nlength 9 0102030405060708090a\n"), HasSubstr("has no 10 bytes"));
  EXPECT_THAT(error("=== send a\nfile none.pcap\n"), HasSubstr("none.pcap"));
  EXPECT_EQ(error("=== rounds x\n"), "x.case:11: \"x\" is no number of rounds up to 1000000");
  EXPECT_EQ(error("=== trace nobody\n"), "x.case:11: there is no node \"nobody\"");
  const auto wrong =
      CaseFile::Parse("x.case", "# one\n=== config\n[[port]]\nname = 1\nvhost = {}\n");
  EXPECT_THAT(std::string(RunCase(*wrong, BuiltinModules(), "").status().message()),
              HasSubstr("x.case:4:8: "))
      << "lines of the configuration are those of the file";
}

TEST(MeasureCase, CountsEveryPacketOfEachRun) {
  const auto file = CaseFile::Parse(
      "x.case", Cat(kPorts, "=== send a\nlength 60 02000000000b 02000000000a 0800\n"));
  const auto costs = MeasureCase(*file, BuiltinModules(), "", 3, 1000);
  ASSERT_TRUE(costs.ok()) << costs.status();
  for (const NodeCost& cost : *costs) {
    EXPECT_EQ(cost.packets, 3U * 1024) << cost.node;
    EXPECT_LE(cost.least, cost.cycles);
    EXPECT_LE(cost.cycles, cost.most);
  }
  EXPECT_EQ(MeasureCase(*CaseFile::Parse("x.case", kPorts), BuiltinModules(), "", 1, 1)
                .status()
                .message(),
            "x.case: sends nothing that could be measured");
}

std::string TextOf(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(Replay, WritesWhatEachPortWasSentWithItsTime) {
  const fs::path folder = fs::path(::testing::TempDir()) / Cat("weft-replay-", getpid());
  fs::create_directories(folder);
  const std::vector<uint8_t> good{2, 0, 0, 0, 0, 11, 2, 0, 0, 0, 0, 10, 8, 0, 1};
  const std::vector<uint8_t> bad{2, 0, 0, 0, 0, 11, 2, 0, 0, 0, 0, 12, 8, 0, 2};
  PcapngWriter writer("a test");
  writer.AddInterface("a", "", 100);
  writer.Add({.nanoseconds = 1'000'000'007, .length = 15, .bytes = good});
  writer.Add({.nanoseconds = 2'000'000'000, .length = 15, .bytes = bad});
  writer.Add({.nanoseconds = 3'000'000'000, .length = 4, .bytes = std::span(bad).first(4)});
  writer.Add({.nanoseconds = 4'000'000'009, .length = 60, .bytes = good});
  std::ofstream(folder / "in.pcapng") << writer.Take();

  const auto file = CaseFile::Parse("x.case", kPorts);
  const auto the_switch = MemorySwitch::Make(
      BuiltinModules(),
      {.name = "x", .text = Join(file->sections[0].lines, "\n"), .plugin_directory = ""});
  ASSERT_TRUE(the_switch.ok()) << the_switch.status();
  const auto result = Replay(**the_switch, folder / "in.pcapng", "a", folder / "out");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->frames, 3U);
  EXPECT_EQ(result->refused, 1U);
  EXPECT_EQ(result->cut, 1U);
  EXPECT_THAT(result->sent, ElementsAre(std::pair("a", 0U), std::pair("b", 2U)));
  EXPECT_EQ(TextOf(folder / "out" / "drops.txt"), "a l2-switch mac-limit 1\n");
  EXPECT_THAT(TextOf(folder / "out" / "trace.txt"), HasSubstr("\n3 memory-output: sent to b\n"));

  auto out = CaptureFile::Open(folder / "out" / "b.pcapng");
  ASSERT_TRUE(out.ok()) << out.status();
  FileFrame frame;
  ASSERT_TRUE(*out->Next(frame));
  EXPECT_EQ(frame.nanoseconds, 1'000'000'007U);
  EXPECT_EQ(frame.bytes, good);
  ASSERT_TRUE(*out->Next(frame));
  EXPECT_EQ(frame.nanoseconds, 4'000'000'009U);
  EXPECT_EQ(frame.bytes.size(), 60U);
  EXPECT_FALSE(*out->Next(frame));
  EXPECT_EQ(Replay(**the_switch, folder / "in.pcapng", "zebra", folder / "out").status().message(),
            "there is no port \"zebra\"");
  EXPECT_FALSE(Replay(**the_switch, folder / "none", "a", folder / "out").ok());
  fs::remove_all(folder);
}

}  // namespace
}  // namespace weft
