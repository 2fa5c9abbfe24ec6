// SPDX-License-Identifier: Apache-2.0
#include "core/weftd_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/str_format.h"
#include "core/supervise.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<WeftdOptions> Parse(const std::vector<std::string>& arguments) {
  return ParseWeftdOptions(arguments);
}

TEST(WeftdOptions, AreFlagsAndAFile) {
  EXPECT_EQ(Parse({})->file, "");
  EXPECT_FALSE(Parse({})->Describes());
  const auto both = Parse({"--check", "lab.conf"});
  ASSERT_TRUE(both.ok());
  EXPECT_TRUE(both->check);
  EXPECT_EQ(both->file, "lab.conf");
  EXPECT_TRUE(Parse({"lab.conf", "--supervise"})->supervise);
  EXPECT_TRUE(Parse({"-h"})->help);
  EXPECT_TRUE(Parse({"--own-manual"})->Describes());
}

TEST(WeftdOptions, SayWhatIsUnexpected) {
  EXPECT_EQ(Parse({"--chekc"}).status().message(), "unexpected argument \"--chekc\"");
  EXPECT_EQ(Parse({"a.conf", "b.conf"}).status().message(), "unexpected argument \"b.conf\"");
  EXPECT_FALSE(Parse({""}).ok());
}

TEST(WeftdOptions, AreAllInUsageAndManual) {
  for (const char* option : {"check", "supervise", "reference", "nodes", "commands", "manual",
                             "own-manual", "version", "help", "test", "replay"}) {
    EXPECT_THAT(WeftdUsage(), HasSubstr(std::string("  --") + option + " ")) << option;
  }
  const std::string manual = WeftdManual(Schemas());
  EXPECT_THAT(manual, AllOf(HasSubstr("\n.B \\-\\-supervise\n"), HasSubstr("\n.SS [[port]]\n"),
                            HasSubstr("\n.B ageing\n"), HasSubstr("\n.SH SIGNALS\n")));
  EXPECT_THAT(manual, Not(HasSubstr("\n--")));
  for (const int status : {0, 1, 2, kEndedByPlugin})
    EXPECT_THAT(manual, HasSubstr(absl::StrFormat("\n.TP\n.B %d\n", status)));
}

}  // namespace
}  // namespace weft
