// SPDX-License-Identifier: Apache-2.0
#include "core/config/suggest.h"

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(Nearest, FindsWhatWasMeant) {
  const std::vector<std::string_view> words = {"name", "bridge", "mac", "mac-limit", "socket"};
  const struct {
    std::string_view word;
    std::string_view nearest;
  } cases[] = {
      {"sokcet", "socket"},   // swapped
      {"brige", "bridge"},    // lost
      {"brridge", "bridge"},  // added
      {"bridgo", "bridge"},   // replaced
      {"mac_limit", "mac-limit"}, {"MAC", "mac"}, {"macs", "mac"}, {"mtu", ""}, {"", ""},
      {"bandwidth", ""},
  };
  for (const auto& [word, nearest] : cases) EXPECT_EQ(Nearest(word, words), nearest) << word;
}

TEST(Nearest, TakesTheFirstOfEquals) {
  EXPECT_EQ(Nearest("web-3", {"web-1", "web-2"}), "web-1");
  EXPECT_EQ(Nearest("web-2", {"web-1", "web-2"}), "web-2");
}

TEST(Nearest, IgnoresWordsTooLongToBeTyped) {
  const std::string word(100'000, 'x');
  EXPECT_EQ(Nearest(word, {word}), "");
  EXPECT_EQ(Nearest("x", {word}), "");
}

TEST(DidYouMean, IsEmptyWithoutACandidate) {
  EXPECT_EQ(DidYouMean("sokcet", {"socket"}), " (did you mean \"socket\"?)");
  EXPECT_EQ(DidYouMean("sokcet", {}), "");
}

}  // namespace
}  // namespace weft
