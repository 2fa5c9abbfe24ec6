// SPDX-License-Identifier: Apache-2.0
#include "core/worker/cpu_set.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <string>

#include "core/base/text.h"

namespace weft {
namespace {

std::string Listed(const std::vector<uint16_t>& cores) {
  std::vector<std::string> texts;
  for (const uint16_t core : cores) texts.push_back(std::to_string(core));
  return Join(texts, ", ");
}

}  // namespace

std::vector<uint16_t> AvailableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<uint16_t> cores;
  if (pthread_getaffinity_np(pthread_self(), sizeof(set), &set) != 0) return cores;
  for (uint16_t core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

absl::StatusOr<std::vector<uint16_t>> ChooseCores(const std::vector<uint16_t>& asked,
                                                  const std::vector<uint16_t>& available) {
  if (available.empty()) return absl::FailedPreconditionError("this process may not use any core");
  if (asked.empty()) return std::vector<uint16_t>{available.back()};
  for (const uint16_t core : asked) {
    if (std::find(available.begin(), available.end(), core) == available.end()) {
      return absl::InvalidArgumentError(Cat(
          "core ", core, " is not available to this process (there are: ", Listed(available), ")"));
    }
  }
  return asked;
}

void PinCallingThread(const std::vector<uint16_t>& cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const uint16_t core : cores) CPU_SET(core, &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

}  // namespace weft
