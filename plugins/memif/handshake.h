// SPDX-License-Identifier: Apache-2.0
// How a connection is made, message by message: the server says what it can do, the client what it
// has, piece by piece, and each piece is acknowledged. What comes of it is a Layout: the shared
// memory and where the rings are in it, as the messages say, not yet checked. Control thread; a
// Session owns one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/sdk/tenant.h"
#include "plugins/memif/channel.h"
#include "plugins/memif/memif_config.h"
#include "plugins/memif/queue.h"
#include "plugins/memif/regions.h"

namespace weft::memif {

// What a port is to be, and how much a peer may ask for.
struct SessionOptions {
  Role role = Role::kServer;
  uint32_t id = 0;
  size_t queue_pairs = 1;
  uint8_t log2_ring_size = 10;                 // as a client; the server may want less
  uint32_t buffer_size = 2048;                 // as a client
  std::string secret;                          // less than kSecretLength bytes
  std::string interface;                       // what the peer is told
  uint64_t memory_bytes = uint64_t{64} << 30;  // as a server
  Time deadline = std::chrono::seconds(5);     // from the connection to its last message
  uint32_t message_burst = 128;                // connections count as messages
  uint32_t messages_per_second = 1000;
};

// One ring, as its message says.
struct RingRequest {
  uint16_t region = 0;
  uint32_t offset = 0;
  uint8_t log2_size = 0;
  UniqueFd interrupt;  // an eventfd
};

struct Layout {
  std::shared_ptr<Regions> regions = std::make_shared<Regions>();
  std::vector<RingRequest> to_switch;
  std::vector<RingRequest> to_peer;
  uint32_t buffer_size = 0;     // as a client
  uint32_t buffers_offset = 0;  // as a client: of the first ring's first buffer, in region 0
};

class Handshake {
 public:
  virtual ~Handshake() = default;
  // To be called before anything is received.
  virtual absl::Status Begin(int socket) = 0;
  // Deals with a message. True: the layout is complete, and this was the last message but for what
  // Finish sends. An error ends the connection; descriptors that are left in `received` are
  // whatever the peer has sent.
  virtual absl::StatusOr<bool> Handle(int socket, Received& received) = 0;
  // The rings run.
  virtual absl::Status Finish(int socket) = 0;
  // What the peer has not done yet.
  virtual std::string_view Lacks() const = 0;

  Layout& layout() { return layout_; }
  // Who the peer says it is. Untrusted text.
  const std::string& peer_name() const { return peer_name_; }
  const std::string& peer_interface() const { return peer_interface_; }

  // `options` outlive it.
  static std::unique_ptr<Handshake> Make(const SessionOptions& options);

 protected:
  Layout layout_;
  std::string peer_name_;
  std::string peer_interface_;
};

std::unique_ptr<Handshake> MakeServerHandshake(const SessionOptions& options);
std::unique_ptr<Handshake> MakeClientHandshake(const SessionOptions& options);

// What either end says to a message that has no place there.
absl::Status Unexpected(MessageType type);

// The name that weft tells a peer.
inline constexpr std::string_view kOurName = "weft";

}  // namespace weft::memif
