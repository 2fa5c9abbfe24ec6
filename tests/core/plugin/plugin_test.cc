// SPDX-License-Identifier: Apache-2.0
// Loading: what a good plugin brings, that it can go again, and the sentence for every bad one.
#include "core/plugin/plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/base/text.h"
#include "core/module.h"
#include "core/sdk/stamp.h"
#include "tests/core/plugin/plugin_files.h"
#include "tests/support/module_harness.h"

namespace weft {
namespace {

using testing::Bytes;
using testing::CopyOfSample;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::FrameTo;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MacNumber;
using testing::ModuleHarness;
using ::testing::Not;
using testing::Sample;

std::string Mark() {
  const char* mark = std::getenv("WEFT_SAMPLE_GOOD");
  return mark == nullptr ? "" : mark;
}

// What this process has mapped.
std::string Maps() {
  std::ostringstream text;
  text << std::ifstream("/proc/self/maps").rdbuf();
  return text.str();
}

// How many copies of the file's code there are.
size_t Copies(const std::string& file) {
  std::istringstream maps(Maps());
  size_t copies = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/memfd:" + file) != std::string::npos &&
        line.find(" r-xp ") != std::string::npos)
      ++copies;
  }
  return copies;
}

// Why a file does not load; fails if it does.
std::string LoadError(const std::string& path) {
  const absl::StatusOr<std::unique_ptr<Plugin>> plugin = Plugin::Load(path);
  EXPECT_FALSE(plugin.ok()) << path;
  return plugin.ok() ? "" : MessageOf(plugin.status());
}

TEST(PluginTest, BringsItsModuleAndGoesAgain) {
  unsetenv("WEFT_SAMPLE_GOOD");
  {
    absl::StatusOr<std::unique_ptr<Plugin>> plugin = Plugin::Load(Sample("good"));
    ASSERT_TRUE(plugin.ok()) << plugin.status();
    EXPECT_EQ((*plugin)->module().name(), "good");
    EXPECT_EQ((*plugin)->info().name, "good");
    EXPECT_EQ((*plugin)->info().version, "1.2-sample");
    EXPECT_THAT((*plugin)->info().path, EndsWith("/samples/good.so"));
    EXPECT_EQ(Mark(), "constructed");
    EXPECT_THAT(Maps(), HasSubstr("/memfd:good.so"));

    ModuleHarness harness;
    ASSERT_TRUE((*plugin)->Register(harness.registry(), harness.graph().catalog()).ok());
    EXPECT_THAT((*plugin)->info().nodes, ElementsAre("pass"));
    EXPECT_THAT(harness.Configure("[[port]]\nname = \"a\"\nmemory = {}\npass = {}\n"), IsEmpty());
  }
  EXPECT_EQ(Mark(), "destroyed");
  EXPECT_THAT(Maps(), Not(HasSubstr("/memfd:good.so")));
}

TEST(PluginTest, ACopyIsAFileOfItsOwn) {
  const absl::StatusOr<std::unique_ptr<Plugin>> first = Plugin::Load(Sample("good"));
  const absl::StatusOr<std::unique_ptr<Plugin>> second = Plugin::Load(Sample("good"));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(Copies("good.so"), 2U) << "the same file twice";
  EXPECT_TRUE((*first)->Close().ok());
  EXPECT_EQ(Copies("good.so"), 1U);
  EXPECT_TRUE((*second)->Close().ok());
  EXPECT_EQ(Copies("good.so"), 0U);
}

TEST(PluginTest, LoadsMacGuardWhichGuards) {
  absl::StatusOr<std::unique_ptr<Plugin>> plugin = Plugin::Load(WEFT_PLUGINS "/mac-guard.so");
  ASSERT_TRUE(plugin.ok()) << plugin.status();
  ModuleHarness harness;
  ASSERT_TRUE((*plugin)->Register(harness.registry(), harness.graph().catalog()).ok());
  EXPECT_THAT((*plugin)->info().nodes, ElementsAre("mac-guard"));
  ASSERT_THAT(harness.Configure("[[port]]\nname = \"a\"\nmemory = {}\n"
                                "mac-guard = { allow = \"02:00:00:00:00:11\" }\n"
                                "[[port]]\nname = \"b\"\nmemory = {}\n"),
              IsEmpty());
  const Bytes own = FrameTo(MacNumber(1)).From(MacNumber(0x11)).Build();
  harness.graph().Inject(PortId(0), own);
  harness.graph().Inject(PortId(0), FrameTo(MacNumber(1)).From(MacNumber(0x12)).Build());
  EXPECT_EQ(harness.graph().Run(), 2U);
  EXPECT_THAT(harness.graph().Sent(PortId(1)), ElementsAre(own));
  EXPECT_EQ(harness.graph().Dropped(PortId(0), "mac-guard", "spoofed"), 1U);
}

TEST(PluginTest, ReportsANameThatIsTaken) {
  absl::StatusOr<std::unique_ptr<Plugin>> first = Plugin::Load(Sample("good"));
  absl::StatusOr<std::unique_ptr<Plugin>> second = Plugin::Load(Sample("good"));
  ASSERT_TRUE(first.ok() && second.ok());
  ModuleHarness harness;
  ASSERT_TRUE((*first)->Register(harness.registry(), harness.graph().catalog()).ok());
  const absl::Status status = (*second)->Register(harness.registry(), harness.graph().catalog());
  EXPECT_THAT(MessageOf(status), HasSubstr("/samples/good.so: "));
  EXPECT_THAT(MessageOf(status), HasSubstr("pass"));
  EXPECT_THAT((*second)->info().nodes, IsEmpty());
}

TEST(PluginTest, NamesTheSymbolThatIsMissing) {
  EXPECT_THAT(LoadError(Sample("needs-symbol")),
              EndsWith("/samples/needs-symbol.so cannot be loaded: it needs the symbol "
                       "\"weft::NoSuchFunction(int)\", which this program does not have"));
}

TEST(PluginTest, TurnsExceptionsIntoSentences) {
  setenv("WEFT_SAMPLE_THROWS", "the moon is full", 1);
  EXPECT_THAT(LoadError(Sample("throws")),
              EndsWith("/samples/throws.so failed to start: the moon is full"));
  unsetenv("WEFT_SAMPLE_THROWS");
  EXPECT_THAT(LoadError(Sample("throws")),
              EndsWith("/samples/throws.so failed to start: it threw what is no std::exception"));
  EXPECT_THAT(Maps(), Not(HasSubstr("/memfd:throws.so")));

  setenv("WEFT_SAMPLE_THROWS", "later", 1);
  absl::StatusOr<std::unique_ptr<Plugin>> plugin = Plugin::Load(Sample("throws"));
  ASSERT_TRUE(plugin.ok()) << plugin.status();
  ModuleHarness harness;
  EXPECT_THAT(MessageOf((*plugin)->Register(harness.registry(), harness.graph().catalog())),
              EndsWith("/samples/throws.so failed to start: no table"));
}

TEST(PluginTest, RunsNothingOfAPluginWithAWrongStamp) {
  unsetenv("WEFT_SAMPLE_GOOD");
  CopyOfSample copy("good");
  copy.Patch([](PluginDescriptor& plugin) { plugin.stamp.parts[0].value[0] = '9'; });
  EXPECT_THAT(LoadError(copy.path()),
              HasSubstr(Cat("SDK version is \"9\" there and \"", kSdkVersion, "\" here")));
  EXPECT_EQ(Mark(), "");
}

}  // namespace
}  // namespace weft
