// SPDX-License-Identifier: Apache-2.0
#include "core/replay/case_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft {
namespace {

using ::testing::ElementsAre;

constexpr std::string_view kCase = R"(# What it shows.

=== config
[[port]]            # a comment of TOML's
name = "a"
=== send a
0102  # the first

  length 60 0304
=== get b
=== drops
a node reason 1
)";

TEST(CaseFile, ReadsSectionsAndWritesThemAgain) {
  const auto file = CaseFile::Parse("x.case", kCase);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(file->sections.size(), 4U);
  EXPECT_EQ(file->sections[1].kind, "send");
  EXPECT_EQ(file->sections[1].argument, "a");
  EXPECT_EQ(file->sections[1].line, 6U);
  EXPECT_THAT(file->sections[1].Said(), ElementsAre("0102", "length 60 0304"));
  EXPECT_THAT(file->sections[2].Said(), ElementsAre());
  EXPECT_FALSE(IsResult(file->sections[1]));
  EXPECT_TRUE(IsResult(file->sections[2]));
  EXPECT_EQ(file->ToString(), kCase);
}

TEST(CaseFile, SaysWhatIsWrongAndWhere) {
  const auto error = [](std::string_view text) {
    return std::string(CaseFile::Parse("x.case", text).status().message());
  };
  EXPECT_EQ(error(""), "x.case:0: a case has at least \"=== config\"");
  EXPECT_EQ(error("# only words\n"), "x.case:1: a case has at least \"=== config\"");
  EXPECT_EQ(error("\nname = 1\n"),
            "x.case:2: before \"=== config\" there are comments only; each begins with #");
  EXPECT_EQ(error("=== send a\n"), "x.case:1: a case begins with \"=== config\", and has one");
  EXPECT_EQ(error("=== config\n=== config\n"),
            "x.case:2: a case begins with \"=== config\", and has one");
  EXPECT_EQ(error("=== config\n=== sned a\n"),
            "x.case:2: there is no section \"sned\" (did you mean \"send\"?)");
  EXPECT_EQ(error("=== config\n=== send\n"), "x.case:2: a section \"send\" is \"=== send PORT\"");
  EXPECT_EQ(error("=== config\n=== drops a\n"), "x.case:2: a section \"drops\" is \"=== drops\"");
}

}  // namespace
}  // namespace weft
