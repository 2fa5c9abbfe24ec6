// SPDX-License-Identifier: Apache-2.0
// The Ethernet frames of a pcap or pcapng file, one after the other. Any thread but a worker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

struct pcap;

namespace weft {

struct FileFrame {
  uint64_t nanoseconds = 0;    // since 1970
  uint32_t length = 0;         // of the frame
  std::vector<uint8_t> bytes;  // its first; the file may not have them all
};

class CaptureFile {
 public:
  // InvalidArgument: it cannot be read, in libpcap's words, or has no Ethernet frames.
  static absl::StatusOr<CaptureFile> Open(const std::string& path);

  // False at the end. InvalidArgument: the rest cannot be read.
  absl::StatusOr<bool> Next(FileFrame& frame);

 private:
  struct Close {
    void operator()(pcap* file) const;
  };
  CaptureFile(std::string path, pcap* file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  std::unique_ptr<pcap, Close> file_;
};

}  // namespace weft
