// SPDX-License-Identifier: Apache-2.0
// weft-load: containers that send to each other through a switch, and what came of it, as JSON. See
// docs/dev/performance.md for what the numbers mean.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "bench/load/memif_port.h"
#include "bench/load/null_switch.h"
#include "bench/load/packed_port.h"
#include "bench/load/packet_port.h"
#include "bench/load/round_trip.h"
#include "bench/load/split_port.h"
#include "bench/load/trial.h"
#include "core/base/text.h"
#include "core/worker/cpu_set.h"

ABSL_FLAG(bool, listen, false, "the containers listen on their sockets and the switch connects");
ABSL_FLAG(bool, huge, false, "the containers' memory is of 2 MiB pages");
ABSL_FLAG(std::string, ring, "split", "split, packed or packed-in-order (VIRTIO_F_IN_ORDER)");
ABSL_FLAG(uint16_t, ring_size, 1024, "descriptors in each ring, a power of two");
ABSL_FLAG(uint16_t, nic_queues, 1, "memif: queues of which the switch may send by any one");
ABSL_FLAG(uint32_t, burst, 256, "frames that a container sends or takes at a time");
ABSL_FLAG(std::vector<std::string>, size, {"64"},
          "bytes of a frame without check sequence, or a list to go through, or imix");
ABSL_FLAG(uint32_t, flows, 1, "flows of each sender");
ABSL_FLAG(std::string, work, "none",
          "none: the rings alone; read: receivers read every byte; verify: each frame is new and "
          "checked");
ABSL_FLAG(bool, latency, false, "with --work=verify: measure from writing a frame to reading it");
ABSL_FLAG(double, rate, 0, "frames a second and sender; 0: flat out");
ABSL_FLAG(double, seconds, 2, "how long to measure");
ABSL_FLAG(double, warmup, 0.5, "seconds before that; none with --work=verify");
ABSL_FLAG(std::string, senders, "both", "both, or only the first or the second of each pair");
ABSL_FLAG(double, search, 0, "RFC 2544: search the highest rate without loss, starting here");
ABSL_FLAG(int, core, -1, "core for the containers");
ABSL_FLAG(int, null_core, -1, "no switch but one on this core that only moves indexes");
ABSL_FLAG(std::vector<std::string>, round_trip, {}, "two cores: only measure between them");

namespace weft::load {
namespace {

using nlohmann::json;

constexpr const char* kUsage =
    "weft-load [flags] CONTAINER CONTAINER...\n\n"
    "Each CONTAINER is the path of a vhost-user socket, memif:PATH for the other end of a "
    "net_memif\n"
    "device that listens there, or if:NAME for a kernel interface. They are pairs: the first and "
    "the\n"
    "second send to each other, the third and the fourth, ...";

int Fail(const std::string& what) {
  std::fprintf(stderr, "weft-load: %s\n", what.c_str());
  return 1;
}

absl::StatusOr<Work> WorkOf(const std::string& name) {
  if (name == "none") return Work::kNone;
  if (name == "read") return Work::kRead;
  if (name == "verify") return Work::kVerify;
  return absl::InvalidArgumentError("--work is none, read or verify");
}

absl::StatusOr<Senders> SendersOf(const std::string& name) {
  if (name == "both") return Senders::kBoth;
  if (name == "first") return Senders::kFirst;
  if (name == "second") return Senders::kSecond;
  return absl::InvalidArgumentError("--senders is both, first or second");
}

absl::StatusOr<RingKind> RingKindOf(const std::string& name) {
  if (name == "split") return RingKind::kSplit;
  if (name == "packed") return RingKind::kPacked;
  if (name == "packed-in-order") return RingKind::kPackedInOrder;
  return absl::InvalidArgumentError("--ring is split, packed or packed-in-order");
}

absl::StatusOr<Mix> MixOf(const std::vector<std::string>& sizes, uint32_t flows) {
  if (flows == 0) return absl::InvalidArgumentError("--flows is at least 1");
  if (sizes == std::vector<std::string>{"imix"}) return Imix(flows);
  Mix mix{.sizes = {}, .flows = flows};
  for (const std::string& size : sizes) {
    const unsigned long bytes = std::strtoul(size.c_str(), nullptr, 10);
    if (bytes < kMinSize || bytes > kMaxSize) {
      return absl::InvalidArgumentError(
          Cat("--size is imix, or numbers from ", kMinSize, " to ", kMaxSize));
    }
    mix.sizes.push_back(static_cast<uint32_t>(bytes));
  }
  return mix;
}

json ToJson(const Result& result, bool verified) {
  json out{{"seconds", result.seconds},
           {"sent", result.sent},
           {"received", result.received},
           {"frames_per_second", result.rate()},
           {"blocked", result.blocked}};
  if (verified) {
    out["lost"] = result.tally.missing + (result.sent - result.tally.frames - result.tally.missing);
    out["corrupt"] = result.tally.corrupt;
    out["duplicate"] = result.tally.duplicate;
    out["reordered"] = result.tally.reordered;
  }
  return out;
}

json ToJson(const Histogram& latency) {
  const double microsecond = TicksPerSecond() / 1e6;
  const auto at = [&](double share) {
    return static_cast<double>(latency.Percentile(share)) / microsecond;
  };
  return {{"frames", latency.total()}, {"p50_us", at(0.5)},     {"p90_us", at(0.9)},
          {"p99_us", at(0.99)},        {"p99_9_us", at(0.999)}, {"max_us", at(1)}};
}

struct Stage {
  std::vector<std::unique_ptr<Port>> ports;
  std::vector<AnyRings> rings;  // of containers with rings
};

absl::StatusOr<Stage> MakeStage(const std::vector<std::string>& names,
                                const ContainerOptions& common) {
  Stage stage;
  for (uint32_t i = 0; i < names.size(); ++i) {
    ContainerOptions options = common;
    options.number = i;
    options.peer = i ^ 1;
    if (names[i].starts_with("if:")) {
      absl::StatusOr<std::unique_ptr<Port>> port = MakePacketPort(names[i].substr(3), options);
      if (!port.ok()) return port.status();
      stage.ports.push_back(*std::move(port));
      continue;
    }
    const bool memif = names[i].starts_with("memif:");
    options.socket = memif ? names[i].substr(6) : names[i];
    absl::StatusOr<AttachedPort> attached = memif ? MakeMemifPort(options)
                                            : options.kind == RingKind::kSplit
                                                ? MakeSplitPort(options)
                                                : MakePackedPort(options);
    if (!attached.ok()) return attached.status();
    stage.ports.push_back(std::move(attached->port));
    if (attached->rings) stage.rings.push_back(*std::move(attached->rings));
  }
  return stage;
}

int Run(std::vector<std::string> names) {
  const std::vector<std::string> cores = absl::GetFlag(FLAGS_round_trip);
  if (cores.size() == 2) {
    std::printf("%s\n",
                json{{"round_trip_ticks", RoundTrip(std::stoi(cores[0]), std::stoi(cores[1]))}}
                    .dump()
                    .c_str());
    return 0;
  }
  const int null_core = absl::GetFlag(FLAGS_null_core);
  if (null_core >= 0 && names.empty()) names = {"", ""};
  if (names.empty() || names.size() % 2 != 0) return Fail("containers come in pairs; see --help");
  const absl::StatusOr<Work> work = WorkOf(absl::GetFlag(FLAGS_work));
  if (!work.ok()) return Fail(MessageOf(work.status()));
  const absl::StatusOr<Mix> mix = MixOf(absl::GetFlag(FLAGS_size), absl::GetFlag(FLAGS_flows));
  if (!mix.ok()) return Fail(MessageOf(mix.status()));
  const absl::StatusOr<RingKind> kind = RingKindOf(absl::GetFlag(FLAGS_ring));
  if (!kind.ok()) return Fail(MessageOf(kind.status()));
  const absl::StatusOr<Senders> senders = SendersOf(absl::GetFlag(FLAGS_senders));
  if (!senders.ok()) return Fail(MessageOf(senders.status()));
  const uint16_t ring = absl::GetFlag(FLAGS_ring_size);
  if (ring < 2 || ring > 32768 || (ring & (ring - 1)) != 0)
    return Fail("--ring_size is a power of two from 2 to 32768");
  const bool verify = *work == Work::kVerify;
  if (const int core = absl::GetFlag(FLAGS_core); core >= 0)
    PinCallingThread({static_cast<uint16_t>(core)});

  const ContainerOptions common{.socket = {},
                                .listen = absl::GetFlag(FLAGS_listen),
                                .huge = absl::GetFlag(FLAGS_huge),
                                .kind = *kind,
                                .ring = ring,
                                .nic_queues = absl::GetFlag(FLAGS_nic_queues),
                                .burst = absl::GetFlag(FLAGS_burst),
                                .work = *work,
                                .stamp_time = verify && absl::GetFlag(FLAGS_latency),
                                .mix = *mix};
  absl::StatusOr<Stage> stage = MakeStage(names, common);
  if (!stage.ok()) return Fail(MessageOf(stage.status()));
  std::unique_ptr<NullSwitch> null_switch;
  if (null_core >= 0) {
    null_switch = std::make_unique<NullSwitch>(stage->rings[0], stage->rings[1], null_core);
  }

  const TrialOptions options{.seconds = absl::GetFlag(FLAGS_seconds),
                             .warmup = verify ? 0 : absl::GetFlag(FLAGS_warmup),
                             .rate = absl::GetFlag(FLAGS_rate),
                             .burst = absl::GetFlag(FLAGS_burst),
                             .senders = *senders};
  if (!verify && !AwaitTraffic(stage->ports, options)) return Fail("no frame arrives");
  json out;
  if (const double highest = absl::GetFlag(FLAGS_search); highest > 0) {
    double best = 0;
    for (const SearchStep& step : SearchNoLoss(stage->ports, options, highest)) {
      out["steps"].push_back({{"rate", step.rate}, {"sent", step.sent}, {"lost", step.lost}});
      if (step.lost == 0) best = step.rate;
    }
    out["no_loss_rate"] = best;
  } else {
    const TrialResult result = RunTrial(stage->ports, options);
    out["total"] = ToJson(result.total, verify);
    for (const Result& one : result.by_sender) out["by_sender"].push_back(ToJson(one, verify));
    for (const Histogram* one : result.latency) out["latency"].push_back(ToJson(*one));
  }
  std::printf("%s\n", out.dump().c_str());
  // Containers leave before NICs, which are named first where there are both: see MemifPort.
  null_switch.reset();
  while (!stage->ports.empty()) stage->ports.pop_back();
  return 0;
}

}  // namespace
}  // namespace weft::load

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(weft::load::kUsage);
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  return weft::load::Run({rest.begin() + 1, rest.end()});
}
