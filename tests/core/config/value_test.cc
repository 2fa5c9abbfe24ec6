// SPDX-License-Identifier: Apache-2.0
#include "core/config/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> ParseErrors(std::string_view text) {
  Errors errors("f");
  EXPECT_EQ(ParseToml(text, &errors).has_value(), true) << text;
  return errors.Lines();
}

TEST(ParseToml, KeepsTypesAndPlaces) {
  Errors errors("f");
  const auto root =
      ParseToml("[a]\nflag = true\n  n = -7\nx = 1.5\ns = \"t\"\nl = [1, \"b\"]\n", &errors);
  ASSERT_TRUE(root.has_value());
  EXPECT_TRUE(errors.empty());
  const Value& a = root->Find("a")->value;
  EXPECT_TRUE(*a.Find("flag")->value.boolean());
  EXPECT_EQ(*a.Find("n")->value.integer(), -7);
  EXPECT_EQ(a.Find("n")->where, (SourceLocation{3, 3}));
  EXPECT_EQ(a.Find("n")->value.where(), (SourceLocation{3, 7}));
  EXPECT_EQ(*a.Find("x")->value.number(), 1.5);
  EXPECT_EQ(*a.Find("s")->value.text(), "t");
  const Value::Array& list = *a.Find("l")->value.array();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[1].where(), (SourceLocation{6, 9}));
  EXPECT_EQ(a.WhereIs("x"), (SourceLocation{4, 5}));
  EXPECT_EQ(a.WhereIs("absent"), a.where());
  EXPECT_EQ(a.Find("absent"), nullptr);
  EXPECT_EQ(list[0].Find("absent"), nullptr);
}

TEST(ParseToml, KeepsTheOrderOfTheFile) {
  Errors errors("f");
  const auto root = ParseToml("z = 1\na = 2\n[m.b]\n[c]\n[m.a]\n", &errors);
  ASSERT_TRUE(root.has_value());
  std::vector<std::string> keys;
  for (const Value::Member& member : *root->table()) keys.push_back(member.key);
  EXPECT_THAT(keys, ElementsAre("z", "a", "m", "c"));
}

TEST(ParseToml, ReportsWhereTextIsNotToml) {
  for (const char* text : {"[weft\n", "a = \n", "a = 1\na = 2\n", "a = \"\xff\"\n", "a = 'x\n",
                           "\xcf\xb3 = 1\n", "a = 1979-05-27T.\n"}) {
    Errors errors("f");
    EXPECT_FALSE(ParseToml(text, &errors).has_value()) << text;
    EXPECT_THAT(errors.Lines(), ElementsAre(testing::MatchesRegex("f:[12]:[0-9]+: not TOML: .+")));
  }
}

TEST(ParseToml, HasNoUseForDates) {
  const std::string message =
      ": a date or time has no use here; if it is meant as text, put it in quotes";
  EXPECT_THAT(ParseErrors("a = 1979-05-27\nb = [07:32:00]\n"),
              ElementsAre("f:1:5" + message, "f:2:6" + message));
}

TEST(ParseToml, RefusesTextThatIsNestedTooDeeply) {
  EXPECT_THAT(ParseErrors("a = " + std::string(64, '[') + std::string(64, ']')), IsEmpty());
  EXPECT_THAT(ParseErrors("a = " + std::string(65, '[') + std::string(65, ']')),
              ElementsAre("f:1:69: nested in more than 64 tables and lists"));
  Errors errors("f");
  EXPECT_FALSE(ParseToml("a = " + std::string(1000, '[') + std::string(1000, ']'), &errors));
  EXPECT_EQ(errors.Lines().size(), 1u);
}

TEST(ParseToml, RefusesLongLines) {
  std::string key = "a";  // as deep as a line can nest
  while (key.size() < 8189) key += ".a";
  EXPECT_THAT(ParseErrors("b = 1\n" + key + "=1\n"),
              ElementsAre("f:2:129: nested in more than 64 tables and lists"));
  Errors errors("f");
  EXPECT_FALSE(ParseToml("b = 1\n" + key + ".a=1", &errors).has_value());
  EXPECT_EQ(errors.ToString(), "f:2:1: the line is longer than 8192 bytes; break it\n");
}

TEST(Value, DescribesItself) {
  const SourceLocation nowhere;
  EXPECT_EQ(Value(true, nowhere).Describe(), "boolean true");
  EXPECT_EQ(Value(int64_t{300}, nowhere).Describe(), "integer 300");
  EXPECT_EQ(Value(0.25, nowhere).Describe(), "number 0.25");
  EXPECT_EQ(Value(std::string("a\n"), nowhere).Describe(), "text \"a\\n\"");
  EXPECT_EQ(Value(Value::Array(), nowhere).Describe(), "a list");
  EXPECT_EQ(Value().Describe(), "a table");
}

TEST(Errors, AreSortedByPlaceAndReportedOnce) {
  Errors errors("f");
  EXPECT_TRUE(errors.empty());
  errors.Add({2, 10}, "c");
  errors.Add({2, 9}, "b");
  errors.Add({}, "a");
  errors.Add({2, 9}, "b");
  EXPECT_FALSE(errors.empty());
  EXPECT_EQ(errors.ToString(), "f: a\nf:2:9: b\nf:2:10: c\n");
}

TEST(Quoted, EscapesAndShortens) {
  EXPECT_EQ(Quoted("a\"\x1b"), "\"a\\\"\\x1b\"");
  EXPECT_EQ(Quoted("\xc3\xa4"), "\"\xc3\xa4\"");
  // 79 letters, then two bytes of one character that does not fit.
  EXPECT_EQ(Quoted(std::string(79, 'x') + "\xc3\xa4y"), "\"" + std::string(79, 'x') + "...\"");
}

}  // namespace
}  // namespace weft
