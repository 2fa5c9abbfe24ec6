// SPDX-License-Identifier: Apache-2.0
#include "core/shell/inject_client.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "core/packet/capture_file.h"
#include "core/shell/arguments.h"
#include "core/shell/client_commands.h"
#include "core/shell/reply.h"

namespace weft {
namespace {

// As much of a frame as fits into a command line. No node looks further.
constexpr size_t kMostBytes = 1'500;

constexpr std::string_view kInject = "trace inject";

struct ReadFrame {
  uint32_t length = 0;
  std::string digits;
};

absl::StatusOr<std::vector<ReadFrame>> ReadFrames(const std::string& path) {
  absl::StatusOr<CaptureFile> file = CaptureFile::Open(path);
  if (!file.ok()) return file.status();
  std::vector<ReadFrame> frames;
  FileFrame read;
  while (frames.size() < kMaxInjected) {
    const absl::StatusOr<bool> more = file->Next(read);
    if (!more.ok()) return more.status();
    if (!*more) break;
    ReadFrame& frame = frames.emplace_back(ReadFrame{.length = read.length, .digits = {}});
    read.bytes.resize(std::min(read.bytes.size(), kMostBytes));
    frame.digits = absl::BytesToHexString(
        {reinterpret_cast<const char*>(read.bytes.data()), read.bytes.size()});
  }
  if (frames.empty())
    return absl::InvalidArgumentError(absl::StrFormat("\"%s\" has no packets", path));
  return frames;
}

}  // namespace

std::optional<FileInjection> FindFileInjection(std::span<const Word> line) {
  const Command inject{.words = kInject, .arguments = InjectArguments()};
  constexpr std::string_view kWords[] = {"trace", "inject"};
  const auto same = [](std::string_view own, const Word& word) {
    return !word.quoted && word.text == own;
  };
  if (line.size() < 2 || !std::equal(std::begin(kWords), std::end(kWords), line.begin(), same))
    return std::nullopt;
  const absl::StatusOr<Arguments> arguments = ParseArguments(inject, line.subspan(2));
  if (!arguments.ok() || arguments->Has("length")) return std::nullopt;
  const absl::StatusOr<std::vector<Word>> frame = SplitWords(arguments->Text("frame"));
  if (!frame.ok() || frame->size() != 1) return std::nullopt;
  const std::string& path = frame->front().text;
  const bool path_alone = path.find_first_of("./") != std::string::npos;  // no digits of a frame
  if (!path_alone && access(path.c_str(), F_OK) != 0) return std::nullopt;
  return FileInjection{std::string(arguments->Text("port")), path};
}

int InjectFile(ControlClient& client, const FileInjection& injection, const Display& display,
               std::string_view where) {
  const auto frames = ReadFrames(injection.path);
  if (!frames.ok()) return Fail(frames.status(), display, where);
  Sections packets;
  for (const ReadFrame& frame : *frames) {
    absl::StatusOr<Reply> way =
        client.Ask(LineOf({"trace", "inject", "port", injection.port, "length",
                           std::to_string(frame.length), frame.digits}));
    if (!way.ok()) return Fail(way.status(), display, where);
    auto* const table = std::get_if<Table>(&*way);
    if (table == nullptr)
      return Fail(absl::InternalError("the answer is no way of a packet"), display, where);
    packets.list.push_back(
        {absl::StrFormat("Packet %d, %d bytes", packets.list.size() + 1, frame.length),
         std::move(*table)});
  }
  return PrintReply(std::move(packets), display, where);
}

}  // namespace weft
