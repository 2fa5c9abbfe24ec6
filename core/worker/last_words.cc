// SPDX-License-Identifier: Apache-2.0
#include "core/worker/last_words.h"

#include <signal.h>

#include <atomic>
#include <utility>

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

void SayLastWords(const char* plugin) {
  if (said.exchange(true) || last_words_to < 0) return;
  SignalText line;
  line.Add(plugin);
  line.Add("\n");
  line.Print(last_words_to);
}

}  // namespace weft
