// SPDX-License-Identifier: Apache-2.0
// One client of the control socket. Reads a line, answers it, and reads on when the answer is sent:
// so at most one answer is held, and a client that does not read stalls only itself. Owned by
// ControlServer; control thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/event_loop.h"
#include "core/base/unique_fd.h"

namespace weft {

// What one client may take.
struct ConnectionLimits {
  size_t line = 64 * 1024;                         // bytes of a request
  size_t answer = 16 * 1024 * 1024;                // bytes of an answer
  Time line_deadline = std::chrono::seconds(10);   // from a request's first byte to its last
  Time write_deadline = std::chrono::seconds(30);  // for a client to take anything of an answer
};

class Connection {
 public:
  // `answer` turns a request's line into the answer's. `closed` is called once, when the client is
  // gone or cut off; it may destroy the connection.
  Connection(EventLoop& loop, UniqueFd fd, ConnectionLimits limits,
             std::function<std::string(std::string_view)> answer, std::function<void()> closed);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

 private:
  void OnReady(uint32_t events);
  bool HasLine() const;
  // False when the connection is to be closed.
  bool ReadSome();
  bool AnswerLine();
  bool WriteSome();
  void Refuse(std::string_view error);
  void Close();
  void SetDeadline(Time delay);
  void ClearDeadline();

  EventLoop& loop_;
  UniqueFd fd_;
  const ConnectionLimits limits_;
  const std::function<std::string(std::string_view)> answer_;
  const std::function<void()> closed_;
  std::string input_;   // at most one line and what came with it
  std::string output_;  // the answer under way
  size_t sent_ = 0;     // bytes of output_
  bool ended_ = false;  // the client will send no more
  EventLoop::TimerId deadline_ = 0;
};

}  // namespace weft
