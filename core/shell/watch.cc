// SPDX-License-Identifier: Apache-2.0
#include "core/shell/watch.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/clock.h"
#include "core/shell/pager.h"
#include "core/shell/rates.h"
#include "core/shell/utf8.h"

namespace weft {
namespace {

constexpr double kSeconds = 2;          // between rounds
constexpr double kMaxSeconds = 86'400;  // a day
// ECMA-48: CUP to the top left, EL to the end of the line, ED to the end of the screen.
constexpr std::string_view kHome = "\x1b[H";
constexpr std::string_view kEndLine = "\x1b[K\n";
constexpr std::string_view kEndScreen = "\x1b[J";

// False if a signal came.
bool Sleep(Time time) {
  time = std::max(time, Time::zero());  // it may be late already
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  timespec left{.tv_sec = seconds.count(), .tv_nsec = (time - seconds).count()};
  return nanosleep(&left, nullptr) == 0;
}

std::string ClockTime() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  char text[16] = "";
  localtime_r(&now, &local);
  std::strftime(text, sizeof(text), "%H:%M:%S", &local);
  return text;
}

struct Sample {
  Reply reply;
  Time when{};
};

class WatchRounds {
 public:
  WatchRounds(std::string line, double seconds, const Display& display, std::string_view where)
      : line_(std::move(line)), seconds_(seconds), display_(display), where_(where) {
    display_.pager.clear();  // it would wait for a key
  }

  int Run(ControlClient& client, uint64_t rounds) {
    const MonotonicClock clock;
    const auto period = std::chrono::duration_cast<Time>(std::chrono::duration<double>(seconds_));
    Time next = clock.Now();
    for (uint64_t round = 1;; ++round) {
      absl::StatusOr<Reply> reply = client.Ask(line_);
      if (absl::IsCancelled(reply.status())) return Leave();
      if (!reply.ok()) return Fail(reply.status(), display_, where_);
      Sample sample{*std::move(reply), clock.Now()};
      const int status = Show(sample);
      if (status != kExitDone || round == rounds) return status;
      before_ = std::move(sample);
      // A round that took long does not make the next ones come at once.
      next = std::max(next + period, clock.Now());
      if (!Sleep(next - clock.Now())) return Leave();
    }
  }

 private:
  // By Ctrl-C, which a terminal shows where the cursor is.
  int Leave() const { return display_.height == 0 ? kExitDone : Print("\n", display_, where_); }

  Reply Rates(const Sample& sample, RateColumns where) const {
    if (!before_) return WithRates(Reply(std::string()), sample.reply, 0, where);
    const std::chrono::duration<double> passed = sample.when - before_->when;
    return WithRates(before_->reply, sample.reply, passed.count(), where);
  }

  int Show(const Sample& sample) {
    if (display_.json)
      return Print(ToJson(Rates(sample, RateColumns::kBeside)) + "\n", display_, where_);
    const std::string title =
        absl::StrFormat("%s   every %g s, %s\n", Printable(line_), seconds_, ClockTime());
    std::string text = RenderText(Rates(sample, RateColumns::kBeside), 0);
    // Where there is no room for both, the rate is what one watches for.
    const size_t rows = RowsOf(text, 0);
    const bool both = display_.width == 0 || RowsOf(text, display_.width) == rows;
    const Reply rates = Rates(sample, both ? RateColumns::kBeside : RateColumns::kInstead);
    text = RenderText(rates, display_.width, display_.colour);
    if (display_.height == 0) {
      text = (before_ ? "\n" : "") + title + text;
      return Print(text, display_, where_);
    }
    return Print(Painted(title + "\n" + text), display_, where_);
  }

  // As many lines as the screen has, each over what was there. Nothing is cleared before it is
  // written, so nothing flickers.
  std::string Painted(std::string_view text) const {
    std::string out(before_ ? kHome : "\x1b[H\x1b[2J");
    size_t rows = 0;
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      rows += std::max<size_t>(RowsOf(line, display_.width), 1);
      if (rows >= display_.height) break;
      out.append(line).append(kEndLine);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (!text.empty()) out.append("...\x1b[K\r");
    return out.append(kEndScreen);
  }

  const std::string line_;
  const double seconds_;
  Display display_;
  const std::string_view where_;
  std::optional<Sample> before_;
};

}  // namespace

int RunWatch(ControlClient& client, const Arguments& arguments, const Display& display,
             std::string_view where) {
  const double seconds = arguments.Number("-n", kSeconds);
  if (seconds < 0.1 || seconds > kMaxSeconds) {
    return Fail(absl::InvalidArgumentError("-n is 0.1 to 86400 seconds"), display, where);
  }
  if (arguments.Has("-c") && arguments.Count("-c") == 0) {
    return Fail(absl::InvalidArgumentError("-c is at least 1 round"), display, where);
  }
  return WatchRounds(std::string(arguments.Text("command")), seconds, display, where)
      .Run(client, arguments.Count("-c"));
}

}  // namespace weft
