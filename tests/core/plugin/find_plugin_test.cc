// SPDX-License-Identifier: Apache-2.0
#include "core/plugin/find_plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "tests/core/plugin/plugin_files.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::OwnDirectory;

std::string Error(std::string_view name, const std::string& directory) {
  const absl::StatusOr<std::string> path = FindPlugin(name, directory);
  EXPECT_FALSE(path.ok());
  return MessageOf(path.status());
}

TEST(FindPluginTest, FindsTheFileOfAName) {
  const absl::StatusOr<std::string> path = FindPlugin("mac-guard", WEFT_PLUGINS);
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(*path, WEFT_PLUGINS "/mac-guard.so");
}

TEST(FindPluginTest, LooksBesideTheProgramFirst) {
  EXPECT_EQ(DefaultPluginDirectory(), std::filesystem::canonical(WEFT_PLUGINS));
}

TEST(FindPluginTest, ListsWhatIsThere) {
  EXPECT_THAT(PluginsIn(WEFT_SAMPLES),
              ElementsAre("faulty", "good", "needs-symbol", "no-plugin", "throws", "unique"));
  EXPECT_THAT(PluginsIn("/nowhere/at/all"), ElementsAre());
  EXPECT_EQ(
      Error("godo", WEFT_SAMPLES),
      "there is no plugin \"godo\" in " WEFT_SAMPLES
      " (did you mean \"good\"?); there is faulty, good, needs-symbol, no-plugin, throws, unique");
  const OwnDirectory empty;
  EXPECT_THAT(Error("good", empty.path()), EndsWith("; there is none at all"));
}

TEST(FindPluginTest, NeverLeavesTheDirectory) {
  for (const std::string_view name : {"", "../good", "a/b", "-x", "good.so", "Good"}) {
    EXPECT_THAT(Error(name, WEFT_SAMPLES), HasSubstr("is no name of a plugin")) << name;
  }
}

TEST(FindPluginTest, SaysThatTheDirectoryIsNotThere) {
  EXPECT_THAT(Error("good", "/nowhere/at/all"), HasSubstr("the directory /nowhere/at/all "));
  EXPECT_THAT(Error("good", WEFT_SAMPLES "/good.so"), EndsWith("/good.so is no directory"));
}

}  // namespace
}  // namespace weft
