// SPDX-License-Identifier: Apache-2.0
// A note that the calling thread is in a plugin's code, and what that does: for the handler of a
// crash, which has nobody else to ask. Any thread, on its stack.
//
//   const InPlugin note(name, "while it registered");
//   module->Register(registry);
#pragma once

#include <string>

namespace weft {

class InPlugin {
 public:
  // `plugin` outlives the note; `doing` is the end of a sentence.
  InPlugin(const std::string& plugin, const char* doing);
  ~InPlugin();
  InPlugin(const InPlugin&) = delete;
  InPlugin& operator=(const InPlugin&) = delete;

  const char* plugin() const { return plugin_.c_str(); }
  const char* doing() const { return doing_; }

  // The calling thread's last; null if there is none. Async-signal-safe.
  static const InPlugin* Here();

 private:
  const std::string& plugin_;
  const char* const doing_;
  const InPlugin* const outer_;
};

}  // namespace weft
