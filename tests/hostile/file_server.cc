// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/file_server.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "core/base/text.h"

namespace weft::hostile {
namespace {

constexpr uint64_t kFileBytes = 64 << 20;
constexpr uint32_t kMostWrite = 4096;
constexpr uint32_t kMinor = 31;

// Files are nodes of their own: 2 and up, by number, halfway ones odd.
uint64_t NodeOf(uint32_t file, bool halfway) { return 2 + 2 * uint64_t{file} + (halfway ? 1 : 0); }
bool IsHalfway(uint64_t node) { return node != FUSE_ROOT_ID && node % 2 == 1; }

template <typename T>
std::span<const std::byte> BytesOf(const T& value) {
  return std::as_bytes(std::span<const T, 1>(&value, 1));
}

fuse_attr AttributesOf(uint64_t node) {
  const bool root = node == FUSE_ROOT_ID;
  fuse_attr attributes{};
  attributes.ino = node;
  attributes.size = root ? 0 : kFileBytes;
  attributes.mode = root ? S_IFDIR | 0700U : S_IFREG | 0600U;
  attributes.nlink = 1;
  return attributes;
}

}  // namespace

absl::StatusOr<FileServer> FileServer::Make() {
  const auto failed = [](const char* what) { return absl::ErrnoToStatus(errno, what); };
  UniqueFd device(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device.valid()) return failed("/dev/fuse cannot be opened");
  const UniqueFd context(fsopen("fuse", FSOPEN_CLOEXEC));
  if (!context.valid()) return failed("FUSE cannot be mounted");
  const std::string number = Cat(device.get());
  const std::pair<const char*, const char*> settings[] = {
      {"fd", number.c_str()}, {"rootmode", "40000"}, {"user_id", "0"}, {"group_id", "0"}};
  for (const auto& [key, value] : settings) {
    if (fsconfig(context.get(), FSCONFIG_SET_STRING, key, value, 0) != 0) return failed(key);
  }
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return failed("FUSE cannot be mounted");
  }
  UniqueFd root(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (!root.valid()) return failed("FUSE cannot be mounted");
  return FileServer(std::move(device), std::move(root));
}

void FileServer::Serve(int control) {
  std::vector<std::byte> buffer(1 << 16);
  std::array<pollfd, 2> events{pollfd{.fd = device_.get(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = control, .events = POLLIN, .revents = 0}};
  for (;;) {
    if (poll(events.data(), events.size(), -1) < 0) continue;
    if (events[1].revents != 0) {
      uint32_t file = 0;
      if (recv(control, &file, sizeof(file), 0) != sizeof(file)) return;
      Release(file);
    }
    if (events[0].revents == 0) continue;
    const ssize_t got = read(device_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == ENODEV) return;  // unmounted
    if (got < static_cast<ssize_t>(sizeof(fuse_in_header))) continue;
    Answer(*reinterpret_cast<const fuse_in_header*>(buffer.data()),
           buffer.data() + sizeof(fuse_in_header));
  }
}

void FileServer::Answer(const fuse_in_header& request, const std::byte* body) {
  const Held held{request.unique, request.nodeid, request.opcode};
  switch (request.opcode) {
    case FUSE_INIT: {
      const auto& asked = *reinterpret_cast<const fuse_init_in*>(body);
      fuse_init_out answer{};
      answer.major = FUSE_KERNEL_VERSION;
      answer.minor = std::min<uint32_t>(asked.minor, kMinor);
      answer.max_readahead = asked.max_readahead;
      answer.max_write = kMostWrite;
      answer.time_gran = 1;
      return Reply(request.unique, 0, BytesOf(answer));
    }
    case FUSE_LOOKUP: {
      const char* const name = reinterpret_cast<const char*>(body);
      const bool halfway = name[0] == kHalfway;
      const auto file = static_cast<uint32_t>(std::strtoul(name + (halfway ? 1 : 0), nullptr, 10));
      fuse_entry_out entry{};  // of which the kernel may keep nothing: it is to ask
      entry.nodeid = NodeOf(file, halfway);
      entry.attr = AttributesOf(entry.nodeid);
      return Reply(request.unique, 0, BytesOf(entry));
    }
    case FUSE_OPEN:
      return Reply(request.unique, 0, BytesOf(fuse_open_out{}));
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
    case FUSE_DESTROY:
      return;  // these want no answer, or get none
    case FUSE_RELEASE:
      return Reply(request.unique, 0, {});
    case FUSE_GETATTR: {
      if (request.nodeid != FUSE_ROOT_ID && !IsHalfway(request.nodeid)) break;
      fuse_attr_out answer{};
      answer.attr = AttributesOf(request.nodeid);
      return Reply(request.unique, 0, BytesOf(answer));
    }
    case FUSE_FLUSH:
      if (!IsHalfway(request.nodeid)) break;
      return Reply(request.unique, 0, {});
    default:
      break;
  }
  if (request.nodeid == FUSE_ROOT_ID || released_.contains(request.nodeid)) return Refuse(held);
  held_.push_back(held);
}

void FileServer::Reply(uint64_t unique, int error, std::span<const std::byte> body) {
  const fuse_out_header header{.len = static_cast<uint32_t>(sizeof(fuse_out_header) + body.size()),
                               .error = -error,
                               .unique = unique};
  std::vector<std::byte> bytes(header.len);
  std::copy_n(BytesOf(header).begin(), sizeof(header), bytes.begin());
  std::copy(body.begin(), body.end(), bytes.begin() + sizeof(header));
  // Who asked may have given up.
  [[maybe_unused]] const ssize_t put = write(device_.get(), bytes.data(), bytes.size());
}

// A FLUSH that fails with ENOSYS would be the last that the kernel sends.
void FileServer::Refuse(const Held& request) {
  Reply(request.unique, request.opcode == FUSE_FLUSH ? 0 : EIO, {});
}

void FileServer::Release(uint32_t file) {
  for (const bool halfway : {false, true}) released_.insert(NodeOf(file, halfway));
  std::erase_if(held_, [&](const Held& request) {
    if (!released_.contains(request.node)) return false;
    Refuse(request);
    return true;
  });
}

}  // namespace weft::hostile
