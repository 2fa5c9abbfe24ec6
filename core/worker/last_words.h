// SPDX-License-Identifier: Apache-2.0
// Whose fault it was: when a plugin's code crashes the process, a sentence names the plugin and
// what it was doing, the stack shows where in it, and a line tells whoever supervises weftd. The
// process then ends as it would have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace weft {

class Graph;

// Control thread, once, before other handlers of crashes are installed. `to`: where the name of a
// plugin goes that ends weftd; -1: nowhere.
void InstallLastWords(int to);
// Where a thread's handlers of crashes run, so that they can run even if its own stack is used up.
// Made on any thread, for a worker may not allocate; used by one at a time.
class CrashStack {
 public:
  CrashStack() : memory_(std::make_unique<std::byte[]>(kBytes)) {}
  ~CrashStack() { Leave(); }
  CrashStack(const CrashStack&) = delete;
  CrashStack& operator=(const CrashStack&) = delete;

  // The calling thread has it, from now on or no longer; it has gone before this does.
  void Use();
  void Leave();

 private:
  static constexpr size_t kBytes = size_t{64} << 10;

  const std::unique_ptr<std::byte[]> memory_;
  bool used_ = false;
};

// The calling thread walks this graph, from now on or no longer.
void NamePluginsOf(const Graph& graph);
void NameNoPlugins();
// What of a plugin it was: a node, which can be kept from running, or anything else.
enum class Blame : uint8_t { kNode, kModule };
// The process is about to end because of this plugin; the first who says so is believed. Any
// thread; async-signal-safe.
void SayLastWords(const char* plugin, Blame blame = Blame::kNode);

}  // namespace weft
