// SPDX-License-Identifier: Apache-2.0
// What a container port knows of frames, whatever carries them: the next one that it sends, and
// what came of those that it got.
#pragma once

#include <vector>

#include "bench/load/container.h"
#include "bench/load/histogram.h"
#include "bench/load/traffic.h"
#include "core/base/clock.h"

namespace weft::load {

class Account {
 public:
  explicit Account(const ContainerOptions& options);

  // Writes the next frame of the mix at `frame`; returns its size.
  uint32_t Write(uint8_t* frame);
  // What was written so far was only to lie there: flows begin at 0.
  void Restart();

  // The time for a burst of checks; 0 if nobody measures latency.
  uint64_t Now() const { return options_.stamp_time ? Cycles() : 0; }
  void Check(const uint8_t* frame, uint32_t size, uint64_t now) {
    const Stamp stamp = checker_.Check(frame, size);
    if (options_.stamp_time && stamp.sent != 0) latency_.Add(now - stamp.sent);
  }
  // Frames that nobody checks.
  void Count(uint32_t frames) { plain_.frames += frames; }

  Tally tally() const { return options_.work == Work::kVerify ? checker_.tally() : plain_; }
  const Histogram* latency() const { return options_.stamp_time ? &latency_ : nullptr; }

 private:
  const ContainerOptions options_;
  const FrameWriter writer_;
  FrameChecker checker_;
  std::vector<uint64_t> numbers_;  // by flow
  uint64_t turn_ = 0;
  Tally plain_;
  Histogram latency_;
};

}  // namespace weft::load
