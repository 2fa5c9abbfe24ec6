// SPDX-License-Identifier: Apache-2.0
#include "core/shell/reply.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/shell/utf8.h"

namespace weft {
namespace {

Table Ports() {
  return {.columns = {{"port", "its name"},
                      {"up", "is it connected", CellKind::kFlag},
                      {"frames", "received", CellKind::kCount},
                      {"rate", "frames a second", CellKind::kRate},
                      {"note", "what is wrong"}},
          .rows = {{"web-1", true, uint64_t{18446744073709551615u}, 38123456.0, "fine"},
                   {"db", false, uint64_t{0}, {}, {}},
                   {"short"}},
          .if_empty = "no ports"};
}

TEST(RenderText, AlignsNumbersRightAndTextLeft) {
  EXPECT_EQ(RenderText(Ports()),
            "port   up                 frames   rate  note\n"
            "web-1  yes  18446744073709551615  38.1M  fine\n"
            "db     no                      0      -  -\n"
            "short  -                       -      -  -\n");
}

TEST(RenderText, AnEmptyTableSaysSo) {
  Table table = Ports();
  table.rows.clear();
  EXPECT_EQ(RenderText(table), "no ports\n");
  table.if_empty.clear();
  EXPECT_EQ(RenderText(table), "port  up  frames  rate  note\n");
}

TEST(RenderText, WrapsTheWidestTextAtBlanks) {
  const Table table{.columns = {{"command", ""}, {"help", ""}},
                    .rows = {{"show ports", "Lists all ports with their state and counters."},
                             {"help", "Explains."}},
                    .if_empty = ""};
  EXPECT_EQ(RenderText(table, 34),
            "command     help\n"
            "show ports  Lists all ports with\n"
            "            their state and\n"
            "            counters.\n"
            "help        Explains.\n");
  EXPECT_EQ(RenderText(table, 0),
            "command     help\n"
            "show ports  Lists all ports with their state and counters.\n"
            "help        Explains.\n");
}

TEST(RenderText, NeverCutsAWordOrANumber) {
  const Table table{.columns = {{"name", ""}, {"n", "", CellKind::kCount}},
                    .rows = {{"a-very-long-name and more", uint64_t{123456789}}},
                    .if_empty = ""};
  EXPECT_EQ(RenderText(table, 10),
            "name                      n\n"
            "a-very-long-name  123456789\n"
            "and more\n");
}

// Realistic names and counters: more than 80 columns hold.
Table Wide() {
  Table table{.columns = {{"name", ""},
                          {"bridge", ""},
                          {"state", "", CellKind::kState},
                          {"rx-packets", "", CellKind::kCounter},
                          {"rx-bytes", "", CellKind::kCounter},
                          {"tx-packets", "", CellKind::kCounter},
                          {"reason", ""}}};
  table.rows = {{"web-1", "default", "up", uint64_t{12345678901}, uint64_t{1234567890123},
                 uint64_t{999}, "the container did not connect yet"}};
  return table;
}

TEST(RenderText, CountersAreBriefAndHeadersWrapWhereThereIsNoRoom) {
  EXPECT_EQ(RenderText(Wide(), 0),
            "name   bridge   state   rx-packets       rx-bytes  tx-packets  reason\n"
            "web-1  default  up     12345678901  1234567890123         999  the container did not "
            "connect yet\n");
  // Exact as long as it fits,
  EXPECT_EQ(RenderText(Wide(), 80),
            "name   bridge   state   rx-packets       rx-bytes  tx-packets  reason\n"
            "web-1  default  up     12345678901  1234567890123         999  the container did\n"
            "                                                               not connect yet\n");
  // then brief.
  EXPECT_EQ(RenderText(Wide(), 64),
            "name   bridge   state      rx-    rx-      tx-  reason\n"
            "                       packets  bytes  packets\n"
            "web-1  default  up       12.3G  1.23T      999  the container\n"
            "                                                did not connect\n"
            "                                                yet\n");
}

TEST(RenderText, ColumnsGoBelowBehindTheFirstOne) {
  EXPECT_EQ(RenderText(Wide(), 40),
            "name   bridge   state      rx-  rx-bytes\n"
            "                       packets\n"
            "web-1  default  up       12.3G     1.23T\n"
            "\n"
            "name   tx-packets  reason\n"
            "web-1         999  the container did not\n"
            "                   connect yet\n");
}

TEST(RenderText, APathMakesItsOwnLineLongerNotTheOthers) {
  const std::string path = "/run/weft/ports/checkout-api-7f9c6d-eth0/vhost.sock";
  const Table table{.columns = {{"level", ""}, {"message", ""}},
                    .rows = {{"info", "listens at " + path},
                             {"info", std::string(60, 'a') + " b"},
                             {"info", "one two three four five six seven eight nine ten"}}};
  EXPECT_EQ(RenderText(table, 50),
            "level  message\n"
            "info   listens at\n"
            "       " +
                path +
                "\n"
                "info   " +
                std::string(60, 'a') +
                "\n"
                "       b\n"
                "info   one two three four five six seven eight\n"
                "       nine ten\n");
}

TEST(RenderText, ColoursAreAroundTextNotBlanks) {
  const Table table{.columns = {{"port", ""}, {"state", "", CellKind::kState}, {"x", ""}},
                    .rows = {{"a", "up", "1"}, {"b", "error", "2"}, {"c", "down", ""}}};
  EXPECT_EQ(RenderText(table, 80, true),
            "\x1b[1mport\x1b[0m  \x1b[1mstate\x1b[0m  \x1b[1mx\x1b[0m\n"
            "a     \x1b[32mup\x1b[0m     1\n"
            "b     \x1b[1;31merror\x1b[0m  2\n"
            "c     \x1b[33mdown\x1b[0m\n");
  EXPECT_EQ(RenderText(Sections{{{"One", Record{{{{"a", ""}, "b"}}}}}}, 80, true),
            "\x1b[1mOne\x1b[0m\n\x1b[1ma:\x1b[0m  b\n");
}

TEST(RenderText, ARecordIsALineAField) {
  const Record record{{{{"name", ""}, "web-1"},
                       {{"mac-address", ""}, "02:00:00:00:00:01"},
                       {{"dropped", "", CellKind::kCount}, uint64_t{12}},
                       {{"peer", ""}, {}}}};
  EXPECT_EQ(RenderText(record),
            "name:         web-1\n"
            "mac-address:  02:00:00:00:00:01\n"
            "dropped:      12\n"
            "peer:         -\n");
}

TEST(RenderText, SectionsHaveTitlesAndABlankLineBetween) {
  const Sections sections{
      {{"Graph", "a -> b"},
       {"Drops by port", Table{.columns = {{"port", ""}}, .rows = {{"x"}}, .if_empty = ""}}}};
  EXPECT_EQ(RenderText(sections), "Graph\na -> b\n\nDrops by port\nport\nx\n");
}

TEST(RenderText, TextKeepsItsLinesAndEndsInOne) {
  EXPECT_EQ(RenderText("a\n\tb"), "a\n\tb\n");
  EXPECT_EQ(RenderText("a\n"), "a\n");
  EXPECT_EQ(RenderText(""), "");
}

TEST(RenderText, NobodyDrivesTheTerminal) {
  const Table table{.columns = {{"name", ""}, {"n", ""}},
                    .rows = {{"\x1b[2J\n", "x"}, {"\xff\xc2\x9b", "y"}, {"größe", "z"}},
                    .if_empty = ""};
  EXPECT_EQ(RenderText(table),
            "name          n\n"
            "\\x1b[2J\\x0a   x\n"
            "\\xff\\xc2\\x9b  y\n"
            "größe         z\n");
  EXPECT_EQ(RenderText("\x1b]0;title\x07"), "\\x1b]0;title\\x07\n");
}

struct KindCase {
  CellKind kind;
  Cell cell;
  const char* text;
};

TEST(RenderText, EachKindHasItsForm) {
  const KindCase cases[] = {
      {CellKind::kCount, int64_t{-5}, "-5"},
      {CellKind::kCount, 3.0, "3"},
      {CellKind::kDecimal, 3.14159, "3.14"},
      {CellKind::kDecimal, std::numeric_limits<double>::quiet_NaN(), "-"},
      {CellKind::kRate, 999.0, "999"},
      {CellKind::kRate, 999.6, "1.00k"},
      {CellKind::kRate, uint64_t{1500}, "1.50k"},
      {CellKind::kRate, 99960.0, "100k"},
      {CellKind::kRate, 999999.0, "1.00M"},
      {CellKind::kRate, 2.5e21, "2500E"},
      {CellKind::kBytes, uint64_t{1023}, "1023"},
      {CellKind::kBytes, uint64_t{1536}, "1.50KiB"},
      {CellKind::kBytes, uint64_t{64} << 30, "64.0GiB"},
      {CellKind::kPercent, 12.5, "12.5%"},
      {CellKind::kPercent, uint64_t{100}, "100.0%"},
      {CellKind::kFlag, true, "yes"},
  };
  for (const KindCase& c : cases) {
    const Record record{{{{"v", "", c.kind}, c.cell}}};
    EXPECT_EQ(RenderText(record), std::string("v:  ") + c.text + "\n");
  }
}

TEST(ToJson, ATableIsAnArrayOfObjectsInTheOrderOfItsColumns) {
  EXPECT_EQ(
      ToJson(Ports()),
      R"([{"port":"web-1","up":true,"frames":18446744073709551615,"rate":38123456.0,"note":"fine"},)"
      R"({"port":"db","up":false,"frames":0,"rate":null,"note":null},)"
      R"({"port":"short","up":null,"frames":null,"rate":null,"note":null}])");
  EXPECT_EQ(ToJson(Table{}), "[]");
}

TEST(ToJson, TheOtherShapes) {
  EXPECT_EQ(ToJson(Record{{{{"a", ""}, int64_t{-1}}, {{"b", ""}, 0.5}}}), R"({"a":-1,"b":0.5})");
  EXPECT_EQ(ToJson("two\nlines"), R"("two\nlines")");
  EXPECT_EQ(ToJson(Sections{{{"Drops, by port!", Table{}}, {"Graph", "g"}}}),
            R"({"drops-by-port":[],"graph":"g"})");
}

TEST(ToJson, IsAlwaysValid) {
  EXPECT_EQ(ToJson("a\xff\x01"), "\"a\xef\xbf\xbd\\u0001\"");
  EXPECT_EQ(ToJson(Record{{{{"x", ""}, std::numeric_limits<double>::infinity()}}}),
            R"({"x":null})");
}

TEST(Printable, KeepsValidUtf8Only) {
  EXPECT_EQ(Printable("a\xf0\x9f\x98\x80"), "a\xf0\x9f\x98\x80");
  EXPECT_EQ(Printable("\xc0\x80"), "\\xc0\\x80");                    // overlong
  EXPECT_EQ(Printable("\xe0\x80\x80"), "\\xe0\\x80\\x80");           // overlong
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(Printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(Printable("\xe2\x82"), "\\xe2\\x82");                    // cut
  EXPECT_EQ(Printable("a\nb\x7f", "\n"), "a\nb\\x7f");
  EXPECT_EQ(DisplayWidth("größe"), 5u);
}

}  // namespace
}  // namespace weft
