// SPDX-License-Identifier: Apache-2.0
// weft is the server: HELLO, then whatever the client has, then CONNECT and CONNECTED.
#include <utility>

#include "plugins/memif/handshake.h"

namespace weft::memif {
namespace {

absl::Status Refused(const std::string& why) { return absl::InvalidArgumentError(why); }

// In a time that says nothing about where they differ.
bool SameSecret(const std::array<char, kSecretLength>& a,
                const std::array<char, kSecretLength>& b) {
  unsigned different = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    different |= static_cast<unsigned char>(a[i] ^ b[i]);
  }
  return different == 0;
}

class ServerHandshake final : public Handshake {
 public:
  explicit ServerHandshake(const SessionOptions& options) : options_(options) {}

  absl::Status Begin(int socket) override {
    const auto last = static_cast<uint16_t>(options_.queue_pairs - 1);
    Hello hello{};
    hello.name = FieldOf<sizeof(Name)>(kOurName);
    hello.max_region = kMaxRegions - 1;
    hello.max_to_client = last;
    hello.max_to_server = last;
    hello.max_log2_ring_size = kMaxLog2RingSize;
    return Send(socket, Message(MessageType::kHello, hello));
  }

  absl::StatusOr<bool> Handle(int socket, Received& received) override {
    const Message& message = received.message;
    absl::Status status;
    if (!known_) {
      if (message.type != MessageType::kInit) return Unexpected(message.type);
      status = OnInit(message.As<Init>());
    } else if (message.type == MessageType::kAddRegion) {
      status = OnAddRegion(message.As<AddRegion>(), received);
    } else if (message.type == MessageType::kAddRing) {
      status = OnAddRing(message.As<AddRing>(), received);
    } else if (message.type == MessageType::kConnect) {
      return OnConnect(message.As<Connect>());
    } else {
      return Unexpected(message.type);
    }
    if (status.ok()) status = Send(socket, Message(MessageType::kAck));
    if (!status.ok()) return status;
    return false;
  }

  absl::Status Finish(int socket) override {
    Connected connected{};
    connected.interface = FieldOf<sizeof(Name)>(options_.interface);
    return Send(socket, Message(MessageType::kConnected, connected));
  }

  std::string_view Lacks() const override {
    if (!known_) return "the peer has not said which interface it wants";
    if (layout_.regions->count() == 0) return "the peer has shared no memory";
    if (layout_.to_switch.empty() || layout_.to_peer.empty()) return "the peer has no rings yet";
    return "the peer has not asked for the connection to begin";
  }

 private:
  absl::Status OnInit(const Init& init) {
    if (init.version != kVersion) {
      return Refused(Cat("it speaks version ", init.version >> 8, ".", init.version & 0xff,
                         " of memif, and weft 2.0"));
    }
    const uint32_t id = init.id;
    if (id != options_.id) {
      return Refused(Cat("it wants interface ", id, ", and this port is ", options_.id));
    }
    if (init.mode != 0) return Refused("only Ethernet frames are supported");
    const std::array<char, kSecretLength> secret = init.secret;
    if (!SameSecret(secret, FieldOf<kSecretLength>(options_.secret))) {
      return Refused("it does not know the secret");
    }
    const Name name = init.name;
    peer_name_ = TextOf(name);
    known_ = true;
    return absl::OkStatus();
  }

  absl::Status OnAddRegion(const AddRegion& request, Received& received) {
    const uint16_t index = request.index;
    if (index != layout_.regions->count()) {
      return Refused(Cat("it adds memory region ", index, " after ", layout_.regions->count()));
    }
    const absl::Status status =
        layout_.regions->Add(request.size, received.fds[0].get(), options_.memory_bytes);
    if (status.ok()) received.fds.clear();  // a file that was recognised closes at once
    return status;
  }

  absl::Status OnAddRing(const AddRing& request, Received& received) {
    const bool to_server = (request.flags & AddRing::kToServer) != 0;
    std::vector<RingRequest>& rings = to_server ? layout_.to_switch : layout_.to_peer;
    const uint16_t index = request.index;
    if (index != rings.size() || rings.size() == options_.queue_pairs) {
      return Refused(Cat("it adds ring ", index, " after ", rings.size(), " of at most ",
                         options_.queue_pairs));
    }
    if (request.private_header_size != 0) return Refused("private headers are not supported");
    if (!IsEventFd(received.fds[0].get())) return Refused("a ring's interrupt is not an eventfd");
    rings.push_back({.region = request.region,
                     .offset = request.offset,
                     .log2_size = request.log2_size,
                     .interrupt = std::move(received.fds[0])});
    return absl::OkStatus();
  }

  absl::StatusOr<bool> OnConnect(const Connect& connect) {
    if (layout_.to_switch.empty() || layout_.to_peer.empty()) {
      return Refused("it connects without a ring in each direction");
    }
    const Name name = connect.interface;
    peer_interface_ = TextOf(name);
    return true;
  }

  const SessionOptions& options_;
  bool known_ = false;
};

}  // namespace

std::unique_ptr<Handshake> MakeServerHandshake(const SessionOptions& options) {
  return std::make_unique<ServerHandshake>(options);
}

std::unique_ptr<Handshake> Handshake::Make(const SessionOptions& options) {
  return options.role == Role::kServer ? MakeServerHandshake(options)
                                       : MakeClientHandshake(options);
}

absl::Status Unexpected(MessageType type) {
  return Refused(Cat("a message of type ", static_cast<uint16_t>(type), " has no place here"));
}

}  // namespace weft::memif
