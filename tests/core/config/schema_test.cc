// SPDX-License-Identifier: Apache-2.0
#include "core/config/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <limits>

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Inner {
  std::string text = "t";
  std::optional<int8_t> small;

  static constexpr auto kFields = Fields(Field<&Inner::text>("text", "help", NotEmpty{}),
                                         Field<&Inner::small>("small", "help"));
  bool operator==(const Inner&) const = default;
};

// A member of every type.
struct Outer {
  enum class Mode : uint8_t { kFast, kSafe };
  friend consteval auto LabelsOf(Mode) {
    return Labels<Mode>({{Mode::kFast, "fast", "f"}, {Mode::kSafe, "safe", "s"}});
  }

  bool flag = false;
  uint64_t count = 3;
  int32_t level = -1;
  double ratio = 1;
  std::string text;
  std::chrono::seconds age{300};
  std::chrono::milliseconds wait{50};
  std::chrono::minutes rest{90};
  MacAddress mac;
  Mode mode = Mode::kSafe;
  std::optional<std::vector<uint16_t>> cores;
  std::vector<Mode> modes;
  Inner inner;
  std::vector<Inner> inners;

  static constexpr auto kFields = Fields(
      Field<&Outer::flag>("flag", "help"), Field<&Outer::count>("count", "help"),
      Field<&Outer::level>("level", "help", Range{-5, 5}), Field<&Outer::ratio>("ratio", "help"),
      Field<&Outer::text>("text", "help"), Field<&Outer::age>("age", "help"),
      Field<&Outer::wait>("wait", "help"), Field<&Outer::rest>("rest", "help"),
      Field<&Outer::mac>("mac", "help", Required{}), Field<&Outer::mode>("mode", "help"),
      Field<&Outer::cores>("cores", "help", Range{0, 9}), Field<&Outer::modes>("modes", "help"),
      Field<&Outer::inner>("inner", "help"), Field<&Outer::inners>("inners", "help"));

  void Check(const Value& table, const Place& place) const {
    if (flag && level > 0) place.Key("flag").Error(table.WhereIs("flag"), "needs level 0 or less");
  }
};

const std::string kFull =
    R"({ flag = true, count = 9223372036854775807, level = -5, ratio = 2.5, text = "a\"\\\u0001", )"
    R"(age = "0s", wait = "1500ms", rest = "2h", mac = "02:00:00:00:00:01", mode = "fast", )"
    R"(cores = [1, 0], modes = ["safe", "fast"], inner = { text = "x", small = -128 }, )"
    R"(inners = [{ text = "y" }, { text = "z", small = 127 }] })";

struct ReadResult {
  bool good;
  Outer object;
  std::vector<std::string> errors;
};

// Reads `table`, an inline table, as an Outer. It begins at column 5 of line 1.
ReadResult Read(const std::string& table) {
  Errors errors("f");
  ReadResult result{};
  const auto root = ParseToml("o = " + table, &errors);
  if (root) {
    result.good =
        SchemaOf<Outer>().ReadInto(root->Find("o")->value, Place(&errors, "outer"), &result.object);
  }
  result.errors = errors.Lines();
  return result;
}

TEST(Schema, ReadsEveryType) {
  const auto [good, object, errors] = Read(kFull);
  EXPECT_TRUE(good);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_TRUE(object.flag);
  EXPECT_EQ(object.count, uint64_t{std::numeric_limits<int64_t>::max()});
  EXPECT_EQ(object.level, -5);
  EXPECT_EQ(object.ratio, 2.5);
  EXPECT_EQ(object.text, "a\"\\\x01");
  EXPECT_EQ(object.age.count(), 0);
  EXPECT_EQ(object.wait.count(), 1500);
  EXPECT_EQ(object.rest.count(), 120);
  EXPECT_EQ(object.mac, MacAddress::FromBits(0x020000000001));
  EXPECT_EQ(object.mode, Outer::Mode::kFast);
  EXPECT_THAT(object.cores, testing::Optional(ElementsAre(1, 0)));
  EXPECT_THAT(object.modes, ElementsAre(Outer::Mode::kSafe, Outer::Mode::kFast));
  EXPECT_EQ(object.inner, (Inner{"x", -128}));
  EXPECT_THAT(object.inners, ElementsAre(Inner{"y", {}}, Inner{"z", 127}));
}

TEST(Schema, PrintsWhatItReads) {
  const Outer object = Read(kFull).object;
  EXPECT_EQ(SchemaOf<Outer>().Print(&object), kFull);
}

TEST(Schema, KeepsDefaults) {
  const auto [good, object, errors] = Read(R"({ mac = "02:00:00:00:00:01" })");
  EXPECT_TRUE(good);
  EXPECT_EQ(SchemaOf<Outer>().Print(&object),
            R"({ flag = false, count = 3, level = -1, ratio = 1.0, text = "", age = "300s", )"
            R"(wait = "50ms", rest = "90m", mac = "02:00:00:00:00:01", mode = "safe", modes = [], )"
            R"(inner = { text = "t" }, inners = [] })");
}

TEST(Schema, ComparesEachField) {
  const Outer base = Read(kFull).object;
  const TableSchema& schema = SchemaOf<Outer>();
  EXPECT_TRUE(schema.Equal(&base, &base));
  void (*const changes[])(Outer&) = {
      [](Outer& o) { o.flag = false; },
      [](Outer& o) { o.count = 1; },
      [](Outer& o) { o.level = 1; },
      [](Outer& o) { o.ratio = 1; },
      [](Outer& o) { o.text = "b"; },
      [](Outer& o) { o.age = std::chrono::seconds(1); },
      [](Outer& o) { o.wait = std::chrono::milliseconds(1); },
      [](Outer& o) { o.rest = std::chrono::minutes(1); },
      [](Outer& o) { o.mac = MacAddress(); },
      [](Outer& o) { o.mode = Outer::Mode::kSafe; },
      [](Outer& o) { o.cores.reset(); },
      [](Outer& o) { o.cores->push_back(3); },
      [](Outer& o) { o.modes.pop_back(); },
      [](Outer& o) { o.inner.small.reset(); },
      [](Outer& o) { o.inners[1].text = "w"; },
  };
  for (const auto change : changes) {
    Outer other = base;
    change(other);
    EXPECT_FALSE(schema.Equal(&base, &other)) << schema.Print(&other);
  }
}

TEST(Schema, ReportsEachKindOfError) {
  const std::string mac = R"(mac = "02:00:00:00:00:01", )";
  const struct {
    std::string table;
    std::string error;
  } cases[] = {
      {"5", "f:1:5: outer: expected a table, found integer 5"},
      {"{}", "f:1:5: outer: missing key \"mac\""},
      {"{ mac = 5 }",
       "f:1:13: outer: mac: expected text like \"02:00:00:00:00:01\", found integer 5"},
      {"{ mac = \"02:00\" }",
       "f:1:13: outer: mac: \"02:00\" is no MAC address; write one like \"02:00:00:00:00:01\""},
      {"{ " + mac + "falg = true }",
       "f:1:34: outer: unknown key \"falg\" (did you mean \"flag\"?)"},
      {"{ " + mac + "zzzz = true }", "f:1:34: outer: unknown key \"zzzz\""},
      {"{ " + mac + "flag = 1 }", "f:1:41: outer: flag: expected true or false, found integer 1"},
      {"{ " + mac + "count = -1 }",
       "f:1:42: outer: count: -1 is out of range 0 to 9223372036854775807"},
      {"{ " + mac + "level = 6 }", "f:1:42: outer: level: 6 is out of range -5 to 5"},
      {"{ " + mac + "level = 1.0 }", "f:1:42: outer: level: expected an integer, found number 1"},
      {"{ " + mac + "ratio = \"1\" }", "f:1:42: outer: ratio: expected a number, found text \"1\""},
      {"{ " + mac + "ratio = inf }", "f:1:42: outer: ratio: must be finite"},
      {"{ " + mac + "text = true }", "f:1:41: outer: text: expected text, found boolean true"},
      {"{ " + mac + "text = \"\\u0000\" }", "f:1:41: outer: text: must not hold a NUL character"},
      {"{ " + mac + "age = 60 }",
       "f:1:40: outer: age: expected text like \"60s\", found integer 60"},
      {"{ " + mac + "wait = 60 }",
       "f:1:41: outer: wait: expected text like \"60ms\", found integer 60"},
      {"{ " + mac + "age = true }",
       "f:1:40: outer: age: expected text like \"300s\", found boolean true"},
      {"{ " + mac + "age = \"1 h\" }",
       "f:1:40: outer: age: \"1 h\" is no duration; write a whole number and its unit (ms, s, m or "
       "h), like \"300s\""},
      {"{ " + mac + "age = \"50ms\" }",
       "f:1:40: outer: age: \"50ms\" is not a whole number of seconds"},
      {"{ " + mac + "rest = \"90s\" }",
       "f:1:41: outer: rest: \"90s\" is not a whole number of minutes"},
      {"{ " + mac + "mode = \"sfae\" }",
       "f:1:41: outer: mode: \"sfae\" is not \"fast\" or \"safe\" (did you mean \"safe\"?)"},
      {"{ " + mac + "mode = 1 }",
       "f:1:41: outer: mode: expected \"fast\" or \"safe\", found integer 1"},
      {"{ " + mac + "cores = 1 }", "f:1:42: outer: cores: expected a list, found integer 1"},
      {"{ " + mac + "cores = [1, 10] }", "f:1:46: outer: cores[1]: 10 is out of range 0 to 9"},
      {"{ " + mac + "inner = { text = \"\" } }", "f:1:51: outer: inner.text: must not be empty"},
      {"{ " + mac + "inners = [{}, { small = 128 }] }",
       "f:1:58: outer: inners[1].small: 128 is out of range -128 to 127"},
      {"{ " + mac + "inner = { txet = \"\" } }",
       "f:1:44: outer: unknown key \"txet\" (did you mean \"text\"?)"},
      {"{ " + mac + "flag = true, level = 1 }", "f:1:41: outer: flag: needs level 0 or less"},
  };
  for (const auto& [table, error] : cases) {
    EXPECT_THAT(Read(table).errors, ElementsAre(error)) << table;
  }
}

TEST(Schema, RefusesDurationsThatAreNone) {
  for (const char* text : {"", "s", "300", "-1s", "1.5s", "1s ", "99999999999999999999s",
                           "9223372036854775807h", "1d", "1S"}) {
    const ReadResult result =
        Read("{ mac = \"02:00:00:00:00:01\", age = \"" + std::string(text) + "\" }");
    EXPECT_FALSE(result.good) << text;
    EXPECT_EQ(result.errors.size(), 1u) << text;
    EXPECT_EQ(result.object.age.count(), 300) << text;
  }
}

TEST(Schema, ChecksTheWholeOnlyIfEachFieldIsGood) {
  EXPECT_THAT(Read(R"({ mac = "x", flag = true, level = 1 })").errors,
              ElementsAre(testing::HasSubstr("is no MAC address")));
}

TEST(Schema, LeavesAnOptionalUnsetThatCannotBeRead) {
  const ReadResult result = Read(R"({ mac = "02:00:00:00:00:01", cores = ["x"] })");
  EXPECT_FALSE(result.good);
  EXPECT_FALSE(result.object.cores.has_value());
}

TEST(Schema, DescribesTypes) {
  std::vector<std::string> types;
  for (const FieldSpec& field : SchemaOf<Outer>().fields()) {
    types.push_back(field.type(field.rules));
  }
  EXPECT_THAT(types, ElementsAre("boolean", "integer from 0", "integer -5 to 5", "number", "text",
                                 "duration", "duration", "duration", "MAC address",
                                 "\"fast\" or \"safe\"", "list of integer 0 to 9",
                                 "list of \"fast\" or \"safe\"", "table", "list of table"));
}

TEST(AnyConfig, ComparesByValueWithinASchema) {
  Errors errors("f");
  const Place place(&errors, "x");
  const TableSchema& schema = SchemaOf<Inner>();
  const auto read = [&](const char* text) {
    return AnyConfig{&schema, schema.Read(*ParseToml(text, &errors), place)};
  };
  EXPECT_EQ(read("text = \"a\""), read("text = \"a\""));
  EXPECT_FALSE(read("text = \"a\"") == read("text = \"b\""));
  EXPECT_FALSE(read("text = \"a\"") == AnyConfig());
  EXPECT_EQ(AnyConfig(), AnyConfig());
  EXPECT_EQ(read("text = \"a\"").As<Inner>().text, "a");
  EXPECT_EQ(schema.Read(*ParseToml("text = 1", &errors), place), nullptr);
}

TEST(AnyConfigDeathTest, RefusesAnotherType) {
  Errors errors("f");
  const AnyConfig config{&SchemaOf<Inner>(), SchemaOf<Inner>().Read(Value(), Place(&errors, "x"))};
  EXPECT_DEATH(config.As<Outer>(), "taken for another type");
}

}  // namespace
}  // namespace weft
