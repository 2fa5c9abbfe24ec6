// SPDX-License-Identifier: Apache-2.0
// weft is the client: it waits for HELLO, makes the memory, and tells the server of it piece by
// piece, the next with each acknowledgement; CONNECT, and the server's CONNECTED.
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "plugins/memif/handshake.h"
#include "plugins/memif/ring.h"

namespace weft::memif {
namespace {

constexpr uint64_t kAlignment = 64;

absl::Status Refused(const std::string& why) { return absl::InvalidArgumentError(why); }

class ClientHandshake final : public Handshake {
 public:
  explicit ClientHandshake(const SessionOptions& options) : options_(options) {}

  absl::Status Begin(int /*socket*/) override { return absl::OkStatus(); }

  absl::StatusOr<bool> Handle(int socket, Received& received) override {
    const Message& message = received.message;
    switch (step_) {
      case Step::kHello:
        if (message.type != MessageType::kHello) return Unexpected(message.type);
        if (absl::Status status = OnHello(message.As<Hello>()); !status.ok()) return status;
        return SendNext(socket);
      case Step::kPieces:
        if (message.type != MessageType::kAck) return Unexpected(message.type);
        return SendNext(socket);
      case Step::kConnecting: {
        if (message.type != MessageType::kConnected) return Unexpected(message.type);
        const Name name = message.As<Connected>().interface;
        peer_interface_ = TextOf(name);
        return true;
      }
    }
    return Unexpected(message.type);
  }

  absl::Status Finish(int /*socket*/) override { return absl::OkStatus(); }

  std::string_view Lacks() const override {
    switch (step_) {
      case Step::kHello:
        return "the peer has not said what it can do";
      case Step::kPieces:
        return "the peer has not acknowledged what weft shares";
      case Step::kConnecting:
        break;
    }
    return "the peer has not answered the request to begin";
  }

 private:
  enum class Step : uint8_t { kHello, kPieces, kConnecting };

  absl::Status OnHello(const Hello& hello) {
    if (hello.min_version > kVersion || hello.max_version < kVersion) {
      return Refused("the peer does not speak version 2.0 of memif");
    }
    const Name name = hello.name;
    peer_name_ = TextOf(name);
    const auto log2_size = std::min<uint8_t>(options_.log2_ring_size, hello.max_log2_ring_size);
    if (log2_size == 0) return Refused("the peer wants rings of one descriptor");
    const size_t to_server = std::min<size_t>(options_.queue_pairs, hello.max_to_server + 1U);
    const size_t to_client = std::min<size_t>(options_.queue_pairs, hello.max_to_client + 1U);
    step_ = Step::kPieces;
    return MakeMemory(to_server, to_client, log2_size);
  }

  // One region: the rings, those to the server first, then their buffers in the same order.
  absl::Status MakeMemory(size_t to_server, size_t to_client, uint8_t log2_size) {
    const size_t size = size_t{1} << log2_size;
    const uint64_t ring_bytes = (RingBytes(size) + kAlignment - 1) / kAlignment * kAlignment;
    const uint64_t rings = to_server + to_client;
    const uint64_t buffers_offset = rings * ring_bytes;
    const uint64_t bytes = buffers_offset + rings * size * options_.buffer_size;
    absl::StatusOr<UniqueFd> file = MakeRegionFile(bytes);
    if (!file.ok()) return file.status();
    file_ = *std::move(file);
    bytes_ = bytes;
    if (absl::Status status = layout_.regions->Add(bytes, file_.get(), bytes); !status.ok()) {
      return status;
    }
    layout_.buffer_size = options_.buffer_size;
    layout_.buffers_offset = static_cast<uint32_t>(buffers_offset);
    for (uint64_t i = 0; i < rings; ++i) {
      RingRequest ring{.region = 0,
                       .offset = static_cast<uint32_t>(i * ring_bytes),
                       .log2_size = log2_size,
                       .interrupt = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))};
      if (!ring.interrupt.valid()) return absl::ErrnoToStatus(errno, "cannot make an eventfd");
      const ForeignPtr at = layout_.regions->Translate(0, ring.offset, ring_bytes);
      (at + kRingCookie).Store<uint32_t>(kCookie);
      (i < to_server ? layout_.to_peer : layout_.to_switch).push_back(std::move(ring));
    }
    return absl::OkStatus();
  }

  // INIT, the region, the rings to the server, those to us, CONNECT.
  absl::StatusOr<bool> SendNext(int socket) {
    const size_t piece = sent_++;
    const size_t first_to_client = 2 + layout_.to_peer.size();
    const size_t last = first_to_client + layout_.to_switch.size();
    absl::Status status;
    if (piece == 0) {
      status = SendInit(socket);
    } else if (piece == 1) {
      AddRegion region{};
      region.size = bytes_;
      status = Send(socket, Message(MessageType::kAddRegion, region), file_.get());
      file_.reset();
    } else if (piece < first_to_client) {
      status = SendRing(socket, piece - 2, true);
    } else if (piece < last) {
      status = SendRing(socket, piece - first_to_client, false);
    } else {
      Connect connect{};
      connect.interface = FieldOf<sizeof(Name)>(options_.interface);
      status = Send(socket, Message(MessageType::kConnect, connect));
      step_ = Step::kConnecting;
    }
    if (!status.ok()) return status;
    return false;
  }

  absl::Status SendInit(int socket) const {
    Init init{};
    init.id = options_.id;
    init.secret = FieldOf<kSecretLength>(options_.secret);
    init.name = FieldOf<sizeof(Name)>(kOurName);
    return Send(socket, Message(MessageType::kInit, init));
  }

  absl::Status SendRing(int socket, size_t index, bool to_server) const {
    const RingRequest& ring = to_server ? layout_.to_peer[index] : layout_.to_switch[index];
    AddRing request{};
    request.flags = to_server ? AddRing::kToServer : uint16_t{0};
    request.index = static_cast<uint16_t>(index);
    request.region = ring.region;
    request.offset = ring.offset;
    request.log2_size = ring.log2_size;
    return Send(socket, Message(MessageType::kAddRing, request), ring.interrupt.get());
  }

  const SessionOptions& options_;
  Step step_ = Step::kHello;
  size_t sent_ = 0;
  UniqueFd file_;
  uint64_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<Handshake> MakeClientHandshake(const SessionOptions& options) {
  return std::make_unique<ClientHandshake>(options);
}

}  // namespace weft::memif
