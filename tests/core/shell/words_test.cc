// SPDX-License-Identifier: Apache-2.0
#include "core/shell/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Texts(std::string_view line) {
  std::vector<std::string> texts;
  const absl::StatusOr<std::vector<Word>> words = SplitWords(line);
  EXPECT_TRUE(words.ok()) << words.status();
  if (words.ok()) {
    for (const Word& word : *words) texts.push_back(word.text);
  }
  return texts;
}

std::string Error(std::string_view line) {
  return std::string(SplitWords(line).status().message());
}

TEST(SplitWords, BlanksQuotesAndBackslashes) {
  EXPECT_THAT(Texts("  show \t ports "), ElementsAre("show", "ports"));
  EXPECT_THAT(Texts(R"(a "b c" 'd "e' f\ g "h\"i" 'j\k')"),
              ElementsAre("a", "b c", "d \"e", "f g", "h\"i", "j\\k"));
  EXPECT_THAT(Texts(R"(x"y z"w "")"), ElementsAre("xy zw", ""));
  EXPECT_THAT(Texts("   "), ElementsAre());
  EXPECT_THAT(Texts("größe"), ElementsAre("größe"));
}

TEST(SplitWords, RemembersPlaceAndQuotes) {
  const absl::StatusOr<std::vector<Word>> words = SplitWords("ab  'cd'");
  ASSERT_TRUE(words.ok());
  ASSERT_EQ(words->size(), 2u);
  EXPECT_EQ((*words)[1].start, 4u);
  EXPECT_FALSE((*words)[0].quoted);
  EXPECT_TRUE((*words)[1].quoted);
}

TEST(SplitWords, RefusesWhatIsNoLine) {
  EXPECT_THAT(Error("show 'ports"), HasSubstr("the quote ' at byte 6 is not closed"));
  EXPECT_THAT(Error("a\nb"), HasSubstr("byte 2 of the line is the control character 0x0a"));
  EXPECT_THAT(Error(std::string_view("a\0", 2)), HasSubstr("0x00"));
  EXPECT_TRUE(SplitWords(std::string(kMaxLine, 'x')).ok());
  EXPECT_THAT(Error(std::string(kMaxLine + 1, 'x')), HasSubstr("the line has 4097 bytes"));
}

TEST(SplitUnfinished, TheLastWordIsUnderTheCursor) {
  struct Case {
    const char* line;
    size_t words;
    const char* last;
    size_t start;
  };
  for (const Case& c : {Case{"", 1, "", 0}, Case{"sh", 1, "sh", 0}, Case{"show ", 2, "", 5},
                        Case{"show 'we b", 2, "we b", 5}, Case{"show 'we ", 2, "we ", 5}}) {
    const absl::StatusOr<std::vector<Word>> words = SplitUnfinished(c.line);
    ASSERT_TRUE(words.ok());
    EXPECT_EQ(words->size(), c.words) << c.line;
    EXPECT_EQ(words->back().text, c.last);
    EXPECT_EQ(words->back().start, c.start);
  }
}

TEST(Quote, RoundTrips) {
  EXPECT_EQ(Quote("web-1"), "web-1");
  for (const char* text : {"", "a b", "a\"b", "a\\b", "it's", "\t"}) {
    EXPECT_THAT(Texts(Quote(text)), ElementsAre(text)) << Quote(text);
  }
}

TEST(Closest, FindsSlipsAndNothingElse) {
  const std::vector<std::string_view> words = {"ports", "port", "runtime", "drops"};
  EXPECT_EQ(Closest("prots", words), "ports");
  EXPECT_EQ(Closest("runtme", words), "runtime");
  EXPECT_EQ(Closest("xyz", words), "");
  EXPECT_EQ(Closest("", words), "");
  EXPECT_EQ(Closest(std::string(1000, 'p'), words), "");
}

}  // namespace
}  // namespace weft
