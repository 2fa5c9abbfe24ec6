// SPDX-License-Identifier: Apache-2.0
// Two files side by side: what would change, and what only a restart could.
#include "core/config/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "tests/core/config/sample_schemas.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Config Read(const std::string& text) {
  Errors errors("startup.conf");
  const std::optional<Document> document = Document::Parse(text, &errors);
  std::optional<Config> config;
  if (document) config = ReadAll(*document, SampleSchemas(), &errors);
  EXPECT_EQ(errors.ToString(), "");
  return config ? *std::move(config) : Config();
}

// "change port a: mtu: 1500 -> 9000", with [rejoins] and [features] where they are.
std::vector<std::string> Diff(const std::string& before, const std::string& after) {
  std::vector<std::string> lines;
  for (const ConfigAction& action : DiffConfigs(Read(before), Read(after))) {
    lines.push_back(Cat(kConfigVerbs.name(action.verb), " ", action.What(), ": ", action.details,
                        action.rejoins ? " [rejoins]" : "", action.features ? " [features]" : ""));
  }
  return lines;
}

std::vector<std::string> NeedsRestart(const std::string& before, const std::string& after) {
  Errors errors("startup.conf");
  const std::optional<Document> document = Document::Parse(after, &errors);
  CheckNeedsNoRestart(Read(before), Read(after), *document, &errors);
  return errors.Lines();
}

std::string Port(const std::string& name, const std::string& more = "") {
  return Cat("[[port]]\nname = \"", name, "\"\n",
             more.find("dpdk =") == std::string::npos && more.find("vhost =") == std::string::npos
                 ? "vhost = {}\n"
                 : "",
             more, "\n");
}

TEST(Diff, NothingIsNothing) {
  EXPECT_THAT(Diff(Port("a") + Port("b"), Port("a") + Port("b")), IsEmpty());
  // Neither the order, nor a default that is written down, nor how a value is written.
  EXPECT_THAT(Diff(Port("a") + Port("b"), "[[bridge]]\nname = \"default\"\nageing = \"5m\"\n" +
                                              Port("b", "mtu = 1500") + "\n# a comment\n" +
                                              Port("a", "vhost = { queues = 1 }")),
              IsEmpty());
}

TEST(Diff, PortsComeAndGo) {
  EXPECT_THAT(Diff(Port("a") + Port("b"), Port("b") + Port("c")),
              ElementsAre("add port c: vhost, bridge default", "delete port a: not in the file"));
}

TEST(Diff, BridgesComeFirstAndGoLast) {
  EXPECT_THAT(Diff("[[bridge]]\nname = \"x\"\n" + Port("a", "bridge = \"x\""),
                   "[[bridge]]\nname = \"y\"\n" + Port("a", "bridge = \"y\"")),
              ElementsAre("add bridge y: ", "change port a: bridge: \"x\" -> \"y\" [rejoins]",
                          "delete bridge x: not in the file"));
}

TEST(Diff, EachFieldOfABridge) {
  const std::string before = "[[bridge]]\nname = \"x\"\n" + Port("a", "bridge = \"x\"");
  const std::string after =
      "[[bridge]]\nname = \"x\"\nageing = \"0s\"\n"
      "static = [{ mac = \"02:00:00:00:00:01\", port = \"a\" }]\n" +
      Port("a", "bridge = \"x\"");
  EXPECT_THAT(Diff(before, after),
              ElementsAre("change bridge x: ageing: \"300s\" -> \"0s\"; static: [] -> "
                          "[{ mac = \"02:00:00:00:00:01\", port = \"a\" }]"));
}

TEST(Diff, WhatChangesInPlace) {
  EXPECT_THAT(Diff(Port("a"), Port("a", "mac = \"02:00:00:00:00:01\"")),
              ElementsAre("change port a: mac: unset -> \"02:00:00:00:00:01\" [rejoins]"));
  EXPECT_THAT(Diff(Port("a", "mac-limit = 3"), Port("a", "mac-limit = 4")),
              ElementsAre("change port a: mac-limit: 3 -> 4 [rejoins]"));
  EXPECT_THAT(Diff(Port("a"), Port("a", "mac-guard = {}")),
              ElementsAre("change port a: mac-guard: added [features]"));
  EXPECT_THAT(Diff(Port("a", "mac-guard = {}"), Port("a")),
              ElementsAre("change port a: mac-guard: removed [features]"));
  EXPECT_THAT(Diff(Port("a", "mac-guard = { allow = \"02:00:00:00:00:01\" }"),
                   Port("a", "mac-guard = { allow = \"02:00:00:00:00:02\" }")),
              ElementsAre("change port a: mac-guard.allow: \"02:00:00:00:00:01\" -> "
                          "\"02:00:00:00:00:02\" [features]"));
}

TEST(Diff, WhatNeedsAnotherBackend) {
  EXPECT_THAT(Diff(Port("a"), Port("a", "mtu = 9000\nmac-limit = 1\nmac-guard = {}")),
              ElementsAre("replace port a: mac-limit: unset -> 1; mtu: 1500 -> 9000; "
                          "mac-guard: added [rejoins] [features]"));
  EXPECT_THAT(Diff(Port("a"), Port("a", "vhost = { listen = \"container\", mode = 6 }")),
              ElementsAre("replace port a: vhost.listen: \"weft\" -> \"container\"; "
                          "vhost.mode: unset -> 6"));
  EXPECT_THAT(Diff(Port("a"), Port("a", "dpdk = { device = \"net_null0\" }")),
              ElementsAre("replace port a: kind: vhost -> dpdk"));
}

TEST(Diff, TheLevelOfTheLogIsNoRestart) {
  const std::string after = "[weft]\nlog = \"debug\"\n";
  EXPECT_THAT(Diff("", after), ElementsAre("change [weft]: log: \"info\" -> \"debug\""));
  EXPECT_THAT(NeedsRestart("", after), IsEmpty());
}

TEST(Diff, ANodesOwnKeysChangeInPlace) {
  const std::string before = "[node.l2-switch]\nentries = 5\n";
  const std::string after = "[node.l2-switch]\nentries = 6\n";
  EXPECT_THAT(Diff(before, after), ElementsAre("change node l2-switch: entries: 5 -> 6"));
  EXPECT_THAT(Diff(before, ""), ElementsAre("change node l2-switch: entries: 5 -> 65536"));
  EXPECT_THAT(Diff(after, after), IsEmpty());
  EXPECT_THAT(NeedsRestart(before, after), IsEmpty());
}

TEST(Diff, PluginsComeFirstAndGoLast) {
  const std::string before = "[plugins]\nload = [\"p\", \"q\"]\n" + Port("a");
  const std::string after = "[plugins]\nload = [\"r\", \"q\"]\n" + Port("b");
  EXPECT_THAT(Diff(before, after),
              ElementsAre("add plugin r: ", "add port b: vhost, bridge default",
                          "delete port a: not in the file", "delete plugin p: not in the file"));
  EXPECT_THAT(NeedsRestart(before, after), IsEmpty());
}

TEST(NeedsRestart, NamesTheKeyAndTheLine) {
  EXPECT_THAT(
      NeedsRestart("[weft]\ncontrol-socket = \"a\"\n[workers]\ncores = [1]\n",
                   "[weft]\nruntime-dir = \"/x\"\n[workers]\ncores = [0, 1]\nidle = \"poll\"\n"
                   "[dpdk]\neal = [\"-v\"]\nmemory = 64\n[plugins]\nhang = \"5s\"\n"
                   "[node.l2-switch]\nentries = 5\n"),  // this one needs none
      ElementsAre(
          // The key is not there: the line is its section's.
          "startup.conf:1:1: [weft]: control-socket: only a restart changes it; running is \"a\", "
          "the file says \"control.sock\"",
          "startup.conf:2:15: [weft]: runtime-dir: only a restart changes it; running is unset, "
          "the file says \"/x\"",
          "startup.conf:4:9: [workers]: cores: only a restart changes it; running is [1], the file "
          "says [0, 1]",
          "startup.conf:5:8: [workers]: idle: only a restart changes it; running is \"adaptive\", "
          "the file says \"poll\"",
          "startup.conf:7:7: [dpdk]: eal: only a restart changes it; running is [], the file says "
          "[\"-v\"]",
          "startup.conf:8:10: [dpdk]: memory: only a restart changes it; running is unset, the "
          "file says 64",
          "startup.conf:10:8: [plugins]: hang: only a restart changes it; running is \"10s\", the "
          "file says \"5s\""));
  EXPECT_THAT(NeedsRestart("[workers]\ncores = [1]\n", ""),
              ElementsAre("startup.conf: [workers]: cores: only a restart changes it; running is "
                          "[1], the file says unset"));
  EXPECT_THAT(NeedsRestart("[workers]\ncores = [1]\n" + Port("a"), "[workers]\ncores = [1]\n"),
              IsEmpty());
}

}  // namespace
}  // namespace weft
