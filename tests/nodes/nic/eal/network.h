// SPDX-License-Identifier: Apache-2.0
// A network namespace of the test's own, for the thread that makes it: interfaces in it disturb
// nobody, and go with it. No IPv6, so that no frame crosses but the test's. Needs root.
#pragma once

#include <string>
#include <string_view>

#include "core/base/unique_fd.h"

namespace weft::nic {

class OwnNetwork {
 public:
  OwnNetwork();
  ~OwnNetwork();
  OwnNetwork(const OwnNetwork&) = delete;
  OwnNetwork& operator=(const OwnNetwork&) = delete;

  // False if the system does not let us have one.
  bool ok() const { return ok_; }
  // Runs `ip` with these arguments; it has to succeed.
  static void Ip(std::string_view arguments);
  // A veth pair, both ends up.
  static void AddPair(std::string_view one, std::string_view other);

 private:
  UniqueFd network_;
  UniqueFd mounts_;
  UniqueFd directory_;
  bool ok_ = false;
};

}  // namespace weft::nic
