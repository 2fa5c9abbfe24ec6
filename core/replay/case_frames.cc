// SPDX-License-Identifier: Apache-2.0
#include "core/replay/case_frames.h"

#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>

#include "core/base/text.h"
#include "core/config/errors.h"
#include "core/packet/capture_file.h"
#include "core/packet/ethernet.h"
#include "core/packet/frame_text.h"

namespace weft {
namespace {

constexpr std::string_view kFile = "file ", kLength = "length ";
constexpr size_t kLongTail = 8;  // a tail of so many zeroes is worth its word

absl::Status CheckLength(size_t length) {
  if (length >= kMinFrame && length <= kMaxFrame) return absl::OkStatus();
  return absl::InvalidArgumentError(
      Cat("a frame has ", kMinFrame, " to ", kMaxFrame, " bytes; this one has ", length));
}

absl::StatusOr<std::vector<std::vector<uint8_t>>> ReadCapture(const std::string& path) {
  absl::StatusOr<CaptureFile> file = CaptureFile::Open(path);
  if (!file.ok()) return file.status();
  std::vector<std::vector<uint8_t>> frames;
  FileFrame frame;
  while (true) {
    const absl::StatusOr<bool> more = file->Next(frame);
    if (!more.ok()) return more.status();
    if (!*more) return frames;
    if (absl::Status status = CheckLength(frame.length); !status.ok()) return status;
    frame.bytes.resize(frame.length);
    frames.push_back(frame.bytes);
  }
}

}  // namespace

absl::StatusOr<std::vector<std::vector<uint8_t>>> ReadFrames(const std::string& line,
                                                             const std::string& directory) {
  if (line.starts_with(kFile))
    return ReadCapture(std::filesystem::path(directory) / line.substr(kFile.size()));
  std::string_view rest = line;
  size_t length = 0;
  if (rest.starts_with(kLength)) {
    rest.remove_prefix(kLength.size());
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), length);
    if (error != std::errc()) {
      return absl::InvalidArgumentError(
          Cat("\"length\" is followed by a number of bytes, not by ", Quoted(rest)));
    }
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  }
  std::optional<std::vector<uint8_t>> frame = FromHex(rest);
  if (!frame) {
    return absl::InvalidArgumentError(Cat(
        Quoted(line), " is no frame: write hexadecimal digits, two a byte, behind \"length N\" ",
        "if the rest of N bytes is zero, or \"file NAME\""));
  }
  if (length != 0) {
    if (length < frame->size()) {
      return absl::InvalidArgumentError(
          Cat("a frame of length ", length, " has no ", frame->size(), " bytes"));
    }
    // Zeroes only once the length is known to be one of a frame.
    if (absl::Status status = CheckLength(length); !status.ok()) return status;
    frame->resize(length);
  }
  if (absl::Status status = CheckLength(frame->size()); !status.ok()) return status;
  return std::vector<std::vector<uint8_t>>{*std::move(frame)};
}

std::string FrameLine(std::span<const uint8_t> frame) {
  size_t end = frame.size();
  while (end > kMinFrame && frame[end - 1] == 0) --end;
  if (frame.size() - end < kLongTail) return FrameToHex(frame);
  return Cat("length ", frame.size(), " ", FrameToHex(frame.first(end)));
}

}  // namespace weft
