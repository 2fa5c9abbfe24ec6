// SPDX-License-Identifier: Apache-2.0
// Lies by offload: virtio-net headers that ask for what was not negotiated, or for what their
// frames are not, in chains that are otherwise honest. Each is a counted drop and the next one goes
// on; a request that is true goes through.
#include <cstring>
#include <span>
#include <utility>

#include "core/base/text.h"
#include "tests/hostile/cases.h"
#include "tests/support/offload_frames.h"

namespace weft::hostile {
namespace {

using testing::TransportFrame;

constexpr uint64_t kAll = vhost::kOffloadFeatures;
constexpr uint64_t kChecksums = vhost::kFeatureChecksum;
constexpr uint64_t kTso4 = kChecksums | vhost::kFeatureHostTso4;

constexpr const char* kBad = "bad-offload";
constexpr const char* kUnsupported = "offload-unsupported";
constexpr const char* kMany = "too-many-segments";
constexpr const char* kLong = "too-long";

struct Lie {
  const char* name;
  uint64_t features;  // of the offloads
  TransportFrame frame;
  uint16_t segment_size;  // 0: a checksum alone
  const char* drop;       // the reason
  void (*change)(Bytes& frame, VirtioNetHeader& asked) = nullptr;
};

std::vector<Lie> Lies() {
  using H = VirtioNetHeader;
  const TransportFrame four{.payload = 3000};
  const TransportFrame six{.ipv6 = true, .payload = 3000};
  const TransportFrame small{.payload = 700};
  const TransportFrame datagram{.udp = true, .payload = 700};
  std::vector<Lie> lies = {
      {"nothing negotiated", 0, small, 0, kBad},
      {"a checksum from who takes them", vhost::kFeatureGuestChecksum, small, 0, kBad},
      {"segments where a checksum is", kChecksums, small, 300, kBad},
      {"IPv6 where IPv4 is", kTso4, six, 1000, kBad},
      {"ECN where it is not", kTso4, four, 1000, kBad,
       [](Bytes&, H& asked) { asked.gso_type |= kGsoEcn; }},
      {"data valid", kAll, small, 0, kBad, [](Bytes&, H& asked) { asked.flags = kDataValid; }},
      {"receive coalescing", kAll, small, 0, kBad, [](Bytes&, H& asked) { asked.flags |= 4; }},
      {"UDP segments", kAll, datagram, 0, kBad,
       [](Bytes&, H& asked) {
         asked.gso_type = 5;
         asked.gso_size = 300;
       }},
      {"UDP fragments", kAll, datagram, 0, kBad,
       [](Bytes&, H& asked) {
         asked.gso_type = 3;
         asked.gso_size = 300;
       }},
      {"segments without a checksum", kAll, four, 1000, kBad,
       [](Bytes&, H& asked) { asked.flags = 0; }},
      {"ECN alone", kAll, small, 0, kBad, [](Bytes&, H& asked) { asked.gso_type = kGsoEcn; }},
      {"segments of nothing", kAll, four, 1000, kBad, [](Bytes&, H& asked) { asked.gso_size = 0; }},
      {"TCP that is UDP", kAll, datagram, 300, kBad},
      {"IPv4 that is IPv6", kAll, six, 1000, kBad,
       [](Bytes&, H& asked) { asked.gso_type = kGsoTcp4; }},
      {"an offset of 0", kAll, small, 0, kBad, [](Bytes&, H& asked) { asked.csum_offset = 0; }},
      {"an offset of 65535", kAll, small, 0, kBad,
       [](Bytes&, H& asked) { asked.csum_offset = 0xffff; }},
      {"a sum that would wrap", kAll, small, 0, kBad,
       [](Bytes&, H& asked) {
         asked.csum_start = 0xfff0;
         asked.csum_offset = 0x32;
       }},
      {"an IPv4 header of nothing", kAll, small, 0, kBad,
       [](Bytes& frame, H&) { frame[14] = 0x40; }},
      {"an IPv4 header beyond IPv4",
       kAll,
       {.payload = 0},
       0,
       kBad,
       [](Bytes& frame, H&) { frame[14] = 0x4f; }},
      {"an IPv4 length of 0", kAll, small, 0, kBad,
       [](Bytes& frame, H&) { frame[16] = frame[17] = 0; }},
      {"an IPv4 length of 65535", kAll, small, 0, kBad,
       [](Bytes& frame, H&) { frame[16] = frame[17] = 0xff; }},
      {"an IPv6 length of 0", kAll, six, 1000, kBad,
       [](Bytes& frame, H&) { frame[18] = frame[19] = 0; }},
      {"a TCP header of nothing", kAll, four, 1000, kBad, [](Bytes& frame, H&) { frame[46] = 0; }},
      {"a TCP header beyond its frame",
       kAll,
       {.payload = 4},
       0,
       kBad,
       [](Bytes& frame, H&) { frame[46] = 0xf0; }},
      {"a UDP length of 0", kAll, datagram, 0, kBad,
       [](Bytes& frame, H&) { frame[38] = frame[39] = 0; }},
      {"bytes behind the segments", kAll, four, 1000, kBad,
       [](Bytes& frame, H&) { frame.resize(frame.size() + 7); }},
      {"a fragment", kAll, small, 0, kUnsupported, [](Bytes& frame, H&) { frame[20] = 0x20; }},
      {"ICMP", kAll, small, 0, kUnsupported, [](Bytes& frame, H&) { frame[23] = 1; }},
      {"IPv4 in IPv4", kAll, small, 0, kUnsupported, [](Bytes& frame, H&) { frame[23] = 4; }},
      {"hop by hop", kAll, six, 1000, kUnsupported, [](Bytes& frame, H&) { frame[20] = 0; }},
      {"no IP at all", kAll, small, 0, kUnsupported, [](Bytes& frame, H&) { frame[12] = 0x99; }},
      {"headers of 134 bytes",
       kAll,
       {.payload = 700, .tcp_options = 40, .ip_options = 40},
       0,
       kUnsupported},
      {"segments of a byte", kAll, four, 1, kMany},
      {"129 segments", kAll, {.payload = 128 * 500 + 1}, 500, kMany},
      {"segments longer than the MTU", kAll, four, 1461, kLong},
      {"a long frame that asks for nothing", kAll, four, 0, kLong,
       [](Bytes&, H& asked) { asked = {}; }},
      {"a long frame that asks for a checksum", kAll, four, 0, kLong},
      {"a frame that is longer than any", kAll, four, 1000, kLong,
       [](Bytes& frame, H&) { frame.resize(kMaxOffloadFrame + 1); }},
  };
  for (const uint16_t start :
       std::vector<uint16_t>{0, 12, 14, 33, 35, 53, 54, 753, 754, 32768, 65535}) {
    lies.push_back({"a start elsewhere", kAll, small, start, kBad, [](Bytes&, H& asked) {
                      asked.csum_start = asked.gso_size;
                      asked.gso_type = kGsoNone;
                    }});
    if (start == 0) lies.back().change = [](Bytes&, H& asked) { asked.csum_start = 0; };
  }
  return lies;
}

Bytes Built(const Lane& lane, const Lie& lie, VirtioNetHeader& asked) {
  Bytes frame = lie.frame.Build();
  const auto [to, from] = lane.AddressesToWitness();
  std::copy(to.begin(), to.end(), frame.begin());
  std::copy(from.begin(), from.end(), frame.begin() + 6);
  asked = lie.frame.Ask(lie.segment_size);
  if (lie.change != nullptr) lie.change(frame, asked);
  return frame;
}

Complaint Play(Lane& lane, const Lie& lie, Rings rings) {
  TenantOptions options = lane.Options(rings);
  options.features |= lie.features;
  Tenant tenant(options);
  if (!lane.Reach(tenant, Stage::kRunning)) return "the honest part of it failed";
  const uint64_t before = lane.Drops(lie.drop);
  VirtioNetHeader asked;
  const Bytes frame = Built(lane, lie, asked);
  tenant.ring(kTransmit).Send(frame, {{12, 50, 500}}, vhost::testing::Layout::kDirect, asked);
  tenant.Kick(kTransmit);
  const Complaint complaint = lane.ExpectDrop(lie.drop, before);
  return complaint.empty() ? lane.ExpectFrames(tenant) : complaint;  // the next one goes on
}

}  // namespace

CaseClass OffloadCases() {
  CaseClass all{.name = "offload", .cases = {}};
  for (const Lie& lie : Lies()) {
    for (const Rings rings : {Rings::kSplit, Rings::kPacked}) {
      all.cases.push_back({Cat(rings == Rings::kSplit ? "split: " : "packed: ", lie.name),
                           [lie, rings](Lane& lane) { return Play(lane, lie, rings); }});
    }
  }
  return all;
}

}  // namespace weft::hostile
