// SPDX-License-Identifier: Apache-2.0
#include "plugins/af_xdp/kernel_interface.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

namespace weft::af_xdp {
namespace {

ifreq RequestFor(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

}  // namespace

absl::Status SystemError(std::string_view what, int error) {
  const std::string sentence = Cat("cannot ", what, ": ", std::strerror(error));
  switch (error) {
    case EBUSY:
    case ENODEV:
    case ENETDOWN:
    case ENXIO:
      return absl::UnavailableError(sentence);
    case EPERM:
    case EACCES:
    case ENOBUFS:  // memory that the kernel is not to page out counts as locked
      return absl::PermissionDeniedError(
          Cat(sentence,
              "; it takes CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF and CAP_IPC_LOCK, and CAP_SYS_ADMIN "
              "with a netns. A weftd that starts without such a port gives these up, unless "
              "[weft] keep-capabilities = [\"net-raw\", \"net-admin\", \"bpf\", \"ipc-lock\"] "
              "says otherwise (and \"sys-admin\")"));
    default:
      return absl::FailedPreconditionError(sentence);
  }
}

absl::Status InNamespace(const std::string& path, const std::function<absl::Status()>& work) {
  if (path.empty()) return work();
  const UniqueFd there(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!there.valid()) {
    const int error = errno;
    const std::string sentence =
        Cat("there is no network namespace ", path, ": ", std::strerror(error));
    return error == ENOENT ? absl::UnavailableError(sentence)
                           : absl::FailedPreconditionError(sentence);
  }
  absl::Status status;
  try {
    std::thread([&] {
      status =
          setns(there.get(), CLONE_NEWNET) == 0 ? work() : SystemError(Cat("enter ", path), errno);
    }).join();
  } catch (const std::system_error&) {  // what std::thread knows to say
    return absl::ResourceExhaustedError("cannot start a thread");
  }
  return status;
}

absl::StatusOr<KernelInterface> KernelInterface::In(const std::string& namespace_path,
                                                    std::string name) {
  KernelInterface made;
  made.name_ = std::move(name);
  made.namespace_path_ = namespace_path;
  if (!namespace_path.empty()) {
    const std::optional<Identity> identity = IdentityOf(namespace_path);
    if (!identity) {
      return absl::UnavailableError(Cat("there is no network namespace ", namespace_path));
    }
    made.namespace_ = *identity;
  }
  const absl::Status status = InNamespace(namespace_path, [&]() -> absl::Status {
    // A Unix socket passes on what it does not know itself, and everybody may have one.
    made.socket_ = UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    return made.socket_.valid() ? absl::OkStatus() : SystemError("make a socket", errno);
  });
  if (!status.ok()) return status;
  return made;
}

std::optional<KernelInterface::Identity> KernelInterface::IdentityOf(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return std::nullopt;
  return Identity{.device = found.st_dev, .inode = found.st_ino};
}

absl::StatusOr<KernelInterface::State> KernelInterface::Look() const {
  // Our sockets would keep a namespace that everybody else has left.
  if (!namespace_path_.empty() && IdentityOf(namespace_path_) != namespace_) {
    return absl::UnavailableError(Cat("the network namespace ", namespace_path_, " is gone"));
  }
  ifreq request = RequestFor(name_);
  if (ioctl(socket_.get(), SIOCGIFINDEX, &request) != 0) {
    if (errno != ENODEV) return SystemError(Cat("look at ", name_), errno);
    return absl::UnavailableError(Cat("there is no network interface ", name_));
  }
  State state{.index = static_cast<unsigned>(request.ifr_ifindex)};
  request = RequestFor(name_);
  if (ioctl(socket_.get(), SIOCGIFFLAGS, &request) != 0) {
    return SystemError(Cat("look at ", name_), errno);
  }
  const auto flags = static_cast<unsigned>(static_cast<unsigned short>(request.ifr_flags));
  state.enabled = (flags & IFF_UP) != 0;
  state.carrier = (flags & IFF_RUNNING) != 0;
  request = RequestFor(name_);
  if (ioctl(socket_.get(), SIOCGIFMTU, &request) == 0) {
    state.mtu = static_cast<uint32_t>(request.ifr_mtu);
  }
  return state;
}

std::optional<uint32_t> KernelInterface::ReceiveQueues() const {
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  ifreq request = RequestFor(name_);
  request.ifr_data = reinterpret_cast<char*>(&channels);
  if (ioctl(socket_.get(), SIOCETHTOOL, &request) != 0) return std::nullopt;
  return channels.rx_count + channels.combined_count;
}

bool KernelInterface::IsVeth() const {
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  ifreq request = RequestFor(name_);
  request.ifr_data = reinterpret_cast<char*>(&driver);
  return ioctl(socket_.get(), SIOCETHTOOL, &request) == 0 &&
         std::string_view(driver.driver, strnlen(driver.driver, sizeof(driver.driver))) == "veth";
}

}  // namespace weft::af_xdp
