// SPDX-License-Identifier: Apache-2.0
#include "core/shell/command_reference.h"

#include <string_view>

#include "core/base/roff.h"
#include "core/base/text.h"
#include "core/shell/command_table.h"
#include "core/shell/weftctl_options.h"

namespace weft {
namespace {

std::string Sentence(std::string_view help) { return Cat(help, help.ends_with('.') ? "" : "."); }

void AppendArguments(std::string& out, const Command& command) {
  if (command.arguments.empty()) return;
  out += "| argument | what |\n|---|---|\n";
  for (const Argument& argument : command.arguments) {
    const bool values = !argument.value.empty() || argument.complete;
    Append(out, "| `", Placeholder(argument), "` | ", argument.help,
           values ? "; TAB lists those that there are" : "", " |\n");
  }
  out += "\n";
}

constexpr std::string_view kDescription =
    ".SH DESCRIPTION\n"
    ".B weftctl\n"
    "asks a running\n"
    ".BR weftd .\n"
    "With words it runs them as one command; with \\fB\\-f\\fR the commands of a file; on a pipe "
    "those of standard input; otherwise it is a shell, where TAB completes commands and values, "
    "\\fB?\\fR says what can follow, Ctrl\\-R searches the history, and \\fBexit\\fR or Ctrl\\-D "
    "leaves. Words may be shortened as long as they are clear.\n"
    ".PP\n"
    "An answer that is longer than the terminal goes through the pager. Off a terminal there are "
    "neither colours nor a pager, and no line is wrapped.\n";

constexpr std::string_view kEnd =
    ".SH EXIT STATUS\n"
    "0 if all is done; 1 if a command or the connection failed, with a sentence on standard error; "
    "2 if weftctl was called wrongly.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B WEFT_SOCKET\nThe control socket, if there is no \\fB\\-s\\fR.\n"
    ".TP\n.B PAGER\nWhat shows long answers; \\fBless \\-FRX\\fR without it, nothing if it is "
    "empty.\n"
    ".TP\n.B NO_COLOR\nNo colours, if it is not empty.\n"
    ".TP\n.B XDG_STATE_HOME\nWhere the history is, in \\fIweft/history\\fR; \\fI~/.local/state\\fR "
    "without it.\n"
    ".SH EXAMPLES\n"
    ".nf\n"
    "weftctl show port web\\-1\n"
    "weftctl \\-\\-json show drops | jq \\(aq.[] | select(.port == \"web\\-1\")\\(aq\n"
    "weftctl watch \\-n 1 show ports\n"
    "weftctl \\-e \\-f ports.weft || echo \"a line failed\"\n"
    "source <(weftctl completion bash)\n"
    ".fi\n";

}  // namespace

std::string DescribeCommands(const CommandTable& commands) {
  std::string out;
  for (const Command* command : commands.All()) {
    Append(out, "## ", command->words, "\n\n```\n", Usage(*command), "\n```\n\n",
           Sentence(command->help), "\n\n");
    AppendArguments(out, *command);
    Append(out, DescribeShape(command->shape), "\n");
  }
  return out;
}

std::string ManualPage(const CommandTable& commands) {
  std::string out =
      ".\\\" SPDX-License-Identifier: Apache-2.0\n"
      ".TH WEFTCTL 1 \"\" weft\n"
      ".SH NAME\n"
      "weftctl \\- the shell of weft, a userspace switch for containers\n"
      ".SH SYNOPSIS\n"
      ".nf\n"
      "\\fBweftctl\\fR [\\fB\\-s\\fR \\fISOCKET\\fR] [\\fB\\-\\-json\\fR] [\\fIWORDS\\fR...]\n"
      "\\fBweftctl\\fR [\\fB\\-s\\fR \\fISOCKET\\fR] [\\fB\\-\\-json\\fR] [\\fB\\-e\\fR] "
      "\\fB\\-f\\fR \\fIFILE\\fR\n"
      ".fi\n";
  out += kDescription;
  out += ".SH OPTIONS\n";
  for (const OptionSpec& option : WeftctlOptionSpecs()) {
    const std::string value =
        option.value.empty() ? std::string() : Cat(" \\fI", option.value, "\\fR");
    Append(out, ".TP\n",
           option.letter.empty() ? std::string() : Cat("\\fB", Roff(option.letter), "\\fR, "),
           "\\fB", Roff(option.name), "\\fR", value, "\n", Roff(Sentence(option.help)), "\n");
  }
  out += ".SH COMMANDS\n";
  for (const Command* command : commands.All()) {
    Append(out, ".TP\n.B ", Roff(Usage(*command)), "\n", Roff(Sentence(command->help)), "\n");
    for (const Argument& argument : command->arguments) {
      Append(out, ".br\n\\fI", Roff(Placeholder(argument)), "\\fR: ", Roff(Sentence(argument.help)),
             "\n");
    }
  }
  return out.append(kEnd);
}

}  // namespace weft
