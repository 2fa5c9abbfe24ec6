// SPDX-License-Identifier: Apache-2.0
// The lines of weftctl's shell, kept in a file between runs. Shells side by side add to the same
// file. weftctl only.
#pragma once

#include <histedit.h>

#include <functional>
#include <memory>
#include <string>

namespace weft {

// $XDG_STATE_HOME/weft/history, else ~/.local/state/weft/history; empty without a home.
// `environment` is getenv.
std::string HistoryPath(const std::function<const char*(const char*)>& environment);

class SavedHistory {
 public:
  SavedHistory();
  // For the line editor; null if there is no memory.
  History* get() const { return history_.get(); }

  // Reads the file; what cannot be read or written is not kept. False if there is no memory.
  bool Load(std::string path);
  // Keeps a line and writes it at once: a shell that is killed loses none.
  void Add(const std::string& line);

 private:
  std::string path_;
  std::unique_ptr<History, void (*)(History*)> history_;
};

}  // namespace weft
