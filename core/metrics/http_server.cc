// SPDX-License-Identifier: Apache-2.0
#include "core/metrics/http_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "core/base/unix_socket.h"

namespace weft {
namespace {

constexpr Time kPause = std::chrono::milliseconds(100);
constexpr mode_t kMode = 0660;

}  // namespace

HttpServer::HttpServer(EventLoop& loop, Handler handler, const HttpLimits& limits)
    : loop_(loop), handler_(std::move(handler)), limits_(limits) {}

HttpServer::~HttpServer() {
  while (!clients_.empty()) Drop(clients_.begin()->first);
  if (resume_ != 0) loop_.Cancel(resume_);
  if (listener_.valid()) loop_.Unwatch(listener_.get());
  if (!path_.empty()) unlink(path_.c_str());
}

absl::Status HttpServer::Listen(const InetAddress& address) {
  absl::StatusOr<UniqueFd> listener = ListenTcp(address);
  if (!listener.ok()) return listener.status();
  Serve(*std::move(listener));
  return absl::OkStatus();
}

absl::Status HttpServer::ListenAt(const std::string& path) {
  absl::StatusOr<UniqueFd> listener = weft::Listen(path, kMode);
  if (!listener.ok()) return listener.status();
  path_ = path;
  Serve(*std::move(listener));
  return absl::OkStatus();
}

void HttpServer::Serve(UniqueFd listener) {
  listener_ = std::move(listener);
  loop_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { Accept(); });
}

// One a turn of the loop: a flood of connections shares the loop with the ports.
void HttpServer::Accept() {
  UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.valid()) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      // The connection stays in the queue; without a pause the loop would spin on it.
      loop_.Rewatch(listener_.get(), 0);
      resume_ = loop_.After(kPause, [this] {
        resume_ = 0;
        loop_.Rewatch(listener_.get(), EPOLLIN);
      });
    }
    return;
  }
  if (clients_.size() >= limits_.clients) Drop(clients_.begin()->first);
  const ClientId id = ++last_id_;
  const int number = fd.get();
  clients_[id] = {.fd = std::move(fd),
                  .deadline = loop_.After(limits_.deadline, [this, id] { Drop(id); })};
  loop_.Watch(number, EPOLLIN, [this, id](uint32_t) { OnReady(id); });
  // A scraper's request is often there already; then no flood comes between.
  OnReady(id);
}

void HttpServer::OnReady(ClientId id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = found->second;
  bool stays = !client.head.empty() || Read(client);
  if (stays && !client.head.empty()) stays = Write(client);
  if (!stays) Drop(id);
}

bool HttpServer::Read(Client& client) {
  std::array<char, 4096> bytes;
  const ssize_t got = recv(client.fd.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  client.input.append(bytes.data(), static_cast<size_t>(got));
  const std::string_view input(client.input);
  const std::optional<size_t> length = HeadLength(input);
  if (length.value_or(input.size()) > limits_.head) {
    Answer(client, HttpSentence(431, "the request is too long"), true);
    return true;
  }
  if (!length) return true;
  const std::optional<HttpRequest> request = ParseRequest(input.substr(0, *length));
  if (!request) {
    Answer(client, HttpSentence(400, "this is no HTTP/1.1 request"), true);
  } else if (request->method != "GET" && request->method != "HEAD") {
    Answer(client, HttpSentence(405, "there is nothing here but to read"), true);
  } else {
    Answer(client, handler_(*request), request->method == "GET");
  }
  return true;
}

void HttpServer::Answer(Client& client, const HttpAnswer& answer, bool with_body) {
  client.head = HeadOf(answer);
  if (with_body) client.body = answer.body;
  client.input = std::string();
  loop_.Rewatch(client.fd.get(), EPOLLOUT);
}

bool HttpServer::Write(Client& client) {
  const std::string_view body = client.body == nullptr ? std::string_view() : *client.body;
  for (;;) {
    const bool in_head = client.sent < client.head.size();
    const std::string_view rest = in_head ? std::string_view(client.head).substr(client.sent)
                                          : body.substr(client.sent - client.head.size());
    if (rest.empty()) break;
    const int more = in_head && !body.empty() ? MSG_MORE : 0;
    const ssize_t put = send(client.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL | more);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno == EAGAIN;
    client.sent += static_cast<size_t>(put);
  }
  shutdown(client.fd.get(), SHUT_WR);
  return false;
}

void HttpServer::Drop(ClientId id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  loop_.Cancel(found->second.deadline);
  loop_.Unwatch(found->second.fd.get());
  clients_.erase(found);
}

}  // namespace weft
