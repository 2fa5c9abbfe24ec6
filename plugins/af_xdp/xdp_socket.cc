// SPDX-License-Identifier: Apache-2.0
#include "plugins/af_xdp/xdp_socket.h"

#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>

#include "plugins/af_xdp/kernel_interface.h"

namespace weft::af_xdp {
namespace {

// linux/if_xdp.h since 6.17: how many frames one system call sends where the kernel copies.
constexpr int kMaxTransmitBudget = 9;
// asm-generic/socket.h since 5.11; Debian 12's C library has them not.
constexpr int kPreferBusyPoll = 69;
constexpr int kBusyPollBudget = 70;
constexpr int kBusyPollTime = 20;  // microseconds that one call may take
constexpr int kBusyPollFrames = 64;

constexpr size_t kHugePage = size_t{2} << 20;

template <typename T>
bool Set(int socket, int level, int option, const T& value) {
  return setsockopt(socket, level, option, &value, sizeof(value)) == 0;
}

template <typename Entry>
RingMemory<Entry> RingAt(uint8_t* begin, const xdp_ring_offset& offsets) {
  return {.producer = reinterpret_cast<uint32_t*>(begin + offsets.producer),
          .consumer = reinterpret_cast<uint32_t*>(begin + offsets.consumer),
          .flags = reinterpret_cast<uint32_t*>(begin + offsets.flags),
          .entries = reinterpret_cast<Entry*>(begin + offsets.desc),
          .size = kDescriptors};
}

}  // namespace

XdpSocket::Mapping::~Mapping() {
  if (begin_ != nullptr) munmap(begin_, size_);
}

absl::StatusOr<std::unique_ptr<XdpSocket>> XdpSocket::Open(const Options& options) {
  std::unique_ptr<XdpSocket> made(new XdpSocket);
  absl::Status status = made->MapUmem(ChunkFor(options.mtu));
  if (status.ok()) status = made->SetUp(options);
  if (!status.ok()) return status;
  return made;
}

absl::Status XdpSocket::MapUmem(uint32_t chunk) {
  const size_t size = size_t{kReceiveFrames + kTransmitFrames} * chunk;
  static_assert(size_t{kReceiveFrames + kTransmitFrames} * kSmallChunk % kHugePage == 0);
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, kFlags | MAP_HUGETLB, -1, 0);
  huge_pages_ = memory != MAP_FAILED;
  if (!huge_pages_) memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (memory == MAP_FAILED) {
    return absl::ResourceExhaustedError(Cat("cannot get ", size >> 20, " MB for frames"));
  }
  umem_ = Mapping(memory, size);
  madvise(memory, size, MADV_DONTDUMP);  // frames are tenants'
  return absl::OkStatus();
}

absl::Status XdpSocket::SetUp(const Options& options) {
  socket_ = UniqueFd(socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!socket_.valid()) return SystemError("make an AF_XDP socket", errno);
  const int fd = socket_.get();
  const uint32_t chunk = ChunkFor(options.mtu);
  xdp_umem_reg umem{};
  umem.addr = reinterpret_cast<uintptr_t>(umem_.begin());
  umem.len = uint64_t{kReceiveFrames + kTransmitFrames} * chunk;
  umem.chunk_size = chunk;
  umem.headroom = kHeadroom;
  if (!Set(fd, SOL_XDP, XDP_UMEM_REG, umem)) return SystemError("register memory", errno);
  for (const int ring : {XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING, XDP_TX_RING}) {
    if (!Set(fd, SOL_XDP, ring, kDescriptors)) return SystemError("make a ring", errno);
  }
  XdpQueue::Parts parts{.socket = fd, .umem = umem_.begin(), .chunk = chunk};
  parts.busy_poll = options.busy_poll;
  if (absl::Status status = MapRings(parts); !status.ok()) return status;
  queue_ = std::make_unique<XdpQueue>(parts);
  // One system call sends a whole vector, on kernels that can; and so many frames may be on their
  // way (each is charged with more than its bytes).
  Set(fd, SOL_XDP, kMaxTransmitBudget, kDescriptors);
  Set(fd, SOL_SOCKET, SO_SNDBUFFORCE, static_cast<int>(kTransmitFrames * (chunk + 1024)));
  if (options.busy_poll) {
    if (absl::Status status = SetBusyPoll(); !status.ok()) return status;
  }
  return Bind(options);
}

absl::Status XdpSocket::SetBusyPoll() {
  const int fd = socket_.get();
  if (Set(fd, SOL_SOCKET, kPreferBusyPoll, 1) && Set(fd, SOL_SOCKET, SO_BUSY_POLL, kBusyPollTime) &&
      Set(fd, SOL_SOCKET, kBusyPollBudget, kBusyPollFrames)) {
    return absl::OkStatus();
  }
  return SystemError("busy-poll", errno);
}

absl::Status XdpSocket::MapRings(XdpQueue::Parts& parts) {
  xdp_mmap_offsets offsets{};
  socklen_t size = sizeof(offsets);
  // Kernels before 5.4 say less: they have no flags.
  if (getsockopt(socket_.get(), SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &size) != 0 ||
      size != sizeof(offsets)) {
    return absl::FailedPreconditionError("AF_XDP of this kernel is too old: it takes Linux 5.9");
  }
  const auto map = [this](Mapping& to, const xdp_ring_offset& ring, size_t entry, uint64_t where) {
    const size_t length = ring.desc + kDescriptors * entry;
    void* const memory = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                              socket_.get(), static_cast<off_t>(where));
    if (memory == MAP_FAILED) return false;
    to = Mapping(memory, length);
    return true;
  };
  if (!map(fill_, offsets.fr, sizeof(uint64_t), XDP_UMEM_PGOFF_FILL_RING) ||
      !map(completion_, offsets.cr, sizeof(uint64_t), XDP_UMEM_PGOFF_COMPLETION_RING) ||
      !map(receive_, offsets.rx, sizeof(xdp_desc), XDP_PGOFF_RX_RING) ||
      !map(transmit_, offsets.tx, sizeof(xdp_desc), XDP_PGOFF_TX_RING)) {
    return SystemError("map a ring", errno);
  }
  parts.fill = RingAt<uint64_t>(fill_.begin(), offsets.fr);
  parts.completion = RingAt<uint64_t>(completion_.begin(), offsets.cr);
  parts.receive = RingAt<xdp_desc>(receive_.begin(), offsets.rx);
  parts.transmit = RingAt<xdp_desc>(transmit_.begin(), offsets.tx);
  return absl::OkStatus();
}

absl::Status XdpSocket::Bind(const Options& options) {
  sockaddr_xdp address{};
  address.sxdp_family = AF_XDP;
  address.sxdp_ifindex = options.interface;
  address.sxdp_queue_id = options.queue;
  address.sxdp_flags = XDP_USE_NEED_WAKEUP;
  if (options.mode == Mode::kCopy) address.sxdp_flags |= XDP_COPY;
  if (options.mode == Mode::kZeroCopy) address.sxdp_flags |= XDP_ZEROCOPY;
  if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    const int error = errno;
    if (error == EOPNOTSUPP && options.mode == Mode::kZeroCopy) {
      return absl::FailedPreconditionError("its driver cannot do without a copy; mode = \"auto\"");
    }
    if (error == EINVAL && options.queue != 0) {
      return absl::FailedPreconditionError(
          Cat("the interface has no queue ", options.queue, "; `ethtool -l` says how many it has"));
    }
    return SystemError(Cat("bind an AF_XDP socket to queue ", options.queue), error);
  }
  xdp_options bound{};
  socklen_t size = sizeof(bound);
  if (getsockopt(socket_.get(), SOL_XDP, XDP_OPTIONS, &bound, &size) == 0) {
    zero_copy_ = (bound.flags & XDP_OPTIONS_ZEROCOPY) != 0;
  }
  return absl::OkStatus();
}

std::vector<std::pair<std::string, uint64_t>> XdpSocket::Statistics() const {
  xdp_statistics counted{};
  socklen_t size = sizeof(counted);
  if (getsockopt(socket_.get(), SOL_XDP, XDP_STATISTICS, &counted, &size) != 0) return {};
  return {{"rx-dropped", counted.rx_dropped},
          {"rx-invalid-descriptors", counted.rx_invalid_descs},
          {"rx-ring-full", counted.rx_ring_full},
          {"rx-no-free-frame", counted.rx_fill_ring_empty_descs},
          {"tx-invalid-descriptors", counted.tx_invalid_descs}};
}

}  // namespace weft::af_xdp
