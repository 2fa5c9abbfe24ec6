// SPDX-License-Identifier: Apache-2.0
#include "core/weftd_options.h"

#include <algorithm>
#include <array>

#include "core/base/roff.h"
#include "core/base/text.h"
#include "core/config/reference.h"
#include "core/replay/program.h"
#include "core/shell/reply.h"

namespace weft {
namespace {

struct Option {
  std::string_view name;
  std::string_view help;  // a sentence without its full stop
  bool WeftdOptions::*flag;
};

constexpr std::array kOptions = {
    Option{"--check",
           "reads FILE, tries what can be tried without side effects, and says what is wrong",
           &WeftdOptions::check},
    Option{
        "--supervise",
        "starts weftd again when it crashes, without a plugin that ended it twice within a minute",
        &WeftdOptions::supervise},
    Option{"--reference", "prints every section and key that FILE may have, as Markdown",
           &WeftdOptions::reference},
    Option{"--nodes",
           "prints what each node declares: nexts, drops, counters, trace, keys; as Markdown",
           &WeftdOptions::nodes},
    Option{"--commands", "prints the commands of the shell and what they answer; as Markdown",
           &WeftdOptions::commands},
    Option{"--manual", "prints weftctl's manual page", &WeftdOptions::manual},
    Option{"--own-manual",
           "prints weftd's; these five with the plugins that FILE loads, if it is given",
           &WeftdOptions::own_manual},
    Option{"--version", "prints the version", &WeftdOptions::version},
    Option{"--help", "prints this, as -h does", &WeftdOptions::help},
};

constexpr std::string_view kDescription =
    ".SH DESCRIPTION\n"
    ".B weftd\n"
    "is a userspace switch for containers: it runs in the foreground, polls the rings of its ports "
    "on cores of its own, and joins containers and NICs into bridges as \\fIFILE\\fR describes it. "
    "Without \\fIFILE\\fR it is \\fIstartup.conf\\fR in the current folder if there is one, else "
    "\\fI/etc/weft/startup.conf\\fR.\n"
    ".PP\n"
    "What it does is asked, and changed while it runs, by\n"
    ".BR weftctl (1).\n"
    "It logs to standard error.\n";

constexpr std::string_view kSignals =
    ".SH SIGNALS\n"
    ".TP\n.BR SIGTERM \", \" SIGINT\nTakes all ports down, drains what is under way, and ends.\n"
    ".TP\n.B SIGHUP\nReads \\fIFILE\\fR again and changes what differs, as \\fBweftctl config "
    "apply\\fR does. If a part of it is wrong, nothing changes and the log says why.\n";

constexpr std::string_view kEnd =
    ".SH EXIT STATUS\n"
    ".TP\n.B 0\nIt was ended by SIGTERM or SIGINT, or has printed what it was asked for, or all "
    "cases passed.\n"
    ".TP\n.B 1\n\\fIFILE\\fR or the machine does not allow it to run, or a case failed; all "
    "reasons are on standard error.\n"
    ".TP\n.B 2\nIt was called wrongly.\n"
    ".TP\n.B 3\nA plugin whose on\\-fault is \"stop\" broke a rule; the log names it.\n"
    ".PP\n"
    "A crash, and a worker that hangs, end it by a signal. With \\fB\\-\\-supervise\\fR both begin "
    "it anew, as 3 does, without the plugin; the status is that of the last weftd, 128 and the "
    "signal's number if a signal ended that while it was to stop, or 0 if it was told to stop "
    "between two of them.\n"
    ".SH FILES\n"
    ".TP\n.I /etc/weft/startup.conf\nThe configuration, if no other is named.\n"
    ".TP\n.I /run/weft\nThe runtime directory: the control socket \\fIcontrol.sock\\fR, and "
    "of each container that comes by a socket \\fIports/NAME/vhost.sock\\fR or "
    "\\fIports/NAME/memif.sock\\fR. Of other users than root it is "
    "\\fI$XDG_RUNTIME_DIR/weft\\fR, else \\fI/tmp/weft\\-UID\\fR.\n"
    ".SH EXAMPLES\n"
    ".nf\n"
    "weftd \\-\\-check startup.conf && weftd startup.conf\n"
    "weftd \\-\\-replay in.pcap \\-\\-port web\\-1 \\-\\-out out startup.conf\n"
    ".fi\n"
    ".SH SEE ALSO\n"
    ".BR weftctl (1)\n";

std::string Sentence(std::string_view help) { return Cat(help, help.ends_with('.') ? "" : "."); }

void AppendKeys(const TableSchema& schema, const std::string& prefix, std::string& out) {
  for (const FieldSpec& field : schema.fields()) {
    const std::string standard = schema.Default(field);
    Append(out, ".TP\n.B ", Roff(Cat(prefix, field.name)), "\n",
           Roff(Cat(Sentence(field.help), " ", field.type(field.rules),
                    field.rules.required ? "; required"
                    : standard.empty()   ? ""
                                         : Cat("; ", standard, " if not said"),
                    ".")),
           "\n");
    if (const TableSchema* nested = field.nested())
      AppendKeys(*nested, Cat(prefix, field.name, "."), out);
  }
}

}  // namespace

absl::StatusOr<WeftdOptions> ParseWeftdOptions(std::span<const std::string> arguments) {
  WeftdOptions options;
  for (const std::string& argument : arguments) {
    const std::string_view name = argument == "-h" ? "--help" : std::string_view(argument);
    const auto option = std::find_if(kOptions.begin(), kOptions.end(),
                                     [&](const Option& known) { return known.name == name; });
    if (option != kOptions.end()) {
      options.*option->flag = true;
    } else if (argument.starts_with('-') || argument.empty() || !options.file.empty()) {
      return absl::InvalidArgumentError(Cat("unexpected argument \"", argument, "\""));
    } else {
      options.file = argument;
    }
  }
  return options;
}

std::string WeftdUsage() {
  // A table whose header says nothing new.
  Table table{.columns = {{"option", "how it is typed"}, {"help", "what it does"}}};
  for (const Option& option : kOptions)
    table.rows.push_back({Cat("  ", option.name), std::string(option.help)});
  std::string options = RenderText(table, 80);
  options.erase(0, options.find('\n') + 1);
  return Cat(
      "weftd [--check | --supervise] [FILE]\n\n"
      "Runs the switch that FILE describes: ./startup.conf if there is one, else\n"
      "/etc/weft/startup.conf. SIGHUP, or `weftctl config apply`, reads it again and\n"
      "changes what differs.\n",
      options, "\n", kReplayUsage);
}

std::string WeftdManual(const Schemas& schemas) {
  std::string out =
      Cat(".\\\" SPDX-License-Identifier: Apache-2.0\n"
          ".TH WEFTD 8 \"\" weft\n"
          ".SH NAME\n"
          "weftd \\- a userspace switch for containers\n"
          ".SH SYNOPSIS\n"
          ".nf\n"
          "\\fBweftd\\fR [\\fB\\-\\-check\\fR | \\fB\\-\\-supervise\\fR] [\\fIFILE\\fR]\n"
          "\\fBweftd\\fR \\fB\\-\\-reference\\fR | \\fB\\-\\-nodes\\fR | \\fB\\-\\-commands\\fR | "
          "\\fB\\-\\-manual\\fR | \\fB\\-\\-own\\-manual\\fR [\\fIFILE\\fR]\n"
          ".fi\n",
          kDescription, ".SH OPTIONS\n");
  for (const Option& option : kOptions)
    Append(out, ".TP\n.B ", Roff(option.name), "\n", Roff(Sentence(option.help)), "\n");
  Append(out, ".SH CASES AND CAPTURES\n.nf\n", Roff(kReplayUsage), ".fi\n", kSignals,
         ".SH CONFIGURATION\n\\fIFILE\\fR is TOML. Its sections and their keys:\n");
  for (const ReferenceTable& table : ReferenceTables(schemas)) {
    Append(out, ".SS ", Roff(table.heading), "\n", Roff(Sentence(table.help)), "\n");
    AppendKeys(*table.schema, "", out);
  }
  return out.append(kEnd);
}

}  // namespace weft
