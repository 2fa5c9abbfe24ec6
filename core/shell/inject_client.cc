// SPDX-License-Identifier: Apache-2.0
#include "core/shell/inject_client.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "core/packet/capture_file.h"

namespace weft {
namespace {

// As much of a frame as fits into a command line. No node looks further.
constexpr size_t kMostBytes = 1'500;

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

bool InjectsFile(const std::vector<std::string>& words) {
  return words.size() == 5 && words[0] == "trace" && words[1] == "inject" && words[2] == "port" &&
         access(words[4].c_str(), F_OK) == 0;
}

int InjectFile(ControlClient& client, const std::vector<std::string>& words,
               const Display& display) {
  const auto frames = ReadFrames(words[4]);
  if (!frames.ok()) return Fail(frames.status(), display, "weftctl: ");
  Display each = display;
  each.pager.clear();
  for (size_t i = 0; i < frames->size(); ++i) {
    const ReadFrame& frame = (*frames)[i];
    std::vector<std::string> line(words.begin(), words.end() - 1);
    line.insert(line.end(), {"length", std::to_string(frame.length), frame.digits});
    if (display.json) {
      absl::FPrintF(display.out, "%s\n", i == 0 ? "[" : ",");
    } else {
      absl::FPrintF(display.out, "%sPacket %d, %d bytes\n", i == 0 ? "" : "\n", i + 1,
                    frame.length);
    }
    const int status = RunLine(client, LineOf(line), each);
    if (status != kExitDone) return status;
  }
  if (display.json) absl::FPrintF(display.out, "]\n");
  return kExitDone;
}

}  // namespace weft
