// SPDX-License-Identifier: Apache-2.0
#include "core/shell/client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/unix_socket.h"
#include "core/shell/typed_reply.h"

namespace weft {
namespace {

using OrderedJson = nlohmann::ordered_json;

Time Now() { return MonotonicClock().Now(); }

std::string Dump(const OrderedJson& json, int indent = -1) {
  return json.dump(indent, ' ', false, OrderedJson::error_handler_t::replace);
}

absl::Status NotOurProtocol() {
  return absl::InternalError("the answer is not one of weftd; is something else listening there?");
}

// The answer as an object with "ok": true, or the error in it.
absl::StatusOr<OrderedJson> Unpack(const absl::StatusOr<std::string>& line) {
  if (!line.ok()) return line.status();
  OrderedJson json = OrderedJson::parse(*line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("ok") || !json["ok"].is_boolean()) {
    return NotOurProtocol();
  }
  if (json["ok"].get<bool>()) return json;
  if (!json.contains("error") || !json["error"].is_string()) return NotOurProtocol();
  return absl::InvalidArgumentError(json["error"].get<std::string>());
}

}  // namespace

ControlClient::ControlClient(std::string path, Time patience)
    : path_(std::move(path)), patience_(patience) {}

absl::StatusOr<Reply> ControlClient::Ask(std::string_view command) {
  const absl::StatusOr<OrderedJson> answer =
      Unpack(Exchange(Dump({{"command", std::string(command)}, {"format", "typed"}})));
  if (!answer.ok()) return answer.status();
  if (!answer->contains("reply")) return NotOurProtocol();
  absl::StatusOr<Reply> reply = FromTyped(answer->at("reply"));
  if (!reply.ok()) return NotOurProtocol();
  return reply;
}

absl::StatusOr<std::string> ControlClient::Data(const char* key, std::string_view line) {
  OrderedJson request = OrderedJson::object();
  request[key] = std::string(line);
  const absl::StatusOr<OrderedJson> answer = Unpack(Exchange(Dump(request)));
  if (!answer.ok()) return answer.status();
  if (!answer->contains("data")) return NotOurProtocol();
  return Dump(answer->at("data"), 2) + "\n";
}

absl::StatusOr<std::string> ControlClient::Json(std::string_view command) {
  return Data("command", command);
}

absl::StatusOr<std::string> ControlClient::Schema(std::string_view command) {
  return Data("schema", command);
}

absl::StatusOr<Completion> ControlClient::Complete(std::string_view line) {
  const absl::StatusOr<OrderedJson> answer =
      Unpack(Exchange(Dump({{"complete", std::string(line)}})));
  if (!answer.ok()) return answer.status();
  const auto none = OrderedJson::object();
  const OrderedJson data = answer->value("data", none);
  if (!data.is_object() || !data.contains("start") || !data["start"].is_number_unsigned() ||
      !data.contains("candidates") || !data["candidates"].is_array()) {
    return NotOurProtocol();
  }
  Completion completion{.start = std::min(data["start"].get<size_t>(), line.size()),
                        .candidates = {}};
  for (const OrderedJson& candidate : data["candidates"]) {
    const auto is = [&](const char* key, OrderedJson::value_t type) {
      return candidate.contains(key) && candidate[key].type() == type;
    };
    if (!is("text", OrderedJson::value_t::string) || !is("help", OrderedJson::value_t::string) ||
        !is("placeholder", OrderedJson::value_t::boolean)) {
      return NotOurProtocol();
    }
    completion.candidates.push_back({candidate["text"].get<std::string>(),
                                     candidate["help"].get<std::string>(),
                                     candidate["placeholder"].get<bool>()});
  }
  return completion;
}

absl::Status ControlClient::EnsureConnected() {
  if (fd_.valid()) {
    // The daemon says nothing unasked: what can be read now is the end of the connection, or the
    // reason why it refused us.
    pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, 0) == 0) return absl::OkStatus();
    fd_.reset();
  }
  absl::StatusOr<UniqueFd> fd = Connect(path_);
  if (fd.ok()) {
    fd_ = *std::move(fd);
    return absl::OkStatus();
  }
  if (absl::IsNotFound(fd.status()) || absl::IsUnavailable(fd.status())) {
    return absl::UnavailableError(absl::StrFormat(
        "no weftd answers: %s. Start it with \"weftd startup.conf\", or name its control socket "
        "with -s or WEFT_SOCKET",
        std::string(fd.status().message())));
  }
  return fd.status();
}

absl::StatusOr<std::string> ControlClient::Exchange(const std::string& request) {
  if (absl::Status status = EnsureConnected(); !status.ok()) return status;
  const Time until = Now() + patience_;
  // A daemon that refuses us answers before it reads: a failed send is not yet the end.
  const absl::Status sent = Send(request + "\n", until);
  const bool read_on = sent.ok() || absl::IsUnavailable(sent);
  absl::StatusOr<std::string> line = read_on ? ReceiveLine(until) : sent;
  if (!line.ok()) fd_.reset();
  return line;
}

absl::Status ControlClient::WaitFor(short events, Time until) const {
  const Time left = std::max(until - Now(), Time::zero());
  pollfd waiting{.fd = fd_.get(), .events = events, .revents = 0};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  const int ready = poll(&waiting, 1, static_cast<int>(milliseconds));
  if (ready < 0 && errno == EINTR) return absl::CancelledError("interrupted");
  if (ready < 0) return absl::ErrnoToStatus(errno, "cannot wait for weftd");
  if (ready == 0) {
    return absl::DeadlineExceededError(
        absl::StrFormat("weftd at \"%s\" did not answer within %d s", path_,
                        std::chrono::duration_cast<std::chrono::seconds>(patience_).count()));
  }
  return absl::OkStatus();
}

absl::Status ControlClient::Send(std::string_view line, Time until) {
  while (!line.empty()) {
    if (absl::Status status = WaitFor(POLLOUT, until); !status.ok()) return status;
    const ssize_t put = send(fd_.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && errno == EAGAIN) continue;
    if (put < 0) return absl::UnavailableError("weftd closed the connection");
    line.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ControlClient::ReceiveLine(Time until) {
  std::string line;
  std::array<char, 64 * 1024> bytes;
  while (line.empty() || line.back() != '\n') {
    if (absl::Status status = WaitFor(POLLIN, until); !status.ok()) return status;
    const ssize_t got = recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) continue;
    if (got <= 0) return absl::UnavailableError("weftd closed the connection");
    line.append(bytes.data(), static_cast<size_t>(got));
  }
  return line;
}

}  // namespace weft
