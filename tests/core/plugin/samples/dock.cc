// SPDX-License-Identifier: Apache-2.0
// A kind of port of two builds, WEFT_SAMPLE_BUILD being a or b; with WEFT_SAMPLE_BARE none. What is
// behind such a port is there once, as a socket is: a lock on a file, which a second one would not
// get.
#include <fcntl.h>
#include <sys/file.h>

#include <memory>
#include <string>
#include <utility>

#include "core/base/unique_fd.h"
#include "core/sdk/weft.h"

namespace weft {
namespace {

constexpr std::string_view kBuild = WEFT_SAMPLE_BUILD;

struct DockConfig {
  std::string lock;
  std::string fails;  // the build that cannot open it
  uint32_t queues = 1;
  static constexpr auto kFields =
      Fields(Field<&DockConfig::lock>("lock", "the file", Required{}, NotEmpty{}),
             Field<&DockConfig::fails>("fails", "the build that cannot open it"),
             Field<&DockConfig::queues>("queues", "how many", Range{1, 8}));
};

class DockOutput final : public Output<DockOutput> {
 public:
  static constexpr NodeSpec kSpec{.name = WEFT_SAMPLE_OUTPUT,
                                  .arc = "port-output",
                                  .last = true,
                                  .help = "Drops, for nobody is there."};
  enum class Drop : uint8_t { kDocked };
  static constexpr auto kDrops = Labels<Drop>({{Drop::kDocked, "docked", "nobody is there"}});
  void Process(Frame& frame) {
    for (Packet* const packet : frame) DropPacket(*packet, packet->out_port(), Drop::kDocked);
  }
};

class DockPort final : public PortBackend {
 public:
  explicit DockPort(const PortRequest& request)
      : config_(request.config.kind_config.As<DockConfig>()), on_up_(request.on_up) {
    for (uint32_t queue = 1; queue < config_.queues; ++queue) request.place_queue();
  }
  absl::Status Open() override {
    lock_ = UniqueFd(open(config_.lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
      return absl::AlreadyExistsError("somebody is there");
    if (config_.fails == kBuild) return absl::UnavailableError("it cannot");
    up_ = true;
    on_up_();
    return absl::OkStatus();
  }
  PortStatus Status() const override { return {up_ ? PortState::kUp : PortState::kDown, ""}; }
  std::vector<PortFact> Facts() const override { return {{"build", std::string(kBuild)}}; }

 private:
  const DockConfig& config_;
  const std::function<void()> on_up_;
  UniqueFd lock_;
  bool up_ = false;
};

// Counts the ports that it knows to be up, and hands nothing on.
class Dock final : public Module {
 public:
  static constexpr std::string_view kName = "dock";
  std::string_view name() const override { return kName; }
  void Register(Registry& registry) override {
    registry.AddNode<DockOutput>([](WorkerId) { return std::make_unique<DockOutput>(); });
#if !defined(WEFT_SAMPLE_BARE)
    registry.AddPortKind(
        {.name = "dock",
         .help = "a port of a test",
         .schema = &SchemaOf<DockConfig>(),
         .output = std::string(DockOutput::kSpec.name),
         .make = [](const PortRequest& request) { return std::make_unique<DockPort>(request); }});
#endif
    registry.AddCommand({.words = "show dock",
                         .help = "Which build this is, and how many ports are up",
                         .shape = Shape::Text("both"),
                         .run = [this](const Arguments&) -> absl::StatusOr<Reply> {
                           return Reply(Cat(kBuild, " ", up_, "\n"));
                         }});
  }
  void PortUp(PortId) override { ++up_; }
  void PortDown(PortId) override { --up_; }

 private:
  int up_ = 0;
};

}  // namespace
}  // namespace weft

WEFT_PLUGIN(weft::Dock);
