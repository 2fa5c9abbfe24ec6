// SPDX-License-Identifier: Apache-2.0
#include "core/shell/capture_client.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "core/base/unique_fd.h"
#include "core/shell/client_commands.h"
#include "core/shell/utf8.h"

namespace weft {
namespace {

using Json = nlohmann::json;

constexpr int kPauseMs = 50;  // between two readings of a capture that has nothing new

// SIGINT and SIGTERM as something that can be waited for, while it lives.
class EndSignals {
 public:
  EndSignals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &before_);
    fd_ = UniqueFd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  }
  ~EndSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

  enum class Event : uint8_t { kNone, kSignal, kReaderGone };
  // What happens within that time. `out` is what we write to: of a pipe whose reader has gone
  // nobody would hear otherwise while there is nothing to write.
  Event WaitFor(int milliseconds, int out) const {
    pollfd waiting[] = {{.fd = fd_.get(), .events = POLLIN, .revents = 0},
                        {.fd = out, .events = 0, .revents = 0}};
    if (poll(waiting, 2, milliseconds) <= 0) return Event::kNone;
    signalfd_siginfo info{};
    if (read(fd_.get(), &info, sizeof(info)) == sizeof(info)) return Event::kSignal;
    return (waiting[1].revents & POLLERR) != 0 ? Event::kReaderGone : Event::kNone;
  }

 private:
  sigset_t before_{};
  UniqueFd fd_;
};

// A reader that has gone is no signal but an error of write, while it lives.
class NoSigpipe {
 public:
  NoSigpipe() : before_(signal(SIGPIPE, SIG_IGN)) {}
  ~NoSigpipe() { signal(SIGPIPE, before_); }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sighandler_t before_;
};

absl::StatusOr<Json> Ask(ControlClient& client, const std::string& line) {
  const absl::StatusOr<std::string> answer = client.Json(line);
  if (!answer.ok()) return answer.status();
  return Json::parse(*answer, nullptr, /*allow_exceptions=*/false);
}

absl::Status NotACapture() {
  return absl::InternalError("the answer is none about a capture; is weftd of another version?");
}

// Writes all of it. Cancelled: nobody reads there any more.
absl::Status WriteAll(int out, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(out, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EPIPE) return absl::CancelledError("nobody reads the capture");
    if (put < 0) return absl::ErrnoToStatus(errno, "cannot write the capture");
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

struct Piece {
  bool done = false;
  std::string bytes;
};

absl::StatusOr<Piece> ReadPiece(ControlClient& client, uint64_t number, CaptureResult& result) {
  const auto json = Ask(client, absl::StrFormat("capture read %d", number));
  if (!json.ok()) return json.status();
  const auto is = [&](const char* key, Json::value_t type) {
    return json->is_object() && json->contains(key) && json->at(key).type() == type;
  };
  Piece piece;
  if (!is("done", Json::value_t::boolean) || !is("pcapng", Json::value_t::string) ||
      !is("packets", Json::value_t::number_unsigned) ||
      !is("lost", Json::value_t::number_unsigned) ||
      !absl::Base64Unescape(json->at("pcapng").get<std::string>(), &piece.bytes)) {
    return NotACapture();
  }
  piece.done = json->at("done").get<bool>();
  result.packets = json->at("packets").get<uint64_t>();
  result.lost = json->at("lost").get<uint64_t>();
  return piece;
}

}  // namespace

absl::StatusOr<CaptureResult> RunCapture(ControlClient& client,
                                         const std::vector<std::string>& words,
                                         const std::function<absl::StatusOr<UniqueFd>()>& open) {
  const EndSignals signals;
  const NoSigpipe no_sigpipe;
  std::vector<std::string> start{"capture", "start"};
  start.insert(start.end(), words.begin(), words.end());
  const auto started = Ask(client, LineOf(start));
  if (!started.ok()) return started.status();
  if (!started->is_object() || !started->contains("capture") ||
      !started->at("capture").is_number_unsigned()) {
    return NotACapture();
  }
  const auto number = started->at("capture").get<uint64_t>();
  const std::string stop = absl::StrFormat("capture stop %d", number);
  const absl::StatusOr<UniqueFd> out = open();
  if (!out.ok()) {
    Ask(client, stop).status().IgnoreError();  // it would end by itself
    return out.status();
  }
  CaptureResult result;
  bool stopped = false;
  for (;;) {
    const absl::StatusOr<Piece> piece = ReadPiece(client, number, result);
    if (!piece.ok()) return piece.status();
    const absl::Status written = WriteAll(out->get(), piece->bytes);
    const auto event = written.ok() && !piece->done
                           ? signals.WaitFor(piece->bytes.empty() ? kPauseMs : 0, out->get())
                           : EndSignals::Event::kNone;
    result.reader_gone = absl::IsCancelled(written) || event == EndSignals::Event::kReaderGone;
    if (!written.ok() || result.reader_gone) {
      Ask(client, stop).status().IgnoreError();
      return result.reader_gone ? absl::StatusOr<CaptureResult>(result) : written;
    }
    if (piece->done) return result;
    if (event == EndSignals::Event::kNone || stopped) continue;
    stopped = true;
    if (const auto answer = Ask(client, stop); !answer.ok()) return answer.status();
  }
}

int RunCaptureCommand(ControlClient& client, const Arguments& arguments, const Display& display,
                      std::string_view where) {
  const std::string file(arguments.Text("-w", "-"));
  const int own = fileno(display.out);
  if (file == "-" && (display.json || isatty(own) != 0)) {
    return Fail(absl::FailedPreconditionError(
                    display.json ? "a capture is no JSON; name a file for it with -w"
                                 : "a capture is no text for a terminal; name a file with -w, or "
                                   "write to a pipe"),
                display, where);
  }
  std::vector<std::string> words;
  for (const Argument& argument : CaptureArguments()) {
    if (!arguments.Has(argument.name)) continue;
    words.emplace_back(argument.name);
    words.push_back(argument.kind == ArgumentKind::kCount
                        ? absl::StrFormat("%d", arguments.Count(argument.name))
                        : std::string(arguments.Text(argument.name)));
  }
  std::fflush(display.out);
  const auto result = RunCapture(client, words, [&]() -> absl::StatusOr<UniqueFd> {
    UniqueFd out(file == "-" ? fcntl(own, F_DUPFD_CLOEXEC, 0)
                             : open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (out.valid()) return out;
    return absl::ErrnoToStatus(errno, absl::StrFormat("cannot write \"%s\"", Printable(file)));
  });
  if (!result.ok()) return Fail(result.status(), display, where);
  if (display.json) {
    const std::vector<Column> columns = CaptureColumns();
    return PrintReply(Record{{{columns[0], result->packets}, {columns[1], result->lost}}}, display,
                      where);
  }
  absl::FPrintF(display.err, "%d packets captured, %d lost\n", result->packets, result->lost);
  return kExitDone;
}

}  // namespace weft
