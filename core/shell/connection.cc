// SPDX-License-Identifier: Apache-2.0
#include "core/shell/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/shell/request.h"

namespace weft {

Connection::Connection(EventLoop& loop, UniqueFd fd, ConnectionLimits limits,
                       std::function<std::string(std::string_view)> answer,
                       std::function<void()> closed)
    : loop_(loop),
      fd_(std::move(fd)),
      limits_(limits),
      answer_(std::move(answer)),
      closed_(std::move(closed)) {
  loop_.Watch(fd_.get(), EPOLLIN, [this](uint32_t events) { OnReady(events); });
}

Connection::~Connection() {
  ClearDeadline();
  loop_.Unwatch(fd_.get());
}

// Bytes one by one do not move the deadline of a line; each byte that a client takes moves that of
// its answer.
void Connection::SetDeadline(Time delay) {
  ClearDeadline();
  deadline_ = loop_.After(delay, [this] {
    deadline_ = 0;
    if (output_.empty()) {
      Refuse(absl::StrFormat(
          "the request did not end within %d ms",
          std::chrono::duration_cast<std::chrono::milliseconds>(limits_.line_deadline).count()));
    }
    Close();
  });
}

void Connection::ClearDeadline() {
  if (deadline_ != 0) loop_.Cancel(std::exchange(deadline_, 0));
}

// One line a turn of the loop: a client that sends many at once shares the loop with the others.
void Connection::OnReady(uint32_t events) {
  if (!output_.empty()) {
    if (!WriteSome()) return Close();
  } else if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !HasLine()) {
    if (!ReadSome()) return Close();
  }
  if (output_.empty() && HasLine() && !AnswerLine()) return Close();
  const bool waiting = !output_.empty() || HasLine();
  if (!waiting && ended_) return Close();
  if (!waiting && input_.size() > limits_.line) {
    Refuse(absl::StrFormat("the request is longer than %d bytes", limits_.line));
    return Close();
  }
  // Level-triggered EPOLLOUT comes back at once for the next line that is already here.
  loop_.Rewatch(fd_.get(), waiting ? EPOLLOUT : EPOLLIN);
}

bool Connection::HasLine() const { return input_.find('\n') != std::string::npos; }

bool Connection::ReadSome() {
  std::array<char, 16 * 1024> bytes;
  const ssize_t got = recv(fd_.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) return errno == EAGAIN;
  if (got == 0) ended_ = true;
  if (input_.empty() && got > 0) SetDeadline(limits_.line_deadline);
  input_.append(bytes.data(), static_cast<size_t>(got));
  return true;
}

bool Connection::AnswerLine() {
  const size_t end = input_.find('\n');
  if (end > limits_.line) {
    Refuse(absl::StrFormat("the request is longer than %d bytes", limits_.line));
    return false;
  }
  output_ = answer_(std::string_view(input_).substr(0, end));
  if (output_.size() > limits_.answer) {
    output_ = ErrorAnswer(absl::StrFormat("the answer would have %d bytes, more than %d",
                                          output_.size(), limits_.answer));
  }
  output_.push_back('\n');
  input_.erase(0, end + 1);
  SetDeadline(limits_.write_deadline);
  return WriteSome();
}

bool Connection::WriteSome() {
  while (sent_ < output_.size()) {
    const ssize_t put =
        send(fd_.get(), output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN;
    sent_ += static_cast<size_t>(put);
    SetDeadline(limits_.write_deadline);
  }
  output_.clear();
  output_.shrink_to_fit();
  sent_ = 0;
  ClearDeadline();
  if (!input_.empty()) SetDeadline(limits_.line_deadline);
  return true;
}

// One try: whoever broke the rules is not waited for.
void Connection::Refuse(std::string_view error) {
  const std::string line = ErrorAnswer(error) + "\n";
  [[maybe_unused]] const ssize_t put =
      send(fd_.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Connection::Close() {
  ClearDeadline();
  loop_.Unwatch(fd_.get());
  // The callback destroys this object and with it the member that is being called.
  const std::function<void()> closed = closed_;
  closed();
}

}  // namespace weft
