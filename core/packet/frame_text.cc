// SPDX-License-Identifier: Apache-2.0
#include "core/packet/frame_text.h"

#include <array>
#include <cstring>
#include <optional>

#include "absl/strings/str_format.h"
#include "core/base/text.h"
#include "core/packet/ethernet.h"

namespace weft {
namespace {

constexpr uint16_t kIpv4 = 0x0800, kArp = 0x0806, kVlan = 0x8100, kIpv6 = 0x86dd,
                   kServiceVlan = 0x88a8;

// Bytes that are taken from the front; nothing when they have come to an end.
class Bytes {
 public:
  explicit Bytes(std::span<const uint8_t> bytes) : rest_(bytes) {}

  template <typename T>
  std::optional<T> Take() {
    if (rest_.size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(static_cast<void*>(&value), rest_.data(), sizeof(T));
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  bool Skip(size_t count) {
    if (rest_.size() < count) return false;
    rest_ = rest_.subspan(count);
    return true;
  }

 private:
  std::span<const uint8_t> rest_;
};

using Ipv4Address = std::array<uint8_t, 4>;

std::string ToString(const Ipv4Address& address) { return Join(address, "."); }

// RFC 826, of IPv4 over Ethernet.
struct Arp {
  BigEndian16 hardware, protocol;
  uint8_t hardware_length, protocol_length;
  BigEndian16 operation;
  MacAddress sender;
  Ipv4Address sender_ip;
  MacAddress target;
  Ipv4Address target_ip;
};
static_assert(sizeof(Arp) == 28);

void DescribeArp(Bytes bytes, std::string& text) {
  const std::optional<Arp> arp = bytes.Take<Arp>();
  Append(text, ", ARP");
  if (!arp || arp->hardware != 1 || arp->protocol != kIpv4) return;
  // Fields of other lengths stand elsewhere, and no kernel reads such a packet.
  if (arp->hardware_length != sizeof(arp->sender)) return;
  if (arp->protocol_length != sizeof(arp->sender_ip)) return;
  if (arp->operation == 1) {
    Append(text, " who has ", ToString(arp->target_ip), ", tell ", ToString(arp->sender_ip));
  } else if (arp->operation == 2) {
    Append(text, " ", ToString(arp->sender_ip), " is at ", arp->sender.ToString());
  }
}

// IANA's protocol numbers.
void DescribeTransport(uint8_t protocol, Bytes bytes, std::string& text) {
  constexpr uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmp6 = 58;
  if (protocol == kIcmp || protocol == kIcmp6) {
    Append(text, protocol == kIcmp ? ", ICMP" : ", ICMPv6");
    if (const auto type = bytes.Take<uint8_t>()) Append(text, " type ", *type);
    return;
  }
  if (protocol != kTcp && protocol != kUdp) {
    Append(text, ", protocol ", protocol);
    return;
  }
  Append(text, protocol == kTcp ? ", TCP" : ", UDP");
  const auto from = bytes.Take<BigEndian16>();
  const auto to = bytes.Take<BigEndian16>();
  if (from && to) Append(text, " ", uint16_t{*from}, " > ", uint16_t{*to});
}

// RFC 791 §3.1.
void DescribeIpv4(Bytes bytes, std::string& text) {
  struct Header {
    uint8_t version_and_length, service;
    BigEndian16 total, id, fragment;
    uint8_t ttl, protocol;
    BigEndian16 checksum;
    Ipv4Address source, destination;
  };
  static_assert(sizeof(Header) == 20);
  const std::optional<Header> header = bytes.Take<Header>();
  Append(text, ", IPv4");
  if (!header) return;
  Append(text, " ", ToString(header->source), " > ", ToString(header->destination));
  const size_t length = size_t{4} * (header->version_and_length & 0xf);
  if (length < sizeof(Header) || !bytes.Skip(length - sizeof(Header))) return;
  if ((header->fragment & 0x1fff) != 0) {
    Append(text, ", a later fragment");
    return;
  }
  DescribeTransport(header->protocol, bytes, text);
}

}  // namespace

std::string DescribeFrame(std::span<const uint8_t> frame) {
  Bytes bytes(frame);
  const std::optional<EthernetHeader> header = bytes.Take<EthernetHeader>();
  if (!header) return "";
  std::string text = Cat(header->source.ToString(), " > ", header->destination.ToString());
  uint16_t type = header->type;
  while (type == kVlan || type == kServiceVlan) {
    const auto tag = bytes.Take<BigEndian16>();
    const auto inner = bytes.Take<BigEndian16>();
    if (!tag || !inner) return text;
    Append(text, ", VLAN ", *tag & 0xfff);
    type = *inner;
  }
  if (type == kArp) {
    DescribeArp(bytes, text);
  } else if (type == kIpv4) {
    DescribeIpv4(bytes, text);
  } else if (type == kIpv6) {
    Append(text, ", IPv6");
  } else {
    text += absl::StrFormat(", type 0x%04x", static_cast<unsigned>(type));
  }
  return text;
}

std::optional<std::vector<uint8_t>> FromHex(std::string_view text) {
  std::vector<uint8_t> bytes;
  std::optional<unsigned> high;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    const bool letter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!digit && !letter) {
      if (high || (c != ' ' && c != ':')) return std::nullopt;
      continue;
    }
    const auto value = static_cast<unsigned>(digit ? c - '0' : (c | 0x20) - 'a' + 10);
    if (high) bytes.push_back(static_cast<uint8_t>(*high << 4 | value));
    high = high ? std::nullopt : std::optional(value);
  }
  if (high) return std::nullopt;
  return bytes;
}

std::string FrameToHex(std::span<const uint8_t> frame) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < frame.size(); ++i) {
    if (i == 6 || i == 12 || i == 14) text += ' ';
    text += kDigits[frame[i] >> 4];
    text += kDigits[frame[i] & 15];
  }
  return text;
}

}  // namespace weft
