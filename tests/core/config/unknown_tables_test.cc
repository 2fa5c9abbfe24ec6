// SPDX-License-Identifier: Apache-2.0
#include "core/config/unknown_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "core/base/text.h"
#include "tests/core/config/sample_schemas.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kFile = R"([node.stranger]
x = 1
[[bridge]]
name = "default"
static = [
  { mac = "02:00:00:00:00:01", port = "plain" },
  { mac = "02:00:00:00:00:02", port = "strange" },
]
[[port]]
name = "plain"
vhost = {}
[[port]]
name = "guarded"
vhost = {}
stranger = { allow = 1 }
[[port]]
name = "strange"
strange-kind = {}
)";

class UnknownTablesTest : public ::testing::Test {
 protected:
  // The ports that are left, with their features.
  std::vector<std::string> Left(bool strict) {
    Errors errors("f");
    const std::optional<Document> document = Document::Parse(kFile, &errors);
    const KnownPart part = WithoutUnknownTables("f", *document, schemas_, strict);
    said_ = part.lines;
    const std::optional<Config> config = ReadAll(part.document, schemas_, &errors);
    EXPECT_THAT(errors.Lines(), IsEmpty());
    std::vector<std::string> left;
    for (const PortConfig& port : config->ports) {
      EXPECT_THAT(port.features, IsEmpty());
      left.push_back(port.name);
    }
    statics_ = config->bridges.at(0).static_entries.size();
    return left;
  }

  const Schemas schemas_ = SampleSchemas();
  std::vector<std::string> said_;
  size_t statics_ = 0;
};

TEST_F(UnknownTablesTest, AFeatureGoesAndItsPortStays) {
  EXPECT_THAT(Left(false), ElementsAre("plain", "guarded"));
  EXPECT_EQ(statics_, 1U) << "the other's port has gone";
  EXPECT_THAT(said_,
              ElementsAre("f:1:7: [node.stranger] is left out",
                          "f:15:1: port \"guarded\": stranger is left out",
                          "f:18:1: port \"strange\": strange-kind is left out, and the port with "
                          "it"));
}

TEST_F(UnknownTablesTest, OrItsPortGoesToo) {
  EXPECT_THAT(Left(true), ElementsAre("plain"));
  EXPECT_EQ(said_.at(1), "f:15:1: port \"guarded\": stranger is left out, and the port with it");
}

// What is no table can be no plugin's: it is still a mistake.
TEST_F(UnknownTablesTest, OtherMistakesAreStillThere) {
  Errors errors("f");
  const auto document = Document::Parse("[[port]]\nname = \"a\"\nvhost = {}\nmtv = 3\n", &errors);
  const KnownPart part = WithoutUnknownTables("f", *document, schemas_, true);
  EXPECT_THAT(part.lines, IsEmpty());
  EXPECT_FALSE(ReadAll(part.document, schemas_, &errors));
  EXPECT_THAT(errors.Lines(), ElementsAre(::testing::HasSubstr("unknown key \"mtv\"")));
}

}  // namespace
}  // namespace weft
