// SPDX-License-Identifier: Apache-2.0
#include "core/shell/saved_history.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace weft {
namespace {

constexpr size_t kLines = 1000;  // that are kept; the file is cut back when it has twice as many

// Owner's alone: what is typed is nobody else's business.
void MakeFolder(const std::filesystem::path& folder) {
  std::error_code ignored;
  std::filesystem::create_directories(folder.parent_path(), ignored);
  mkdir(folder.c_str(), 0700);
}

std::vector<std::string> ReadLines(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

// `flags`: O_APPEND or O_TRUNC.
void WriteText(const std::string& path, int flags, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
  if (fd < 0) return;
  // In one piece, so that lines of several shells do not mix.
  [[maybe_unused]] const ssize_t put = write(fd, text.data(), text.size());
  close(fd);
}

}  // namespace

std::string HistoryPath(const std::function<const char*(const char*)>& environment) {
  const char* state = environment("XDG_STATE_HOME");
  if (state != nullptr && *state == '/') return std::string(state) + "/weft/history";
  const char* home = environment("HOME");
  if (home == nullptr || *home == '\0') return "";
  return std::string(home) + "/.local/state/weft/history";
}

SavedHistory::SavedHistory() : history_(history_init(), history_end) {}

bool SavedHistory::Load(std::string path) {
  if (!history_) return false;
  HistEvent event{};
  history(history_.get(), &event, H_SETSIZE, static_cast<int>(kLines));
  history(history_.get(), &event, H_SETUNIQUE, 1);
  path_ = std::move(path);
  if (path_.empty()) return true;
  MakeFolder(std::filesystem::path(path_).parent_path());
  std::vector<std::string> lines = ReadLines(path_);
  const bool cut = lines.size() > 2 * kLines;
  if (lines.size() > kLines)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(kLines));
  std::string text;
  for (const std::string& line : lines) {
    history(history_.get(), &event, H_ENTER, (line + "\n").c_str());
    text += line + "\n";
  }
  if (cut) {
    WriteText(path_ + ".new", O_TRUNC, text);
    std::rename((path_ + ".new").c_str(), path_.c_str());
  }
  return true;
}

void SavedHistory::Add(const std::string& line) {
  HistEvent event{};
  history(history_.get(), &event, H_ENTER, (line + "\n").c_str());
  if (!path_.empty()) WriteText(path_, O_APPEND, line + "\n");
}

}  // namespace weft
