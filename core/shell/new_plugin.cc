// SPDX-License-Identifier: Apache-2.0
#include "core/shell/new_plugin.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "core/shell/utf8.h"

namespace weft {
namespace {

// Fits where core/sdk/stamp.h keeps it.
constexpr size_t kLongestName = 32;

absl::Status CheckName(std::string_view name) {
  const auto allowed = [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) ||
           absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
  };
  const bool good = !name.empty() && name.size() <= kLongestName &&
                    absl::ascii_islower(static_cast<unsigned char>(name.front())) &&
                    name.back() != '-' && name.find("--") == std::string_view::npos &&
                    std::all_of(name.begin(), name.end(), allowed);
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("\"%s\" is no name of a plugin: that is a letter and at most %d letters a to "
                      "z, digits and single "
                      "\"-\" behind it",
                      Printable(std::string(name)), kLongestName - 1));
}

// "my-plugin" -> "MyPlugin".
std::string CamelOf(std::string_view name) {
  std::string camel;
  bool first = true;
  for (const char c : name) {
    if (c != '-') camel += first ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c;
    first = c == '-';
  }
  return camel;
}

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

std::string Renamed(std::string_view text, std::string_view name) {
  std::string renamed(text), snake(name);
  std::replace(snake.begin(), snake.end(), '-', '_');
  ReplaceAll(renamed, "new-plugin", name);
  ReplaceAll(renamed, "new_plugin", snake);
  ReplaceAll(renamed, "NewPlugin", CamelOf(name));
  return renamed;
}

}  // namespace

absl::Status WriteNewPlugin(std::string_view name, const std::string& directory) {
  if (absl::Status status = CheckName(name); !status.ok()) return status;
  const std::filesystem::path folder = std::filesystem::path(directory) / name;
  // Nobody else may write it: weftd loads from no other folder.
  if (mkdir(folder.c_str(), 0755) != 0) {
    if (errno == EEXIST)
      return absl::AlreadyExistsError(absl::StrFormat("%s is there already", folder.string()));
    return absl::ErrnoToStatus(errno, absl::StrFormat("cannot make %s", folder.string()));
  }
  for (const TemplateFile& file : PluginTemplate()) {
    // A dot would hide it from who looks for the files of the template.
    const std::string as = file.path == "gitignore" ? ".gitignore" : Renamed(file.path, name);
    std::ofstream out(folder / as);
    out << Renamed(file.text, name);
    out.close();
    if (out) continue;
    const int error = errno;
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    return absl::ErrnoToStatus(error, absl::StrFormat("cannot write %s", (folder / as).string()));
  }
  return absl::OkStatus();
}

}  // namespace weft
