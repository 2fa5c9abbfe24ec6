// SPDX-License-Identifier: Apache-2.0
#include "core/trace/pcapng.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace weft {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the byte-order magic says how all that follows is to be read");

// Numbers are those of the draft: §4 the blocks, §3.5 and §4 their options.
constexpr uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr uint32_t kInterface = 1;
constexpr uint32_t kStatistics = 5;
constexpr uint32_t kEnhancedPacket = 6;
constexpr uint16_t kLinkTypeEthernet = 1;

constexpr uint16_t kEndOfOptions = 0;
constexpr uint16_t kComment = 1;
constexpr uint16_t kUserApplication = 4;
constexpr uint16_t kInterfaceName = 2;
constexpr uint16_t kInterfaceDescription = 3;
constexpr uint16_t kTimeResolution = 9;
constexpr uint16_t kPacketFlags = 2;
constexpr uint16_t kInterfaceDrops = 5;

constexpr uint8_t kNanoseconds = 9;                // 10^-9
constexpr uint64_t kUnknownLength = ~uint64_t{0};  // of a section

}  // namespace

PcapngWriter::PcapngWriter(std::string_view program) {
  const size_t block = Begin(kSectionHeader);
  Put32(kByteOrderMagic);
  Put16(1);  // version 1.0
  Put16(0);
  Put64(kUnknownLength);
  PutText(kUserApplication, program);
  PutOption(kEndOfOptions, nullptr, 0);
  End(block);
}

uint32_t PcapngWriter::AddInterface(std::string_view name, std::string_view description,
                                    uint32_t snap_length) {
  const size_t block = Begin(kInterface);
  Put16(kLinkTypeEthernet);
  Put16(0);
  Put32(snap_length);
  PutText(kInterfaceName, name);
  PutText(kInterfaceDescription, description);
  PutOption(kTimeResolution, &kNanoseconds, sizeof(kNanoseconds));
  PutOption(kEndOfOptions, nullptr, 0);
  End(block);
  return interfaces_++;
}

void PcapngWriter::Add(const Packet& packet) {
  const size_t block = Begin(kEnhancedPacket);
  Put32(packet.interface);
  PutTime(packet.nanoseconds);
  Put32(static_cast<uint32_t>(packet.bytes.size()));
  Put32(packet.length);
  PutPadded(packet.bytes.data(), packet.bytes.size());
  PutText(kComment, packet.comment);
  const auto flags = static_cast<uint32_t>(packet.direction);
  PutOption(kPacketFlags, &flags, sizeof(flags));
  PutOption(kEndOfOptions, nullptr, 0);
  End(block);
}

void PcapngWriter::AddLost(uint32_t interface, uint64_t nanoseconds, uint64_t lost,
                           std::string_view comment) {
  const size_t block = Begin(kStatistics);
  Put32(interface);
  PutTime(nanoseconds);
  PutText(kComment, comment);
  PutOption(kInterfaceDrops, &lost, sizeof(lost));
  PutOption(kEndOfOptions, nullptr, 0);
  End(block);
}

std::string PcapngWriter::Take() { return std::exchange(out_, {}); }

void PcapngWriter::Put16(uint16_t value) {
  out_.append(reinterpret_cast<const char*>(&value), sizeof(value));
}
void PcapngWriter::Put32(uint32_t value) {
  out_.append(reinterpret_cast<const char*>(&value), sizeof(value));
}
void PcapngWriter::Put64(uint64_t value) {
  out_.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void PcapngWriter::PutTime(uint64_t nanoseconds) {
  Put32(static_cast<uint32_t>(nanoseconds >> 32));
  Put32(static_cast<uint32_t>(nanoseconds));
}

void PcapngWriter::PutPadded(const void* bytes, size_t length) {
  if (length != 0) out_.append(static_cast<const char*>(bytes), length);
  out_.append((4 - length % 4) % 4, '\0');
}

void PcapngWriter::PutOption(uint16_t code, const void* bytes, size_t length) {
  Put16(code);
  Put16(static_cast<uint16_t>(length));
  PutPadded(bytes, length);
}

void PcapngWriter::PutText(uint16_t code, std::string_view text) {
  if (!text.empty()) PutOption(code, text.data(), std::min<size_t>(text.size(), UINT16_MAX));
}

size_t PcapngWriter::Begin(uint32_t type) {
  const size_t begin = out_.size();
  Put32(type);
  Put32(0);  // the length, which End knows
  return begin;
}

void PcapngWriter::End(size_t begin) {
  const auto length = static_cast<uint32_t>(out_.size() - begin + sizeof(uint32_t));
  std::memcpy(out_.data() + begin + sizeof(uint32_t), &length, sizeof(length));
  Put32(length);
}

}  // namespace weft
