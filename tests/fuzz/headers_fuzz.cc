// SPDX-License-Identifier: Apache-2.0
// Links: weft_config weft_graph weft_port weft_test_support
// Sources: plugins/mac_guard/mac_guard.cc
// Ethernet headers of any content and length, and texts that may be addresses or frames, beside a
// second reader that knows only the layout: what the fields are, whether a frame is too long, what
// mac-guard lets pass, what a trace shows of it and says of its tags, ARP and IPv4. Headers end
// where their memory ends.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "core/packet/ethernet.h"
#include "core/packet/frame_text.h"
#include "core/sdk/weft.h"
#include "tests/fuzz/input.h"
#include "tests/support/module_harness.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name is what a loader looks for
extern "C" const weft::PluginDescriptor weft_plugin;

namespace weft {
namespace {

using fuzz::InputReader;
using fuzz::Require;
using testing::Bytes;

// The octets at [begin, begin + count) as a number (IEEE 802.3 §3.2: the first is the highest).
uint64_t Number(const Bytes& frame, size_t begin, size_t count) {
  uint64_t number = 0;
  for (size_t i = begin; i < begin + count; ++i) number = number * 256 + frame.at(i);
  return number;
}

std::string Text(uint64_t address) {
  std::string text;
  for (int shift = 40; shift >= 0; shift -= 8) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const uint64_t octet = address >> shift & 0xff;
    text += {kDigits[octet / 16], kDigits[octet % 16], ':'};
  }
  text.pop_back();
  return text;
}

std::optional<uint64_t> AddressIn(const std::string& text) {
  if (text.size() != 17) return std::nullopt;
  uint64_t address = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i % 3 == 2) {
      if (text[i] != ':') return std::nullopt;
      continue;
    }
    if (std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return std::nullopt;
    const char digit[] = {text[i], 0};
    address = address * 16 + std::strtoul(digit, nullptr, 16);
  }
  return address;
}

// Two digits a byte; whatever stands between bytes are blanks and colons.
std::optional<Bytes> BytesIn(const std::string& text) {
  Bytes bytes;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == ' ' || text[i] == ':') {
      ++i;
      continue;
    }
    const std::string pair = text.substr(i, 2);
    const bool digits = std::all_of(pair.begin(), pair.end(),
                                    [](unsigned char c) { return std::isxdigit(c) != 0; });
    if (pair.size() != 2 || !digits) return std::nullopt;
    bytes.push_back(static_cast<uint8_t>(std::strtoul(pair.c_str(), nullptr, 16)));
    i += 2;
  }
  return bytes;
}

std::string IpAt(const Bytes& frame, size_t at) {
  std::string text;
  for (size_t i = at; i < at + 4; ++i) text += (i == at ? "" : ".") + std::to_string(frame.at(i));
  return text;
}

// The second reading of an IPv4 packet (RFC 791 §3.1) that begins at `at`.
std::string Ipv4In(const Bytes& frame, size_t at) {
  if (frame.size() < at + 20) return ", IPv4";
  const std::string text = ", IPv4 " + IpAt(frame, at + 12) + " > " + IpAt(frame, at + 16);
  const size_t behind = at + frame[at] % 16 * size_t{4};
  if (behind < at + 20 || frame.size() < behind) return text;
  if (Number(frame, at + 6, 2) % 0x2000 != 0) return text + ", a later fragment";
  switch (const int protocol = frame[at + 9]) {
    case 1:
    case 58: {
      const std::string name = protocol == 1 ? ", ICMP" : ", ICMPv6";
      if (frame.size() == behind) return text + name;
      return text + name + " type " + std::to_string(frame[behind]);
    }
    case 6:
    case 17: {
      const std::string name = protocol == 6 ? ", TCP" : ", UDP";
      if (frame.size() < behind + 4) return text + name;
      return text + name + " " + std::to_string(Number(frame, behind, 2)) + " > " +
             std::to_string(Number(frame, behind + 2, 2));
    }
    default:
      return text + ", protocol " + std::to_string(protocol);
  }
}

// And of an ARP packet (RFC 826): of IPv4 over Ethernet, or nothing is said of it.
std::string ArpIn(const Bytes& frame, size_t at) {
  constexpr uint64_t kEthernetAndIpv4 = 0x0001'0800'0604;
  if (frame.size() < at + 28 || Number(frame, at, 6) != kEthernetAndIpv4) return ", ARP";
  switch (Number(frame, at + 6, 2)) {
    case 1:
      return ", ARP who has " + IpAt(frame, at + 24) + ", tell " + IpAt(frame, at + 14);
    case 2:
      return ", ARP " + IpAt(frame, at + 14) + " is at " + Text(Number(frame, at + 8, 6));
    default:
      return ", ARP";
  }
}

std::string Described(const Bytes& frame) {
  if (frame.size() < 14) return "";
  std::string text = Text(Number(frame, 6, 6)) + " > " + Text(Number(frame, 0, 6));
  size_t at = 14;
  uint64_t type = Number(frame, 12, 2);
  for (; type == 0x8100 || type == 0x88a8; at += 4) {
    if (frame.size() < at + 4) return text;
    text += ", VLAN " + std::to_string(Number(frame, at, 2) % 4096);
    type = Number(frame, at + 2, 2);
  }
  if (type == 0x0806) return text + ArpIn(frame, at);
  if (type == 0x0800) return text + Ipv4In(frame, at);
  if (type == 0x86dd) return text + ", IPv6";
  std::array<char, 16> number{};
  std::snprintf(number.data(), number.size(), "0x%04x", static_cast<unsigned>(type));
  return text + ", type " + number.data();
}

void CheckDescription(const Bytes& frame) {
  Require(DescribeFrame(frame) == Described(frame), "what is said of a frame");
  const std::string hex = FrameToHex(frame);
  Require(FromHex(hex) == frame, "what is printed of a frame can be read");
  const size_t groups = frame.size() > 14 ? 3 : frame.size() > 12 ? 2 : frame.size() > 6 ? 1 : 0;
  Require(hex.size() == 2 * frame.size() + groups, "its header has groups");
}

void CheckAddress(const MacAddress& mac, uint64_t number) {
  Require(mac.bits() == number && MacAddress::FromBits(number) == mac, "an address is its bits");
  Require(mac.is_group() == ((number >> 40 & 1) != 0), "group addresses");
  Require(mac.is_broadcast() == (number == 0xffff'ffff'ffff), "broadcast");
  Require(mac.is_zero() == (number == 0), "zero");
  Require(mac.ToString() == Text(number), "ToString");
  Require(MacAddress::Parse(mac.ToString()) == mac, "what is printed can be read");
}

void CheckText(InputReader& input) {
  const auto bytes = input.Bytes(input.Byte() % 24U);
  // Exactly so long on the heap.
  const std::vector<char> exact(bytes.begin(), bytes.end());
  const auto mac = MacAddress::Parse(std::string_view(exact.data(), exact.size()));
  const auto expected = AddressIn(std::string(exact.begin(), exact.end()));
  Require(mac.has_value() == expected.has_value(), "Parse");
  if (mac) CheckAddress(*mac, *expected);
  Require(FromHex(std::string_view(exact.data(), exact.size())) ==
              BytesIn(std::string(exact.begin(), exact.end())),
          "FromHex");
}

// Any frame beside any MTU: what a frame carries is behind its header and at most one tag.
void CheckLength(const Bytes& frame, uint32_t length, uint32_t mtu) {
  const uint64_t type = Number(frame, 12, 2);
  const bool tagged = type == 0x8100 || type == 0x88a8;
  const uint32_t header = tagged && length >= 18 ? 18 : 14;
  Require(ExceedsMtu(frame.data(), length, mtu) == (length - header > mtu), "ExceedsMtu");
}

class Guarded {
 public:
  Guarded() : module_(weft_plugin.make()) {
    module_->Register(harness_.registry());
    Require(harness_.registry().status().ok(), "mac-guard registers");
    Require(harness_
                .Configure(R"([[port]]
                                  name = "web-1"
                                  memory = {}
                                  mac-guard = { allow = "02:00:00:00:00:11" }
                                  [[port]]
                                  name = "web-2"
                                  memory = {})")
                .empty(),
            "the configuration is read");
    node_ = graph().catalog().Find("mac-guard");
  }

  void Send(const Bytes& frame, size_t header_length) {
    Bytes header(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(header_length));
    graph().Trace("mac-guard", 1);
    const uint64_t dropped = graph().Dropped(PortId(0), "mac-guard", "spoofed");
    graph().Inject(PortId(0), frame, header_length);
    Require(graph().Run() == 1, "one frame comes in");
    const bool own = Number(frame, 6, 6) == 0x0200'0000'0011;
    const uint64_t drops = graph().Dropped(PortId(0), "mac-guard", "spoofed") - dropped;
    std::vector<Bytes>& sent = graph().memory().sent[PortId(1)];
    Require(drops == (own ? 0 : 1) && sent.size() == (own ? 1 : 0), "its own address alone");
    if (own) Require(sent.front() == frame, "what passes is not changed");
    sent.clear();
    CheckTrace(header, frame);
  }

 private:
  testing::GraphHarness& graph() { return harness_.graph(); }

  void CheckTrace(Bytes header, const Bytes& frame) {
    size_t steps = 0;
    TraceStep step;
    header.resize(step.header.size());  // cut, or zeros behind
    while (graph().graph().trace_ring().Pop(step)) {
      Require(step.length == frame.size(), "a trace knows the length");
      Require(std::equal(header.begin(), header.end(), step.header.begin()), "a trace's header");
      if (step.node != node_->id) continue;
      ++steps;
      Require(node_->trace[0].format(step.record.data()) == Text(Number(frame, 6, 6)),
              "a trace's source");
    }
    Require(steps == 1, "one step in mac-guard");
  }

  std::unique_ptr<Module> module_;
  testing::ModuleHarness harness_;
  const NodeClass* node_ = nullptr;
};

// An exact header of its own, then what may follow it.
void CheckFrame(InputReader& input, Guarded& guarded) {
  const size_t header_length = sizeof(EthernetHeader) + input.Byte() % (Packet::kMaxHeader - 13);
  const size_t payload = input.Byte() % 4U * 64;
  const auto length = static_cast<uint32_t>(input.Short() % (kMaxFrame + 1));
  const uint32_t mtu = 68 + input.Short() % 9135U;
  const auto bytes = input.Bytes(header_length);
  Bytes frame(bytes.begin(), bytes.end());
  frame.resize(header_length);
  frame.shrink_to_fit();
  // Its claims about lengths: its own, and ones at the limit.
  for (const uint32_t claim : {length, mtu + 14, mtu + 15, mtu + 18, mtu + 19}) {
    if (claim >= kMinFrame) CheckLength(frame, claim, mtu);
  }
  const auto& ethernet = *reinterpret_cast<const EthernetHeader*>(frame.data());
  CheckAddress(ethernet.destination, Number(frame, 0, 6));
  CheckAddress(ethernet.source, Number(frame, 6, 6));
  Require(ethernet.type == Number(frame, 12, 2), "a field is big-endian");
  Require(BigEndian16(ethernet.type) == ethernet.type, "a field that was written can be read");
  CheckDescription(frame);
  // As much of it as somebody has seen, exactly so long.
  const size_t seen = length % (header_length + 1);
  CheckDescription(Bytes(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(seen)));
  frame.resize(header_length + payload, 0x5a);
  guarded.Send(frame, header_length);
}

}  // namespace
}  // namespace weft

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static weft::Guarded guarded;
  weft::fuzz::InputReader input(data, size);
  while (!input.empty()) {
    if (input.Byte() % 4 == 0) {
      weft::CheckText(input);
    } else {
      weft::CheckFrame(input, guarded);
    }
  }
  return 0;
}
