// SPDX-License-Identifier: Apache-2.0
#include "core/worker/last_words.h"

#include <signal.h>

#include "core/base/signal_text.h"
#include "core/graph/graph.h"
#include "core/graph/guard.h"

namespace weft {
namespace {

// A signal handler has no `this`.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see above
constinit int last_words_to = -1;
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): see above
constinit thread_local const Graph* graph_of_thread = nullptr;

// Async-signal-safe: what it reads is there as long as the worker is in the plugin's node.
void OnCrash(int number, siginfo_t* info, void* /*context*/) {
  const Graph* const graph = graph_of_thread;
  const Guard* const guard = graph == nullptr ? nullptr : graph->at_work();
  if (guard != nullptr) {
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
  // The action is the default one again (SA_RESETHAND): the instruction repeats and the process
  // ends. A signal that somebody sent does not repeat by itself, and abort() sees to its own.
  if (info->si_code <= 0 && number != SIGABRT) raise(number);
}

}  // namespace

void InstallLastWords(int to) {
  last_words_to = to;
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    struct sigaction action {};
    sigaction(number, nullptr, &action);
    if (action.sa_handler != SIG_DFL) continue;  // a sanitizer's, which says more
    action.sa_sigaction = OnCrash;
    action.sa_flags = SA_SIGINFO | SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, nullptr);
  }
}

void NamePluginsOf(const Graph& graph) { graph_of_thread = &graph; }

void NameNoPlugins() { graph_of_thread = nullptr; }

void SayLastWords(const char* plugin) {
  if (last_words_to < 0) return;
  SignalText line;
  line.Add(plugin);
  line.Add("\n");
  line.Print(last_words_to);
}

}  // namespace weft
