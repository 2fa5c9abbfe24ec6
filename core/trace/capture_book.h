// SPDX-License-Identifier: Apache-2.0
// The captures that somebody has asked for. Workers copy what a capture takes into its rings;
// whoever reads the capture gets it as the next piece of a pcapng file. weftd opens no file: the
// reader is a client of the control socket. Control thread.
//
// Nothing here grows: a capture has limits and rings of a fixed size, there are kMaxCaptures of
// them, and what nobody reads for kKeep is forgotten.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/clock.h"
#include "core/graph/capture_tap.h"
#include "core/graph/node_class.h"
#include "core/port/port_table.h"
#include "core/trace/pcapng.h"
#include "core/trace/watcher.h"

namespace weft {

struct CaptureRequest {
  CaptureRule rule{};
  std::string of{};     // "port web-1": what was asked for
  Time time{};          // it ends after that
  uint64_t tsc_hz = 1;  // ticks a second
};

class CaptureBook {
 public:
  static constexpr size_t kMaxCaptures = 8;
  static constexpr size_t kRingSize = size_t{2} << 20;  // bytes, for each worker of a capture
  static constexpr size_t kPiece = size_t{1} << 20;     // about so many bytes are read at once
  static constexpr Time kKeep = std::chrono::minutes(1);

  struct Info {
    uint32_t number = 0;
    std::string of{};
    std::string state{};  // "running", "ended: count"
    uint64_t packets = 0, bytes = 0, lost = 0;
  };
  struct Piece {
    std::string pcapng{};
    bool done = false;               // there will be no more
    uint64_t packets = 0, lost = 0;  // of the capture so far
  };

  // All outlive the book.
  CaptureBook(Watcher& watcher, const NodeCatalog& catalog, const PortTable& ports);
  ~CaptureBook();
  CaptureBook(const CaptureBook&) = delete;
  CaptureBook& operator=(const CaptureBook&) = delete;

  // Ends captures that have reached a limit, and forgets those that nobody reads: call it often.
  // Times are those of one clock.
  void Tick(Time now);

  // The capture's number. ResourceExhausted: kMaxCaptures are there; FailedPrecondition: no
  // workers.
  absl::StatusOr<uint32_t> Start(CaptureRequest request, Time now);
  // It takes no more packets; what it has can be read. NotFound.
  absl::Status Stop(uint32_t number);
  // What it has taken since last time. The capture is gone once it was done. NotFound.
  absl::StatusOr<Piece> Read(uint32_t number, Time now);
  std::vector<Info> List() const;

 private:
  struct Capture;

  absl::StatusOr<std::shared_ptr<Capture>> Find(uint32_t number) const;
  void End(const std::shared_ptr<Capture>& capture, std::string why);
  static uint64_t Lost(const Capture& capture);
  // The worker whose oldest step is the oldest of all; none if nothing waits.
  static size_t Oldest(const Capture& capture);
  uint32_t InterfaceOf(Capture& capture, PortId port) const;
  void Write(Capture& capture, size_t worker) const;

  Watcher& watcher_;
  const NodeCatalog& catalog_;
  const PortTable& ports_;
  std::map<uint32_t, std::shared_ptr<Capture>> captures_;
  uint32_t last_number_ = 0;
};

}  // namespace weft
