// SPDX-License-Identifier: Apache-2.0
// What a stream is, as startup.conf and the shell say it. Control thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/sdk/weft.h"

namespace weft::packet_generator {

// The two arcs that a stream needs no more than its port for; any other has the name of the node
// that it leads to.
inline constexpr std::string_view kIntoIngress = "ingress", kIntoEgress = "egress";

enum class Order : uint8_t { kIncrement, kRandom };
consteval auto LabelsOf(Order) {
  return Labels<Order>({{Order::kIncrement, "increment", "one after the other"},
                        {Order::kRandom, "random", "by chance, the same with the same seed"}});
}

// Which fields of a packet are not always the same.
enum class Vary : uint8_t {
  kSourceMac,
  kDestinationMac,
  kSourceIp,
  kDestinationIp,
  kSourcePort,
  kDestinationPort
};
inline constexpr auto kVaries =
    Labels<Vary>({{Vary::kSourceMac, "source-mac", "Ethernet"},
                  {Vary::kDestinationMac, "destination-mac", "Ethernet"},
                  {Vary::kSourceIp, "source-ip", "IPv4"},
                  {Vary::kDestinationIp, "destination-ip", "IPv4"},
                  {Vary::kSourcePort, "source-port", "UDP"},
                  {Vary::kDestinationPort, "destination-port", "UDP"}});

inline constexpr uint32_t kMinSize = 60;  // an Ethernet, an IPv4 and a UDP header, and padding

struct StreamConfig {
  std::string name;
  std::string into{kIntoIngress};
  std::string rate = "1kpps";
  std::optional<uint64_t> count;
  std::string size = "60";
  std::optional<std::string> file;
  MacAddress source_mac = MacAddress::FromBits(0x0200'0000'fe01);
  MacAddress destination_mac = MacAddress::FromBits(0x0200'0000'fe02);
  // RFC 2544 Appendix C: addresses for tests of devices.
  std::string source_ip = "198.18.0.1";
  std::string destination_ip = "198.19.0.1";
  uint16_t source_port = 49152;
  uint16_t destination_port = 9;  // discard
  std::string vary;
  uint32_t values = 256;
  Order order = Order::kIncrement;
  uint64_t seed = 1;
  bool start = true;

  static constexpr auto kFields = Fields(
      Field<&StreamConfig::name>("name", "what commands call it", Required{}, NotEmpty{}),
      Field<&StreamConfig::into>("into",
                                 "ingress: as if the port had sent them; egress: to the port, as "
                                 "if the switch had decided "
                                 "so; or the node that they go to, a feature of the port, flood, "
                                 "or any other of show graph",
                                 NotEmpty{}),
      Field<&StreamConfig::rate>(
          "rate",
          "packets a second (500pps, 10kpps, 1Mpps); max: as many as there is time for; "
          "file: as the file's times say"),
      Field<&StreamConfig::count>(
          "count", "packets after which it is done; without it never, or once through its file",
          Range{1, int64_t{1} << 62}),
      Field<&StreamConfig::size>(
          "size",
          "bytes of a frame without check sequence: 60, a range 60-1514 by chance, or imix: "
          "seven of 60, four of 590, one of 1514"),
      Field<&StreamConfig::file>("file", "a pcap or pcapng file whose frames are sent instead",
                                 NotEmpty{}),
      Field<&StreamConfig::source_mac>("source-mac", "the first of them"),
      Field<&StreamConfig::destination_mac>("destination-mac", "the first of them"),
      Field<&StreamConfig::source_ip>("source-ip", "the first of them"),
      Field<&StreamConfig::destination_ip>("destination-ip", "the first of them"),
      Field<&StreamConfig::source_port>("source-port", "of UDP; the first of them"),
      Field<&StreamConfig::destination_port>("destination-port", "of UDP; the first of them"),
      Field<&StreamConfig::vary>(
          "vary",
          "fields that take several values, with commas: source-mac, destination-mac, "
          "source-ip, destination-ip, source-port, destination-port"),
      Field<&StreamConfig::values>("values", "how many values each of them takes",
                                   Range{1, int64_t{1} << 31}),
      Field<&StreamConfig::order>("order", "in which order they take them"),
      Field<&StreamConfig::seed>("seed", "of what happens by chance"),
      Field<&StreamConfig::start>("start", "whether it runs at once"));
  void Check(const Value& table, const Place& place) const;
};

// The table of a port.
struct GeneratorConfig {
  std::vector<StreamConfig> streams;

  static constexpr auto kFields =
      Fields(Field<&GeneratorConfig::streams>("streams", "what is made for this port"));
};

// What the text of a key means; nothing if it means nothing.
struct Sizes {
  enum class Kind : uint8_t { kRange, kImix };
  Kind kind = Kind::kRange;
  uint32_t min = 0, max = 0;
};
std::optional<Sizes> ParseSizes(std::string_view text);
struct Pace {
  enum class Kind : uint8_t { kRate, kMax, kFile };
  Kind kind = Kind::kRate;
  uint64_t per_second = 0;
};
std::optional<Pace> ParsePace(std::string_view text);
std::optional<std::vector<Vary>> ParseVary(std::string_view text);
std::optional<uint32_t> ParseIp(std::string_view text);  // 10.0.0.1 is 0x0a000001

}  // namespace weft::packet_generator
