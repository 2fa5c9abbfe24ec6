// SPDX-License-Identifier: Apache-2.0
#include "core/shell/interactive.h"

#include <histedit.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/shell/client_commands.h"
#include "core/shell/file_names.h"
#include "core/shell/reply.h"
#include "core/shell/saved_history.h"
#include "core/shell/utf8.h"
#include "core/shell/weftctl.h"

namespace weft {
namespace {

const char* Environment(const char* name) { return std::getenv(name); }

// Interrupts the wait for an answer; the line editor gets Ctrl-C as a key instead.
void OnInterrupt(int) {}

// What all candidates that can be typed begin with.
std::string CommonPrefix(const std::vector<Candidate>& candidates) {
  std::string prefix;
  bool first = true;
  for (const Candidate& candidate : candidates) {
    if (candidate.placeholder) continue;
    if (first) prefix = candidate.text;
    first = false;
    const auto [end, other] =
        std::mismatch(prefix.begin(), prefix.end(), candidate.text.begin(), candidate.text.end());
    prefix.erase(end, prefix.end());
  }
  return prefix;
}

class Shell {
 public:
  Shell(ControlClient& client, const Display& display) : client_(client), display_(display) {}

  int Loop();

 private:
  static Shell& Of(EditLine* edit) {
    Shell* shell = nullptr;
    el_get(edit, EL_CLIENTDATA, &shell);
    return *shell;
  }
  static char* Prompt(EditLine*) {
    static char prompt[] = "weft> ";  // the line editor asks for a mutable string
    return prompt;
  }
  static unsigned char OnTab(EditLine* edit, int) { return Of(edit).Complete(); }
  static unsigned char OnQuestion(EditLine* edit, int) { return Of(edit).Explain(); }
  static unsigned char OnCancel(EditLine* edit, int) { return Of(edit).CancelLine(); }
  static unsigned char OnSuspend(EditLine*, int) {
    raise(SIGTSTP);  // EL_SIGNAL restores the terminal around it
    return CC_REDISPLAY;
  }

  void Bind();
  void Greet() const;
  void Run(std::string_view line) const;
  unsigned char Complete();
  unsigned char Explain();
  unsigned char CancelLine();
  // The line up to the cursor.
  std::string BeforeCursor() const {
    const LineInfo* info = el_line(edit_.get());
    return std::string(info->buffer, info->cursor);
  }
  // Prints the candidates, or the error, below the line, which is then shown again.
  unsigned char Show(const absl::StatusOr<Completion>& completion) const;

  ControlClient& client_;
  const Display display_;
  std::unique_ptr<EditLine, void (*)(EditLine*)> edit_{nullptr, el_end};
  SavedHistory history_;
};

int Shell::Loop() {
  std::setlocale(LC_CTYPE, "");
  struct sigaction action {};
  action.sa_handler = OnInterrupt;  // without SA_RESTART: poll returns
  sigaction(SIGINT, &action, nullptr);

  edit_.reset(el_init("weftctl", stdin, stdout, stderr));
  if (!edit_ || !history_.Load(HistoryPath(Environment))) {
    std::fputs("weftctl: cannot set up the terminal\n", stderr);
    return kExitError;
  }
  Bind();
  Greet();
  while (true) {
    // Before the prompt shows, or a key that comes with it would still be a signal or an end.
    el_set(edit_.get(), EL_PREP_TERM, 1);
    int size = 0;
    const char* line = el_gets(edit_.get(), &size);
    if (line == nullptr && size < 0 && errno == EINTR) continue;
    if (line == nullptr) break;
    std::string_view text(line, static_cast<size_t>(std::max(size, 0)));
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    if (text.find_first_not_of(" \t") == std::string_view::npos) continue;
    history_.Add(std::string(text));
    if (text == kExit || text == "quit") return kExitDone;
    Run(text);
  }
  std::fputs("\n", stdout);  // Ctrl-D leaves the cursor behind the prompt
  return kExitDone;
}

void Shell::Bind() {
  EditLine* edit = edit_.get();
  el_set(edit, EL_CLIENTDATA, this);
  el_set(edit, EL_PROMPT, &Prompt);
  el_set(edit, EL_EDITOR, "emacs");
  el_set(edit, EL_HIST, history, history_.get());
  el_set(edit, EL_ADDFN, "weft-complete", "Complete the word", &OnTab);
  el_set(edit, EL_ADDFN, "weft-explain", "Say what can follow", &OnQuestion);
  el_set(edit, EL_ADDFN, "weft-cancel", "Drop the line", &OnCancel);
  el_set(edit, EL_ADDFN, "weft-suspend", "Go to the background", &OnSuspend);
  el_set(edit, EL_BIND, "^I", "weft-complete", nullptr);
  el_set(edit, EL_BIND, "?", "weft-explain", nullptr);
  el_set(edit, EL_BIND, "^C", "weft-cancel", nullptr);
  el_set(edit, EL_BIND, "^Z", "weft-suspend", nullptr);
  el_set(edit, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  // While a line is edited, Ctrl-C is a key and no signal. So is Ctrl-Z: it sends itself the
  // signal.
  el_set(edit, EL_SETTY, "-d", "-isig", nullptr);
  el_set(edit, EL_SIGNAL, 1);
}

// One line, and at once what is wrong, if something is.
void Shell::Greet() const {
  std::puts("TAB completes, ? says what can follow, exit leaves");
  std::fflush(stdout);
  if (const absl::StatusOr<Completion> any = client_.Complete(""); !any.ok())
    Fail(any.status(), display_, "");
}

// The terminal may have another size by now.
void Shell::Run(std::string_view line) const {
  Display display = DisplayOf(Environment);
  display.json = display_.json;
  RunLine(client_, line, display, "");
}

unsigned char Shell::Complete() {
  const std::string line = BeforeCursor();
  absl::StatusOr<Completion> completion = client_.Complete(line);
  if (!completion.ok()) return Show(completion);
  AddFileNames(line, *completion);
  const std::string typed = line.substr(completion->start);
  std::string longer = CommonPrefix(completion->candidates);
  const auto usable = std::count_if(completion->candidates.begin(), completion->candidates.end(),
                                    [](const Candidate& c) { return !c.placeholder; });
  // Behind a folder comes what is in it.
  if (usable == 1 && !longer.ends_with('/')) longer.push_back(' ');
  // Quotes may differ from what was typed; never take letters away.
  if (longer.size() <= typed.size()) return Show(completion);
  el_deletestr(edit_.get(), static_cast<int>(typed.size()));
  el_insertstr(edit_.get(), longer.c_str());
  return CC_REFRESH;
}

unsigned char Shell::Explain() {
  const std::string line = BeforeCursor();
  // Inside quotes it is a character like any other.
  const bool quoted = std::count(line.begin(), line.end(), '"') % 2 == 1 ||
                      std::count(line.begin(), line.end(), '\'') % 2 == 1;
  if (quoted) {
    el_insertstr(edit_.get(), "?");
    return CC_REFRESH;
  }
  return Show(client_.Complete(line));
}

unsigned char Shell::Show(const absl::StatusOr<Completion>& completion) const {
  std::string text;
  if (!completion.ok()) {
    text = Printable(std::string(completion.status().message())) + "\n";
  } else if (completion->candidates.empty()) {
    return CC_REFRESH_BEEP;
  } else {
    // A table whose header says nothing new.
    Table table{
        .columns = {{"word", "what to type"}, {"help", "what it is"}}, .rows = {}, .if_empty = ""};
    for (const Candidate& candidate : completion->candidates) {
      table.rows.push_back({candidate.text, candidate.help});
    }
    text = RenderText(table, DisplayOf(Environment).width);
    text.erase(0, text.find('\n') + 1);
  }
  std::printf("\n%s", text.c_str());
  std::fflush(stdout);
  return CC_REDISPLAY;
}

unsigned char Shell::CancelLine() {
  const LineInfo* info = el_line(edit_.get());
  el_cursor(edit_.get(), static_cast<int>(info->lastchar - info->cursor));
  el_deletestr(edit_.get(), static_cast<int>(info->lastchar - info->buffer));
  std::fputs("^C\n", stdout);
  std::fflush(stdout);
  return CC_REDISPLAY;
}

}  // namespace

int RunInteractive(ControlClient& client, const Display& display) {
  return Shell(client, display).Loop();
}

Display DisplayOf(const std::function<const char*(const char*)>& environment) {
  const auto given = [&](const char* name) {
    const char* value = environment(name);
    return std::string_view(value == nullptr ? "" : value);
  };
  Display display;
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0) return display;
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
  display.width = known && size.ws_col > 0 ? size.ws_col : 80;
  display.height = known && size.ws_row > 0 ? size.ws_row : 24;
  const std::string_view terminal = given("TERM");
  display.colour = given("NO_COLOR").empty() && !terminal.empty() && terminal != "dumb";
  // As git has it: what fits the screen stays on it, and colours pass.
  display.pager = environment("PAGER") == nullptr ? "less -FRX" : given("PAGER");
  return display;
}

}  // namespace weft
