// SPDX-License-Identifier: Apache-2.0
#include "core/shell/weftctl.h"

#include <cstdlib>
#include <optional>
#include <span>

#include "absl/strings/str_format.h"
#include "core/shell/arguments.h"
#include "core/shell/capture_client.h"
#include "core/shell/client_commands.h"
#include "core/shell/completion_script.h"
#include "core/shell/extcap.h"
#include "core/shell/inject_client.h"
#include "core/shell/pager.h"
#include "core/shell/plugin_client.h"
#include "core/shell/utf8.h"
#include "core/shell/watch.h"
#include "core/shell/words.h"

namespace weft {
namespace {

// A command of weftctl's own; nothing if it is none.
std::optional<int> RunOwnCommand(ControlClient& client, std::string_view line,
                                 const Display& display, std::string_view where) {
  const absl::StatusOr<std::vector<Word>> words = SplitWords(line);
  if (!words.ok()) return std::nullopt;
  if (const auto injection = FindFileInjection(*words))
    return InjectFile(client, *injection, display, where);
  const std::optional<FoundClientCommand> found = FindClientCommand(*words);
  if (!found) return std::nullopt;
  const std::string_view command = found->command.words;
  const absl::StatusOr<Arguments> arguments =
      ParseArguments(found->command, std::span<const Word>(*words).subspan(found->words));
  if (!arguments.ok()) return Fail(arguments.status(), display, where);
  if (command == kWatch) return RunWatch(client, *arguments, display, where);
  if (command == kCapture) return RunCaptureCommand(client, *arguments, display, where);
  if (command == kExtcap) return RunExtcap(client, *arguments, display, where);
  if (command == kPluginNew) return RunPluginNew(*arguments, display, where);
  if (command == kPluginTest) return RunPluginTest(*arguments, display, where);
  if (command == kCompletion) {
    const absl::StatusOr<std::string> script = CompletionScript(arguments->Text("shell"));
    return script.ok() ? PrintReply(*script, display, where)
                       : Fail(script.status(), display, where);
  }
  // exit: there is nothing to leave but a file, and RunScript knows.
  return PrintReply(std::string(), display, where);
}

}  // namespace

std::string LineOf(const std::vector<std::string>& words) {
  if (words.size() == 1) return words[0];
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    line += Quote(word);
  }
  return line;
}

int Fail(const absl::Status& status, const Display& display, std::string_view where) {
  // Behind what the commands before have answered, also where both go to one file.
  std::fflush(display.out);
  absl::FPrintF(display.err, "%s%s\n", where, Printable(std::string(status.message()), "\n"));
  return kExitError;
}

int Print(const std::string& text, const Display& display, std::string_view where) {
  if (!display.pager.empty() && RowsOf(text, display.width) >= display.height &&
      Page(text, display.pager)) {
    return kExitDone;
  }
  const size_t put = fwrite(text.data(), 1, text.size(), display.out);
  if (put == text.size() && fflush(display.out) == 0) return kExitDone;
  absl::FPrintF(display.err, "%scannot write the answer\n", where);
  return kExitError;
}

int PrintReply(const Reply& reply, const Display& display, std::string_view where) {
  return Print(
      display.json ? ToJson(reply) + "\n" : RenderText(reply, display.width, display.colour),
      display, where);
}

int RunLine(ControlClient& client, std::string_view line, const Display& display,
            std::string_view where) {
  if (const std::optional<int> done = RunOwnCommand(client, line, display, where)) return *done;
  if (display.json) {
    const absl::StatusOr<std::string> data = client.Json(line);
    return data.ok() ? Print(*data, display, where) : Fail(data.status(), display, where);
  }
  const absl::StatusOr<Reply> reply = client.Ask(line);
  if (!reply.ok()) return Fail(reply.status(), display, where);
  return PrintReply(*reply, display, where);
}

int PrintCandidates(ControlClient& client, std::string_view line, const Display& display) {
  const absl::StatusOr<Completion> completion = client.Complete(line);
  if (!completion.ok()) return kExitError;
  std::string lines;
  for (const Candidate& candidate : completion->candidates) {
    const absl::StatusOr<std::vector<Word>> words = SplitWords(candidate.text);
    const bool word = !candidate.placeholder && words.ok() && words->size() == 1;
    // Its shell has quotes of its own.
    if (word) lines += Printable(words->front().text);
    lines += "\t";
    if (!word) lines += Printable(candidate.text) + ": ";
    lines += Printable(candidate.help) + "\n";
  }
  return Print(lines, display, "weftctl: ");
}

int PrintSchema(ControlClient& client, std::string_view line, const Display& display) {
  const absl::StatusOr<std::string> schema = client.Schema(line);
  return schema.ok() ? Print(*schema, display, "weftctl: ")
                     : Fail(schema.status(), display, "weftctl: ");
}

int RunScript(ControlClient& client, FILE* in, std::string_view name, bool stop,
              const Display& display) {
  char* buffer = nullptr;
  size_t capacity = 0;
  int number = 0;
  int status = kExitDone;
  while (!stop || status == kExitDone) {
    const ssize_t size = getline(&buffer, &capacity, in);
    if (size < 0) break;
    ++number;
    std::string_view line(buffer, static_cast<size_t>(size));
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    const size_t first = line.find_first_not_of(" \t");
    if (first == std::string_view::npos || line[first] == '#') continue;
    if (line.substr(first) == kExit) break;
    const int ended = RunLine(client, line, display,
                              absl::StrFormat("weftctl: %s:%d: ", Printable(name), number));
    if (status == kExitDone) status = ended;
  }
  free(buffer);
  return status;
}

}  // namespace weft
