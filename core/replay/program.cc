// SPDX-License-Identifier: Apache-2.0
#include "core/replay/program.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/config/errors.h"
#include "core/plugin/find_plugin.h"
#include "core/replay/case_file.h"
#include "core/replay/replay.h"
#include "core/replay/run_case.h"
#include "core/shell/reply.h"

namespace weft {
namespace {

struct ReplayLine {
  std::string mode;  // "--test"
  std::string capture, port, out;
  std::string plugins = DefaultPluginDirectory();
  bool write = false;
  std::vector<std::string> files;
};

absl::StatusOr<ReplayLine> ReadLine(int argc, char** argv) {
  ReplayLine line;
  line.mode = argv[1];
  int at = 2;
  if (line.mode == "--replay") {
    if (argc < 3) return absl::InvalidArgumentError("--replay needs a capture file");
    line.capture = argv[at++];
  }
  for (; at < argc; ++at) {
    const std::string_view word = argv[at];
    std::string* const value = word == "--plugins"                           ? &line.plugins
                               : word == "--port" && line.mode == "--replay" ? &line.port
                               : word == "--out" && line.mode == "--replay"  ? &line.out
                                                                             : nullptr;
    if (value != nullptr) {
      if (++at == argc) return absl::InvalidArgumentError(Cat(word, " needs a value"));
      *value = argv[at];
    } else if (word == "--write" && line.mode == "--test") {
      line.write = true;
    } else if (word.starts_with("-")) {
      return absl::InvalidArgumentError(Cat("unexpected argument ", Quoted(word)));
    } else {
      line.files.emplace_back(word);
    }
  }
  if (line.mode == "--replay") {
    if (line.port.empty() || line.out.empty())
      return absl::InvalidArgumentError("--replay needs --port PORT and --out DIR");
    if (line.files.empty()) line.files.emplace_back("startup.conf");
  }
  if (line.files.empty() || (line.files.size() > 1 && line.mode != "--test"))
    return absl::InvalidArgumentError(Cat(line.mode, " needs a file"));
  return line;
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (std::filesystem::is_directory(path) || !file || !(text << file.rdbuf()))
    return absl::NotFoundError(Cat(
        "cannot read \"", path,
        "\": ", std::filesystem::is_directory(path) ? "it is a directory" : std::strerror(errno)));
  return text.str();
}

absl::StatusOr<CaseFile> ReadCase(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadText(path);
  if (!text.ok()) return text.status();
  return CaseFile::Parse(path, *text);
}

// Writes beside it and renames, so that half a case is never there.
absl::Status WriteCase(const CaseFile& file) {
  const std::string beside = Cat(file.name, ".new");
  std::ofstream out(beside);
  out << file.ToString();
  out.close();
  if (out && std::rename(beside.c_str(), file.name.c_str()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, Cat("cannot write \"", file.name, "\""));
}

int Fail(const absl::Status& status) {
  std::fflush(stdout);
  absl::FPrintF(stderr, "%s\n", MessageOf(status));
  return 1;
}

int RunOne(const std::string& path, const ReplayLine& line, Modules modules) {
  const absl::StatusOr<CaseFile> file = ReadCase(path);
  if (!file.ok()) return Fail(file.status());
  const absl::StatusOr<CaseResult> result = RunCase(*file, std::move(modules), line.plugins);
  if (!result.ok()) return Fail(result.status());
  if (result->failures.empty()) {
    absl::PrintF("passed  %s\n", path);
    return 0;
  }
  if (line.write) {
    if (absl::Status status = WriteCase(result->as_it_went); !status.ok()) return Fail(status);
    absl::PrintF("written %s\n", path);
    return 0;
  }
  absl::PrintF("FAILED  %s\n%s\n", path, Join(result->failures, "\n"));
  return 1;
}

int Bench(const ReplayLine& line, Modules modules) {
  constexpr size_t kRuns = 11, kPackets = 100'000;
  const absl::StatusOr<CaseFile> file = ReadCase(line.files[0]);
  if (!file.ok()) return Fail(file.status());
  const auto costs = MeasureCase(*file, std::move(modules), line.plugins, kRuns, kPackets);
  if (!costs.ok()) return Fail(costs.status());
  Table table{.columns = {{.name = "node"},
                          {.name = "packets", .kind = CellKind::kCount},
                          {.name = "cycles/packet", .kind = CellKind::kDecimal},
                          {.name = "least", .kind = CellKind::kDecimal},
                          {.name = "most", .kind = CellKind::kDecimal}}};
  for (const NodeCost& cost : *costs)
    table.rows.push_back({cost.node, cost.packets, cost.cycles, cost.least, cost.most});
  absl::PrintF(
      "%smedian of %d runs, with the least and the most of them; memory-input and "
      "memory-output are no part of weftd\n",
      RenderText(table, 0), kRuns);
  return 0;
}

int ReplayCapture(const ReplayLine& line, Modules modules) {
  const absl::StatusOr<std::string> text = ReadText(line.files[0]);
  if (!text.ok()) return Fail(text.status());
  const auto the_switch = MemorySwitch::Make(
      std::move(modules), {.name = line.files[0], .text = *text, .plugin_directory = line.plugins});
  if (!the_switch.ok()) return Fail(the_switch.status());
  const absl::StatusOr<ReplayResult> result =
      Replay(**the_switch, line.capture, line.port, line.out);
  if (!result.ok()) return Fail(result.status());
  absl::PrintF("%d frames into %s\n", result->frames, line.port);
  if (result->cut != 0)
    absl::PrintF("  %d of them are cut in the capture; the rest was zero\n", result->cut);
  if (result->refused != 0)
    absl::PrintF("%d frames left out: too short, or too long\n", result->refused);
  for (const auto& [port, frames] : result->sent) absl::PrintF("%d sent to %s\n", frames, port);
  for (const std::string& drop : result->drops) absl::PrintF("dropped: %s\n", drop);
  return 0;
}

}  // namespace

std::optional<int> RunReplayProgram(int argc, char** argv,
                                    const std::function<Modules()>& builtin_modules) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode != "--test" && mode != "--bench" && mode != "--replay") return std::nullopt;
  const absl::StatusOr<ReplayLine> line = ReadLine(argc, argv);
  if (!line.ok()) {
    absl::FPrintF(stderr, "weftd: %s\n\n%s", MessageOf(line.status()), kReplayUsage);
    return 2;
  }
  SetLogLevel(LogLevel::kError);
  if (mode == "--bench") return Bench(*line, builtin_modules());
  if (mode == "--replay") return ReplayCapture(*line, builtin_modules());
  int status = 0;
  for (const std::string& file : line->files)
    status = std::max(status, RunOne(file, *line, builtin_modules()));
  return status;
}

}  // namespace weft
