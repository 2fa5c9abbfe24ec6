// SPDX-License-Identifier: Apache-2.0
#include "plugins/mirror/mirror_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace weft::mirror {
namespace {

constexpr size_t kPiece = size_t{256} << 10;  // bytes that are written at once, about
// What the blocks of a packet and of its interface have beside the bytes and the name, at most.
constexpr uint64_t kOverhead = 256;

uint64_t NowSince1970() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

absl::Status Error(std::string_view path, std::string_view what) {
  return absl::InvalidArgumentError(Cat("cannot write the file ", Quoted(path), ": ", what));
}

}  // namespace

absl::StatusOr<std::shared_ptr<MirrorFile>> MirrorFile::Open(const std::string& path,
                                                             uint64_t max_size) {
  // O_NONBLOCK: a pipe without a reader is an error, and no wait.
  const int fd =
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW,
             S_IRUSR | S_IWUSR);
  if (fd < 0) return Error(path, std::strerror(errno));
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd);
    return Error(path, "it is no regular file");
  }
  std::shared_ptr<MirrorFile> file(new MirrorFile(path, max_size, fd));
  file->TakeOver();
  if (!file->open()) return Error(path, file->ended());
  return file;
}

MirrorFile::MirrorFile(std::string path, uint64_t max_size, int fd)
    : path_(std::move(path)), max_size_(max_size), fd_(fd), start_time_(NowSince1970()) {}

MirrorFile::~MirrorFile() {
  Flush();
  ::close(fd_);
}

bool MirrorFile::IsOurs(Time now) {
  if (ours_ || !open() || TakeOver()) return ours_;
  constexpr auto kPatience = std::chrono::seconds(5);
  if (!refused_) refused_ = now;
  if (open() && now - *refused_ > kPatience) End("somebody else writes it");
  return false;
}

// False if it is another's, or has ended.
bool MirrorFile::TakeOver() {
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) End(std::strerror(errno));
    return false;
  }
  struct stat status {};
  if ((!continues_ && ftruncate(fd_, 0) != 0) || fstat(fd_, &status) != 0) {
    End(std::strerror(errno));
    return false;
  }
  written_ = static_cast<uint64_t>(status.st_size);
  ours_ = true;
  return true;
}

bool MirrorFile::Add(const std::string& port, const CapturedStep& step,
                     const std::vector<uint8_t>& bytes) {
  if (!open() || !ours_) return false;
  if (written_ + writer_.size() + bytes.size() + port.size() + kOverhead > max_size_) {
    End("it has reached max-size");
    return false;
  }
  const auto [interface, is_new] = interfaces_.try_emplace(port, 0);
  if (is_new) interface->second = writer_.AddInterface(port, "", kMaxSnapLength);
  writer_.Add({.interface = interface->second,
               .nanoseconds = TimeOf(step.cycles),
               .length = step.length,
               .bytes = bytes,
               .direction = static_cast<PcapngWriter::Direction>(step.verdict)});
  if (writer_.size() >= kPiece) Flush();
  return open();
}

void MirrorFile::Flush() {
  if (!ours_) return;
  const std::string piece = writer_.Take();
  for (size_t done = 0; done < piece.size() && !failed_;) {
    const ssize_t wrote = ::write(fd_, piece.data() + done, piece.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      failed_ = true;
      End(std::strerror(wrote < 0 ? errno : ENOSPC));
      return;
    }
    done += static_cast<size_t>(wrote);
    written_ += static_cast<uint64_t>(wrote);
  }
}

// The wall's time of a TSC value.
uint64_t MirrorFile::TimeOf(uint64_t cycles) const {
  __extension__ using Wide = __int128;
  const auto since = static_cast<Wide>(cycles) - static_cast<Wide>(start_cycles_);
  return static_cast<uint64_t>(static_cast<Wide>(start_time_) +
                               since * 1'000'000'000 / static_cast<Wide>(CyclesPerSecond()));
}

void MirrorFile::End(std::string why) {
  ended_ = std::move(why);
  open_.store(false, std::memory_order_relaxed);
}

}  // namespace weft::mirror
