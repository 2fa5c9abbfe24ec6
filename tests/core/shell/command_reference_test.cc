// SPDX-License-Identifier: Apache-2.0
#include "core/shell/command_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/shell/client_commands.h"
#include "core/shell/command_table.h"

namespace weft {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class CommandReferenceTest : public ::testing::Test {
 protected:
  CommandReferenceTest() {
    EXPECT_TRUE(table_
                    .Add({.words = "show port",
                          .arguments = {{.name = "name", .help = "a port", .value = "port"},
                                        {.name = "last",
                                         .kind = ArgumentKind::kCount,
                                         .help = "how many",
                                         .optional = true,
                                         .keyword = true}},
                          .help = "Shows a port",
                          .shape = Shape::Record({{"name", "its name"}}),
                          .run = [](const Arguments&) { return Reply(std::string()); }},
                         "test")
                    .ok());
    for (Command& command : ClientCommands())
      EXPECT_TRUE(table_.Add(std::move(command), "weftctl").ok());
  }

  CommandTable table_;
};

TEST_F(CommandReferenceTest, SaysHowACommandIsTypedAndWhatItAnswers) {
  EXPECT_THAT(DescribeCommands(table_),
              HasSubstr("## show port\n\n```\nshow port NAME [last N]\n```\n\nShows a port.\n\n"
                        "| argument | what |\n|---|---|\n"
                        "| `NAME` | a port; TAB lists those that there are |\n"
                        "| `last N` | how many |\n\n"
                        "JSON: an object:\n\n| key | type | what |\n|---|---|---|\n"
                        "| `name` | string | its name |\n"));
}

TEST_F(CommandReferenceTest, TheManualHasEveryCommandAndNoBareHyphen) {
  const std::string manual = ManualPage(table_);
  EXPECT_THAT(manual, HasSubstr(".TP\n.B show port NAME [last N]\nShows a port.\n.br\n"
                                "\\fINAME\\fR: a port.\n"));
  EXPECT_THAT(manual, HasSubstr(".B watch [\\-n N] [\\-c N] COMMAND...\n"));
  EXPECT_THAT(manual, HasSubstr("\\fB\\-s\\fR, \\fB\\-\\-socket\\fR \\fISOCKET\\fR\n"));
  EXPECT_THAT(manual, Not(HasSubstr("\n.B watch [-n")));
}

}  // namespace
}  // namespace weft
