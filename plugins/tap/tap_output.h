// SPDX-License-Identifier: Apache-2.0
// tap-output: the end of port-output for kernel containers. It writes each packet by one system
// call, from where its pieces lie: the kernel copies them once, into memory of its own, and then
// hands the frame to the container's stack, on this thread. Worker thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/sdk/weft.h"
#include "plugins/tap/tap_table.h"

namespace weft::tap {

class TapOutput final : public Output<TapOutput> {
 public:
  static constexpr NodeSpec kSpec{.name = "tap-output",
                                  .arc = "port-output",
                                  .last = true,
                                  .help = "Writes frames to kernel containers."};
  enum class Drop : uint8_t {
    kPortDown,
    kTooLong,
    kInterfaceDown,
    kNoMemory,
    kLostMemory,
    kTooManySegments,
    kRefused
  };
  static constexpr auto kDrops = Labels<Drop>({
      {Drop::kPortDown, "port-down", "there is no interface: its namespace has gone, or never was"},
      {Drop::kTooLong, "too-long", "longer than the MTU of the port it goes to"},
      {Drop::kInterfaceDown, "interface-down", "the interface is set down in its namespace"},
      {Drop::kNoMemory, "no-memory", "the kernel has no memory for one more frame"},
      {Drop::kLostMemory, "lost-memory", "the sender took its memory away meanwhile"},
      {Drop::kTooManySegments, "too-many-segments", "in more pieces than can be written at once"},
      {Drop::kRefused, "refused", "the kernel did not take it, for another reason"},
  });

  // `table` outlives the node.
  TapOutput(const Published<TapTable>& table, WorkerId worker)
      : published_table_(table), worker_(worker) {
    used_.reserve(kMaxPorts);
  }

  void Process(Frame& frame);
  void EndDispatch();

 private:
  static constexpr size_t kMaxPieces = 64;

  void Send(PortId port, Packet* const* packets, size_t count);
  // Writes the packet; false after its drop.
  bool Write(const PortTap& tap, Packet& packet);
  Drop ReasonOf(const PortTap& tap, int error);

  const Published<TapTable>& published_table_;
  const WorkerId worker_;
  const TapTable* table_ = nullptr;         // of this dispatch, once it is needed
  std::array<uint32_t, kMaxPorts> sent_{};  // packets of this dispatch, by port
  std::vector<PortId> used_;                // those that were sent some
  uint64_t charged_until_ = 0;              // TSC, in Process
  PortSplitter splitter_;
};

}  // namespace weft::tap
