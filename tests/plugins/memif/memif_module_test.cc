// SPDX-License-Identifier: Apache-2.0
// What the plugin says of itself, and what its tables may say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "core/sdk/weft.h"
#include "tests/support/module_harness.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name is what a loader looks for
extern "C" const weft::PluginDescriptor weft_plugin;

namespace weft::memif {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(MemifPlugin, IsDescribed) {
  EXPECT_STREQ(weft_plugin.name, "memif");
  weft::testing::ModuleHarness harness;
  const std::unique_ptr<Module> module(weft_plugin.make());
  module->Register(harness.registry());
  ASSERT_TRUE(harness.registry().status().ok());
  ASSERT_EQ(harness.registry().kinds().size(), 1U);
  EXPECT_EQ(harness.registry().kinds()[0].name, "memif");
}

std::vector<std::string> ErrorsOf(const std::string& table) {
  weft::testing::ModuleHarness harness;
  const std::unique_ptr<Module> module(weft_plugin.make());
  module->Register(harness.registry());
  return harness.Configure(Cat("[[port]]\nname = \"a\"\nmemif = { ", table, " }\n"));
}

TEST(MemifConfigTest, SaysWhatCannotBe) {
  EXPECT_THAT(ErrorsOf("role = \"client\", id = 7, ring-size = 4096, secret = \"x\""), IsEmpty());
  EXPECT_THAT(ErrorsOf("ring-size = 1000"), ElementsAre(HasSubstr("must be a power of two")));
  EXPECT_THAT(ErrorsOf("buffer-size = 1000"), ElementsAre(HasSubstr("must be a multiple of 64")));
  EXPECT_THAT(ErrorsOf("secret = \"012345678901234567890123\""),
              ElementsAre(HasSubstr("at most 23 bytes")));
  EXPECT_THAT(ErrorsOf("mode = \"8\""), ElementsAre(HasSubstr("octal")));
  EXPECT_THAT(ErrorsOf("owner = \"no-such-user\""), ElementsAre(HasSubstr("no-such-user")));
  EXPECT_THAT(ErrorsOf("role = \"master\""), ElementsAre(HasSubstr("client")));
  EXPECT_THAT(ErrorsOf("queues = 9"), ElementsAre(HasSubstr("8")));
}

}  // namespace
}  // namespace weft::memif
