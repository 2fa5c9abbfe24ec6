// SPDX-License-Identifier: Apache-2.0
#include "core/shell/plugin_client.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/shell/new_plugin.h"
#include "core/shell/words.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> CasesHere() {
  std::vector<std::string> cases;
  std::error_code error;
  for (fs::directory_iterator at(".", error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".case") cases.push_back(at->path().filename());
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

// The exit status of the program, which has our streams.
absl::StatusOr<int> RunProgram(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  if (const int error = posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), environ);
      error != 0) {
    return absl::ErrnoToStatus(error, absl::StrFormat("cannot run %s", words[0]));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return absl::ErrnoToStatus(errno, "cannot wait for weftd");
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  return absl::AbortedError(
      absl::StrFormat("weftd was ended by signal %d; the plugin runs in it", WTERMSIG(status)));
}

}  // namespace

int RunPluginNew(const Arguments& arguments, const Display& display, std::string_view where) {
  const std::string name(arguments.Text("name"));
  if (absl::Status status = WriteNewPlugin(name, "."); !status.ok())
    return Fail(status, display, where);
  return Print(absl::StrFormat(
                   "wrote ./%s; to build it and to run its test:\n"
                   "  cd %s && cmake -B build && cmake --build build && ctest --test-dir build\n",
                   name, name),
               display, where);
}

int RunPluginTest(const Arguments& arguments, const Display& display, std::string_view where) {
  std::vector<std::string> cases;
  const absl::StatusOr<std::vector<Word>> words = SplitWords(arguments.Text("cases"));
  if (!words.ok()) return Fail(words.status(), display, where);
  for (const Word& word : *words) cases.push_back(word.text);
  if (cases.empty()) cases = CasesHere();
  if (cases.empty()) {
    return Fail(absl::NotFoundError("there is no *.case in this folder, and none was named"),
                display, where);
  }
  std::error_code error;
  const fs::path weftctl = fs::read_symlink("/proc/self/exe", error);
  std::vector<std::string> line = {weftctl.parent_path() / "weftd", "--test"};
  if (fs::is_directory("build", error)) line.insert(line.end(), {"--plugins", "build"});
  line.insert(line.end(), cases.begin(), cases.end());
  std::fflush(display.out);
  const absl::StatusOr<int> status = RunProgram(line);
  return status.ok() ? *status : Fail(status.status(), display, where);
}

}  // namespace weft
