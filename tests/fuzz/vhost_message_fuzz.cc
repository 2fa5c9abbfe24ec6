// SPDX-License-Identifier: Apache-2.0
// Links: weft_nodes_vhost weft_test_support
// A container that sends arbitrary bytes and descriptors to a Session over a real socket. Whatever
// it says: the session goes on or ends, a ring that runs lies inside the memory, and every
// descriptor is given back.
//
// The input is a list of steps: one byte of control, then for a message its payload.
//   bits 0 to 5: the request; 48 to 63 are other things to do (see Step)
//   bits 6 and 7: which descriptors come along (none, one eventfd, one memfd, two memfds), unless
//   step 51 has chosen others
// A message is followed by one byte, the payload's length (in 4 bytes), and the payload. A NUL
// length means: the length that is right for the request.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "nodes/vhost/session.h"
#include "nodes/vhost/session_requests.h"
#include "tests/support/front_end.h"

namespace weft::vhost {
namespace {

using testing::FrontEnd;

constexpr off_t kMemory = 8 << 20;

// Descriptors that a container may have. Of those that it is not honest about, one is good memory,
// which may shrink.
class Kinds {
 public:
  Kinds()
      : shrinking_(memfd_create("shrinking", MFD_CLOEXEC)),
        short_(memfd_create("short", MFD_CLOEXEC)),
        read_only_(memfd_create("read-only", MFD_CLOEXEC)),
        null_(open("/dev/null", O_RDWR | O_CLOEXEC)),
        directory_(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    std::array<int, 2> ends{};
    if (ftruncate(short_.get(), 4'096) != 0 || ftruncate(read_only_.get(), kMemory) != 0 ||
        pipe2(ends.data(), O_CLOEXEC) != 0) {
      std::abort();
    }
    reader_ = UniqueFd(ends[0]);
    writer_ = UniqueFd(ends[1]);
    const std::string path = "/proc/self/fd/" + std::to_string(read_only_.get());
    read_only_ = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }
  int Get(uint8_t kind, const FrontEnd& front_end) const {
    const std::array<int, 11> all{front_end.memfd(),    front_end.kick_fd(0), front_end.kick_fd(1),
                                  front_end.call_fd(0), short_.get(),         read_only_.get(),
                                  reader_.get(),        writer_.get(),        null_.get(),
                                  directory_.get(),     shrinking_.get()};
    return all[kind % all.size()];
  }
  void Shrink() const { Resize(0); }
  void GrowAgain() const {
    Resize(0);  // empty, as it was
    Resize(kMemory);
  }

 private:
  void Resize(off_t length) const {
    if (ftruncate(shrinking_.get(), length) != 0) std::abort();
  }

  UniqueFd shrinking_, short_, read_only_, reader_, writer_, null_, directory_;
};

class Harness final : public Session::Owner {
 public:
  // Lives as long as the process: one thread, one memfd.
  static Harness& Get() {
    static Harness harness;
    return harness;
  }

  void Run(std::span<const uint8_t> input) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    const int small = 1;  // the least that there is: a few replies
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    front_end_.Adopt(UniqueFd(ends[1]));
    chosen_.reset();
    hung_up_ = deaf_ = without_descriptors_ = false;
    held_ = 0;
    kinds_.GrowAgain();
    shrunk_ = false;
    for (Queue& queue : queues_) queue.Reset(0);
    SessionLimits limits;
    limits.memory_bytes = 16 << 20;
    TokenBucket messages(10'000, 1'000);
    messages_ = &messages;
    session_ = std::make_unique<Session>(
        Services{loop_, rcu_, notifier_},
        Session::Queues{&queues_[0], &queues_[1], &queues_[2], &queues_[3]}, UniqueFd(ends[0]),
        limits, messages, closing_, *this);
    while (!input.empty() && session_ != nullptr) {
      input = Step(input);
      if (session_ == nullptr) break;
      if (session_->PeerGone() != hung_up_) std::abort();
      if (held_ != 0 && --held_ != 0 && !input.empty()) continue;
      Turn();
      without_descriptors_ = false;
      CheckRings();
      CheckHealth();
    }
    session_.reset();
    front_end_.Disconnect();
    Turn();
    // libFuzzer looks for leaks, which takes long, when a run leaves memory to another thread.
    while (closing_.busy()) std::this_thread::yield();
    for (const Queue& queue : queues_) {
      if (queue.view.Load() != nullptr) std::abort();
    }
  }

 private:
  void OnRingsChanged() override {}
  void OnEnded(const absl::Status& why) override {
    if (why.ok() || why.message().empty()) std::abort();  // an end without a reason
    session_.reset();
  }

  void Turn() {
    rlimit descriptors{};
    if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0) std::abort();
    if (without_descriptors_) LimitDescriptors({.rlim_cur = 0, .rlim_max = descriptors.rlim_max});
    loop_.RunOnce(Time::zero());
    rcu_.Poll();
    LimitDescriptors(descriptors);
  }
  static void LimitDescriptors(const rlimit& limit) {
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) std::abort();
  }

  // Does what the input begins with; returns the rest.
  std::span<const uint8_t> Step(std::span<const uint8_t> input) {
    const uint8_t control = input[0];
    input = input.subspan(1);
    switch (control & 0x3f) {
      case 48:
        eventfd_write(front_end_.kick_fd(control >> 7), 1);
        return input;
      case 49: {  // bytes as they are
        const size_t length = std::min<size_t>(input.size(), control >> 6);
        front_end_.SendRaw(std::as_bytes(input.first(length)));
        return input.subspan(length);
      }
      case 50:
        shutdown(front_end_.socket(), SHUT_WR);
        hung_up_ = true;
        return input;
      case 51:
        return ChooseDescriptors(input);
      case 52:  // weftd has no turn before the next two steps, or some more, are done
        held_ = 3 + (control >> 6);
        return input;
      case 53:  // it reads no reply from now on
        deaf_ = true;
        return input;
      case 54:
        front_end_.Disconnect();
        hung_up_ = true;
        return input;
      case 55:  // it has sent as many messages as it may
        while (messages_->Take(loop_.Now())) {
        }
        return input;
      case 56:  // a worker finds a ring to be bad
        queues_[control >> 6].Fail(RingError::kHeadOutOfRange);
        return input;
      case 57:
        kinds_.Shrink();
        shrunk_ = true;
        return input;
      case 58:  // weftd has no descriptor left for what comes with the next message
        without_descriptors_ = true;
        held_ = 2;
        return input;
      case 59: {  // who it is comes with each message
        const int yes = 1;
        setsockopt(session_->socket(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes));
        return input;
      }
      default:
        return SendMessage(control, input);
    }
  }

  // How many come with the next message (a byte), and what each is (a byte).
  std::span<const uint8_t> ChooseDescriptors(std::span<const uint8_t> input) {
    chosen_.emplace();
    const size_t count = input.empty() ? 0 : input[0] % 10U;  // one more than any message has
    input = input.subspan(std::min<size_t>(input.size(), 1));
    while (chosen_->size() < count) {
      const uint8_t kind = input.empty() ? uint8_t{0} : input[0];
      input = input.subspan(std::min<size_t>(input.size(), 1));
      chosen_->push_back(kinds_.Get(kind, front_end_));
    }
    return input;
  }

  std::span<const uint8_t> SendMessage(uint8_t control, std::span<const uint8_t> input) {
    const auto request = static_cast<Request>(control & 0x3f);
    if (input.empty()) return input;
    size_t length = size_t{input[0] & 0x7fU} * 4;
    const uint32_t flags = kVersion | ((input[0] & 0x80) != 0 ? kNeedReplyFlag : 0);
    input = input.subspan(1);
    const RequestSpec* const spec = SessionRequests::Find(request);
    if (length == 0 && spec != nullptr) length = spec->min_size;
    std::vector<std::byte> payload(length);
    const size_t given = std::min(length, input.size());
    if (given > 0) std::memcpy(payload.data(), input.data(), given);
    const int memfd = front_end_.memfd();
    const int event = front_end_.kick_fd(0);
    const std::array<std::array<int, 2>, 4> choices{{{}, {event}, {memfd}, {memfd, memfd}}};
    constexpr std::array<size_t, 4> kCounts{0, 1, 1, 2};
    const size_t choice = control >> 6;
    std::span<const int> fds = std::span(choices[choice]).first(kCounts[choice]);
    if (chosen_) fds = *chosen_;
    front_end_.Send(request, payload, fds, flags);
    chosen_.reset();
    std::array<std::byte, 512> replies{};
    while (!deaf_ && recv(front_end_.socket(), replies.data(), replies.size(), MSG_DONTWAIT) > 0) {
    }
    return input.subspan(given);
  }

  // A worker would go to both ends of each part of a ring.
  void CheckRings() {
    for (const Queue& queue : queues_) {
      const RingView* const view = queue.view.Load();
      if (view == nullptr) continue;
      if (view->size == 0 || view->size > kMaxRingSize || !view->memory) std::abort();
      const size_t size = view->size;
      [[maybe_unused]] volatile uint32_t sink =
          (view->descriptors + 16 * (size - 1) + 12).Load<uint32_t>();
      if (view->packed) {  // two event areas (virtio 1.2 §2.8.14)
        sink = view->available.Load<uint32_t>();
        view->used.Store<uint32_t>(0);
      } else {
        sink = view->available.Load<uint16_t>();
        sink = (view->available + 4 + 2 * size).Load<uint16_t>();
        (view->used + 4 + 8 * size).Store<uint16_t>(0);
      }
      if (view->memory->faulted() && !shrunk_) std::abort();
    }
  }

  // What the port asks now and then, and what it must hear.
  void CheckHealth() const {
    if (session_ == nullptr) return;
    bool well = true;
    for (size_t ring = 0; ring < queues_.size(); ++ring) {
      const RingView* const view = queues_[ring].view.Load();
      if (session_->running(ring) != (view != nullptr)) std::abort();
      const std::optional<RingLevel> level = session_->Level(ring);
      if (level.has_value() != (view != nullptr && !view->packed)) std::abort();
      if (level.has_value() && level->waiting > view->size) std::abort();
      well = well && (view == nullptr ||
                      (queues_[ring].error() == RingError::kNone && !view->memory->faulted()));
    }
    const absl::Status health = session_->Health();
    // A ring that has started and is disabled may be bad, too.
    if (health.ok() && !well) std::abort();
    if (!health.ok() && (health.message().empty() || (well && !shrunk_ && !AnyBroken()))) {
      std::abort();
    }
    const bool runs = session_->running(0) && session_->running(1);
    const bool told = session_->features() != 0 && session_->memory() != nullptr;
    if (session_->Lacks().empty() != (runs && told)) std::abort();
  }
  bool AnyBroken() const {
    return std::any_of(queues_.begin(), queues_.end(),
                       [](const Queue& queue) { return queue.error() != RingError::kNone; });
  }

  EventLoop loop_;
  Rcu rcu_;
  Notifier notifier_;
  std::array<Queue, 4> queues_{
      Queue(PortId(0), Direction::kToGuest), Queue(PortId(0), Direction::kToSwitch),
      Queue(PortId(0), Direction::kToGuest), Queue(PortId(0), Direction::kToSwitch)};
  Closing closing_;
  FrontEnd front_end_{[this] { Turn(); }};
  const Kinds kinds_;
  std::optional<std::vector<int>> chosen_;  // what goes with the next message
  bool hung_up_ = false;                    // it will send no more
  bool deaf_ = false;
  bool without_descriptors_ = false;
  bool shrunk_ = false;
  int held_ = 0;  // steps until weftd has its next turn; 0: each has one
  TokenBucket* messages_ = nullptr;
  std::unique_ptr<Session> session_;
};

}  // namespace
}  // namespace weft::vhost

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::vhost::Harness::Get().Run({data, size});
  return 0;
}
