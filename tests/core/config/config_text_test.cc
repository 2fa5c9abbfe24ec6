// SPDX-License-Identifier: Apache-2.0
// A configuration written down and read again.
#include "core/config/config_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "core/config/diff.h"
#include "tests/core/config/sample_schemas.h"

namespace weft {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kSmall = R"([[port]]
name = "a"
vhost = {}
)";

// Everything that is no default, and texts that need their quotes.
constexpr const char* kEverything = R"([weft]
runtime-dir = "/tmp/a \"b\"\\c\n\u0001"
control-socket = "other.sock"
log = "debug"
sandbox = "off"
keep-capabilities = ["net-raw"]
[workers]
cores = [1, 3]
idle = "poll"
quiet = "250ms"
[dpdk]
eal = ["--no-huge", "--log-level=*:8"]
memory = 128
[plugins]
directory = "plugins of mine"
load = ["one", "two"]
[metrics]
listen = "[::1]:9464"
[node.l2-switch]
entries = 10
[[bridge]]
name = "blue"
ageing = "0s"
static = [{ mac = "02:00:00:00:00:01", port = "a" }, { mac = "02:00:00:00:00:02", port = "a" }]
[[bridge]]
name = "default"
[[port]]
name = "a"
bridge = "blue"
mac-limit = 7
mtu = 9000
vhost = { listen = "container", queues = 2, socket = "x y", mode = 432 }
mac-guard = { allow = "02:00:00:00:00:01" }
[[port]]
name = "b"
mac = "02:00:00:00:00:03"
dpdk = { device = "net_af_packet0,iface=\"e\"" }
)";

struct Whole {
  Config config;
  MetricsConfig metrics;
};

Whole Read(const std::string& text) {
  Errors errors("startup.conf");
  const std::optional<Document> document = Document::Parse(text, &errors);
  Whole whole;
  if (document) {
    if (std::optional<Config> config = ReadAll(*document, SampleSchemas(), &errors)) {
      whole = {*std::move(config), ReadMetrics(*document, &errors)};
    }
  }
  EXPECT_EQ(errors.ToString(), "") << text;
  return whole;
}

std::string Text(const std::string& text, ShowDefaults defaults) {
  const Whole whole = Read(text);
  return ConfigText(whole.config, whole.metrics, defaults);
}

// What differs between two files, for whatever reason.
std::string Differences(const std::string& before, const std::string& after) {
  const Whole a = Read(before), b = Read(after);
  Errors errors("startup.conf");
  const std::optional<Document> document = Document::Parse(after, &errors);
  CheckNeedsNoRestart(a.config, b.config, *document, &errors);
  CheckNeedsNoRestart(a.metrics, b.metrics, *document, &errors);
  std::string text = errors.ToString();
  for (const ConfigAction& action : DiffConfigs(a.config, b.config)) {
    text += action.What() + ": " + action.details + "\n";
  }
  return text;
}

TEST(ConfigText, IsReadAsWhatItWas) {
  for (const char* text : {"", kSmall, kEverything}) {
    for (const ShowDefaults defaults : {ShowDefaults::kNo, ShowDefaults::kAsComments}) {
      const std::string written = Text(text, defaults);
      EXPECT_EQ(Differences(text, written), "") << written;
      EXPECT_EQ(Text(written, defaults), written);
    }
  }
  EXPECT_THAT(Differences(kSmall, kEverything), Not(IsEmpty()));
}

TEST(ConfigText, SaysNoDefaults) {
  EXPECT_EQ(Text(kSmall, ShowDefaults::kNo),
            "[[bridge]]\nname = \"default\"\n\n[[port]]\nname = \"a\"\nvhost = {}\n");
}

TEST(ConfigText, OrSaysThemAsComments) {
  const std::string text = Text(kSmall, ShowDefaults::kAsComments);
  for (const char* line :
       {"\n[workers]\n# cores is not set\n# idle = \"adaptive\"\n", "\n# ageing = \"300s\"\n",
        "\n# mtu = 1500\n", "vhost = {}\n# vhost.listen = \"weft\"\n# vhost.queues = 1\n",
        "\n[node.l2-switch]\n# entries = 65536\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(ConfigText, SaysAllThatIsNoDefault) {
  const std::string text = Text(kEverything, ShowDefaults::kNo);
  EXPECT_THAT(text, HasSubstr("\nvhost = { listen = \"container\", queues = 2, socket = \"x y\", "
                              "mode = 432 }\nmac-guard = { allow = \"02:00:00:00:00:01\" }\n"));
  EXPECT_THAT(text, HasSubstr("\n[metrics]\nlisten = \"[::1]:9464\"\n"));
  EXPECT_THAT(text, Not(HasSubstr("#")));
}

TEST(ConfigText, AListThatIsTooLongHasAnItemALine) {
  const std::string text = R"([dpdk]
eal = [
  "--an-argument-with-a-long-name",
  "another, \"with\" a comma and a \\ in it",
  "--yet-another=[of,these]"
]
[[bridge]]
name = "default"
static = [
  { mac = "02:00:00:00:00:01", port = "a" },
  { mac = "02:00:00:00:00:02", port = "a" }
]
[[port]]
name = "a"
vhost = {}
)";
  const Whole whole = Read(text);
  std::string written = ConfigText(whole.config, whole.metrics, ShowDefaults::kNo);
  for (size_t at = written.find("\n\n"); at != std::string::npos; at = written.find("\n\n"))
    written.erase(at, 1);
  EXPECT_EQ(written, text);
}

}  // namespace
}  // namespace weft
