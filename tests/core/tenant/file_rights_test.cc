// SPDX-License-Identifier: Apache-2.0
#include "core/tenant/file_rights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft {
namespace {

using ::testing::HasSubstr;

TEST(FileRights, ReadsUsersGroupsAndModes) {
  EXPECT_EQ(*ModeOf("0660"), 0660U);
  EXPECT_EQ(*ModeOf("777"), 0777U);
  for (const char* bad : {"", "0", "0888", "1777", "rw", "99999999999999"}) {
    EXPECT_FALSE(ModeOf(bad).ok()) << bad;
  }
  EXPECT_EQ(*UserOf("0"), 0U);
  EXPECT_EQ(*UserOf("root"), 0U);
  EXPECT_EQ(*UserOf(""), 0xffff'ffffU);
  EXPECT_EQ(*GroupOf("12"), 12U);
  EXPECT_THAT(std::string(UserOf("no-such-user").status().message()), HasSubstr("no-such-user"));
  EXPECT_FALSE(GroupOf("no-such-group").ok());
  EXPECT_FALSE(UserOf("4294967295").ok()) << "chown would leave the owner alone";
}

TEST(FileRights, SaysWhichTextMeansNothing) {
  const auto rights = FileRights::From("0", "12", "0640");
  ASSERT_TRUE(rights.ok());
  EXPECT_EQ(rights->owner, 0U);
  EXPECT_EQ(rights->group, 12U);
  EXPECT_EQ(rights->mode, 0640U);
  EXPECT_FALSE(FileRights::From("no-such-user", "", "0660").ok());
  EXPECT_FALSE(FileRights::From("", "no-such-group", "0660").ok());
  EXPECT_THAT(std::string(FileRights::From("", "", "8").status().message()), HasSubstr("octal"));
}

}  // namespace
}  // namespace weft
