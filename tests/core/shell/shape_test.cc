// SPDX-License-Identifier: Apache-2.0
#include "core/shell/shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft {
namespace {

using ::testing::HasSubstr;

std::vector<Column> Columns() {
  return {{"port", "its name"},
          {"up", "is it connected", CellKind::kFlag},
          {"state", "how it is", CellKind::kState},
          {"frames", "received", CellKind::kCounter},
          {"rate", "a second", CellKind::kRate}};
}

Table Good() {
  return {.columns = Columns(),
          .rows = {{"web-1", true, "up", uint64_t{18446744073709551615u}, 1.5}, {"web-2"}}};
}

TEST(Shape, RowsOfTheDeclaredColumnsMatch) {
  EXPECT_EQ(Mismatch(Shape::Rows(Columns()), Good()), "");
  EXPECT_EQ(Mismatch(Shape::Rows(Columns()), Table{.columns = Columns()}), "");
}

TEST(Shape, SaysWhereAnAnswerDiffers) {
  const Shape rows = Shape::Rows(Columns());
  EXPECT_EQ(Mismatch(rows, Reply(std::string("no ports"))), "declared as rows, but it is string");
  EXPECT_EQ(Mismatch(Shape::Text("a word"), Good()), "declared as text, but it is array");
  Table table = Good();
  table.rows[1] = {"web-2", uint64_t{1}};
  EXPECT_EQ(Mismatch(rows, table), "a row: \"up\" is declared as boolean, but is 1");
  table = Good();
  table.rows[0][3] = 1.5;
  EXPECT_EQ(Mismatch(rows, table), "a row: \"frames\" is declared as integer, but is 1.5");
  table = Good();
  table.columns.push_back({"new", "nobody knows"});
  EXPECT_EQ(Mismatch(rows, table), "a row: it has \"new\", which is not declared");
  table = Good();
  table.columns.pop_back();
  EXPECT_EQ(Mismatch(rows, table), "a row: it has no \"rate\"");
}

TEST(Shape, ARecordMayLackWhatIsOptionalAndHaveMoreWhereItSaysSo) {
  std::vector<Column> columns = {{"name", "its name"},
                                 {.name = "reason", .help = "why", .optional = true}};
  const Record record{{{{"name"}, "x"}, {{"pid"}, uint64_t{7}}}};
  EXPECT_EQ(Mismatch(Shape::Record(columns, "what its kind knows"), record), "");
  EXPECT_EQ(Mismatch(Shape::Record(columns), record), "it has \"pid\", which is not declared");
  EXPECT_EQ(Mismatch(Shape::Record(columns), Record{}), "it has no \"name\"");
}

TEST(Shape, SectionsGoByTheirTitles) {
  const Shape shape =
      Shape::Sections({{"How often", Shape::Rows(Columns())}, {"Why", Shape::Text("a sentence")}});
  const Sections good{{{"How often", Good()}, {"Why", std::string("so")}}};
  EXPECT_EQ(Mismatch(shape, good), "");
  EXPECT_EQ(Mismatch(shape, Sections{{{"Why", std::string("so")}}}),
            "it has no section \"how-often\"");
  EXPECT_EQ(Mismatch(shape, Sections{{{"Where", std::string("here")}}}),
            "section \"where\" is not declared");
  EXPECT_EQ(Mismatch(shape, Sections{{{"How often", Good()}, {"Why", Good()}}}),
            "section \"why\": declared as text, but it is array");
  const Shape each = Shape::Each({"the port", Shape::Text("what it says")});
  EXPECT_EQ(Mismatch(each, Sections{{{"web-1", std::string("a")}, {"web-2", std::string("b")}}}),
            "");
  EXPECT_EQ(Mismatch(each, good), "section \"how-often\": declared as text, but it is array");
}

TEST(Shape, WhatWeftctlMakesOfAnswersMayBeOtherwiseOrNone) {
  EXPECT_EQ(Mismatch(Shape::Other("a line each round"), Good()), "");
  EXPECT_THAT(ToJsonSchema(Shape::Other("a line each round")),
              HasSubstr("\"description\":\"a line each round\""));
  EXPECT_EQ(DescribeShape(Shape::Other("a line each round")), "JSON: a line each round.\n");
  EXPECT_EQ(Mismatch(Shape::None("it is a script"), Good()), "declared to have no JSON");
  EXPECT_THAT(ToJsonSchema(Shape::None("it is a script")), HasSubstr("\"not\":{}"));
  EXPECT_EQ(DescribeShape(Shape::None("it is a script")),
            "JSON: none, `--json` is refused: it is a script.\n");
}

TEST(Shape, OneOfSeveralIsEnough) {
  const Shape shape = Shape::OneOf(
      {{"with ports", Shape::Rows(Columns())}, {"without", Shape::Text("that there are none")}});
  EXPECT_EQ(Mismatch(shape, Good()), "");
  EXPECT_EQ(Mismatch(shape, Reply(std::string("none"))), "");
  EXPECT_EQ(Mismatch(shape, Record{}),
            "with ports: declared as rows, but it is object; without: declared as text, but it is "
            "object");
}

TEST(Shape, IsJsonSchemaToMachinesAndATableToPeople) {
  EXPECT_EQ(ToJsonSchema(Shape::Rows({{"port", "its name"}})),
            R"({"$schema":"https://json-schema.org/draft/2020-12/schema","type":"array","items":)"
            R"({"type":"object","properties":{"port":{"type":["string","null"],"description":)"
            R"("its name"}},"required":["port"],"additionalProperties":false}})");
  EXPECT_THAT(ToJsonSchema(Shape::Record({{.name = "x", .help = "y", .optional = true}}, "more")),
              HasSubstr(R"("required":[],"additionalProperties":true)"));
  EXPECT_EQ(DescribeShape(Shape::Rows(Columns())),
            "JSON: an array of objects:\n\n"
            "| key | type | what |\n|---|---|---|\n"
            "| `port` | string | its name |\n"
            "| `up` | boolean | is it connected |\n"
            "| `state` | string | how it is |\n"
            "| `frames` | integer | received |\n"
            "| `rate` | number | a second |\n");
  EXPECT_EQ(
      DescribeShape(Shape::OneOf({{"with", Shape::Text("a")}, {"without", Shape::Text("b")}})),
      "JSON: one of these.\n\nwith: a string: a.\n\nwithout: a string: b.\n");
}

}  // namespace
}  // namespace weft
