// SPDX-License-Identifier: Apache-2.0
#include "bench/load/account.h"

#include <algorithm>

namespace weft::load {

Account::Account(const ContainerOptions& options)
    : options_(options),
      writer_(options.number, options.peer),
      checker_(options.peer, options.number, options.mix.flows),
      numbers_(options.mix.flows) {}

uint32_t Account::Write(uint8_t* frame) {
  const uint32_t flow = static_cast<uint32_t>(turn_ % options_.mix.flows);
  const uint32_t size = options_.mix.SizeOf(turn_++);
  writer_.Write(frame, size, {.number = numbers_[flow]++, .sent = Now(), .flow = flow});
  return size;
}

void Account::Restart() {
  std::fill(numbers_.begin(), numbers_.end(), 0);
  turn_ = 0;
}

}  // namespace weft::load
