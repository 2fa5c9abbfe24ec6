// SPDX-License-Identifier: Apache-2.0
// A filter in libpcap's language ("tcp port 80 and not ether src 02:00:00:00:00:01"). Control
// compiles it to classic BPF; workers run that over a private copy of a frame's first bytes. A
// program only jumps forward, so it ends after at most kMaxInstructions.
//
// rte_bpf would run it faster, but reads packets as mbufs, which ours are not, and translates only
// with memory that is writable and executable, which the sandbox refuses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

struct bpf_insn;

namespace weft {

class PacketFilter {
 public:
  static constexpr size_t kSeen = 256;  // bytes of a frame, from its Ethernet header, that it sees
  static constexpr size_t kMaxText = 512;
  static constexpr size_t kMaxInstructions = 512;

  // InvalidArgument, in libpcap's words where they are its: no expression of the language; one that
  // needs a name looked up, because that asks files and servers, and control waits for nobody; one
  // that is too long, or loops ("protochain").
  static absl::StatusOr<std::shared_ptr<const PacketFilter>> Compile(std::string_view text);
  ~PacketFilter();
  PacketFilter(const PacketFilter&) = delete;
  PacketFilter& operator=(const PacketFilter&) = delete;

  // Any thread. `bytes[0, count)` are the first of a frame of `length`. A filter that looks beyond
  // `count` does not match.
  bool Matches(const uint8_t* bytes, size_t count, size_t length) const;

  const std::string& text() const { return text_; }

 private:
  PacketFilter(std::string text, std::unique_ptr<bpf_insn[]> program);

  const std::string text_;
  const std::unique_ptr<bpf_insn[]> program_;
};

}  // namespace weft
