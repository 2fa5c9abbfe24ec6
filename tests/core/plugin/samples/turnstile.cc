// SPDX-License-Identifier: Apache-2.0
// A plugin in two builds, WEFT_SAMPLE_BUILD being a or b, that differ in what they drop for and in
// the type of their table: a feature that drops what begins with its port's letter. Its module
// counts how often it was replaced, and saves that.
#include <cstdlib>
#include <string>

#include "core/sdk/weft.h"

namespace weft {
namespace {

constexpr std::string_view kBuild = WEFT_SAMPLE_BUILD;

#if defined(WEFT_SAMPLE_STRICT)
struct TurnstileConfig {  // has another key, which must be there
  std::string letter = "x";
  std::string colour;
  static constexpr auto kFields =
      Fields(Field<&TurnstileConfig::letter>("letter", "what it drops"),
             Field<&TurnstileConfig::colour>("colour", "why not", Required{}));
};
#else
struct TurnstileConfig {
  uint64_t padding = kBuild == "a" ? 1 : 2;  // a key that one build alone has
  std::string letter = "x";
  static constexpr auto kFields =
      Fields(Field<&TurnstileConfig::padding>(kBuild == "a" ? "of-a" : "of-b", "nothing"),
             Field<&TurnstileConfig::letter>("letter", "what it drops"));
};
#endif

class Turnstile final : public Feature<Turnstile, TurnstileConfig> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "turnstile", .arc = "port-input", .help = "Drops what begins with a letter."};
  enum class Drop : uint8_t { kBy };
  static constexpr auto kDrops =
      Labels<Drop>({{Drop::kBy, kBuild == "a" ? "by-a" : "by-b", "it began with the letter"}});

  void Process(Frame& frame) {
    ForEach(frame, [this](Packet& packet) -> Verdict {
      const TurnstileConfig& config = port_config(packet.in_port());
      if (packet.header()[0] == static_cast<uint8_t>(config.letter[0])) return Drop::kBy;
      return Continue();
    });
  }
};

class TurnstileModule final : public Module {
 public:
  static constexpr std::string_view kName = "turnstile";
  std::string_view name() const override { return kName; }
  void Register(Registry& registry) override {
    registry.AddNode<Turnstile>([](WorkerId) { return std::make_unique<Turnstile>(); });
    registry.AddCommand({.words = "show turnstile",
                         .help = "How often it was replaced",
                         .shape = Shape::Text("the number"),
                         .run = [this](const Arguments&) -> absl::StatusOr<Reply> {
                           return Reply(Cat(kBuild, " ", replaced_, "\n"));
                         }});
  }
  std::string SaveState() const override { return Cat(replaced_); }
  absl::Status RestoreState(std::string_view state) override {
    replaced_ = std::strtoul(std::string(state).c_str(), nullptr, 10) + 1;
    return absl::OkStatus();
  }

 private:
  unsigned long replaced_ = 0;
};

}  // namespace
}  // namespace weft

WEFT_PLUGIN(weft::TurnstileModule);
