// SPDX-License-Identifier: Apache-2.0
#include "core/shell/rates.h"

#include <gtest/gtest.h>

namespace weft {
namespace {

Table Ports(std::vector<std::vector<Cell>> rows) {
  return {.columns = {{"port", "its name"},
                      {"packets", "received", CellKind::kCounter},
                      {"note", "what else"}},
          .rows = std::move(rows)};
}

TEST(Rates, ACounterGetsItsRateBesideIt) {
  const Table before = Ports({{"a", uint64_t{100}, "x"}, {"b", uint64_t{7}, "x"}});
  const Table now =
      Ports({{"b", uint64_t{7}, "y"}, {"a", uint64_t{4100}, "y"}, {"c", uint64_t{9}}});
  EXPECT_EQ(RenderText(WithRates(before, now, 2, RateColumns::kBeside)),
            "port  packets  packets/s  note\n"
            "b           7          0  y\n"
            "a        4100      2.00k  y\n"
            "c           9          -  -\n");
  EXPECT_EQ(RenderText(WithRates(before, now, 2, RateColumns::kInstead)),
            "port  packets/s  note\n"
            "b             0  y\n"
            "a         2.00k  y\n"
            "c             -  -\n");
}

TEST(Rates, WhatWasResetOrIsNewHasNone) {
  const Table before = Ports({{"a", uint64_t{100}}, {"b", Cell()}});
  const Table now = Ports({{"a", uint64_t{99}}, {"b", uint64_t{5}}});
  EXPECT_EQ(RenderText(WithRates(before, now, 1, RateColumns::kInstead)),
            "port  packets/s  note\na             -  -\nb             -  -\n");
  // Nothing before, or something else.
  for (const Reply& other : {Reply(std::string("no ports")), Reply(Table())}) {
    EXPECT_EQ(RenderText(WithRates(other, Ports({{"a", uint64_t{1}}}), 1, RateColumns::kInstead)),
              "port  packets/s  note\na             -  -\n");
  }
}

TEST(Rates, RecordsAndSectionsHaveThemToo) {
  const auto record = [](uint64_t packets) {
    return Record{{{{"name", ""}, "a"}, {{"packets", "", CellKind::kCounter}, packets}}};
  };
  EXPECT_EQ(RenderText(WithRates(record(1), record(11), 5, RateColumns::kBeside)),
            "name:       a\npackets:    11\npackets/s:  2\n");
  const Sections before{{{"One", Ports({{"a", uint64_t{1}}})}, {"Two", record(1)}}};
  const Sections now{
      {{"Two", record(2)}, {"One", Ports({{"a", uint64_t{4}}})}, {"New", record(1)}}};
  EXPECT_EQ(RenderText(WithRates(before, now, 1, RateColumns::kInstead)),
            "Two\nname:       a\npackets/s:  1\n\n"
            "One\nport  packets/s  note\na             3  -\n\n"
            "New\nname:       a\npackets/s:  -\n");
}

}  // namespace
}  // namespace weft
