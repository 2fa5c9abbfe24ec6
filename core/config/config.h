// SPDX-License-Identifier: Apache-2.0
// What startup.conf says (design: grammar in docs/guide/startup.conf.md), one struct a section.
// reader.h fills them; nobody changes them afterwards. Control thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/log.h"
#include "core/base/mac_address.h"
#include "core/config/schema.h"
#include "core/graph/fault.h"

namespace weft {

consteval auto LabelsOf(LogLevel) {
  return Labels<LogLevel>({{LogLevel::kDebug, "debug", "everything"},
                           {LogLevel::kInfo, "info", "what happened to which port"},
                           {LogLevel::kWarning, "warning", "what may need a look"},
                           {LogLevel::kError, "error", "what does not work"},
                           {LogLevel::kOff, "off", "nothing"}});
}

// How much of what weftd may do it gives up once it has started.
enum class Sandbox : uint8_t { kOn, kRefuse, kOff };

consteval auto LabelsOf(Sandbox) {
  return Labels<Sandbox>({{Sandbox::kOn, "on", "what weft never needs ends it, with a sentence"},
                          {Sandbox::kRefuse, "refuse", "what weft never needs fails"},
                          {Sandbox::kOff, "off", "it keeps every right that it was started with"}});
}

struct WeftConfig {
  std::optional<std::string> runtime_dir;
  std::string control_socket = "control.sock";
  LogLevel log = LogLevel::kInfo;
  Sandbox sandbox = Sandbox::kOn;
  std::vector<std::string> keep_capabilities;

  static constexpr auto kFields = Fields(
      Field<&WeftConfig::runtime_dir>(
          "runtime-dir",
          "directory of all sockets; without it /run/weft for root, else $XDG_RUNTIME_DIR/weft, "
          "else /tmp/weft-UID",
          NotEmpty{}),
      Field<&WeftConfig::control_socket>("control-socket",
                                         "socket of weftctl, relative to runtime-dir", NotEmpty{}),
      Field<&WeftConfig::log>("log", "least important lines that are logged"),
      Field<&WeftConfig::sandbox>(
          "sandbox", "what becomes of a system call that weft never needs, after the start"),
      Field<&WeftConfig::keep_capabilities>("keep-capabilities",
                                            "capabilities that are kept beside those that the "
                                            "ports of the file need: \"net-raw\" and "
                                            "\"net-admin\" for NICs that come later"));
  void Check(const Value& table, const Place& place) const;
};

// What a worker without packets does.
enum class Idle : uint8_t { kPoll, kAdaptive, kInterrupt };

consteval auto LabelsOf(Idle) {
  return Labels<Idle>(
      {{Idle::kPoll, "poll", "never sleeps"},
       {Idle::kAdaptive, "adaptive", "polls on for `quiet`, then sleeps until a frame comes"},
       {Idle::kInterrupt, "interrupt", "sleeps at once"}});
}

struct WorkersConfig {
  std::optional<std::vector<uint16_t>> cores;
  Idle idle = Idle::kAdaptive;
  std::chrono::milliseconds quiet{1};

  static constexpr auto kFields = Fields(
      Field<&WorkersConfig::cores>(
          "cores", "cores to pin workers to, one worker each; without it weft chooses one core",
          Range{0, 1023}),
      Field<&WorkersConfig::idle>("idle", "what a worker without packets does"),
      Field<&WorkersConfig::quiet>("quiet",
                                   "with \"adaptive\": how long it polls on before it sleeps"));
  void Check(const Value& table, const Place& place) const;
};

struct DpdkConfig {
  std::vector<std::string> eal;
  std::optional<uint32_t> memory;  // MB

  static constexpr auto kFields = Fields(
      Field<&DpdkConfig::eal>(
          "eal", "arguments for DPDK's EAL, appended to those that weft derives", NotEmpty{}),
      Field<&DpdkConfig::memory>(
          "memory", "MB of memory for DPDK; without it weft computes what the ports need",
          Range{16, 1'048'576}));
};

// What is done about one plugin, whatever on-fault says of the others.
struct FaultRule {
  std::string plugin;
  OnFault on_fault = OnFault::kBypass;

  static constexpr auto kFields = Fields(
      Field<&FaultRule::plugin>("plugin", "its name", Required{}, NotEmpty{}),
      Field<&FaultRule::on_fault>("on-fault", "what becomes of packets when it breaks a rule"));
};

struct PluginsConfig {
  std::optional<std::string> directory;
  std::vector<std::string> load;
  OnFault on_fault = OnFault::kBypass;
  std::vector<FaultRule> but;
  uint32_t packet_cycles = 20'000;
  uint32_t frame_cycles = 2'000'000;
  std::chrono::seconds hang{10};

  static constexpr auto kFields = Fields(
      Field<&PluginsConfig::directory>(
          "directory", "where plugins are; without it beside the program", NotEmpty{}),
      Field<&PluginsConfig::load>("load", "names of the plugins to load, in this order"),
      Field<&PluginsConfig::on_fault>("on-fault",
                                      "what becomes of packets when a plugin breaks a rule"),
      Field<&PluginsConfig::but>("but", "plugins of which on-fault is another"),
      Field<&PluginsConfig::packet_cycles>(
          "packet-cycles", "TSC ticks that a plugin's node may spend on a packet; 0: any number"),
      Field<&PluginsConfig::frame_cycles>("frame-cycles",
                                          "TSC ticks that it may spend on a vector besides"),
      Field<&PluginsConfig::hang>(
          "hang", "weftd ends when a plugin's node keeps a worker for so long; 0s: never"));
  OnFault OnFaultOf(std::string_view plugin) const;
  void Check(const Value& table, const Place& place) const;
};

// What can be read before plugins are there.
struct Globals {
  WeftConfig weft;
  WorkersConfig workers;
  DpdkConfig dpdk;
  PluginsConfig plugins;
};

// A MAC address that is on a port for good.
struct StaticEntry {
  MacAddress mac;
  std::string port;

  static constexpr auto kFields = Fields(
      Field<&StaticEntry::mac>("mac", "the address", Required{}),
      Field<&StaticEntry::port>("port", "name of a port of this bridge", Required{}, NotEmpty{}));
  void Check(const Value& table, const Place& place) const;
};

struct BridgeConfig {
  std::string name;
  std::chrono::seconds ageing{300};  // 0: never
  std::vector<StaticEntry> static_entries;
  SourceLocation where;  // no part of the value

  static constexpr auto kFields =
      Fields(Field<&BridgeConfig::name>("name", "what ports call it", Required{}),
             Field<&BridgeConfig::ageing>(
                 "ageing", "a learned address without traffic is forgotten after this; 0s: never"),
             Field<&BridgeConfig::static_entries>("static", "addresses that are not learned"));
  friend bool operator==(const BridgeConfig& a, const BridgeConfig& b);
};

struct PortConfig {
  std::string name;  // also the name of its directory
  std::string bridge = "default";
  std::optional<MacAddress> mac;
  std::optional<uint32_t> mac_limit;
  uint16_t mtu = 1500;  // bytes of an Ethernet frame's payload
  std::string kind;     // "vhost"
  AnyConfig kind_config;
  std::map<std::string, AnyConfig> features;  // by the feature node's name
  SourceLocation where;                       // no part of the value

  // How many addresses may be learned: as the file says, else none with `mac` and 64 without it.
  uint32_t MacLimit() const { return mac_limit.value_or(mac ? 0 : 64); }

  static constexpr auto kFields = Fields(
      Field<&PortConfig::name>("name", "letters a to z, digits, \".\", \"_\", \"-\"; at most 32",
                               Required{}),
      Field<&PortConfig::bridge>("bridge", "the bridge that it is in"),
      Field<&PortConfig::mac>("mac", "the one address behind this port, static and exclusive"),
      Field<&PortConfig::mac_limit>("mac-limit",
                                    "addresses that may be learned; without it 64, or 0 with mac",
                                    Range{0, 1'048'576}),
      Field<&PortConfig::mtu>("mtu", "longest payload of a frame, in bytes", Range{68, 9202}));
  // Whether both say the same, kind and features included: what a reload asks of each port.
  friend bool operator==(const PortConfig& a, const PortConfig& b);
};

struct Config : Globals {
  std::vector<BridgeConfig> bridges;       // in the order of the file; never empty
  std::vector<PortConfig> ports;           // in the order of the file
  std::map<std::string, AnyConfig> nodes;  // every node that has a schema; defaults without section

  // Null if there is none of that name.
  const PortConfig* FindPort(std::string_view name) const;
  const BridgeConfig* FindBridge(std::string_view name) const;
};

// [a-z0-9][a-z0-9._-]{0,31}: safe as a directory, and as a word in the shell.
bool IsValidName(std::string_view name);

}  // namespace weft
