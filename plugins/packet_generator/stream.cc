// SPDX-License-Identifier: Apache-2.0
#include "plugins/packet_generator/stream.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace weft::packet_generator {
namespace {

constexpr size_t kIp = sizeof(EthernetHeader);
constexpr size_t kIpLength = 20;  // RFC 791 §3.1, without options
constexpr size_t kUdp = kIp + kIpLength;
constexpr size_t kUdpLength = 8;  // RFC 768
static_assert(kUdp + kUdpLength <= kMinSize && kMinSize <= Packet::kMaxHeader);

// Seven short, four medium and one long frame, as evenly as it goes.
constexpr std::array<uint32_t, 12> kImix = {60, 590, 60, 60, 590, 60, 60, 590, 60, 590, 60, 1514};

void Put16(uint8_t* to, uint64_t value) {
  to[0] = static_cast<uint8_t>(value >> 8);
  to[1] = static_cast<uint8_t>(value);
}
void Put32(uint8_t* to, uint64_t value) {
  Put16(to, value >> 16);
  Put16(to + 2, value);
}
void PutMac(uint8_t* to, uint64_t bits) {
  const MacAddress mac = MacAddress::FromBits(bits & 0xffff'ffff'ffff);
  std::memcpy(to, mac.octets().data(), mac.octets().size());
}

// A number that looks like any, from two (splitmix64: Steele, Lea, Flood 2014).
uint64_t Mix(uint64_t seed, uint64_t n) {
  uint64_t x = seed + (n + 1) * 0x9e37'79b9'7f4a'7c15;
  x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
  return x ^ (x >> 31);
}

// RFC 1071; the field itself is zero.
uint16_t Checksum(const uint8_t* bytes, size_t length) {
  uint32_t sum = 0;
  for (size_t i = 0; i < length; i += 2) sum += static_cast<uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Stream>> Stream::Make(const StreamConfig& config) {
  std::shared_ptr<Stream> made(new Stream);
  made->pace_ = *ParsePace(config.rate);
  made->sizes_ = *ParseSizes(config.size);
  made->vary_ = *ParseVary(config.vary);
  made->values_ = config.values;
  made->order_ = config.order;
  made->seed_ = config.seed;
  if (config.file) {
    if (absl::Status status = made->Read(*config.file); !status.ok()) return status;
    made->count_ = config.count.value_or(made->frames_.size());
  } else {
    made->Compose(config);
    made->count_ = config.count.value_or(std::numeric_limits<uint64_t>::max());
  }
  return std::shared_ptr<const Stream>(std::move(made));
}

absl::Status Stream::Read(const std::string& path) {
  const auto refuse = [&](std::string_view what) {
    return absl::InvalidArgumentError(Cat("the file ", Quoted(path), " ", what));
  };
  absl::StatusOr<CaptureFile> file = CaptureFile::Open(path);
  if (!file.ok()) return file.status();
  std::vector<uint8_t> all;
  FileFrame frame;
  uint64_t first = 0;
  while (true) {
    const absl::StatusOr<bool> more = file->Next(frame);
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (frame.length < kMinFrame || frame.length > kMaxFrame)
      return refuse(Cat("has a frame of ", frame.length, " bytes; weft switches ", kMinFrame,
                        " to ", kMaxFrame));
    if (all.size() + frame.length > kMaxFile)
      return refuse(Cat("has more than ", kMaxFile >> 20, " MiB of frames"));
    if (frames_.empty()) first = frame.nanoseconds;
    // Times that go back are the time before.
    const uint64_t since = std::max(frame.nanoseconds, first) - first;
    const uint64_t due = frames_.empty() ? 0 : std::max(since, frames_.back().due);
    frames_.push_back({all.size(), frame.length, due});
    frame.bytes.resize(frame.length);  // what the file did not keep is zero
    all.insert(all.end(), frame.bytes.begin(), frame.bytes.end());
  }
  if (frames_.empty()) return refuse("has no frames");
  bytes_ = std::make_unique<uint8_t[]>(all.size());
  std::copy(all.begin(), all.end(), bytes_.get());
  return absl::OkStatus();
}

void Stream::Compose(const StreamConfig& config) {
  source_mac_ = config.source_mac.bits();
  destination_mac_ = config.destination_mac.bits();
  source_ip_ = *ParseIp(config.source_ip);
  destination_ip_ = *ParseIp(config.destination_ip);
  source_port_ = config.source_port;
  destination_port_ = config.destination_port;
  bytes_ = std::make_unique<uint8_t[]>(sizes_.max);
  uint8_t* const frame = bytes_.get();
  PutMac(frame, destination_mac_);
  PutMac(frame + 6, source_mac_);
  Put16(frame + 12, 0x0800);
  uint8_t* const ip = frame + kIp;
  ip[0] = 0x45;  // version 4, five words
  ip[8] = 64;    // time to live
  ip[9] = 17;    // UDP
  Put32(ip + 12, source_ip_);
  Put32(ip + 16, destination_ip_);
  Put16(frame + kUdp, source_port_);
  Put16(frame + kUdp + 2, destination_port_);
}

Time Stream::DueAt(uint64_t n) const {
  __extension__ using Wide = unsigned __int128;
  constexpr uint64_t kSecond = 1'000'000'000;
  constexpr Wide kLatest = Wide{100} * 365 * 86'400 * kSecond;
  Wide due = 0;
  switch (pace_.kind) {
    case Pace::Kind::kMax:
      break;
    case Pace::Kind::kRate:  // not a nanosecond early
      due = (Wide{n} * kSecond + pace_.per_second - 1) / pace_.per_second;
      break;
    case Pace::Kind::kFile:
      due = Wide{n / frames_.size()} * frames_.back().due + frames_[n % frames_.size()].due;
      break;
  }
  return Time(static_cast<Time::rep>(std::min(due, kLatest)));
}

uint32_t Stream::SizeOf(uint64_t n) const {
  if (sizes_.kind == Sizes::Kind::kImix) return kImix[n % kImix.size()];
  const uint32_t more = sizes_.max - sizes_.min;
  return more == 0 ? sizes_.min
                   : sizes_.min + static_cast<uint32_t>(Mix(~seed_, n) % (uint64_t{more} + 1));
}

uint64_t Stream::ValueOf(Vary field, uint64_t n) const {
  if (order_ == Order::kIncrement) return n % values_;
  return Mix(Mix(seed_, static_cast<uint64_t>(field)), n) % values_;
}

void Stream::Change(uint8_t* header, uint64_t n) const {
  for (const Vary field : vary_) {
    const uint64_t value = ValueOf(field, n);
    switch (field) {
      case Vary::kSourceMac:
        PutMac(header + 6, source_mac_ + value);
        break;
      case Vary::kDestinationMac:
        PutMac(header, destination_mac_ + value);
        break;
      case Vary::kSourceIp:
        Put32(header + kIp + 12, source_ip_ + value);
        break;
      case Vary::kDestinationIp:
        Put32(header + kIp + 16, destination_ip_ + value);
        break;
      case Vary::kSourcePort:
        Put16(header + kUdp, source_port_ + value);
        break;
      case Vary::kDestinationPort:
        Put16(header + kUdp + 2, destination_port_ + value);
        break;
    }
  }
}

void Stream::Fill(Packet& packet, PortId port, uint64_t n) const {
  const bool recorded = !frames_.empty();
  const FrameAt at = recorded ? frames_[n % frames_.size()] : FrameAt{0, SizeOf(n), 0};
  uint8_t* const bytes = bytes_.get() + at.offset;
  const auto length = std::min<uint32_t>(at.length, Packet::kMaxHeader);
  uint8_t* const header = packet.snapshot() + Packet::kVirtioNetHeader;
  std::memcpy(header, bytes, length);
  if (!recorded) {
    Change(header, n);
    Put16(header + kIp + 2, at.length - kIp);
    Put16(header + kIp + 10, Checksum(header + kIp, kIpLength));
    Put16(header + kUdp + 4, at.length - kUdp);  // without a checksum, as RFC 768 allows
  }
  packet.Reset(port, header, length);
  if (at.length > length) packet.SetPayload({ForeignPtr(bytes + length), at.length - length});
}

}  // namespace weft::packet_generator
