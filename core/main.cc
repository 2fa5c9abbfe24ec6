// SPDX-License-Identifier: Apache-2.0
// weftd [--check | --supervise] [FILE]: reads startup.conf, starts the switch and serves the shell
// until SIGTERM; SIGHUP reads the file again.
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/event_loop.h"
#include "core/base/inet_address.h"
#include "core/base/log.h"
#include "core/base/memory_reserve.h"
#include "core/base/text.h"
#include "core/commands.h"
#include "core/config/metrics_config.h"
#include "core/config/reader.h"
#include "core/config/reference.h"
#include "core/confinement.h"
#include "core/graph/node_reference.h"
#include "core/metrics/http_server.h"
#include "core/metrics_page.h"
#include "core/plugin/fault_rules.h"
#include "core/plugin/find_plugin.h"
#include "core/plugin/plugin.h"
#include "core/preflight.h"
#include "core/reload.h"
#include "core/replay/program.h"
#include "core/runtime_dir.h"
#include "core/shell/command_reference.h"
#include "core/shell/command_table.h"
#include "core/shell/server.h"
#include "core/supervise.h"
#include "core/switch.h"
#include "core/version.h"
#include "core/weftd_options.h"
#include "core/worker/cpu_set.h"
#include "core/worker/eal.h"
#include "core/worker/eal_memory.h"
#include "core/worker/last_words.h"
#include "nodes/builtin.h"

namespace weft {
namespace {

// Nothing if the process should end at once, with `status`.
std::optional<WeftdOptions> ParseCommandLine(int argc, char** argv, int* status) {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const absl::StatusOr<WeftdOptions> options = ParseWeftdOptions(arguments);
  if (!options.ok()) {
    std::fprintf(stderr, "weftd: %s\n\n%s", MessageOf(options.status()).c_str(),
                 WeftdUsage().c_str());
    *status = 2;
    return std::nullopt;
  }
  *status = 0;
  if (options->help) {
    std::fputs(WeftdUsage().c_str(), stdout);
    return std::nullopt;
  }
  if (options->version) {
    std::printf("weftd %s\n", kVersion.data());
    return std::nullopt;
  }
  return *options;
}

// Where it is, if none was named.
std::string DefaultFile() {
  return std::filesystem::exists("startup.conf") ? "startup.conf" : "/etc/weft/startup.conf";
}

// "1 port", "2 ports".
std::string Counted(size_t count, std::string_view what) {
  return Cat(count, " ", what, count == 1 ? "" : "s");
}

int Fail(std::string_view what) {
  std::fprintf(stderr, "weftd: %s\n", std::string(what).c_str());
  return 1;
}

absl::Status AddModules(Switch& the_switch) {
  for (std::unique_ptr<Module>& module : BuiltinModules()) {
    if (absl::Status status = the_switch.AddModule(std::move(module)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status AddPlugins(Switch& the_switch, const PluginsConfig& config) {
  const std::string directory = config.directory.value_or(DefaultPluginDirectory());
  const std::vector<std::string>& left = the_switch.left_unloaded();
  for (const std::string& name : config.load) {
    if (std::find(left.begin(), left.end(), name) != left.end()) continue;
    const absl::StatusOr<std::string> path = FindPlugin(name, directory);
    if (!path.ok()) return path.status();
    absl::StatusOr<std::unique_ptr<Plugin>> plugin = Plugin::Load(*path);
    if (!plugin.ok()) return plugin.status();
    if (absl::Status status = the_switch.AddPlugin(*std::move(plugin)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// The keys of a feature's table in [[port]], or of a node's own section.
std::string KeysOf(const NodeClass& node, const Schemas& schemas) {
  for (const std::vector<Schemas::Named>* tables : {&schemas.features, &schemas.nodes}) {
    for (const Schemas::Named& table : *tables) {
      if (table.name == node.spec.name && !table.schema->fields().empty())
        return Cat("\n## Configuration\n\n", DescribeKeys(*table.schema));
    }
  }
  return "";
}

// What --reference, --nodes, --commands and the manuals print. Of the file only its plugins matter.
int Describe(const WeftdOptions& line, Switch& the_switch) {
  if (!line.file.empty()) {
    Errors errors(line.file);
    if (const std::optional<Document> document = Document::Load(line.file, &errors)) {
      const Globals globals = ReadGlobals(*document, &errors);
      SetLogLevel(LogLevel::kError);  // that a plugin is loaded is no news here
      if (absl::Status status = AddPlugins(the_switch, globals.plugins); !status.ok())
        return Fail(MessageOf(status));
    }
    if (!errors.empty()) {
      std::fputs(errors.ToString().c_str(), stderr);
      return 1;
    }
  }
  if (line.commands || line.manual) {
    Reload reload(the_switch, line.file);
    CommandTable commands;
    absl::Status status = AddCommands(the_switch, commands);
    if (status.ok()) status = AddConfigCommands(reload, commands);
    if (!status.ok()) return Fail(MessageOf(status));
    if (line.commands) std::fputs(DescribeCommands(commands).c_str(), stdout);
    if (line.manual) std::fputs(ManualPage(commands).c_str(), stdout);
  }
  const Schemas& schemas = the_switch.schemas();
  if (line.own_manual) std::fputs(WeftdManual(schemas).c_str(), stdout);
  if (line.reference) std::fputs(DescribeReference(schemas).c_str(), stdout);
  if (line.nodes) {
    for (const NodeClass& node : the_switch.catalog().nodes()) {
      std::printf("%s%s\n", DescribeNode(node).c_str(), KeysOf(node, schemas).c_str());
    }
  }
  return 0;
}

// What is no error and yet, most likely, a mistake: to the log, or to whoever checks the file.
void Warn(const std::string& file, bool check, const Document& document,
          const PluginsConfig& plugins) {
  for (const std::string& line : RulesForNobody(
           file, document.root(), plugins, plugins.directory.value_or(DefaultPluginDirectory()))) {
    if (check) {
      std::fprintf(stderr, "%s\n", line.c_str());
    } else {
      LogWarning(line);
    }
  }
}

// The file as a Config, or nothing after every error of it is on standard error. `quiet`: nothing
// else is but warnings, whatever the file says.
std::optional<Config> ReadConfig(const std::string& file, bool quiet, Switch& the_switch,
                                 MetricsConfig* metrics) {
  Errors errors(file);
  std::optional<Config> config;
  if (std::optional<Document> document = Document::Load(file, &errors)) {
    const Globals globals = ReadGlobals(*document, &errors);
    SetLogLevel(quiet ? LogLevel::kError : globals.weft.log);
    if (absl::Status status = AddPlugins(the_switch, globals.plugins); !status.ok()) {
      errors.Add(document->root().WhereIs("plugins"), Cat("[plugins] load: ", MessageOf(status)));
    }
    document = the_switch.WithoutUnloaded(file, *document, globals.plugins, the_switch.schemas());
    config = ReadAll(*document, the_switch.schemas(), &errors);
    *metrics = ReadMetrics(*document, &errors);
    if (errors.empty()) Warn(file, quiet, *document, globals.plugins);
  }
  if (errors.empty()) return config;
  std::fputs(errors.ToString().c_str(), stderr);
  return std::nullopt;
}

EalNeeds NeedsOf(const Config& config, const Switch& the_switch) {
  EalNeeds needs;
  for (const PortConfig& port : config.ports) {
    for (const PortKind& kind : the_switch.kinds()) {
      if (kind.name == port.kind && kind.eal_needs) kind.eal_needs(port, needs);
    }
  }
  return needs;
}

EalOptions EalOptionsFor(const Config& config, const EalNeeds& needs, size_t slots) {
  return {.pci_devices = needs.pci_devices,
          .memory = config.dpdk.memory ? uint64_t{*config.dpdk.memory} << 20
                                       : needs.memory + PacketMempoolBytes(slots),
          .extra = config.dpdk.eal,
          .debug = config.weft.log == LogLevel::kDebug};
}

// Takes the reserve from the system again after whatever spent it.
void Refill(MemoryReserve& reserve) {
  if (reserve.spent() && reserve.Restore().ok())
    LogError("weftd: memory ran out; what was under way is finished or undone");
}

// Before the sandbox, which lets nobody make such a socket unless there is a NIC.
absl::Status ListenForScrapes(const MetricsConfig& config, HttpServer& server) {
  if (!config.listen) return absl::OkStatus();
  const std::optional<std::string> path = config.SocketPath();
  const absl::Status status =
      path ? server.ListenAt(*path) : server.Listen(*InetAddress::Parse(*config.listen));
  if (!status.ok())
    return absl::Status(status.code(), Cat("[metrics] listen: ", MessageOf(status)));
  LogInfo(path ? Cat("metrics: GET /metrics at the socket ", *path)
               : Cat("metrics: http://", server.address().ToString(), "/metrics"));
  return absl::OkStatus();
}

// The switch in operation, until a signal ends it. What DPDK gave is given back on return.
int Serve(EventLoop& loop, Switch& the_switch, Reload& reload, Config config,
          const MetricsConfig& metrics, const Confinement& confinement,
          const std::vector<uint16_t>& cores, size_t slots, const std::string& runtime_dir,
          MemoryReserve& reserve) {
  const std::string control_socket = ControlSocketPath(config.weft, runtime_dir);
  const absl::StatusOr<PacketMempool> mempool = MakePacketMempool(slots);
  if (!mempool.ok()) return Fail(MessageOf(mempool.status()));
  MempoolPacketMemory memory(mempool->get());
  const MonotonicClock clock;
  MetricsPage page(the_switch, clock, std::chrono::system_clock::now());
  HttpServer scrapes(
      loop, [&page](const HttpRequest& request) { return page.Answer(request); }, HttpLimits());
  absl::Status status = ListenForScrapes(metrics, scrapes);
  if (status.ok()) status = confinement.Enter();
  if (status.ok()) {
    status = the_switch.Start(std::move(config),
                              {.runtime_dir = runtime_dir,
                               .cores = cores,
                               .memory = &memory,
                               .uses_eal = true,
                               .on_worker_start = [&confinement] { confinement.EnterWorker(); },
                               .reserve = &reserve});
  }
  CommandTable commands;
  if (status.ok()) status = AddCommands(the_switch, commands);
  if (status.ok()) status = AddConfigCommands(reload, commands);
  ControlServer control(loop, commands);
  if (status.ok()) status = control.Listen(control_socket);
  if (status.ok()) {
    the_switch.events().Add(EventKind::kStarted, "", Cat("weftd ", kVersion));
    LogInfo(Cat("weftd ", kVersion, ": ready; the shell is: weftctl -s ", control_socket));
    loop.AfterRound([&reserve] { Refill(reserve); });
    loop.Run();
    loop.AfterRound(nullptr);
    LogInfo("weftd: draining");
  }
  the_switch.Stop();
  if (!status.ok()) return Fail(MessageOf(status));
  LogInfo("weftd: stopped");
  return the_switch.ended_by().empty() ? 0 : kEndedByPlugin;
}

int Run(const WeftdOptions& line, const Supervised& supervised, MemoryReserve& reserve) {
  InstallLastWords(supervised.last_words.get());
  CrashStack crash_stack;
  crash_stack.Use();
  EventLoop loop;
  Switch the_switch(loop);
  if (absl::Status status = AddModules(the_switch); !status.ok()) return Fail(MessageOf(status));
  if (line.Describes()) return Describe(line, the_switch);
  const std::string file = line.file.empty() ? DefaultFile() : line.file;
  MetricsConfig metrics;
  the_switch.LeaveUnloaded(supervised.not_loaded);
  std::optional<Config> config = ReadConfig(file, line.check, the_switch, &metrics);
  if (!config) return 1;
  for (const std::string& plugin : supervised.left_out) the_switch.LeaveOut(plugin);
  const std::string runtime_dir = RuntimeDir(config->weft);
  std::vector<std::string> problems = Preflight(*config, the_switch.kinds(), runtime_dir);
  // Empty if they are not there, and then that is a problem already.
  const std::vector<uint16_t> cores =
      ChooseCores(config->workers.cores.value_or(std::vector<uint16_t>()), AvailableCores())
          .value_or(std::vector<uint16_t>());
  const size_t slots = cores.size() * WorkerOptions().pool_size;
  const EalNeeds needs = NeedsOf(*config, the_switch);
  const EalOptions eal = EalOptionsFor(*config, needs, slots);
  const Confinement confinement(config->weft, needs);
  if (absl::Status status = CheckEalMemory(EalArguments(eal), MachineMemory::Read());
      !status.ok()) {
    problems.push_back(Cat("[dpdk] ", MessageOf(status)));
  }
  for (const std::string& problem : problems) {
    std::fprintf(stderr, "%s: %s\n", file.c_str(), problem.c_str());
  }
  if (!problems.empty()) return 1;
  if (line.check) {
    std::printf("%s: fine: %s in %s\n", file.c_str(), Counted(config->ports.size(), "port").c_str(),
                Counted(config->bridges.size(), "bridge").c_str());
    std::printf("%s: sandbox: %s\n", file.c_str(), confinement.ToString().c_str());
    return 0;
  }

  // Before other threads start, so that all of them leave these to the loop.
  for (const int number : {SIGTERM, SIGINT}) loop.OnSignal(number, [&loop] { loop.Stop(); });
  Reload reload(the_switch, file, metrics);
  loop.OnSignal(SIGHUP, [&reload] { reload.Apply().IgnoreError(); });  // it logs its errors
  if (absl::Status status = PrepareRuntimeDir(runtime_dir); !status.ok())
    return Fail(MessageOf(status));
  if (absl::Status status = StartEal(eal); !status.ok()) return Fail(MessageOf(status));
  const int result = Serve(loop, the_switch, reload, *std::move(config), metrics, confinement,
                           cores, slots, runtime_dir, reserve);
  StopEal();
  return result;
}

// Every container brings descriptors, and a hostile one more than it should: we take all that we
// may have.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  if (const auto done = weft::RunReplayProgram(argc, argv, weft::BuiltinModules)) return *done;
  weft::MemoryReserve reserve;
  weft::RaiseDescriptorLimit();
  int status = 0;
  const std::optional<weft::WeftdOptions> line = weft::ParseCommandLine(argc, argv, &status);
  if (!line) return status;
  const weft::Supervised supervised =
      line->supervise && !line->check ? weft::Supervise() : weft::Supervised();
  return weft::Run(*line, supervised, reserve);
}
