// SPDX-License-Identifier: Apache-2.0
// A whole Switch with real workers and without EAL: packets come from the heap, the configuration
// is the text of a startup.conf, and its runtime directory is a temporary one. The test's thread is
// the control thread: Turn runs its loop.
//
//   SwitchHarness harness;
//   harness.AddModules(BuiltinModules());
//   ASSERT_EQ(harness.Start(R"([[port]] ...)"), "");
//   ASSERT_TRUE(harness.Until([&] { return ...; }));
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/log.h"
#include "core/base/memory_reserve.h"
#include "core/base/text.h"
#include "core/switch.h"
#include "core/worker/cpu_set.h"

namespace weft::testing {

class SwitchHarness {
 public:
  // Packets come from `memory` if there is one, which outlives the harness.
  explicit SwitchHarness(PacketMemory* memory = nullptr)
      : memory_(memory == nullptr ? &heap_ : memory) {
    SetLogLevel(LogLevel::kOff);
    char name[] = "/tmp/weft-switch-XXXXXX";
    if (mkdtemp(name) == nullptr) abort();
    directory_ = name;
    switch_ = std::make_unique<Switch>(loop_);
  }
  ~SwitchHarness() {
    switch_.reset();
    std::filesystem::remove_all(directory_);
  }
  SwitchHarness(const SwitchHarness&) = delete;
  SwitchHarness& operator=(const SwitchHarness&) = delete;

  // Each as a sentence, or "" if all is well.
  std::string AddModule(std::unique_ptr<Module> module) {
    return MessageOf(switch_->AddModule(std::move(module)));
  }
  std::string AddModules(std::vector<std::unique_ptr<Module>> modules) {
    for (std::unique_ptr<Module>& module : modules) {
      if (std::string error = AddModule(std::move(module)); !error.empty()) return error;
    }
    return "";
  }
  // Its workers share the last core that there is.
  std::string Start(std::string_view text, size_t workers = 1,
                    Time longest_sleep = WorkerOptions().longest_sleep,
                    std::function<void()> on_worker_start = {}) {
    std::optional<Config> config = Read(text);
    if (!config) return errors_;
    auto cores = *ChooseCores({}, AvailableCores());
    cores.resize(workers, cores.at(0));
    return MessageOf(
        switch_->Start(*std::move(config), {.runtime_dir = directory_,
                                            .cores = std::move(cores),
                                            .memory = memory_,
                                            .on_worker_start = std::move(on_worker_start),
                                            .longest_sleep = longest_sleep,
                                            .reserve = &reserve_}));
  }
  // What a file would have said of one more port.
  std::string AddPort(std::string_view text) {
    const std::optional<Config> config = Read(text);
    return config ? MessageOf(switch_->AddPort(config->ports.at(0))) : errors_;
  }
  // What a file would say of a port that is there.
  std::string SetFeatures(std::string_view text) {
    const std::optional<Config> config = Read(text);
    return config ? MessageOf(switch_->SetFeatures(config->ports.at(0))) : errors_;
  }
  std::string RemovePort(std::string_view name) { return MessageOf(switch_->RemovePort(name)); }

  // One round of the control thread, at most a millisecond long.
  void Turn() { loop_.RunOnce(std::chrono::milliseconds(1)); }
  // Turns until something is true; false after a minute, which is a guard against hanging.
  bool Until(const std::function<bool()>& condition) {
    const Time end = loop_.Now() + std::chrono::minutes(1);
    while (!condition()) {
      if (loop_.Now() > end) return false;
      Turn();
    }
    return true;
  }

  Switch& operator*() { return *switch_; }
  Switch* operator->() { return switch_.get(); }
  // Destroys the switch; the loop and the directory stay.
  void Destroy() { switch_.reset(); }
  EventLoop& loop() { return loop_; }
  const std::string& directory() const { return directory_; }
  // A node's counter over all workers.
  uint64_t Counted(std::string_view node, std::string_view counter) const {
    for (const EventCount& event : switch_->stats().Events()) {
      if (event.counter->name == counter && switch_->catalog().node(event.node).spec.name == node) {
        return event.count;
      }
    }
    return ~uint64_t{0};
  }

 private:
  std::optional<Config> Read(std::string_view text) {
    Errors errors("startup.conf");
    std::optional<Config> config;
    const std::optional<Document> document = Document::Parse(text, &errors);
    if (document) config = ReadAll(*document, switch_->schemas(), &errors);
    errors_ = errors.ToString();
    return config;
  }

  EventLoop loop_;
  MemoryReserve reserve_;
  HeapPacketMemory heap_;
  PacketMemory* const memory_;
  std::string directory_;
  std::string errors_;
  std::unique_ptr<Switch> switch_;
};

}  // namespace weft::testing
