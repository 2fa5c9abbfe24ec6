// SPDX-License-Identifier: Apache-2.0
#include "core/config/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "core/base/ids.h"
#include "tests/core/config/sample_schemas.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The example of the design, whole.
constexpr char kExample[] = R"([weft]
runtime-dir    = "/run/weft"             # root's default
control-socket = "control.sock"
log            = "info"

[workers]
cores = [1]
idle  = "adaptive"

[dpdk]
eal = ["--no-huge"]

[plugins]
directory = "/usr/lib/weft/plugins"
load      = ["mac-guard"]

[[bridge]]
name   = "default"
ageing = "300s"
static = [{ mac = "02:00:00:00:00:01", port = "web-1" }]

[[port]]
name      = "web-1"
bridge    = "default"
mac       = "02:00:00:00:00:11"
mtu       = 1500
vhost     = { listen = "weft", queues = 1 }
mac-guard = { allow = "02:00:00:00:00:11" }

[[port]]
name   = "uplink"
bridge = "default"
dpdk   = { device = "0000:3b:00.1", queues = 1 }
)";

// Reads a file that should have no errors.
Config Good(const std::string& toml) {
  Errors errors("startup.conf");
  const auto document = Document::Parse(toml, &errors);
  std::optional<Config> config;
  if (document) config = ReadAll(*document, SampleSchemas(), &errors);
  EXPECT_EQ(errors.ToString(), "");
  return config.value_or(Config{});
}

TEST(ReadAll, ReadsTheExample) {
  const Config config = Good(kExample);
  EXPECT_EQ(config.weft.runtime_dir, "/run/weft");
  EXPECT_EQ(config.weft.control_socket, "control.sock");
  EXPECT_EQ(config.weft.log, LogLevel::kInfo);
  EXPECT_THAT(config.workers.cores, testing::Optional(ElementsAre(1)));
  EXPECT_EQ(config.workers.idle, Idle::kAdaptive);
  EXPECT_THAT(config.dpdk.eal, ElementsAre("--no-huge"));
  EXPECT_EQ(config.plugins.directory, "/usr/lib/weft/plugins");
  EXPECT_THAT(config.plugins.load, ElementsAre("mac-guard"));

  ASSERT_EQ(config.bridges.size(), 1u);
  const BridgeConfig& bridge = config.bridges[0];
  EXPECT_EQ(bridge.name, "default");
  EXPECT_EQ(bridge.ageing, std::chrono::seconds(300));
  ASSERT_EQ(bridge.static_entries.size(), 1u);
  EXPECT_EQ(bridge.static_entries[0].mac.ToString(), "02:00:00:00:00:01");
  EXPECT_EQ(bridge.static_entries[0].port, "web-1");

  ASSERT_EQ(config.ports.size(), 2u);
  const PortConfig& web = config.ports[0];
  EXPECT_EQ(web.name, "web-1");
  EXPECT_EQ(web.mac->ToString(), "02:00:00:00:00:11");
  EXPECT_EQ(web.MacLimit(), 0u);
  EXPECT_EQ(web.kind, "vhost");
  EXPECT_EQ(web.kind_config.As<SampleVhost>().listen, Listener::kWeft);
  ASSERT_EQ(web.features.size(), 1u);
  EXPECT_EQ(web.features.at("mac-guard").As<SampleGuard>().allow, web.mac);
  EXPECT_EQ(web.where.line, 22u);
  const PortConfig& uplink = config.ports[1];
  EXPECT_EQ(uplink.kind, "dpdk");
  EXPECT_EQ(uplink.kind_config.As<SampleDpdk>().device, "0000:3b:00.1");
  EXPECT_THAT(uplink.features, IsEmpty());
  EXPECT_EQ(config.FindPort("uplink"), &uplink);
  EXPECT_EQ(config.FindPort("downlink"), nullptr);
  EXPECT_EQ(config.FindBridge("default"), &bridge);
}

TEST(ReadAll, FillsDefaults) {
  const Config config = Good("[[port]]\nname = \"a\"\nvhost = {}\n");
  EXPECT_EQ(config.weft.runtime_dir, std::nullopt);
  EXPECT_EQ(config.weft.control_socket, "control.sock");
  EXPECT_EQ(config.weft.log, LogLevel::kInfo);
  EXPECT_EQ(config.workers.cores, std::nullopt);
  EXPECT_EQ(config.workers.idle, Idle::kAdaptive);
  EXPECT_THAT(config.dpdk.eal, IsEmpty());
  EXPECT_EQ(config.dpdk.memory, std::nullopt);
  EXPECT_EQ(config.plugins.directory, std::nullopt);
  ASSERT_EQ(config.bridges.size(), 1u);
  EXPECT_EQ(config.bridges[0].name, "default");
  EXPECT_EQ(config.bridges[0].ageing, std::chrono::seconds(300));
  ASSERT_EQ(config.ports.size(), 1u);
  EXPECT_EQ(config.ports[0].bridge, "default");
  EXPECT_EQ(config.ports[0].mac, std::nullopt);
  EXPECT_EQ(config.ports[0].MacLimit(), 64u);
  EXPECT_EQ(config.ports[0].mtu, 1500);
  EXPECT_EQ(config.nodes.at("l2-switch").As<SampleSwitch>().entries, 65536u);
}

TEST(ReadAll, ReadsNothingFromNothing) {
  const Config config = Good("");
  EXPECT_THAT(config.ports, IsEmpty());
  EXPECT_EQ(config.bridges.size(), 1u);
}

TEST(ReadAll, ReadsNodes) {
  const Config config = Good("[node.l2-switch]\nentries = 4\n");
  EXPECT_EQ(config.nodes.at("l2-switch").As<SampleSwitch>().entries, 4u);
}

TEST(ReadAll, TellsChangedPortsFromUntouchedOnes) {
  const PortConfig base = Good(kExample).ports[0];
  const auto changed = [&](std::string_view what, std::string_view to) {
    std::string toml = kExample;
    toml.replace(toml.find(what), what.size(), to);
    return !(Good(toml).ports[0] == base);
  };
  EXPECT_FALSE(changed("[weft]", "# a line more\n\n[weft]"));  // places are no part of the value
  EXPECT_FALSE(changed("mtu       = 1500\n", ""));             // the default, written or not
  EXPECT_FALSE(changed("0000:3b:00.1", "0000:3b:00.2"));       // another port
  EXPECT_TRUE(changed("mtu       = 1500", "mtu = 1501"));
  EXPECT_TRUE(changed("listen = \"weft\"", "listen = \"container\""));
  EXPECT_TRUE(
      changed("vhost     = { listen = \"weft\", queues = 1 }", "dpdk = { device = \"x\" }"));
  EXPECT_TRUE(changed("allow = \"02:00:00:00:00:11\"", ""));
  EXPECT_TRUE(changed("mac-guard = { allow = \"02:00:00:00:00:11\" }", ""));
}

TEST(ReadAll, TellsChangedBridgesFromUntouchedOnes) {
  const BridgeConfig base = Good("[[bridge]]\nname = \"default\"\n").bridges[0];
  EXPECT_EQ(Good("").bridges[0], base);
  EXPECT_EQ(Good("\n[[bridge]]\nname = \"default\"\n").bridges[0], base);
  EXPECT_FALSE(Good("[[bridge]]\nname = \"default\"\nageing = \"0s\"\n").bridges[0] == base);
}

TEST(ReadGlobals, LeavesTheRestForLater) {
  Errors errors("f");
  const auto document =
      Document::Parse("[plugins]\nload = [\"x\"]\n[[port]]\nx = {}\n[unknown]\n", &errors);
  EXPECT_THAT(ReadGlobals(*document, &errors).plugins.load, ElementsAre("x"));
  EXPECT_TRUE(errors.empty());
}

TEST(ReadAll, ReportsAllErrorsAtOnceByPlace) {
  EXPECT_THAT(
      ErrorLines(R"([weft]
runtimedir = "/run/weft"
log = "inof"

[[bridge]]
name = "default"
ageing = 300

[[port]]
name = "web-1"
vhost = { sokcet = "/run/x", queues = 9 }

[[port]]
bridge = "defualt"
mac = "02:00:00:00:00:0g"
mtu = 10000
dpdk = {}

[workres]
cores = [1]
)"),
      ElementsAre(
          R"(startup.conf:2:1: [weft]: unknown key "runtimedir" (did you mean "runtime-dir"?))",
          R"(startup.conf:3:7: [weft]: log: "inof" is not "debug", "info", "warning", "error" or "off" (did you mean "info"?))",
          R"(startup.conf:7:10: bridge "default": ageing: expected text like "300s", found integer 300)",
          R"(startup.conf:11:11: port "web-1": unknown key "sokcet" (did you mean "socket"?))",
          R"(startup.conf:11:39: port "web-1": vhost.queues: 9 is out of range 1 to 8)",
          R"(startup.conf:13:1: port number 2: missing key "name")",
          R"(startup.conf:14:10: port number 2: bridge: no [[bridge]] is named "defualt" (did you mean "default"?))",
          R"(startup.conf:15:7: port number 2: mac: "02:00:00:00:00:0g" is no MAC address; write one like "02:00:00:00:00:01")",
          R"(startup.conf:16:7: port number 2: mtu: 10000 is out of range 68 to 9202)",
          R"(startup.conf:17:8: port number 2: dpdk: missing key "device")",
          R"(startup.conf:19:2: unknown section "workres" (did you mean "workers"?))"));
}

TEST(ReadAll, ReportsEachKindOfError) {
  const std::string port = "[[port]]\nname = \"a\"\nvhost = {}\n";
  const struct {
    std::string toml;
    std::string error;
  } cases[] = {
      {"[weft\n", "1:6: not TOML: Error while parsing table header: expected ']', saw '\\n'"},
      {"weft = 1", "1:8: [weft]: expected a table, found integer 1"},
      {"[[weft]]", "1:1: [weft]: there is only one: write it in single brackets"},
      {"[weft]\nkeep-capabilities = [\"chown\", \"CAP_NET_RAW\"]",
       "2:31: [weft]: keep-capabilities: \"CAP_NET_RAW\" is no capability; write it as "
       "capabilities(7) does, in lower case and without CAP_, like \"net-raw\""},
      {"[weft]\ncontrol-socket = \"\"", "2:18: [weft]: control-socket: must not be empty"},
      {"lgo = 1", "1:1: unknown key \"lgo\" outside a section"},
      {"[zzzzzzz]", "1:2: unknown section \"zzzzzzz\""},
      {"[[prot]]", "1:3: unknown section \"prot\" (did you mean \"port\"?)"},
      {"[workers]\ncores = []",
       "2:9: [workers]: cores: needs at least one core; without this key weft chooses one"},
      {"[workers]\ncores = [1, 2, 1]", "2:16: [workers]: cores: core 1 is named twice"},
      {"[workers]\ncores = [1024]", "2:10: [workers]: cores[0]: 1024 is out of range 0 to 1023"},
      {"[dpdk]\neal = \"--no-huge\"",
       "2:7: [dpdk]: eal: expected a list, found text \"--no-huge\""},
      {"[dpdk]\nmemory = 1", "2:10: [dpdk]: memory: 1 is out of range 16 to 1048576"},
      {"[plugins]\nload = [\"a\", \"a\"]", "2:14: [plugins]: load: plugin \"a\" is named twice"},
      {"[plugins]\nbut = [{ plugin = \"a\" }, { plugin = \"a\" }]",
       "2:37: [plugins]: but[1].plugin: plugin \"a\" has a rule already"},
      {"[plugins]\nload = [\"../x.so\"]",
       "2:9: [plugins]: load: \"../x.so\" is no plugin's name; write it without directory and "
       "\".so\", like \"mac-guard\""},
      {"[bridge]\nname = \"b\"",
       "1:2: [[bridge]]: there may be several: write it in double brackets"},
      {"port = [1]", "1:9: [[port]]: expected a table, found integer 1"},
      {"[[bridge]]", "1:1: bridge number 1: missing key \"name\""},
      {"[[bridge]]\nname = \"B\"",
       "2:8: bridge \"B\": name: must be 1 to 32 of a to z, 0 to 9, \".\", \"_\" and \"-\", and "
       "begin with a letter or digit"},
      {"[[bridge]]\nname = \"b\"\n[[bridge]]\nname = \"b\"",
       "4:8: bridge \"b\": name: is taken by the bridge on line 1"},
      {port + "[[port]]\nname = \"a\"\nvhost = {}",
       "5:8: port \"a\": name: is taken by the port on line 1"},
      {"[[port]]\nname = \"\"\nvhost = {}",
       "2:8: port number 1: name: must be 1 to 32 of a to z, 0 to 9, \".\", \"_\" and \"-\", and "
       "begin with a letter or digit"},
      {"[[port]]\nname = \"a\"",
       "1:1: port \"a\": is of no kind; give it one of these tables: vhost, dpdk"},
      {port + "dpdk = { device = \"x\" }",
       "4:1: port \"a\": is of two kinds, vhost and dpdk; keep one of vhost, dpdk"},
      {"[[port]]\nname = \"a\"\nvhots = {}",
       "3:1: port \"a\": unknown key \"vhots\" (did you mean \"vhost\"?)"},
      {port + "rate-limit = {}",
       "4:1: port \"a\": unknown key \"rate-limit\" (if it is a plugin's, name the plugin in "
       "[plugins] load)"},
      {port + "mac-gaurd = {}",
       "4:1: port \"a\": unknown key \"mac-gaurd\" (did you mean \"mac-guard\"?)"},
      {port + "mac-guard = { alow = \"\" }",
       "4:15: port \"a\": unknown key \"alow\" (did you mean \"allow\"?)"},
      {port + "mac-guard = { allow = true }",
       "4:23: port \"a\": mac-guard.allow: expected text like \"02:00:00:00:00:01\", found "
       "boolean true"},
      {"[[port]]\nname = \"a\"\nvhost = true",
       "3:9: port \"a\": vhost: expected a table, found boolean true"},
      {"[[bridge]]\nname = \"b\"\n" + port,
       "3:1: port \"a\": bridge: no [[bridge]] is named \"default\""},
      {port + "mac = \"01:00:5e:00:00:01\"",
       "4:7: port \"a\": mac: 01:00:5e:00:00:01 is a group address; a port has an address of its "
       "own"},
      {port + "mac = \"00:00:00:00:00:00\"",
       "4:7: port \"a\": mac: 00:00:00:00:00:00 is zero; a port has an address of its own"},
      {port + "mac = \"02:00:00:00:00:0A\"\n[[port]]\nname = \"b\"\nvhost = {}\n"
              "mac = \"02:00:00:00:00:0a\"",
       "8:7: port \"b\": mac: 02:00:00:00:00:0a belongs to port \"a\" of the same bridge"},
      {"[[bridge]]\nname = \"default\"\nstatic = [{ mac = \"02:00:00:00:00:01\", port = \"aa\" "
       "}]\n" +
           port,
       "3:47: bridge \"default\": static[0].port: there is no port \"aa\" (did you mean \"a\"?)"},
      {"[[bridge]]\nname = \"default\"\nstatic = [{ mac = \"ff:ff:ff:ff:ff:ff\", port = \"a\" "
       "}]\n" +
           port,
       "3:19: bridge \"default\": static[0].mac: ff:ff:ff:ff:ff:ff is a group address; a port has "
       "an address of its own"},
      {"[[bridge]]\nname = \"default\"\n[[bridge]]\nname = \"b\"\n"
       "static = [{ mac = \"02:00:00:00:00:01\", port = \"a\" }]\n" +
           port,
       "5:47: bridge \"b\": static[0].port: port \"a\" is in bridge \"default\""},
      {"[[bridge]]\nname = \"default\"\nstatic = [{ mac = \"02:00:00:00:00:01\", port = \"b\" "
       "}]\n" +
           port + "mac = \"02:00:00:00:00:01\"\n[[port]]\nname = \"b\"\nvhost = {}",
       "3:19: bridge \"default\": static[0].mac: 02:00:00:00:00:01 belongs to port \"a\" of the "
       "same bridge"},
      {"[node.l2-swich]",
       "1:7: [node]: no node \"l2-swich\" has a configuration (did you mean \"l2-switch\"?)"},
      {"node = 1", "1:8: [node]: write [node.NAME], one for each node"},
      {"[node.l2-switch]\nentries = 0",
       "2:11: [node.l2-switch]: entries: 0 is out of range 1 to 1000000"},
      {"[[port]]\nname = \"a\"\nvhost = { socket = \"/s\" }\n"
       "[[port]]\nname = \"b\"\nvhost = { socket = \"/s\" }",
       "6:20: port \"b\": vhost.socket: is the socket of port \"a\" too"},
  };
  for (const auto& [toml, error] : cases) {
    EXPECT_THAT(ErrorLines(toml), ElementsAre("startup.conf:" + error)) << toml;
  }
}

TEST(ReadAll, AllowsTheSameAddressInTwoBridges) {
  Good(R"([[bridge]]
name = "a"
[[bridge]]
name = "b"
static = [{ mac = "02:00:00:00:00:01", port = "q" }]
[[port]]
name = "p"
bridge = "a"
mac = "02:00:00:00:00:01"
vhost = {}
[[port]]
name = "q"
bridge = "b"
mac = "02:00:00:00:00:01"
mac-limit = 2
vhost = {}
)");
}

TEST(ReadAll, BoundsPortsAndBridges) {
  std::string toml;
  for (size_t i = 0; i < kMaxBridges; ++i) {
    toml += "[[bridge]]\nname = \"b" + std::to_string(i) + "\"\n";
  }
  for (size_t i = 0; i < kMaxPorts; ++i) {
    toml += "[[port]]\nname = \"p" + std::to_string(i) + "\"\nbridge = \"b0\"\nvhost = {}\n";
  }
  EXPECT_EQ(Good(toml).ports.size(), kMaxPorts);
  toml += "[[port]]\nname = \"p\"\nbridge = \"b0\"\nvhost = {}\n[[bridge]]\nname = \"b\"\n";
  EXPECT_THAT(
      ErrorLines(toml),
      ElementsAre(
          "startup.conf:4609:1: port \"p\": is one too many: at most 1024 of [[port]] are possible",
          "startup.conf:4613:1: bridge \"b\": is one too many: at most 256 of [[bridge]] are "
          "possible"));
}

TEST(IsValidName, MakesADirectory) {
  for (const char* name : {"a", "0", "web-1", "a.b_c", "abcdefghijklmnopqrstuvwxyz012345"}) {
    EXPECT_TRUE(IsValidName(name)) << name;
  }
  for (const char* name : {"", ".", "..", "-a", "_a", "A", "a/b", "a b", "\xc3\xa4", "a\n",
                           "abcdefghijklmnopqrstuvwxyz0123456"}) {
    EXPECT_FALSE(IsValidName(name)) << name;
  }
}

TEST(Document, SaysWhyAFileCannotBeRead) {
  Errors missing("/nonexistent/startup.conf");
  EXPECT_FALSE(Document::Load("/nonexistent/startup.conf", &missing).has_value());
  EXPECT_EQ(missing.ToString(),
            "/nonexistent/startup.conf: cannot read the file: No such file or directory\n");
  Errors directory("/");
  EXPECT_FALSE(Document::Load("/", &directory).has_value());
  EXPECT_EQ(directory.ToString(), "/: cannot read the file: Is a directory\n");
}

TEST(Document, LoadsAFile) {
  const std::string path =
      testing::TempDir() + "/weft-reader-test-" + std::to_string(getpid()) + ".conf";
  std::ofstream(path) << std::string(100'000, '\n') << "[weft]\nlog = \"debug\"\n";
  Errors errors(path);
  const auto document = Document::Load(path, &errors);
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(ReadGlobals(*document, &errors).weft.log, LogLevel::kDebug);
  std::ofstream(path) << std::string((16 << 20) + 1, '#');
  EXPECT_FALSE(Document::Load(path, &errors).has_value());
  EXPECT_EQ(errors.ToString(), path + ": cannot read the file: it is larger than 16 MB\n");
  std::remove(path.c_str());
}

}  // namespace
}  // namespace weft
