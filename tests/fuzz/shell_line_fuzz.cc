// SPDX-License-Identifier: Apache-2.0
// Links: weft_switch weft_nodes_l2 weft_nodes_vhost weft_nodes_nic weft_test_support
// Any lines at the shell of a switch that runs, with every command of weftd: a line is words,
// completion and command alike, what goes wrong says what, and what is answered can be shown.
// Ports of either kind are read like weftd's, but are made of memory: no line opens a file, a
// socket or a device.
//
// The first byte is the width of the terminal; the rest are lines.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/arcs_module.h"
#include "core/base/event_loop.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/base/unique_fd.h"
#include "core/commands.h"
#include "core/reload.h"
#include "core/shell/command_table.h"
#include "core/shell/request.h"
#include "core/shell/utf8.h"
#include "core/switch.h"
#include "core/worker/cpu_set.h"
#include "nodes/l2/l2_module.h"
#include "nodes/nic/nic_config.h"
#include "nodes/vhost/vhost_config.h"
#include "tests/fuzz/input.h"
#include "tests/support/graph_harness.h"

namespace weft {
namespace {

using fuzz::Require;

constexpr std::string_view kConfig = R"([workers]
idle = "interrupt"
[[bridge]]
name = "default"
static = [{ mac = "02:00:00:00:00:01", port = "web-1" }]
[[bridge]]
name = "red"
[[port]]
name = "web-1"
vhost = {}
[[port]]
name = "show"
bridge = "red"
mac = "02:00:00:00:00:11"
dpdk = { device = "net_null0" }
)";

class NoBackend final : public PortBackend {
 public:
  absl::Status Open() override { return absl::OkStatus(); }
  PortStatus Status() const override { return {.state = PortState::kUp, .reason = ""}; }
  std::vector<PortFact> Facts() const override {
    return {{"socket", std::string("/a/b")}, {"queues", uint64_t{1}}};
  }
};

// Sleeps, and lets the worker sleep.
class NoInput final : public Input<NoInput> {
 public:
  static constexpr NodeSpec kSpec{.name = "no-input", .help = "Brings nothing."};
  void Poll(Frame&) {}
  bool CanSleep() { return true; }
};

// A feature with a field of each type that is typed in its own way.
struct ShaperConfig {
  double mbps = 1;
  bool fast = false;
  static constexpr auto kFields = Fields(Field<&ShaperConfig::mbps>("mbps", "megabits a second"),
                                         Field<&ShaperConfig::fast>("fast", "whether it is"));
};
class Shaper final : public Feature<Shaper, ShaperConfig> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "shaper", .arc = "port-input", .help = "Lets everything pass."};
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) { return Continue(); });
  }
};

// Nodes that nothing reaches, and weftd's kinds of ports.
class NoPorts final : public Module {
 public:
  std::string_view name() const override { return "no-ports"; }
  void Register(Registry& registry) override {
    registry.AddNode<NoInput>([](WorkerId) { return std::make_unique<NoInput>(); });
    registry.AddNode<testing::MemoryOutput>(
        [this](WorkerId) { return std::make_unique<testing::MemoryOutput>(memory_); });
    registry.AddNode<Shaper>([](WorkerId) { return std::make_unique<Shaper>(); });
    AddKind(registry, "vhost", SchemaOf<vhost::VhostConfig>());
    AddKind(registry, "dpdk", SchemaOf<nic::NicConfig>());
  }

 private:
  static void AddKind(Registry& registry, std::string name, const TableSchema& schema) {
    registry.AddPortKind(
        {.name = std::move(name),
         .help = "a port of a test",
         .schema = &schema,
         .output = "memory-output",
         .make = [](const PortRequest& request) -> absl::StatusOr<std::unique_ptr<PortBackend>> {
           if (request.config.mtu == 1234) return absl::InternalError("it cannot be made");
           return std::make_unique<NoBackend>();
         }});
  }

  testing::MemoryPorts memory_;  // nobody sends
};

class Shell {
 public:
  Shell()
      : file_(memfd_create("startup.conf", MFD_CLOEXEC)), switch_(loop_), reload_(switch_, Path()) {
    SetLogLevel(LogLevel::kOff);
    Require(write(file_.get(), kConfig.data(), kConfig.size()) == ssize_t{kConfig.size()},
            "a file");
    Add(std::make_unique<ArcsModule>());
    Add(std::make_unique<NoPorts>());
    Add(std::make_unique<l2::L2Module>());
    Errors errors("startup.conf");
    const std::optional<Document> document = Document::Parse(kConfig, &errors);
    std::optional<Config> config;
    if (document) config = ReadAll(*document, switch_.schemas(), &errors);
    Good(config ? absl::OkStatus() : absl::InvalidArgumentError(errors.ToString()));
    Good(switch_.Start(*std::move(config), {.runtime_dir = "/nowhere",
                                            .cores = *ChooseCores({}, AvailableCores()),
                                            .memory = &memory_}));
    Good(AddCommands(switch_, commands_));
    Good(AddConfigCommands(reload_, commands_));
    first_ports_ = PortNames();
  }

  void Run(size_t width, std::string_view text) {
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      // A copy that is exactly so long.
      const std::vector<char> line(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                   text.begin() + static_cast<std::ptrdiff_t>(end));
      Type(std::string_view(line.data(), line.size()), width);
      begin = end + 1;
    }
    if (PortNames() == first_ports_) return;
    Good(commands_.Run("config apply").status());
    Require(PortNames().size() == first_ports_.size(), "back to the file");
    first_ports_ = PortNames();  // their order may be another
  }

 private:
  static void Good(const absl::Status& status) { Require(status.ok(), MessageOf(status).c_str()); }
  void Add(std::unique_ptr<Module> module) { Good(switch_.AddModule(std::move(module))); }
  std::string Path() const { return Cat("/proc/self/fd/", file_.get()); }

  void Type(std::string_view line, size_t width) {
    CheckWords(line);
    CheckCompletion(line);
    CheckNames(line);
    const absl::StatusOr<Reply> reply = commands_.Run(line);
    if (reply.ok()) {
      CheckReply(*reply, width);
    } else {
      CheckSentence(reply.status());
    }
    loop_.RunOnce(Time::zero());
  }

  std::vector<std::string> PortNames() {
    std::vector<std::string> names;
    for (const auto& port : switch_.ports().ports()) names.push_back(port->name);
    return names;
  }

  // What is quoted is read as it was; what is finished is also unfinished.
  static void CheckWords(std::string_view line) {
    const auto words = SplitWords(line);
    const auto unfinished = SplitUnfinished(line);
    if (!words.ok()) return CheckSentence(words.status());
    Require(unfinished.ok() && unfinished->size() - words->size() <= 1, "unfinished words");
    std::string quoted;
    for (const Word& word : *words) {
      Require(word.start < line.size(), "a word is in its line");
      quoted += Quote(word.text) + " ";
    }
    const auto again = SplitWords(quoted);
    // Quotes and backslashes may not fit any more.
    if (!again.ok()) return Require(quoted.size() > kMaxLine, "quoted words can be read");
    Require(again->size() == words->size(), "as many words");
    for (size_t i = 0; i < words->size(); ++i) {
      Require((*again)[i].text == (*words)[i].text, "a quoted word is itself");
      Require((*unfinished)[i].text == (*words)[i].text, "an unfinished word is itself");
    }
  }

  // Any name that startup.conf may give a port can be typed. Once each: it takes as long as all
  // else that is done with a line.
  void CheckNames(std::string_view line) {
    const auto words = SplitWords(line);
    if (!words.ok()) return;
    if (names_.size() > 10'000) names_.clear();
    for (const Word& word : *words) {
      if (!IsValidName(word.text) || !names_.insert(word.text).second) continue;
      Good(PortFromWords(switch_, word.text, "vhost", "").status());
    }
  }

  // What is offered goes on with the line, and is then offered again.
  void CheckCompletion(std::string_view line) {
    const Completion completion = commands_.Complete(line);
    Require(completion.start <= line.size(), "completion starts in the line");
    for (const Candidate& candidate : completion.candidates) {
      Require(!candidate.help.empty() && !candidate.text.empty(), "a candidate explains itself");
      if (candidate.placeholder) continue;
      const std::string longer = std::string(line.substr(0, completion.start)) + candidate.text;
      if (longer.size() > kMaxLine) continue;
      const auto words = SplitWords(longer);
      Require(words.ok() && !words->empty() && words->back().start == completion.start,
              "a candidate is one word");
      const Completion again = commands_.Complete(longer);
      Require(std::any_of(again.candidates.begin(), again.candidates.end(),
                          [&](const Candidate& other) { return other.text == candidate.text; }),
              "a candidate completes itself");
    }
  }

  // It says something, and reaches whoever asked whatever bytes it quotes.
  static void CheckSentence(const absl::Status& status) {
    const std::string message(status.message());
    Require(!message.empty(), "an error says what is wrong");
    Require(nlohmann::json::accept(ErrorAnswer(message)), "an error can be sent");
  }

  static void CheckReply(const Reply& reply, size_t width) {
    const std::string text = RenderText(reply, width);
    Require(text.empty() || text.back() == '\n', "text ends in a newline");
    Require(text.find(" \n") == std::string::npos, "no blanks at the end of a line");
    Require(Printable(text, "\n\t") == text, "text cannot drive a terminal");
    const std::string json = ToJson(reply);
    Require(json.find('\n') == std::string::npos && nlohmann::json::accept(json), "JSON");
  }

  const UniqueFd file_;  // what startup.conf says; nothing is on a disk
  EventLoop loop_;
  HeapPacketMemory memory_;
  Switch switch_;
  Reload reload_;
  CommandTable commands_;
  std::vector<std::string> first_ports_;
  std::set<std::string> names_;  // that have been checked
};

}  // namespace
}  // namespace weft

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static weft::Shell shell;
  if (size == 0) return 0;
  shell.Run(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
