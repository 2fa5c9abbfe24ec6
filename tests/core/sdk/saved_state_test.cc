// SPDX-License-Identifier: Apache-2.0
#include "core/sdk/saved_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace weft {
namespace {

using ::testing::HasSubstr;

struct Item {
  std::string name;
  std::optional<uint64_t> count;

  static constexpr auto kFields = Fields(Field<&Item::name>("name", "its name", Required{}),
                                         Field<&Item::count>("count", "how many"));
};
struct State {
  std::vector<Item> items;

  static constexpr auto kFields = Fields(Field<&State::items>("items", "all of them"));
};

std::string Refusal(std::string_view text) { return MessageOf(ReadSaved<State>(text).status()); }

TEST(SavedState, IsReadAsItWasWritten) {
  const std::string words = "a \"quoted\" one, with \\ and \n";
  const auto read = ReadSaved<State>(SavedText(State{{{words, 7}, {"b", std::nullopt}}}));
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->items.size(), 2U);
  EXPECT_EQ(read->items[0].name, words);
  EXPECT_EQ(read->items[0].count, 7U);
  EXPECT_EQ(read->items[1].name, "b");
  EXPECT_EQ(read->items[1].count, std::nullopt);
}

TEST(SavedState, OfABuildThatSaysNothingIsEmpty) {
  const auto read = ReadSaved<State>("");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->items.empty());
}

TEST(SavedState, IsRefusedIfItSaysSomethingElse) {
  EXPECT_THAT(Refusal("state = { itmes = [] }"), HasSubstr("did you mean \"items\""));
  EXPECT_THAT(Refusal("state = { items = [{ count = 1 }] }"), HasSubstr("missing key \"name\""));
  EXPECT_THAT(Refusal("state = 1"), HasSubstr("what the build before has saved"));
  EXPECT_THAT(Refusal("other = 1"), HasSubstr("there is no state in it"));
  EXPECT_THAT(Refusal("{"), HasSubstr("what the build before has saved"));
}

}  // namespace
}  // namespace weft
