// SPDX-License-Identifier: Apache-2.0
#include "core/shell/typed_reply.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

Table Ports() {
  return {.columns = {{"port", "its name"},
                      {"state", "how it is", CellKind::kState},
                      {"up", "is it", CellKind::kFlag},
                      {"frames", "received", CellKind::kCounter},
                      {"share", "of all", CellKind::kPercent}},
          .rows = {{"web-1", "up", true, uint64_t{18446744073709551615u}, 12.0},
                   {"db", "down", false, int64_t{-1}, {}}},
          .if_empty = "no ports"};
}

// Over the wire and back.
std::string There(const Reply& reply) {
  const absl::StatusOr<Reply> back = FromTyped(Json::parse(ToTyped(reply).dump()));
  return back.ok() ? RenderText(*back) : std::string(back.status().message());
}

TEST(TypedReply, LooksTheSameOnTheOtherSide) {
  const Record record{{{{"name", ""}, "web-1"}, {{"bytes", "", CellKind::kBytes}, uint64_t{4096}}}};
  const Sections sections{{{"Ports", Ports()}, {"One", record}, {"Note", std::string("a\n\tb")}}};
  for (const Reply& reply : {Reply(std::string("text\n")), Reply(Ports()), Reply(record),
                             Reply(sections), Reply(Table{.columns = {}, .if_empty = "none"})}) {
    EXPECT_EQ(There(reply), RenderText(reply));
  }
}

TEST(TypedReply, NobodyDrivesTheTerminalThroughIt) {
  const Table table{.columns = {{"name", ""}}, .rows = {{"\x1b[2J\xff"}}};
  EXPECT_EQ(There(table), "name\n\\x1b[2J\\xff\n");
}

TEST(TypedReply, RefusesWhatIsNone) {
  for (const char* json :
       {"null", "7", "{}", "[]", R"({"columns":[["a","b"]],"rows":[]})",
        R"({"columns":[],"rows":7})", R"({"columns":[["a","b","text"]],"rows":[7]})",
        R"({"columns":[["a","b",7]],"rows":[]})", R"({"fields":[["a","b","text"]]})",
        R"({"sections":[["a"]]})", R"({"sections":[[7,"a"]]})",
        R"({"sections":[["a",{"sections":[]}]]})"}) {
    EXPECT_FALSE(FromTyped(Json::parse(json)).ok()) << json;
  }
}

TEST(TypedReply, AKindOfALaterWeftdIsText) {
  const absl::StatusOr<Reply> reply =
      FromTyped(Json::parse(R"({"columns":[["a","","furlongs"]],"rows":[[7],[[]]]})"));
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(RenderText(*reply), "a\n7\n-\n");
}

}  // namespace
}  // namespace weft
