// SPDX-License-Identifier: Apache-2.0
#include "core/shell/file_names.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "core/shell/arguments.h"
#include "core/shell/words.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

}  // namespace

void AddFileNames(std::string_view line, Completion& completion) {
  const bool file =
      std::any_of(completion.candidates.begin(), completion.candidates.end(),
                  [](const Candidate& c) { return c.placeholder && c.text == kFilePlaceholder; });
  const absl::StatusOr<std::vector<Word>> words = SplitUnfinished(line);
  if (!file || !words.ok()) return;
  const std::string& typed = words->back().text;
  const size_t slash = typed.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : typed.substr(0, slash + 1);
  const std::string begin = typed.substr(folder.size());
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder.empty() ? "." : folder, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename();
    if (!name.starts_with(begin) || (name.starts_with('.') && begin.empty())) continue;
    std::error_code unknown;
    names.push_back(folder + name + (at->is_directory(unknown) ? "/" : ""));
  }
  std::sort(names.begin(), names.end());
  names.resize(std::min(names.size(), CommandTable::kMaxCandidates));
  for (const std::string& name : names) completion.candidates.push_back({Quote(name), "", false});
}

}  // namespace weft
