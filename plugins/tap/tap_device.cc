// SPDX-License-Identifier: Apache-2.0
#include "plugins/tap/tap_device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "plugins/tap/link_message.h"

namespace weft::tap {
namespace {

constexpr const char* kTunDevice = "/dev/net/tun";
// What it is called until it is where it belongs, for ours may have an "eth0"; %d is the kernel's.
constexpr const char* kFirstName = "weft%d";

constexpr std::string_view kRightsSentence =
    "; weftd keeps CAP_NET_ADMIN if its startup.conf has a tap or a NIC, or says [weft] "
    "keep-capabilities = [\"net-admin\"]";

// What kEveryOffload is in the kernel's words.
constexpr unsigned long kOffloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

std::string Because(int error) { return Cat(": ", std::strerror(error)); }

absl::Status CannotMake(int error) {
  if (error == EPERM || error == EACCES) {
    return absl::PermissionDeniedError(Cat("weftd may not make a TAP", kRightsSentence));
  }
  return absl::InternalError(Cat("cannot make a TAP", Because(error)));
}

absl::StatusOr<UniqueFd> OpenTun() {
  UniqueFd fd(open(kTunDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (fd.valid()) return fd;
  const int error = errno;
  if (error == ENOENT || error == ENODEV || error == ENXIO) {
    return absl::FailedPreconditionError(
        Cat("there is no ", kTunDevice,
            "; `modprobe tun` makes it, and weftd's own container needs "
            "it as a device"));
  }
  if (error == EPERM || error == EACCES) {
    return absl::PermissionDeniedError(Cat("weftd may not open ", kTunDevice, Because(error)));
  }
  return absl::InternalError(Cat("cannot open ", kTunDevice, Because(error)));
}

// One queue of the interface `name`, which is new if it has a "%d" and then becomes what it is
// called.
absl::StatusOr<UniqueFd> OpenQueue(std::string& name, bool several) {
  absl::StatusOr<UniqueFd> fd = OpenTun();
  if (!fd.ok()) return fd;
  ifreq request{};
  request.ifr_flags =
      static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (several ? IFF_MULTI_QUEUE : 0));
  std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
  if (ioctl(fd->get(), TUNSETIFF, &request) != 0) return CannotMake(errno);
  name = request.ifr_name;
  // As in virtio 1.2 §5.1.6: 12 bytes, little-endian. The kernel may leave checksums and segments
  // to us (kEveryOffload): most frames reach somebody who takes them so.
  const int size = Packet::kVirtioNetHeader;
  const int little = 1;
  if (ioctl(fd->get(), TUNSETVNETHDRSZ, &size) != 0 ||
      ioctl(fd->get(), TUNSETVNETLE, &little) != 0 ||
      ioctl(fd->get(), TUNSETOFFLOAD, kOffloads) != 0)
    return CannotMake(errno);
  return fd;
}

// /proc asks whether the asker may trace the process (proc(5)): that needs its capabilities, or
// CAP_SYS_PTRACE.
absl::Status CannotOpenNetns(const std::string& path, int error) {
  if (error == ENOENT || error == ESRCH) {
    return absl::UnavailableError(Cat("there is no network namespace ", path));
  }
  if (error == EACCES || error == EPERM) {
    return absl::PermissionDeniedError(
        Cat("weftd may not open ", path,
            "; a name that `ip netns add` made needs no right, /proc/PID/ns/net needs [weft] "
            "keep-capabilities = [\"sys-ptrace\"]"));
  }
  return absl::FailedPreconditionError(Cat("cannot open ", path, Because(error)));
}

absl::StatusOr<UniqueFd> OpenNetns(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));  // it may be anybody's pipe
  if (!fd.valid()) return CannotOpenNetns(path, errno);
  struct statfs system {};
  const bool is_namespace = fstatfs(fd.get(), &system) == 0 && system.f_type == NSFS_MAGIC;
  const int type = is_namespace ? ioctl(fd.get(), NS_GET_NSTYPE) : 0;
  if (type < 0) return CannotMake(errno);  // the sandbox of a switch without interfaces
  if (type != CLONE_NEWNET) {
    // `ip netns` makes an empty file and mounts the namespace on it; and it ends the other way.
    return absl::UnavailableError(Cat(path, " is no network namespace"));
  }
  return fd;
}

absl::Status CannotMove(const TapSettings& settings, int error) {
  const std::string place = settings.netns.empty() ? "" : Cat(" in ", settings.netns);
  if (error == EEXIST) {
    return absl::AlreadyExistsError(
        Cat("there is an interface ", settings.name, place,
            " already; rename it, or give the port's tap another `interface`"));
  }
  if (error == EPERM) {
    return absl::PermissionDeniedError(
        Cat("weftd may not make an interface", place, kRightsSentence));
  }
  if (error == EADDRNOTAVAIL) {
    return absl::InvalidArgumentError(
        Cat("no interface can have the port's mac ", settings.mac ? settings.mac->ToString() : ""));
  }
  return absl::InternalError(
      Cat("cannot make the interface ", settings.name, place, Because(error)));
}

}  // namespace

absl::StatusOr<std::shared_ptr<TapDevice>> TapDevice::Open(const TapSettings& settings) {
  UniqueFd netns;
  struct stat status {};
  if (!settings.netns.empty()) {
    absl::StatusOr<UniqueFd> opened = OpenNetns(settings.netns);
    if (!opened.ok()) return opened.status();
    netns = *std::move(opened);
    if (fstat(netns.get(), &status) != 0)
      return absl::InternalError(Cat("cannot ask for ", settings.netns, Because(errno)));
  }
  std::string name = kFirstName;
  std::vector<UniqueFd> queues;
  for (uint16_t queue = 0; queue < settings.queues; ++queue) {
    absl::StatusOr<UniqueFd> opened = OpenQueue(name, settings.queues > 1);
    if (!opened.ok()) return opened.status();
    queues.push_back(*std::move(opened));
  }
  const unsigned index = if_nametoindex(name.c_str());
  if (index == 0) return CannotMake(errno);
  const int error = ChangeLink(
      static_cast<int>(index),
      {.name = settings.name, .mtu = settings.mtu, .mac = settings.mac, .netns = netns.get()});
  if (error != 0) return CannotMove(settings, error);
  auto device = std::make_shared<TapDevice>(std::move(queues));
  // The namespace itself is not held: it shall end with its container.
  device->netns_inode_ = status.st_ino;
  return device;
}

std::optional<MacAddress> TapDevice::Mac() const {
  ifreq request{};
  if (ioctl(queues_[0].get(), SIOCGIFHWADDR, &request) != 0) return std::nullopt;
  std::array<uint8_t, 6> octets;
  std::memcpy(octets.data(), request.ifr_hwaddr.sa_data, octets.size());
  return MacAddress(octets);
}

// A TAP's descriptor knows its interface as long as it is there (tun_chr_ioctl, drivers/net/tun.c).
bool TapDevice::IsGone() const {
  if (seen_gone()) return true;
  ifreq request{};
  return ioctl(queues_[0].get(), TUNGETIFF, &request) != 0 && errno == EBADFD;
}

bool TapDevice::IsElsewhere(const std::string& path) const {
  struct stat status {};
  return netns_inode_ != 0 && stat(path.c_str(), &status) == 0 && status.st_ino != netns_inode_;
}

absl::Status CheckTunDevice() { return OpenTun().status(); }

}  // namespace weft::tap
