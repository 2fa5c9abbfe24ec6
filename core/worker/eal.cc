// SPDX-License-Identifier: Apache-2.0
#include "core/worker/eal.h"

#include <rte_alarm.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_mempool.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <future>

#include "core/base/log.h"
#include "core/base/text.h"
#include "core/worker/cpu_set.h"
#include "core/worker/eal_memory.h"

namespace weft {
namespace {

constexpr uint64_t kMegabyte = 1 << 20;

bool Has(const std::vector<std::string>& arguments, std::string_view wanted) {
  return std::any_of(arguments.begin(), arguments.end(),
                     [&](const std::string& argument) { return argument.starts_with(wanted); });
}

// The descriptor of EAL's log, or -1. A signal handler has no `this`.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see above
constinit std::atomic<int> eal_log{-1};

// EAL aborts when a thread of its own cannot begin (rte_panic), and its reason would be in a file
// that nobody has read.
void ShowLog(int) {
  char text[4096];
  const ssize_t size = pread(eal_log, text, sizeof(text), 0);
  constexpr std::string_view kSentence = "weftd: DPDK gives up; its log:\n";
  [[maybe_unused]] ssize_t put = write(STDERR_FILENO, kSentence.data(), kSentence.size());
  if (size > 0) put = write(STDERR_FILENO, text, static_cast<size_t>(size));
}

// EAL logs to a file of ours, so that a failure can say why and a start says nothing.
class EalLog {
 public:
  explicit EalLog(bool pass_on) : file_(pass_on ? nullptr : tmpfile()) {
    if (file_ == nullptr) return;
    rte_openlog_stream(file_);
    eal_log = fileno(file_);
    struct sigaction action {};
    action.sa_handler = ShowLog;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGABRT, &action, &before_);
  }
  ~EalLog() {
    if (file_ == nullptr) return;
    sigaction(SIGABRT, &before_, nullptr);
    eal_log = -1;
    rte_openlog_stream(nullptr);
    std::fclose(file_);
  }
  EalLog(const EalLog&) = delete;
  EalLog& operator=(const EalLog&) = delete;

  // The last lines, joined.
  std::string Tail() const {
    if (file_ == nullptr) return "see above";
    std::fflush(file_);
    std::rewind(file_);
    std::vector<std::string> lines;
    char line[512];
    while (std::fgets(line, sizeof(line), file_) != nullptr) {
      std::string text(line);
      while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
      if (!text.empty()) lines.push_back(text);
    }
    if (lines.size() > 3) lines.erase(lines.begin(), lines.end() - 3);
    return lines.empty() ? "it gave no reason" : Join(lines, "; ");
  }

 private:
  std::FILE* file_;
  struct sigaction before_ {};  // what SIGABRT did
};

}  // namespace

std::vector<std::string> EalArguments(const EalOptions& options) {
  std::vector<std::string> arguments = {"weftd"};
  // EAL wants a main core of its own; nothing runs there, workers are our threads.
  const std::vector<uint16_t> cores = AvailableCores();
  const std::string core = std::to_string(cores.empty() ? 0 : cores.front());
  if (!Has(options.extra, "-l") && !Has(options.extra, "--lcores") && !Has(options.extra, "-c")) {
    arguments.insert(arguments.end(), {"-l", core});
  }
  if (!Has(options.extra, "--file-prefix")) {
    arguments.push_back(Cat("--file-prefix=weft-", static_cast<uint64_t>(getpid())));
  }
  arguments.insert(arguments.end(), {"--no-telemetry", "--no-shconf"});
  if (options.pci_devices.empty()) {
    arguments.emplace_back("--no-pci");
    // No hardware reads our memory. For root EAL would take physical addresses all the same, and
    // then needs CAP_SYS_ADMIN for every page that it adds later.
    if (!Has(options.extra, "--iova-mode")) arguments.emplace_back("--iova-mode=va");
  } else {
    for (const std::string& device : options.pci_devices)
      arguments.insert(arguments.end(), {"-a", device});
  }
  // Twice what is asked for: EAL's own structures, and the space between objects.
  const uint64_t megabytes = std::max<uint64_t>(64, 2 * options.memory / kMegabyte + 16);
  const bool huge =
      !Has(options.extra, "--no-huge") && MachineMemory::Read().huge_free >= megabytes * kMegabyte;
  if (!Has(options.extra, "--no-huge") && !Has(options.extra, "--in-memory")) {
    if (huge && !Has(options.extra, "--huge")) {
      // Needs no hugetlbfs that is mounted and writable, and leaves no pages behind.
      arguments.emplace_back("--in-memory");
    } else if (!huge && !Has(options.extra, "--socket-mem")) {
      arguments.emplace_back("--no-huge");
    }
  }
  if (!Has(options.extra, "-m") && !Has(options.extra, "--socket-mem")) {
    arguments.insert(arguments.end(), {"-m", std::to_string(megabytes)});
  }
  arguments.insert(arguments.end(), options.extra.begin(), options.extra.end());
  return arguments;
}

absl::Status StartEal(const EalOptions& options) {
  const std::vector<std::string> arguments = EalArguments(options);
  LogDebug(Cat("EAL arguments: ", Join(arguments, " ")));
  std::vector<std::vector<char>> owned;
  std::vector<char*> argv;
  for (const std::string& argument : arguments)
    owned.emplace_back(argument.c_str(), argument.c_str() + argument.size() + 1);
  for (std::vector<char>& argument : owned) argv.push_back(argument.data());
  argv.push_back(nullptr);

  const std::vector<uint16_t> cores = AvailableCores();
  const EalLog log(options.debug);
  const int used = rte_eal_init(static_cast<int>(arguments.size()), argv.data());
  const int error = rte_errno;
  PinCallingThread(cores);
  // Without shared configuration EAL puts nothing into its directory, and would leave it for ever.
  rmdir(rte_eal_get_runtime_dir());
  if (used >= 0) return absl::OkStatus();
  return absl::FailedPreconditionError(Cat(
      "DPDK does not start (", rte_strerror(error), "): ", log.Tail(),
      "; arguments were: ", Join(arguments, " "), "; [dpdk] eal in startup.conf appends to them"));
}

absl::Status OnEalThread(const std::function<void()>& call) {
  struct Errand {
    const std::function<void()>& call;
    std::promise<void> done{};
  } errand{call};
  const auto run = [](void* self) {
    auto* const one = static_cast<Errand*>(self);
    one->call();
    one->done.set_value();
  };
  if (const int error = rte_eal_alarm_set(1, run, &errand); error != 0) {
    return absl::InternalError(Cat("DPDK's thread takes no errand: ", rte_strerror(-error)));
  }
  errand.done.get_future().wait();
  return absl::OkStatus();
}

// Not rte_eal_cleanup: it unmaps DPDK's memory while the thread for interrupts, which never ends,
// still walks the sources in it (net_memif leaves its listener's there for ever). Nothing of that
// memory is in files, so the kernel takes it back with the process.
void StopEal() {
  for (uint16_t number = 0; number < RTE_MAX_ETHPORTS; ++number) {
    if (rte_eth_dev_is_valid_port(number) != 0) rte_eth_dev_close(number);
  }
}

void MempoolDeleter::operator()(rte_mempool* pool) const { rte_mempool_free(pool); }

uint64_t PacketMempoolBytes(size_t slots) {
  rte_mempool_objsz sizes{};
  return uint64_t{slots} * rte_mempool_calc_obj_size(sizeof(PacketSlot), 0, &sizes);
}

absl::StatusOr<PacketMempool> MakePacketMempool(size_t slots) {
  PacketMempool pool(rte_mempool_create("weft-packets", static_cast<unsigned>(slots),
                                        sizeof(PacketSlot), 0, 0, nullptr, nullptr, nullptr,
                                        nullptr, SOCKET_ID_ANY, 0));
  if (pool == nullptr) {
    return absl::ResourceExhaustedError(Cat("no memory for ", slots, " packets: DPDK would need ",
                                            PacketMempoolBytes(slots) / kMegabyte + 1, " MB more (",
                                            rte_strerror(rte_errno),
                                            "); set [dpdk] memory, or provide huge pages"));
  }
  return pool;
}

}  // namespace weft
