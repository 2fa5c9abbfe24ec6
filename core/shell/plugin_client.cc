// SPDX-License-Identifier: Apache-2.0
#include "core/shell/plugin_client.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/unique_fd.h"
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

// Where a program writes to that we read.
struct Pipe {
  UniqueFd in, out;
};

absl::StatusOr<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "cannot make a pipe");
  return Pipe{.in = UniqueFd(ends[0]), .out = UniqueFd(ends[1])};
}

// To its end.
std::string ReadAll(int from) {
  std::string text;
  char piece[4096];
  for (;;) {
    const ssize_t size = read(from, piece, sizeof(piece));
    if (size > 0) text.append(piece, static_cast<size_t>(size));
    if (size == 0 || (size < 0 && errno != EINTR)) return text;
  }
}

// The exit status of the program, which has our streams; but what it says goes to `said` if there
// is one.
absl::StatusOr<int> RunProgram(const std::vector<std::string>& words, std::string* said) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  absl::StatusOr<Pipe> output = MakePipe();
  if (!output.ok()) return output.status();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (said != nullptr) posix_spawn_file_actions_adddup2(&actions, output->out.get(), STDOUT_FILENO);
  pid_t child = 0;
  const int error = posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrFormat("cannot run %s", words[0]));
  output->out.reset();
  if (said != nullptr) *said = ReadAll(output->in.get());
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
  return PrintReply(
      absl::StrFormat(
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
  std::string said;
  const absl::StatusOr<int> status = RunProgram(line, display.json ? &said : nullptr);
  if (!status.ok()) return Fail(status.status(), display, where);
  if (*status == 0) return display.json ? PrintReply(said, display, where) : kExitDone;
  absl::FPrintF(display.err, "%s", said);
  return Fail(absl::AbortedError("the test failed"), display, where);
}

}  // namespace weft
