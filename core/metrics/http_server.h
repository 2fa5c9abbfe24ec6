// SPDX-License-Identifier: Apache-2.0
// Answers GET and HEAD at a TCP address or a UNIX socket, one request a connection, inside the
// control thread's loop (docs/adr/0010 says why not by a library's threads). A client that is slow,
// silent or garbled harms only itself, and a thousand of them keep nobody out: where there is no
// room for one more, the one that has been there longest goes. Owned by the daemon; control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "core/base/event_loop.h"
#include "core/base/inet_address.h"
#include "core/base/unique_fd.h"
#include "core/metrics/http_request.h"

namespace weft {

struct HttpLimits {
  size_t clients = 64;
  size_t head = 8 * 1024;                    // bytes of a request's head
  Time deadline = std::chrono::seconds(10);  // from the connection to the answer's last byte
};

class HttpServer {
 public:
  // Quick, for the loop waits.
  using Handler = std::function<HttpAnswer(const HttpRequest&)>;

  // `loop` outlives the server.
  HttpServer(EventLoop& loop, Handler handler, const HttpLimits& limits);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Starts to listen, once.
  absl::Status Listen(const InetAddress& address);
  // The same at a UNIX socket, for its owner and group; the socket is removed at the end, if we
  // may.
  absl::Status ListenAt(const std::string& path);
  // Where it listens: with the port that it got, if it wanted any.
  InetAddress address() const { return InetAddress::OfSocket(listener_.get()); }

  size_t clients() const { return clients_.size(); }

 private:
  using ClientId = uint64_t;  // in the order of their coming
  struct Client {
    UniqueFd fd;
    EventLoop::TimerId deadline = 0;
    std::string input{};
    std::string head{};  // of the answer; empty until there is one
    std::shared_ptr<const std::string> body{};
    size_t sent = 0;  // of both
  };

  void Serve(UniqueFd listener);
  void Accept();
  void OnReady(ClientId id);
  // False when there is nothing left to do with the client.
  bool Read(Client& client);
  bool Write(Client& client);
  void Answer(Client& client, const HttpAnswer& answer, bool with_body);
  void Drop(ClientId id);

  EventLoop& loop_;
  const Handler handler_;
  const HttpLimits limits_;
  UniqueFd listener_;
  std::string path_;  // of a UNIX socket
  EventLoop::TimerId resume_ = 0;
  std::map<ClientId, Client> clients_;
  ClientId last_id_ = 0;
};

}  // namespace weft
