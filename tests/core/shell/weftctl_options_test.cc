// SPDX-License-Identifier: Apache-2.0
#include "core/shell/weftctl_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<WeftctlOptions> Parse(const std::vector<std::string>& arguments,
                                     const std::map<std::string, std::string>& environment = {},
                                     unsigned uid = 1000) {
  return ParseWeftctlOptions(
      arguments,
      [&](const char* name) {
        const auto found = environment.find(name);
        return found == environment.end() ? nullptr : found->second.c_str();
      },
      uid);
}

TEST(WeftctlOptions, FindsTheSocket) {
  EXPECT_EQ(Parse({"-s", "/a"}, {{"WEFT_SOCKET", "/b"}})->socket, "/a");
  EXPECT_EQ(Parse({"--socket=/a"})->socket, "/a");
  EXPECT_EQ(Parse({}, {{"WEFT_SOCKET", "/b"}, {"XDG_RUNTIME_DIR", "/c"}})->socket, "/b");
  EXPECT_EQ(Parse({}, {{"XDG_RUNTIME_DIR", "/c"}})->socket, "/c/weft/control.sock");
  EXPECT_EQ(Parse({}, {{"XDG_RUNTIME_DIR", "/c"}}, 0)->socket, "/run/weft/control.sock");
  EXPECT_EQ(Parse({})->socket, "/tmp/weft-1000/control.sock");
  EXPECT_EQ(Parse({}, {{"WEFT_SOCKET", ""}, {"XDG_RUNTIME_DIR", ""}}, 7)->socket,
            "/tmp/weft-7/control.sock");
}

TEST(WeftctlOptions, TellsOptionsFromWords) {
  EXPECT_THAT(Parse({"--json", "show", "-s"})->words, ElementsAre("show", "-s"));
  EXPECT_TRUE(Parse({"show", "ports", "--json"})->json);
  EXPECT_THAT(Parse({"show", "ports", "--json"})->words, ElementsAre("show", "ports"));
  EXPECT_THAT(Parse({"--", "--json"})->words, ElementsAre("--json"));
  EXPECT_TRUE(Parse({"-h"})->help);
  EXPECT_EQ(Parse({"-f", "a", "-e"})->file, "a");
  EXPECT_TRUE(Parse({"-f", "a", "-e"})->stop);
  EXPECT_EQ(Parse({"--file=-"})->file, "-");
  EXPECT_TRUE(Parse({"--schema", "show", "ports"})->schema);
  EXPECT_TRUE(Parse({"--complete", "--", "show "})->complete);
  EXPECT_THAT(Parse({"watch", "-n", "1", "show"})->words, ElementsAre("watch", "-n", "1", "show"));
  EXPECT_EQ(Parse({"-f", "a", "show"}).status().message(),
            "there are both a file and a command to run");
  EXPECT_EQ(Parse({"-x"}).status().message(), "unknown option \"-x\"");
  EXPECT_EQ(Parse({"-s"}).status().message(), "-s needs a SOCKET");
}

TEST(WeftctlOptions, UsageShowsAllOfThemWithin80Columns) {
  const std::string usage = WeftctlUsage();
  for (const OptionSpec& option : WeftctlOptionSpecs()) {
    EXPECT_THAT(usage, HasSubstr(std::string(option.name)));
  }
  size_t start = 0;
  for (size_t end = usage.find('\n'); end != std::string::npos; end = usage.find('\n', start)) {
    EXPECT_LE(end - start, 80u) << usage.substr(start, end - start);
    start = end + 1;
  }
}

}  // namespace
}  // namespace weft
