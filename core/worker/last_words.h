// SPDX-License-Identifier: Apache-2.0
// Whose fault it was: when a plugin's node crashes the process, a sentence names the plugin, and so
// does a line for whoever supervises weftd. The process then ends as it would have.
#pragma once

namespace weft {

class Graph;

// Control thread, once, before other handlers of crashes are installed. `to`: where the name of a
// plugin goes that ends weftd; -1: nowhere.
void InstallLastWords(int to);
// The calling thread walks this graph, from now on or no longer.
void NamePluginsOf(const Graph& graph);
void NameNoPlugins();
// The process is about to end because of this plugin. Any thread; async-signal-safe.
void SayLastWords(const char* plugin);

}  // namespace weft
