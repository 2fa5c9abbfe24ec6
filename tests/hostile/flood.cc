// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/flood.h"

#include <sys/socket.h>

#include <string>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/base/unix_socket.h"

namespace weft::hostile {
namespace {

class Silent {
 public:
  Silent(const std::string& path, int type) : path_(path), type_(type) {}

  // One more; false if the socket takes no more now.
  bool Open() {
    absl::StatusOr<UniqueFd> socket = ConnectNonBlocking(path_, type_);
    if (!socket.ok()) return false;
    open_.push_back(*std::move(socket));
    return true;
  }
  // Gives up those that the switch has given up.
  void Sweep() { refused_ += std::erase_if(open_, HasEnded); }
  size_t open() const { return open_.size(); }
  size_t refused() const { return refused_; }

 private:
  static bool HasEnded(const UniqueFd& fd) {
    std::byte byte;
    ssize_t got = 0;
    // A greeting comes first, where there is one.
    do {
      got = recv(fd.get(), &byte, 1, MSG_DONTWAIT);
    } while (got > 0);
    return got == 0;
  }

  const std::string path_;
  const int type_;
  std::vector<UniqueFd> open_;
  size_t refused_ = 0;
};

Complaint ExpectService(Lane& lane) {
  if (lane.shell().Ask("show version").is_null()) return "the shell does not answer meanwhile";
  return lane.BystanderReturns() ? "" : "no other container can attach meanwhile";
}

}  // namespace

Complaint PlaySilentFlood(Lane& lane, int type, size_t count, bool must_fill) {
  Silent silent(lane.liar_socket(), type);
  bool full = false;
  for (size_t i = 0; i < count; ++i) {
    if (silent.Open()) continue;
    if (!std::exchange(full, true)) {
      if (const Complaint complaint = ExpectService(lane); !complaint.empty()) return complaint;
    }
    const bool room = Await([&] {
      silent.Sweep();
      return silent.Open();
    });
    if (!room) return Cat("connection ", i, " found no room");
  }
  if (must_fill && !full) return "the socket took all of them at once";
  if (const Complaint complaint = ExpectService(lane); !complaint.empty()) return complaint;
  const bool served = Await([&] {
    silent.Sweep();
    return silent.open() <= 1;
  });
  if (!served || silent.open() + silent.refused() != count) {
    return Cat("of ", count, " connections ", silent.refused(), " were refused and ", silent.open(),
               " are open");
  }
  // A tenant has few lines of the log, but some.
  const std::string why = Cat("port ", lane.liar_port(), ": refused a second connection");
  return lane.Log().find(why) != std::string::npos ? "" : "the log does not say why";
}

}  // namespace weft::hostile
