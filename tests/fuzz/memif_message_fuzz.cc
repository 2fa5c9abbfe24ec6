// SPDX-License-Identifier: Apache-2.0
// Links: weft_tenant weft_config
// Sources: plugins/memif/channel.cc plugins/memif/client_handshake.cc plugins/memif/regions.cc
// Sources: plugins/memif/server_handshake.cc plugins/memif/session.cc
//
// The control channel of memif, in both roles: any message with any descriptors, in any order. Each
// connection ends with a reason or runs, and what runs is inside the memory that was shared.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>

#include "plugins/memif/session.h"
#include "tests/fuzz/input.h"

namespace weft::memif {
namespace {

using fuzz::InputReader;
using fuzz::Require;

constexpr size_t kMemory = 1 << 20;
constexpr size_t kPairs = 2;

// Descriptors that a peer may have; the first two are what an honest one sends.
class Kinds {
 public:
  Kinds()
      : memory_(memfd_create("memory", MFD_CLOEXEC)),
        event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        shrinking_(memfd_create("shrinking", MFD_CLOEXEC)),
        null_(open("/dev/null", O_RDWR | O_CLOEXEC)) {
    Require(ftruncate(memory_.get(), kMemory) == 0);
    const std::string path = Cat("/proc/self/fd/", memory_.get());
    read_only_ = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    void* const at = mmap(nullptr, kMemory, PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
    Require(at != MAP_FAILED);
    bytes_ = static_cast<uint8_t*>(at);
  }
  int Get(uint8_t kind) const {
    const std::array<int, 5> all{memory_.get(), event_.get(), shrinking_.get(), null_.get(),
                                 read_only_.get()};
    return all[kind % all.size()];
  }
  // Rings stand at every 4 KiB; the fuzzer chooses which of them begin as rings do.
  void PutCookies(uint8_t which) const {
    for (size_t at = 0; at < kMemory; at += 4096) {
      const uint32_t cookie = (which >> (at / 4096 % 8) & 1) != 0 ? kCookie : 0;
      std::memcpy(bytes_ + at + kRingCookie, &cookie, sizeof(cookie));
    }
  }
  void Resize(off_t length) const { Require(ftruncate(shrinking_.get(), length) == 0); }

 private:
  UniqueFd memory_, event_, shrinking_, null_, read_only_;
  uint8_t* bytes_ = nullptr;
};

class Harness final : public Session::Owner {
 public:
  // Lives as long as the process: one thread, one memfd.
  static Harness& Get() {
    static Harness harness;
    return harness;
  }

  void Run(InputReader& input) {
    int ends[2];
    Require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    peer_ = UniqueFd(ends[1]);
    const uint8_t choice = input.Byte();
    options_ = SessionOptions();
    options_.role = (choice & 1) != 0 ? Role::kClient : Role::kServer;
    options_.queue_pairs = kPairs;
    options_.log2_ring_size = 4;
    options_.buffer_size = 128;
    options_.memory_bytes = 4 * kMemory;
    options_.secret = (choice & 2) != 0 ? "x" : "";
    kinds_.PutCookies((choice & 4) != 0 ? input.Byte() : uint8_t{0xff});
    kinds_.Resize(kMemory);
    shrunk_ = false;
    TokenBucket messages(10'000, 1'000);
    Queues queues;
    for (Queue& queue : to_switch_) queues.to_switch.push_back(&queue);
    for (Queue& queue : to_peer_) queues.to_peer.push_back(&queue);
    session_ = std::make_unique<Session>(Services{loop_, rcu_, notifier_}, std::move(queues),
                                         UniqueFd(ends[0]), options_, messages, closing_, *this);
    session_->Begin();
    while (!input.empty() && session_ != nullptr) {
      Step(input);
      Turn();
      Check();
    }
    session_.reset();
    peer_.reset();
    Turn();
    // libFuzzer looks for leaks, which takes long, when a run leaves memory to another thread.
    while (closing_.busy()) std::this_thread::yield();
    for (const Queue& queue : to_switch_) Require(queue.view.Load() == nullptr);
    for (const Queue& queue : to_peer_) Require(queue.view.Load() == nullptr);
  }

 private:
  void OnRunning() override { Require(session_->running()); }
  void OnEnded(const absl::Status& why) override {
    Require(!why.ok() && !why.message().empty(), "an end has a reason");
    session_.reset();
  }
  void Turn() {
    loop_.RunOnce(Time::zero());
    rcu_.Poll();
    std::array<char, 256> reply{};
    while (peer_.valid() && recv(peer_.get(), reply.data(), reply.size(), MSG_DONTWAIT) > 0) {
    }
  }

  void Step(InputReader& input) {
    const uint8_t control = input.Byte();
    switch (control & 0x1f) {
      case 16:
        shutdown(peer_.get(), SHUT_WR);
        return;
      case 17:
        kinds_.Resize(input.Byte() * off_t{16});
        shrunk_ = true;
        return;
      case 18: {  // bytes as they are
        const auto bytes = input.Bytes(input.Short() % 300);
        send(peer_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        return;
      }
      case 19:  // a worker finds a ring to be bad
        to_switch_[control >> 7].Fail(RingError::kIndexTooFarAhead);
        return;
      default:
        SendMessage(static_cast<MessageType>(control & 0x0f), control >> 5, input);
    }
  }

  // What an honest peer would say, with so many bytes changed.
  void SendMessage(MessageType type, size_t changes, InputReader& input) {
    Message message(type);
    size_t count = 0;
    uint8_t kind = 0;
    switch (type) {
      case MessageType::kHello: {
        Hello hello{};
        hello.max_to_client = hello.max_to_server = input.Byte() % 4;
        hello.max_log2_ring_size = input.Byte() % 16;
        message = Message(type, hello);
        break;
      }
      case MessageType::kInit: {
        Init init{};
        init.secret = FieldOf<kSecretLength>(options_.secret);
        message = Message(type, init);
        break;
      }
      case MessageType::kAddRegion: {
        AddRegion region{};
        region.index = input.Byte() % 10;
        region.size = kMemory;
        message = Message(type, region);
        count = 1;
        break;
      }
      case MessageType::kAddRing: {
        AddRing ring{};
        ring.flags = input.Byte() % 2;
        ring.index = input.Byte() % 4;
        ring.region = input.Byte() % 3;
        ring.offset = input.Byte() * uint32_t{4096};
        ring.log2_size = input.Byte() % 16;
        message = Message(type, ring);
        count = kind = 1;
        break;
      }
      default:
        break;
    }
    for (size_t i = 0; i < changes % 4; ++i) {
      const size_t at = input.Byte() % message.body.size();
      message.body[at] = static_cast<std::byte>(input.Byte());
    }
    if (changes >= 4) {
      count = input.Byte() % 4;
      kind = input.Byte();
    }
    std::array<int, 3> fds{};
    for (size_t i = 0; i < count; ++i) fds[i] = kinds_.Get(static_cast<uint8_t>(kind + i));
    Transmit(message, std::span(fds).first(count));
  }

  void Transmit(Message message, std::span<const int> fds) {
    iovec data{&message, sizeof(message)};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(3 * sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
      header.msg_control = control.data();
      header.msg_controllen = CMSG_SPACE(fds.size_bytes());
      cmsghdr* const part = CMSG_FIRSTHDR(&header);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN(fds.size_bytes());
      std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
    }
    sendmsg(peer_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  // A worker would go to both ends of a ring, and of a client's buffers.
  void Check() const {
    if (session_ == nullptr) return;
    size_t running = 0;
    for (const auto* queues : {&to_switch_, &to_peer_}) {
      for (const Queue& queue : *queues) {
        const RingView* const view = queue.view.Load();
        if (view == nullptr) continue;
        ++running;
        Require(view->size >= 2 && view->size <= 4096 && view->regions != nullptr);
        [[maybe_unused]] volatile uint32_t sink =
            (view->descriptors + 16 * (view->size - 1U) + 12).Load<uint32_t>();
        sink = view->peer_index.Load<uint16_t>();
        view->own_index.Store<uint16_t>(0);
        if (view->buffer_size != 0) {
          view->buffers.Store<uint8_t>(1);
          (view->buffers + (size_t{view->buffer_size} * view->size - 1)).Store<uint8_t>(1);
        }
        Require(!view->regions->faulted() || shrunk_);
      }
    }
    Require((running != 0) == session_->running());
    Require(session_->Lacks().empty() == session_->running());
    const absl::Status health = session_->Health();
    Require(health.ok() || !health.message().empty());
  }

  EventLoop loop_;
  Rcu rcu_;
  Notifier notifier_;
  Closing closing_;
  const Kinds kinds_;
  SessionOptions options_;
  std::array<Queue, kPairs> to_switch_{Queue(PortId(0), Direction::kToSwitch),
                                       Queue(PortId(0), Direction::kToSwitch)};
  std::array<Queue, kPairs> to_peer_{Queue(PortId(0), Direction::kToPeer),
                                     Queue(PortId(0), Direction::kToPeer)};
  UniqueFd peer_;
  bool shrunk_ = false;
  std::unique_ptr<Session> session_;
};

}  // namespace
}  // namespace weft::memif

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::fuzz::InputReader input(data, size);
  weft::memif::Harness::Get().Run(input);
  return 0;
}
