// SPDX-License-Identifier: Apache-2.0
// Links: weft_packet weft_test_support
// Virtio-net headers of any content before frames of any content: what is taken is what the frame
// says by itself, and what software makes of it is what a slow second reading makes of it. Private
// headers and payload end where their memory ends, and no byte of payload is loaded twice.
#include <cstring>
#include <memory>
#include <vector>

#include "core/packet/offload_request.h"
#include "core/packet/software_offload.h"
#include "tests/fuzz/input.h"
#include "tests/support/offload_frames.h"

namespace weft {
namespace {

using fuzz::InputReader;
using fuzz::Require;
using testing::Bytes;

Bytes BytesOf(const Packet& packet) {
  Bytes bytes(packet.header(), packet.header() + packet.header_length());
  for (size_t i = 0; i < packet.segment_count(); ++i) {
    const Segment& segment = packet.segment(i);
    const size_t at = bytes.size();
    bytes.resize(at + segment.length);
    segment.data.CopyOut(bytes.data() + at, segment.length);
  }
  return bytes;
}

size_t NetworkOf(const Bytes& frame) {
  const bool tagged =
      (frame[12] == 0x81 && frame[13] == 0) || (frame[12] == 0x88 && frame[13] == 0xa8);
  return tagged ? 18 : 14;
}

// Where the IP packet of a frame that was taken ends.
size_t EndOf(const Bytes& frame) {
  const size_t network = NetworkOf(frame);
  const bool ipv6 = frame[network] >> 4 == 6;
  const size_t at = network + (ipv6 ? 4 : 2);
  return network + (ipv6 ? 40 : 0) + (size_t{frame[at]} << 8 | frame[at + 1]);
}

// IEEE 802.1ad's tag is another number to the slow reader, which knows one.
Bytes Retagged(Bytes frame) {
  if (NetworkOf(frame) == 18) {
    frame[12] = 0x81;
    frame[13] = 0;
  }
  return frame;
}

// What a checksum alone has made of `sent`: that one field, and nothing behind the IP packet.
void CheckChecksum(const Bytes& sent, const Bytes& made, const Offload& offload) {
  Require(made.size() == sent.size(), "as long as it was");
  const size_t field = offload.checksum_start() + offload.checksum_offset();
  Bytes expected = Retagged(sent);
  const Bytes whole(expected.begin(), expected.begin() + static_cast<ptrdiff_t>(EndOf(sent)));
  const Bytes completed = testing::Completed(whole);
  std::copy_n(completed.begin() + static_cast<ptrdiff_t>(field), 2,
              expected.begin() + static_cast<ptrdiff_t>(field));
  Require(Retagged(made) == expected, "one field is filled in, and rightly");
}

void CheckSegments(const Bytes& sent, const std::vector<Bytes>& made, const Offload& offload) {
  Require(made.size() > 1 && made.size() <= kMaxSegments, "how many segments");
  Require(EndOf(sent) == sent.size(), "nothing behind them");
  std::vector<Bytes> seen;
  for (const Bytes& segment : made) seen.push_back(Retagged(segment));
  Require(seen == testing::ReferenceSegments(Retagged(sent), offload.segment_size), "segments");
}

// How many bytes follow those of the input: few, or nearly as many as there may be. What lies
// between takes long and is nothing new.
size_t ChooseMore(InputReader& input) {
  constexpr size_t kFew = 4096;
  constexpr size_t kNearlyAll = 60'000;
  const size_t more = input.Short();
  return more < kNearlyAll ? more % kFew : more;
}

void Run(InputReader& input) {
  static SoftwareOffload software;
  const OffloadSet allowed = input.Byte();
  VirtioNetHeader asked;
  const auto header = input.Bytes(offsetof(VirtioNetHeader, num_buffers));
  std::memcpy(&asked, header.data(), header.size());
  const size_t more = ChooseMore(input);
  const size_t pieces = 1 + input.Byte() % 3U;
  const auto bytes = input.Bytes(4096);
  Bytes frame(bytes.begin(), bytes.end());
  if (frame.size() < kMinFrame) frame.resize(kMinFrame);
  for (size_t i = 0; i < more && frame.size() < kMaxOffloadFrame; ++i) {
    frame.push_back(static_cast<uint8_t>(i * 7));
  }

  // The last byte of the private header is the last of its memory.
  const size_t known = std::min<size_t>(frame.size(), Packet::kMaxHeader);
  const auto room = std::make_unique<uint8_t[]>(Packet::kVirtioNetHeader + known);
  std::memcpy(room.get() + Packet::kVirtioNetHeader, frame.data(), known);
  PacketSlot slot;
  Packet& packet = slot.packet;
  packet.Reset(PortId(0), room.get() + Packet::kVirtioNetHeader, static_cast<uint32_t>(known));
  Bytes payload(frame.begin() + static_cast<ptrdiff_t>(known), frame.end());
  std::vector<Segment> segments;
  for (size_t at = 0; at < payload.size();) {
    const size_t part =
        segments.size() + 1 == pieces ? payload.size() - at : (payload.size() - at + 1) / 2;
    segments.push_back({ForeignPtr(payload.data() + at), static_cast<uint32_t>(part)});
    at += part;
  }
  if (!segments.empty()) {
    packet.SetPayload(segments[0]);
    packet.SetMorePayload(segments.data() + 1, segments.size() - 1);
  }

  const OffloadFault fault = ReadOffload(asked, allowed & kEveryOffload, packet);
  const Offload offload = packet.offload();
  if (fault != OffloadFault::kNone || !offload.any()) {
    Require(!offload.any() && BytesOf(packet) == frame, "what is refused is left as it is");
    Require(fault != OffloadFault::kNone || (asked.flags == 0 && asked.gso_type == 0),
            "a request is taken or refused");
    return;
  }
  // Whoever sees CWR needs ECN, whether or not the sender might have said it.
  Require(offload.FitsIn(static_cast<OffloadSet>(allowed | kOffloadEcn)), "what was negotiated");
  Require((offload.needs & kOffloadChecksum) != 0, "nothing goes without a checksum");
  Require(LongestFrame(packet) <= packet.length(), "no segment is longer than all of them");
  Require(asked.csum_start == offload.checksum_start() &&
              asked.csum_offset == offload.checksum_offset(),
          "where the sender said it");

  // What a receiver is told is taken again, and says the same.
  const Bytes sent = BytesOf(packet);
  VirtioNetHeader said;
  WriteOffload(packet, said);
  Require(said.hdr_len <= known, "the hint stays within the header");
  packet.set_offload({});
  Require(ReadOffload(said, kEveryOffload, packet) == OffloadFault::kNone &&
              packet.offload() == offload && BytesOf(packet) == sent,
          "what is said is true");

  std::vector<Bytes> made;
  {
    const ForeignLoadGuard guard;
    const auto packets = software.Apply(packet);
    for (const Packet* one : packets) {
      Require(!one->offload().any() && one->length() <= LongestFrame(packet), "plain, and short");
    }
    made.reserve(packets.size());
    const ForeignLoadGuard copies;  // of the worker's own memory
    for (const Packet* one : packets) made.push_back(BytesOf(*one));
  }
  if (offload.is_tso()) {
    CheckSegments(sent, made, offload);
  } else {
    Require(made.size() == 1, "a checksum makes no more of it");
    CheckChecksum(sent, made[0], offload);
  }
}

}  // namespace
}  // namespace weft

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::fuzz::InputReader input(data, size);
  weft::Run(input);
  return 0;
}
