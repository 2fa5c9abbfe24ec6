// SPDX-License-Identifier: Apache-2.0
#include "core/trace/capture_book.h"

#include <time.h>

#include <algorithm>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/trace/trace_book.h"

namespace weft {
namespace {

uint64_t NowSince1970() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

struct CaptureBook::Capture {
  explicit Capture(CaptureRequest asked)
      : rule(std::make_shared<const CaptureRule>(std::move(asked.rule))),
        of(std::move(asked.of)),
        tsc_hz(std::max<uint64_t>(asked.tsc_hz, 1)) {}

  // The wall's time of a TSC value.
  uint64_t TimeOf(uint64_t cycles) const {
    __extension__ using Wide = __int128;
    const auto since = static_cast<Wide>(cycles) - static_cast<Wide>(start_cycles);
    return static_cast<uint64_t>(static_cast<Wide>(start_time) +
                                 since * 1'000'000'000 / static_cast<Wide>(tsc_hz));
  }

  const std::shared_ptr<const CaptureRule> rule;
  const std::string of;
  const uint64_t tsc_hz;
  const uint64_t start_cycles = Cycles();
  const uint64_t start_time = NowSince1970();
  const std::shared_ptr<CaptureBudget> budget = std::make_shared<CaptureBudget>();
  Watcher::Taps taps;
  Time until{};
  Time last_read{};    // or when it started
  std::string ended;   // why; empty while it runs
  bool quiet = false;  // no worker has its taps any more
  PcapngWriter file{"weft"};
  // A number is another port's once the first is deleted; its name tells them apart.
  std::map<std::pair<PortId, std::string>, uint32_t> interfaces;
};

CaptureBook::CaptureBook(Watcher& watcher, const NodeCatalog& catalog, const PortTable& ports)
    : watcher_(watcher), catalog_(catalog), ports_(ports) {}

CaptureBook::~CaptureBook() = default;

absl::StatusOr<uint32_t> CaptureBook::Start(CaptureRequest request, Time now) {
  if (watcher_.graphs() == 0) return absl::FailedPreconditionError("no worker runs");
  if (captures_.size() >= kMaxCaptures) {
    return absl::ResourceExhaustedError(
        Cat(captures_.size(), " captures are there already; see: show captures, capture stop"));
  }
  const Time time = request.time;
  const auto capture = std::make_shared<Capture>(std::move(request));
  capture->last_read = now;
  capture->until = now + time;
  for (const auto& port : ports_.ports()) InterfaceOf(*capture, port->id);
  for (size_t i = 0; i < watcher_.graphs(); ++i) {
    capture->taps.push_back(
        std::make_shared<CaptureTap>(capture->rule, capture->budget, kRingSize));
  }
  watcher_.AddTaps(capture->taps);
  captures_[++last_number_] = capture;
  return last_number_;
}

absl::StatusOr<std::shared_ptr<CaptureBook::Capture>> CaptureBook::Find(uint32_t number) const {
  const auto found = captures_.find(number);
  if (found != captures_.end()) return found->second;
  return absl::NotFoundError(Cat("there is no capture ", number, "; see: show captures"));
}

void CaptureBook::End(const std::shared_ptr<Capture>& capture, std::string why) {
  if (!capture->ended.empty()) return;
  capture->ended = std::move(why);
  watcher_.RemoveTaps(capture->taps, [capture] { capture->quiet = true; });
}

absl::Status CaptureBook::Stop(uint32_t number) {
  const auto capture = Find(number);
  if (!capture.ok()) return capture.status();
  End(*capture, "stopped");
  return absl::OkStatus();
}

void CaptureBook::Tick(Time now) {
  for (const auto& [number, capture] : captures_) {
    const CaptureBudget& budget = *capture->budget;
    if (budget.packets.load(std::memory_order_relaxed) >= capture->rule->max_packets) {
      End(capture, "count");
    } else if (budget.bytes.load(std::memory_order_relaxed) >= capture->rule->max_bytes) {
      End(capture, "bytes");
    } else if (now >= capture->until) {
      End(capture, "seconds");
    }
  }
  // While it runs its own time limits what nobody reads.
  std::erase_if(captures_, [now](const auto& item) {
    const Capture& capture = *item.second;
    return !capture.ended.empty() && now >= std::max(capture.last_read, capture.until) + kKeep;
  });
}

uint64_t CaptureBook::Lost(const Capture& capture) {
  uint64_t lost = 0;
  for (const auto& tap : capture.taps) lost += tap->lost.value();
  return lost;
}

size_t CaptureBook::Oldest(const Capture& capture) {
  size_t oldest = capture.taps.size();
  uint64_t cycles = 0;
  for (size_t i = 0; i < capture.taps.size(); ++i) {
    const CapturedStep* const step = capture.taps[i]->ring().Front();
    if (step == nullptr || (oldest < i && step->cycles >= cycles)) continue;
    oldest = i;
    cycles = step->cycles;
  }
  return oldest;
}

uint32_t CaptureBook::InterfaceOf(Capture& capture, PortId port) const {
  const std::string name = port.valid() ? ports_.NameOf(port) : "none";
  const auto [place, is_new] = capture.interfaces.try_emplace({port, name}, 0);
  if (is_new) {
    std::string description;
    for (const auto& known : ports_.ports()) {
      if (known->id == port)
        description = Cat(known->kind, " port of weft, in bridge ", known->bridge);
    }
    place->second = capture.file.AddInterface(name, description, capture.rule->snap_length);
  }
  return place->second;
}

// Moves one step from a worker's ring to the file.
void CaptureBook::Write(Capture& capture, size_t worker) const {
  CapturedStep step;
  std::vector<uint8_t> bytes;
  capture.taps[worker]->ring().Pop(step, bytes);
  const NodeClass& node = catalog_.node(step.node);
  const bool leaves = node.kind == NodeKind::kOutput;
  using Direction = PcapngWriter::Direction;
  capture.file.Add(
      {.interface = InterfaceOf(capture, leaves ? step.out_port : step.in_port),
       .nanoseconds = capture.TimeOf(step.cycles),
       .length = step.length,
       .bytes = bytes,
       .comment = Cat(node.spec.name, ": ", VerdictText(node, step.verdict), "; worker ", worker,
                      ", ", step.since_poll, " cycles after the poll"),
       .direction = leaves ? Direction::kOutbound : Direction::kInbound});
}

absl::StatusOr<CaptureBook::Piece> CaptureBook::Read(uint32_t number, Time now) {
  const auto found = Find(number);
  if (!found.ok()) return found.status();
  Capture& capture = **found;
  capture.last_read = now;
  const bool last = capture.quiet;  // before the rings are looked at: nothing comes after it
  size_t worker = Oldest(capture);
  while (worker < capture.taps.size() && capture.file.size() < kPiece) {
    Write(capture, worker);
    worker = Oldest(capture);
  }
  Piece piece{.done = last && worker == capture.taps.size(),
              .packets = std::min(capture.budget->packets.load(), capture.rule->max_packets),
              .lost = Lost(capture)};
  if (piece.done && piece.lost != 0 && !capture.interfaces.empty()) {
    capture.file.AddLost(0, capture.TimeOf(Cycles()), piece.lost,
                         Cat(piece.lost, " packets of all interfaces found a worker's ring full"));
  }
  piece.pcapng = capture.file.Take();
  if (piece.done) captures_.erase(number);
  return piece;
}

std::vector<CaptureBook::Info> CaptureBook::List() const {
  std::vector<Info> list;
  for (const auto& [number, capture] : captures_) {
    const CaptureBudget& budget = *capture->budget;
    list.push_back({.number = number,
                    .of = capture->of,
                    .state = capture->ended.empty() ? "running" : Cat("ended: ", capture->ended),
                    .packets = std::min(budget.packets.load(), capture->rule->max_packets),
                    .bytes = budget.bytes.load(),
                    .lost = Lost(*capture)});
  }
  return list;
}

}  // namespace weft
