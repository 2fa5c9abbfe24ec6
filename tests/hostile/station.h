// SPDX-License-Identifier: Apache-2.0
// A container that keeps to its protocol, whichever that is: what a lane needs of it to see that
// frames pass. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace weft::hostile {

using Bytes = std::vector<uint8_t>;

class Station {
 public:
  Station() = default;
  virtual ~Station() = default;
  Station(const Station&) = delete;
  Station& operator=(const Station&) = delete;

  // Connects, and goes on until its rings run. False if the switch does not come along.
  virtual bool Run() = 0;
  // Sends one frame, or takes the next one that has arrived; its buffer is offered again.
  virtual void Transmit(const Bytes& frame) = 0;
  virtual std::optional<Bytes> Receive() = 0;
};

}  // namespace weft::hostile
