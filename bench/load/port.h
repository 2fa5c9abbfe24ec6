// SPDX-License-Identifier: Apache-2.0
// A container's end, as the generator sees it: something that sends and receives bursts. One
// virtual call a burst.
#pragma once

#include <cstdint>

#include "bench/load/histogram.h"
#include "bench/load/traffic.h"

namespace weft::load {

// What a port does with the bytes.
enum class Work : uint8_t {
  kNone,    // frames lie ready and nobody looks at what arrives: the ring alone
  kRead,    // receivers read every byte
  kVerify,  // every frame is written anew and checked
};

class Port {
 public:
  Port() = default;
  virtual ~Port() = default;
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  // Sends up to `most` frames; returns how many there was room for.
  virtual uint32_t Send(uint32_t most) = 0;
  // Takes what has arrived, at most a burst; returns the number of frames.
  virtual uint32_t Receive() = 0;
  // With Work::kVerify; else only `frames` and `bytes` count.
  virtual Tally Received() const = 0;
  virtual const Histogram* latency() const { return nullptr; }
};

}  // namespace weft::load
