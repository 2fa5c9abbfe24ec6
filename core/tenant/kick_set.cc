// SPDX-License-Identifier: Apache-2.0
#include "core/tenant/kick_set.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/give_up.h"

namespace weft {

KickSet::KickSet() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_.valid()) GiveUp("make the epoll of a worker's kicks", errno);
}

absl::StatusOr<std::shared_ptr<const UniqueFd>> KickSet::Watched(std::shared_ptr<const KickSet> set,
                                                                 UniqueFd eventfd) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  if (epoll_ctl(set->fd(), EPOLL_CTL_ADD, eventfd.get(), &event) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("its kick eventfd cannot be watched: ", std::strerror(errno)));
  }
  // Closing alone would leave it watched: the container has the same file open.
  return std::shared_ptr<const UniqueFd>(new UniqueFd(std::move(eventfd)),
                                         [set = std::move(set)](const UniqueFd* fd) {
                                           epoll_ctl(set->fd(), EPOLL_CTL_DEL, fd->get(), nullptr);
                                           delete fd;
                                         });
}

void KickSet::Drain() const {
  // What is left over beyond these wakes the next sleep, and is drained then.
  std::array<epoll_event, 64> events;
  [[maybe_unused]] const int count =
      epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
}

}  // namespace weft
