// SPDX-License-Identifier: Apache-2.0
#include "core/replay/replay.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <system_error>

#include "core/base/text.h"
#include "core/packet/capture_file.h"
#include "core/packet/ethernet.h"
#include "core/replay/report.h"
#include "core/trace/pcapng.h"

namespace weft {
namespace {

// A file that is written piece by piece. The first error sticks.
class TextFile {
 public:
  explicit TextFile(std::string path) : path_(std::move(path)), file_(fopen(path_.c_str(), "we")) {
    Check(file_ != nullptr);
  }
  void Write(std::string_view text) {
    if (file_ != nullptr) Check(fwrite(text.data(), 1, text.size(), file_.get()) == text.size());
  }
  void WriteLines(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) Write(line + "\n");
  }
  absl::Status Finish() {
    if (file_ != nullptr) Check(fflush(file_.get()) == 0);
    return status_;
  }

 private:
  void Check(bool good) {
    if (!good && status_.ok())
      status_ = absl::ErrnoToStatus(errno, Cat("cannot write \"", path_, "\""));
  }

  struct Close {
    void operator()(FILE* file) const { fclose(file); }
  };
  const std::string path_;
  std::unique_ptr<FILE, Close> file_;
  absl::Status status_;
};

struct PortFile {
  explicit PortFile(const Port& port, const std::string& path)
      : name(port.name), id(port.id), writer("weftd --replay"), output(path) {
    writer.AddInterface(port.name, Cat("what port ", port.name, " is sent"), kMaxFrame);
    output.Write(writer.Take());
  }
  std::string name;
  PortId id;
  PcapngWriter writer;
  TextFile output;
  uint64_t frames = 0;
};

}  // namespace

absl::StatusOr<ReplayResult> Replay(MemorySwitch& the_switch, const std::string& capture,
                                    const std::string& port, const std::string& directory) {
  const Port* const from = the_switch.Find(port);
  if (from == nullptr) return the_switch.NoSuchPort(port);
  absl::StatusOr<CaptureFile> file = CaptureFile::Open(capture);
  if (!file.ok()) return file.status();
  std::error_code error;
  const std::filesystem::path folder(directory);
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::ErrnoToStatus(error.value(), Cat("cannot make the directory \"", directory, "\""));
  }
  std::vector<std::unique_ptr<PortFile>> files;
  for (const auto& each : the_switch.ports().ports())
    files.push_back(std::make_unique<PortFile>(*each, folder / Cat(each->name, ".pcapng")));
  TextFile traces(folder / "trace.txt"), drops(folder / "drops.txt");

  ReplayResult result;
  Report report(the_switch);
  FileFrame frame;
  while (true) {
    const absl::StatusOr<bool> more = file->Next(frame);
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (frame.length < kMinFrame || frame.length > kMaxFrame) {
      ++result.refused;
      continue;
    }
    if (frame.bytes.size() < frame.length) ++result.cut;
    frame.bytes.resize(frame.length);
    ++result.frames;
    // Alone, so that what comes of it has its time.
    the_switch.Send(from->id, frame.bytes, 1);
    the_switch.Run();
    traces.WriteLines(report.Trace(result.frames));
    for (const auto& to : files) {
      for (const std::vector<uint8_t>& sent : the_switch.memory().sent[to->id]) {
        ++to->frames;
        to->writer.Add({.nanoseconds = frame.nanoseconds,
                        .length = static_cast<uint32_t>(sent.size()),
                        .bytes = sent,
                        .direction = PcapngWriter::Direction::kOutbound});
      }
      to->output.Write(to->writer.Take());
    }
    the_switch.memory().sent.clear();
  }
  result.drops = report.Drops();
  drops.WriteLines(result.drops);
  absl::Status status = traces.Finish();
  if (status.ok()) status = drops.Finish();
  for (const auto& to : files) {
    if (status.ok()) status = to->output.Finish();
    result.sent.emplace_back(to->name, to->frames);
  }
  if (!status.ok()) return status;
  return result;
}

}  // namespace weft
