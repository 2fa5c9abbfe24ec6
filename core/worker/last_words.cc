// SPDX-License-Identifier: Apache-2.0
#include "core/worker/last_words.h"

#include <signal.h>

#include <array>
#include <atomic>
#include <utility>

#include "core/base/in_plugin.h"
#include "core/base/plugin_on_stack.h"
#include "core/base/signal_stack.h"
#include "core/base/signal_text.h"
#include "core/graph/graph.h"
#include "core/graph/guard.h"

namespace weft {
namespace {

// A signal handler has no `this`.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see above
constinit int last_words_to = -1;
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see above
constinit std::atomic<bool> said = false;
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see above
constinit thread_local const Graph* graph_of_thread = nullptr;

// If it is a plugin's code that the thread is in, though no node's: the note says so, or the stack,
// but on a worker, which may not ask what it leads through.
void AccuseModule(int number) {
  if (said.load()) return;
  const InPlugin* const note = InPlugin::Here();
  std::array<char, 64> name{};
  const bool found =
      note == nullptr && graph_of_thread == nullptr && NamePluginOnStack(name.data(), name.size());
  if (note == nullptr && !found) return;
  const char* const plugin = note != nullptr ? note->plugin() : name.data();
  SignalText sentence;
  sentence.Add("weftd: plugin ");
  sentence.Add(plugin);
  sentence.Add(" ends it: signal ");
  sentence.Add(number);
  sentence.Add(" came ");
  sentence.Add(note != nullptr ? note->doing() : "in its code");
  sentence.Add("\n");
  sentence.Print(STDERR_FILENO);
  SayLastWords(plugin, Blame::kModule);
  PrintStack(STDERR_FILENO, plugin);
}

// Async-signal-safe: what it reads is there as long as the worker is in the plugin's node.
void OnCrash(int number, siginfo_t* info, void* /*context*/) {
  const Graph* const graph = graph_of_thread;
  const Guard* const guard = graph == nullptr ? nullptr : graph->at_work();
  if (guard != nullptr && !said.load()) {
    SignalText sentence;
    sentence.Add("weftd: plugin ");
    sentence.Add(guard->state().plugin.c_str());
    sentence.Add(" ends it: signal ");
    sentence.Add(number);
    sentence.Add(" came in its node ");
    sentence.Add(guard->state().node.c_str());
    sentence.Add(" on worker ");
    sentence.Add(graph->worker().value());
    sentence.Add("\n");
    sentence.Print(STDERR_FILENO);
    SayLastWords(guard->state().plugin.c_str());
  } else {
    AccuseModule(number);
  }
  if (guard != nullptr) PrintStack(STDERR_FILENO, guard->state().plugin.c_str());
  // The action is the default one again (SA_RESETHAND): the instruction repeats and the process
  // ends. A signal that somebody sent does not repeat by itself.
  if (info->si_code <= 0) raise(number);
}

}  // namespace

// sigaltstack(2): a thread has one, and a sanitizer may have given it one already.
void CrashStack::Use() {
  stack_t now{};
  if (sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0) return;
  const stack_t ours{.ss_sp = memory_.get(), .ss_flags = 0, .ss_size = kBytes};
  used_ = sigaltstack(&ours, nullptr) == 0;
}

void CrashStack::Leave() {
  if (!std::exchange(used_, false)) return;
  const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
  sigaltstack(&none, nullptr);
}

void InstallLastWords(int to) {
  last_words_to = to;
  PrepareStack();
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    struct sigaction action {};
    sigaction(number, nullptr, &action);
    if (action.sa_handler != SIG_DFL) continue;  // a sanitizer's, which says more
    action.sa_sigaction = OnCrash;
    action.sa_flags = SA_SIGINFO | SA_RESETHAND | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, nullptr);
  }
}

void NamePluginsOf(const Graph& graph) { graph_of_thread = &graph; }

void NameNoPlugins() { graph_of_thread = nullptr; }

void SayLastWords(const char* plugin, Blame blame) {
  if (said.exchange(true) || last_words_to < 0) return;
  SignalText line;
  line.Add(plugin);
  if (blame == Blame::kModule) line.Add(" module");
  line.Add("\n");
  line.Print(last_words_to);
}

}  // namespace weft
