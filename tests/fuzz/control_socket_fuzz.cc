// SPDX-License-Identifier: Apache-2.0
// Links: weft_shell
// A client of the control socket that sends any bytes in any pieces, reads when it likes or never,
// and stops in the middle. Whatever it does: each line is answered once and in order, no more than
// a line and what came with it is held, and no answer is made before the one ahead of it is on its
// way.
//
// The input is a list of steps, a byte each; see Step. Its highest bit: weftd has a turn before
// the step is made.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/event_loop.h"
#include "core/shell/command_table.h"
#include "core/shell/connection.h"
#include "core/shell/request.h"
#include "tests/fuzz/input.h"

namespace weft {
namespace {

using fuzz::InputReader;
using fuzz::Require;

constexpr size_t kLine = 200, kAnswer = 2'000;
constexpr size_t kRead = 16 * 1024;  // what a connection reads at once
constexpr size_t kMostSent = 3 * kRead;

CommandTable& Commands() {
  static CommandTable* const commands = [] {
    auto* table = new CommandTable;
    Command echo{.words = "echo",
                 .arguments = {{.name = "text", .kind = ArgumentKind::kRest, .help = "any words"}},
                 .help = "Says it again.",
                 .run = [](const Arguments& a) -> absl::StatusOr<Reply> {
                   return Reply(std::string(a.Text("text")));
                 }};
    Command big{.words = "big",
                .arguments = {{.name = "bytes", .kind = ArgumentKind::kCount, .help = "how many"}},
                .help = "Says much.",
                .run = [](const Arguments& a) -> absl::StatusOr<Reply> {
                  if (a.Count("bytes") > 4'000) return absl::InvalidArgumentError("too many");
                  return Reply(std::string(a.Count("bytes"), 'x'));
                }};
    Require(table->Add(std::move(echo), "fuzz").ok() && table->Add(std::move(big), "fuzz").ok());
    return table;
  }();
  return *commands;
}

constexpr std::array<std::string_view, 8> kRequests{
    R"({"command":"echo a b"})",
    R"({"command":"big 1500"})",
    R"({"command":"big 3000","format":"text","width":40})",
    R"({"complete":"e"})",
    R"({"command":"help","format":"text","width":10001})",
    R"({"command":"echo","complete":"b","nonsense":[{}]})",
    R"({"command":7})",
    R"(["command"])"};

// Bytes that wait in a socket for whoever has `fd`.
size_t Waiting(int fd) {
  if (fd < 0) return 0;  // nobody
  int bytes = 0;
  Require(ioctl(fd, FIONREAD, &bytes) == 0, "FIONREAD");
  return static_cast<size_t>(bytes);
}

class Client {
 public:
  // `hasty`: weftd's patience is over at the end of each turn.
  explicit Client(bool hasty) : hasty_(hasty) {
    std::array<int, 2> ends{};
    Require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    ours_ = UniqueFd(ends[0]);
    theirs_ = ends[1];
    const int small = 1;  // the least that there is
    for (const int fd : ends) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    const Time patience = hasty ? Time::zero() : std::chrono::hours(1);
    connection_ = std::make_unique<Connection>(
        loop_, UniqueFd(theirs_),
        ConnectionLimits{.line = kLine,
                         .answer = kAnswer,
                         .line_deadline = patience,
                         .write_deadline = patience},
        [this](std::string_view line) { return Answer(line); }, [this] { connection_.reset(); });
  }

  void Run(InputReader& input) {
    while (!input.empty()) Step(input);
    if (connection_ != nullptr) Finish();
    ReadAll();
    CheckReceived();
  }

 private:
  void Step(InputReader& input) {
    const uint8_t control = input.Byte();
    if ((control & 0x80) != 0) Turn();
    switch (control & 7) {
      case 0:
        Turn();
        break;
      case 1: {
        const auto bytes = input.Bytes(input.Byte());
        Send(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
        break;
      }
      case 2:
        Send(kRequests[control >> 3 & 7]);
        break;
      case 3:
        Send("\n");
        break;
      case 4: {
        const char filler = static_cast<char>(input.Byte());
        // Longer than a line can be; or, of empty ones, some.
        Send(std::string(input.Short() % (filler == '\n' ? 64U : 2 * kRead), filler));
        break;
      }
      case 5:
        Read(size_t{input.Byte()} * 16);
        break;
      case 6:
        Send(Cat(kRequests[control >> 3 & 7]));
        break;
      default:
        if ((control & 0x78) == 0x78) {
          shutdown(ours_.get(), SHUT_WR);
          done_ = true;
        } else if ((control & 0x78) == 0x70) {  // and hears no more
          shutdown(ours_.get(), SHUT_RDWR);
          done_ = deaf_ = true;
        } else if ((control & 0x78) == 0x68) {  // and is gone, with what it has not read
          ours_.reset();
          done_ = deaf_ = true;
        }
    }
  }
  // A request and its end.
  static std::string Cat(std::string_view request) { return std::string(request) + "\n"; }

  // What weftd makes of a line.
  std::string Answer(std::string_view line) {
    const size_t end = sent_.find('\n', taken_);
    Require(
        end != std::string::npos && line == std::string_view(sent_).substr(taken_, end - taken_),
        "lines are answered in order");
    Require(line.size() <= kLine, "a line that is too long");
    Require(deaf_ || expected_.size() == received_.size() + Waiting(ours_.get()),
            "one answer at a time is held");
    taken_ = end + 1;
    std::string answer = AnswerRequest(Commands(), line);
    CheckAnswer(answer);
    expected_ += answer.size() <= kAnswer
                     ? answer
                     : ErrorAnswer("the answer would have " + std::to_string(answer.size()) +
                                   " bytes, more than " + std::to_string(kAnswer));
    expected_ += '\n';
    return answer;
  }

  static void CheckAnswer(const std::string& answer) {
    Require(answer.find('\n') == std::string::npos, "an answer is a line");
    const auto json = nlohmann::json::parse(answer, nullptr, /*allow_exceptions=*/false);
    Require(json.is_object() && json.size() == 2 && json["ok"].is_boolean(), "an answer is JSON");
    if (json["ok"]) {
      Require(json.contains("data") || json.contains("text") || json.contains("reply"),
              "an answer says something");
    } else {
      Require(json["error"].is_string() && json["error"] != "", "an error says what is wrong");
    }
  }

  void Send(std::string_view bytes) {
    bytes = bytes.substr(0, kMostSent - sent_.size());
    while (!bytes.empty() && !done_) {
      const ssize_t put = send(ours_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put < 0) {
        Require(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET, "send");
        if (errno != EAGAIN) return;
        // Its buffer is full: weftd reads on, or waits for us.
        const size_t before = taken_ + Held();
        Turn();
        if (connection_ == nullptr || taken_ + Held() == before) return;
        continue;
      }
      sent_.append(bytes.substr(0, static_cast<size_t>(put)));
      bytes.remove_prefix(static_cast<size_t>(put));
    }
  }

  void Read(size_t most) {
    std::array<char, 4'096> bytes;
    while (most > 0 && ours_.valid()) {
      const ssize_t got = recv(ours_.get(), bytes.data(), std::min(most, bytes.size()), 0);
      if (got <= 0) {
        Require(got == 0 || errno == EAGAIN || errno == ECONNRESET, "recv");
        return;
      }
      received_.append(bytes.data(), static_cast<size_t>(got));
      most -= static_cast<size_t>(got);
    }
  }
  void ReadAll() { Read(size_t{1} << 30); }

  // Bytes of requests that weftd has read and not answered.
  size_t Held() const {
    return connection_ == nullptr ? 0 : sent_.size() - Waiting(theirs_) - taken_;
  }

  void Turn() {
    loop_.RunOnce(Time::zero());
    Require(Held() <= kLine + kRead, "what a connection holds");
  }

  // Takes all answers, until nothing moves any more.
  void Finish() {
    for (;;) {
      const size_t before = received_.size() + taken_ + Held();
      ReadAll();
      Turn();
      if (connection_ == nullptr) return;
      if (received_.size() + taken_ + Held() == before && Waiting(ours_.get()) == 0) break;
    }
    Require(Waiting(theirs_) == 0, "weftd reads what there is");
    Require(sent_.find('\n', taken_) == std::string::npos, "each line is answered");
    Require(sent_.size() - taken_ <= kLine && !done_, "a connection that should have ended");
  }

  void CheckReceived() const {
    const std::string_view received(received_);
    if (deaf_ && expected_.starts_with(received)) return;  // it may have been cut off before that
    if (connection_ != nullptr) return Require(received == expected_, "each answer comes, once");
    // Its end: what fitted of a last sentence. All answers were sent before it.
    if (received.size() < expected_.size()) {
      Require(hasty_ && expected_.starts_with(received), "answers until the end");
      return;
    }
    Require(received.starts_with(expected_), "answers");
    const std::string too_long =
        ErrorAnswer("the request is longer than " + std::to_string(kLine) + " bytes") + "\n";
    const std::string too_slow = ErrorAnswer("the request did not end within 0 ms") + "\n";
    const std::string_view last = received.substr(expected_.size());
    const size_t end = sent_.find('\n', taken_);
    const size_t length = (end == std::string::npos ? sent_.size() : end) - taken_;
    if (length > kLine && too_long.starts_with(last)) return;
    if (hasty_ && too_slow.starts_with(last)) return;
    Require(done_ && last.empty() && end == std::string::npos, "an end without a reason");
  }

  const bool hasty_;
  EventLoop loop_;
  UniqueFd ours_;
  int theirs_ = -1;  // the connection's
  std::unique_ptr<Connection> connection_;
  std::string sent_;      // by us, all of it
  size_t taken_ = 0;      // bytes of it that were lines
  std::string expected_;  // every answer so far
  std::string received_;
  bool done_ = false;  // we send no more
  bool deaf_ = false;  // and read no more
};

}  // namespace
}  // namespace weft

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weft::fuzz::InputReader input(data, size);
  weft::Client(input.Byte() % 8 == 7).Run(input);
  return 0;
}
