// SPDX-License-Identifier: Apache-2.0
// What one build hands to the next at `plugin replace`: what was counted, and which file goes on.
// Control thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/sdk/weft.h"

namespace weft::mirror {

struct SavedMirror {
  std::string port, mirror;
  uint64_t mirrored = 0, lost = 0;
  std::optional<std::string> file;

  static constexpr auto kFields =
      Fields(Field<&SavedMirror::port>("port", "whose packets are copied", Required{}),
             Field<&SavedMirror::mirror>("mirror", "ingress-mirror or egress-mirror", Required{}),
             Field<&SavedMirror::mirrored>("mirrored", "packets that were copied"),
             Field<&SavedMirror::lost>("lost", "copies that were lost"),
             Field<&SavedMirror::file>("file", "that copies go to"));
};
struct SavedMirrors {
  std::vector<SavedMirror> mirrors;

  static constexpr auto kFields = Fields(Field<&SavedMirrors::mirrors>("mirrors", "all of them"));
};

}  // namespace weft::mirror
