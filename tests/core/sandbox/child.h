// SPDX-License-Identifier: Apache-2.0
// What cannot be undone is done in a child.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace weft {

struct ChildEnd {
  int status = 0;    // as waitpid has it
  std::string said;  // on standard error
  bool Exited(int with) const { return WIFEXITED(status) && WEXITSTATUS(status) == with; }
  bool Aborted() const { return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT; }
};

// Runs `body`, which returns the exit status, in a child.
template <typename Body>
ChildEnd InChild(Body body) {
  int ends[2];
  if (pipe(ends) != 0) return {.status = -1, .said = "no pipe"};
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    _exit(body());
  }
  close(ends[1]);
  ChildEnd end;
  char text[512];
  for (ssize_t got = 0; (got = read(ends[0], text, sizeof(text))) > 0;) {
    end.said.append(text, static_cast<size_t>(got));
  }
  close(ends[0]);
  waitpid(child, &end.status, 0);
  return end;
}

}  // namespace weft
