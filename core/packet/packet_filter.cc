// SPDX-License-Identifier: Apache-2.0
#include "core/packet/packet_filter.h"

#include <arpa/inet.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "core/base/mac_address.h"
#include "core/base/text.h"

namespace weft {
namespace {

constexpr int kSnapLength = 65535;

// The language's own words (libpcap 1.10, scanner.l). Any other would be the name of a host,
// network, port or protocol.
constexpr std::string_view kWords[] = {
    "aarp",      "action",   "addr1",      "addr2",     "addr3",    "addr4",     "address1",
    "address2",  "address3", "address4",   "ah",        "and",      "arp",       "atalk",
    "broadcast", "byte",     "carp",       "clnp",      "csnp",     "decnet",    "dir",
    "direction", "dst",      "es-is",      "esis",      "esp",      "ether",     "fddi",
    "gateway",   "geneve",   "greater",    "host",      "icmp",     "icmp6",     "ifindex",
    "ifname",    "igmp",     "igrp",       "iih",       "inbound",  "ip",        "ip6",
    "ipx",       "is-is",    "isis",       "iso",       "l1",       "l2",        "lat",
    "len",       "length",   "less",       "link",      "llc",      "lsp",       "mask",
    "moprc",     "mopdl",    "mpls",       "multicast", "net",      "netbeui",   "not",
    "on",        "or",       "outbound",   "pim",       "port",     "portrange", "pppoed",
    "pppoes",    "proto",    "protochain", "psnp",      "rarp",     "reason",    "rnr",
    "rset",      "rulenum",  "ruleset",    "sca",       "sctp",     "snp",       "src",
    "stp",       "tcp",      "tcpflags",   "tr",        "type",     "subtype",   "udp",
    "vlan",      "vrrp",     "wlan",       "icmptype",  "icmpcode", "icmp6type", "icmp6code"};
// Its names of numbers.
constexpr std::string_view kNumberWords[] = {"tcp-fin",
                                             "tcp-syn",
                                             "tcp-rst",
                                             "tcp-push",
                                             "tcp-ack",
                                             "tcp-urg",
                                             "tcp-ece",
                                             "tcp-cwr",
                                             "icmp-echoreply",
                                             "icmp-unreach",
                                             "icmp-sourcequench",
                                             "icmp-redirect",
                                             "icmp-echo",
                                             "icmp-routeradvert",
                                             "icmp-routersolicit",
                                             "icmp-timxceed",
                                             "icmp-paramprob",
                                             "icmp-tstamp",
                                             "icmp-tstampreply",
                                             "icmp-ireq",
                                             "icmp-ireqreply",
                                             "icmp-maskreq",
                                             "icmp-maskreply",
                                             "icmp6-destinationunreach",
                                             "icmp6-packettoobig",
                                             "icmp6-timeexceeded",
                                             "icmp6-parameterproblem",
                                             "icmp6-echo",
                                             "icmp6-echoreply",
                                             "icmp6-multicastlistenerquery",
                                             "icmp6-multicastlistenerreportv1",
                                             "icmp6-multicastlistenerdone",
                                             "icmp6-routersolicit",
                                             "icmp6-routeradvert",
                                             "icmp6-neighborsolicit",
                                             "icmp6-neighboradvert",
                                             "icmp6-redirect"};

template <size_t N>
bool Contains(const std::string_view (&words)[N], std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool IsHex(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isxdigit(c) != 0; });
}

// The parts of `text` between `separator`.
std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

bool IsMac(std::string_view text) {
  for (const char separator : {':', '-', '.'}) {
    const std::vector<std::string_view> parts = Split(text, separator);
    const size_t digits = parts.size() == 6 ? 2 : 4;
    const bool count = parts.size() == 6 || (parts.size() == 3 && separator == '.');
    if (count && std::all_of(parts.begin(), parts.end(), [digits](std::string_view part) {
          return IsHex(part) && part.size() <= digits;
        })) {
      return true;
    }
  }
  return false;
}

// 80, 0x800, 10.0, 10.0.0.1, 1000-2000: as libpcap reads them, without asking anybody.
bool IsNumber(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) return IsHex(text.substr(2));
  for (const auto& [separator, most] : {std::pair('.', 4), std::pair('-', 2)}) {
    const std::vector<std::string_view> parts = Split(text, separator);
    if (parts.size() <= static_cast<size_t>(most) &&
        std::all_of(parts.begin(), parts.end(), IsDigits)) {
      return true;
    }
  }
  return false;
}

bool IsIpv6(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool NeedsNoLookup(std::string_view word) {
  if (Contains(kWords, word) || Contains(kNumberWords, word)) return true;
  if (IsNumber(word) || IsMac(word) || IsIpv6(std::string(word))) return true;
  // tcp[12:2] has its colon between two of the language's own.
  if (word.find(':') == std::string_view::npos) return false;
  const std::vector<std::string_view> parts = Split(word, ':');
  return std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
    return part.empty() || (part.find(':') == std::string_view::npos && NeedsNoLookup(part));
  });
}

bool IsWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' ||
         c == ':';
}

// The first word that libpcap would look up; empty if there is none.
std::string_view FirstName(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '\\') {  // makes a name of one of the language's words
      const size_t end = std::find_if_not(text.begin() + static_cast<ptrdiff_t>(at) + 1, text.end(),
                                          IsWordCharacter) -
                         text.begin();
      return text.substr(at, end - at);
    }
    if (!IsWordCharacter(text[at]) || text[at] == '-') {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < text.size() && IsWordCharacter(text[end])) ++end;
    const std::string_view word = text.substr(at, end - at);
    if (!NeedsNoLookup(word)) return word;
    at = end;
  }
  return {};
}

// Frees what libpcap gave.
struct ClosePcap {
  void operator()(pcap_t* pcap) const { pcap_close(pcap); }
};
struct FreeProgram {
  void operator()(bpf_program* program) const { pcap_freecode(program); }
};

// Conditional jumps are forward by their type; an unconditional one may be made to loop.
bool Loops(const bpf_program& program) {
  for (bpf_u_int32 i = 0; i < program.bf_len; ++i) {
    const bpf_insn& instruction = program.bf_insns[i];
    if (instruction.code == (BPF_JMP | BPF_JA) && instruction.k >= program.bf_len - i) return true;
  }
  return false;
}

absl::Status Bad(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(Cat("filter '", text, "': ", why));
}

}  // namespace

PacketFilter::PacketFilter(std::string text, std::unique_ptr<bpf_insn[]> program)
    : text_(std::move(text)), program_(std::move(program)) {}

PacketFilter::~PacketFilter() = default;

absl::StatusOr<std::shared_ptr<const PacketFilter>> PacketFilter::Compile(std::string_view text) {
  if (text.size() > kMaxText) {
    return absl::InvalidArgumentError(Cat("the filter is longer than ", kMaxText, " characters"));
  }
  std::string expression(text);
  // libpcap takes an empty one for a filter that lets everything pass.
  if (std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isspace(c) != 0; }))
    return absl::InvalidArgumentError("the filter is empty");
  if (const std::string_view name = FirstName(expression); !name.empty()) {
    return Bad(text, Cat("\"", name,
                         "\" is no word of the language, and no name is looked up: write the "
                         "address or the number"));
  }
  const std::unique_ptr<pcap_t, ClosePcap> pcap(pcap_open_dead(DLT_EN10MB, kSnapLength));
  if (pcap == nullptr) return absl::ResourceExhaustedError("no memory for a filter");
  bpf_program compiled{};
  if (pcap_compile(pcap.get(), &compiled, expression.c_str(), /*optimize=*/1,
                   PCAP_NETMASK_UNKNOWN) != 0) {
    return Bad(text, pcap_geterr(pcap.get()));
  }
  const std::unique_ptr<bpf_program, FreeProgram> program(&compiled);
  if (compiled.bf_len > kMaxInstructions) {
    return Bad(text, Cat("it would take ", compiled.bf_len, " instructions a packet, more than ",
                         kMaxInstructions));
  }
  if (Loops(compiled) || bpf_validate(compiled.bf_insns, static_cast<int>(compiled.bf_len)) == 0) {
    return Bad(text, "it loops, and a worker has no time for that");
  }
  auto instructions = std::make_unique<bpf_insn[]>(compiled.bf_len);
  std::copy_n(compiled.bf_insns, compiled.bf_len, instructions.get());
  return std::shared_ptr<const PacketFilter>(
      new PacketFilter(std::move(expression), std::move(instructions)));
}

bool PacketFilter::Matches(const uint8_t* bytes, size_t count, size_t length) const {
  return bpf_filter(program_.get(), bytes, static_cast<u_int>(length),
                    static_cast<u_int>(std::min(count, kSeen))) != 0;
}

}  // namespace weft
