// SPDX-License-Identifier: Apache-2.0
// A plugin that writes to address 8, and when: WEFT_SAMPLE_WHEN is one of When. It has a feature,
// so that ports may have its table.
#include <memory>

#include "core/sdk/weft.h"

namespace weft {
namespace {

enum class When { kLoaded, kMade, kRegisters, kTold, kTimer };
constexpr When kWhen = When::WEFT_SAMPLE_WHEN;

void CrashIf(When now) {
  if (now != kWhen) return;
  volatile int* volatile nowhere = reinterpret_cast<int*>(8);
  *nowhere = 1;
}

class Crashes final : public Feature<Crashes> {
 public:
  static constexpr NodeSpec kSpec{.name = "crashes", .arc = "port-input", .help = "Nothing."};
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Continue(); });
  }
};

class CrashesModule final : public Module {
 public:
  static constexpr std::string_view kName = "crashes";
  CrashesModule() { CrashIf(When::kMade); }
  ~CrashesModule() override {
    if (loop_ != nullptr) loop_->Cancel(timer_);
  }
  std::string_view name() const override { return kName; }
  void Register(Registry& registry) override {
    CrashIf(When::kRegisters);
    registry.AddNode<Crashes>([](WorkerId) { return std::make_unique<Crashes>(); });
    loop_ = &registry.services().loop;
    timer_ = loop_->Every(std::chrono::milliseconds(1), [] { CrashIf(When::kTimer); });
  }
  absl::Status Configured(const Config&) override {
    CrashIf(When::kTold);
    return absl::OkStatus();
  }

 private:
  EventLoop* loop_ = nullptr;
  EventLoop::TimerId timer_ = 0;
};

[[gnu::constructor]] void OnLoad() { CrashIf(When::kLoaded); }

}  // namespace
}  // namespace weft

WEFT_PLUGIN(weft::CrashesModule);
