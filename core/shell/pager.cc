// SPDX-License-Identifier: Apache-2.0
#include "core/shell/pager.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>

namespace weft {
namespace {

constexpr int kNotFound = 127;  // what sh ends with for a command that is not there

// While the pager has the terminal, Ctrl-C is for it, and that it ends before it has read all is
// nothing special.
class SignalsIgnored {
 public:
  SignalsIgnored() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGINT, &ignore, &interrupt_);
    sigaction(SIGPIPE, &ignore, &pipe_);
  }
  ~SignalsIgnored() {
    sigaction(SIGINT, &interrupt_, nullptr);
    sigaction(SIGPIPE, &pipe_, nullptr);
  }
  SignalsIgnored(const SignalsIgnored&) = delete;
  SignalsIgnored& operator=(const SignalsIgnored&) = delete;

 private:
  struct sigaction interrupt_ {};
  struct sigaction pipe_ {};
};

}  // namespace

size_t RowsOf(std::string_view text, size_t width) {
  size_t rows = 0;
  size_t columns = 0;
  bool escape = false;  // within ESC [ ... letter
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (escape) {
      escape = !(c >= '@' && c <= '~' && c != '[');
    } else if (c == '\x1b') {
      escape = true;
    } else if (c == '\n') {
      rows += std::max<size_t>(1, width == 0 ? 1 : (columns + width - 1) / width);
      columns = 0;
    } else if ((byte & 0xC0) != 0x80) {  // not a continuation of UTF-8
      ++columns;
    }
  }
  return columns == 0 ? rows
                      : rows + std::max<size_t>(1, width == 0 ? 1 : (columns + width - 1) / width);
}

bool Page(std::string_view text, const std::string& command) {
  std::fflush(stdout);
  FILE* pager = popen(command.c_str(), "we");  // with our signals as they were
  if (pager == nullptr) return false;
  const SignalsIgnored ignored;
  std::fwrite(text.data(), 1, text.size(), pager);
  const int status = pclose(pager);
  return status != -1 && !(WIFEXITED(status) && WEXITSTATUS(status) == kNotFound);
}

}  // namespace weft
