// SPDX-License-Identifier: Apache-2.0
#include "core/config/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/config/sample_schemas.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

TEST(DescribeReference, HasARowForEachKey) {
  const std::string text = DescribeReference(SampleSchemas());
  for (const char* row : {
           "\n## `[weft]`\n",
           "| `runtime-dir` | text | none | directory of all sockets; ",
           "| `log` | \"debug\", \"info\", \"warning\", \"error\" or \"off\" | `\"info\"` | ",
           "| `cores` | list of integer 0 to 1023 | none | ",
           "| `ageing` | duration | `\"300s\"` | ",
           "| `static` | list of table | `[]` | ",
           "| `static.mac` | MAC address | required | the address |\n",
           "| `mtu` | integer 68 to 9202 | `1500` | ",
           "\n## `[[port]] vhost`\n\nA container.\n\n| key | type | default | meaning |\n",
           "| `queues` | integer 1 to 8 | `1` | queue pairs |\n",
           "| `device` | text | required | ",
           "\n## `[[port]] mac-guard`\n\nDrops spoofed frames.\n",
           "\n## `[node.l2-switch]`\n",
       }) {
    EXPECT_THAT(text, HasSubstr(row));
  }
}

struct Empty {
  static constexpr auto kFields = Fields();
};
struct Piped {
  std::string separator = "|";
  static constexpr auto kFields = Fields(Field<&Piped::separator>("separator", "a | b"));
};

TEST(DescribeReference, KeepsTablesWhole) {
  Schemas schemas;
  schemas.nodes = {{"empty", "Nothing to set.", &SchemaOf<Empty>()},
                   {"piped", "Pipes.", &SchemaOf<Piped>()}};
  const std::string text = DescribeReference(schemas);
  EXPECT_THAT(text, HasSubstr("## `[node.empty]`\n\nNothing to set.\n\nIt has no keys.\n"));
  EXPECT_THAT(text, HasSubstr("| `separator` | text | `\"\\|\"` | a \\| b |\n"));
}

}  // namespace
}  // namespace weft
