// SPDX-License-Identifier: Apache-2.0
#include "core/packet/capture_file.h"

#include <pcap/pcap.h>

#include <string_view>
#include <utility>

#include "core/base/text.h"

namespace weft {

void CaptureFile::Close::operator()(pcap* file) const { pcap_close(file); }

absl::StatusOr<CaptureFile> CaptureFile::Open(const std::string& path) {
  char error[PCAP_ERRBUF_SIZE] = "";
  CaptureFile file(path, pcap_open_offline_with_tstamp_precision(
                             path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error));
  if (file.file_ == nullptr) {
    std::string_view why(error);
    if (why.starts_with(Cat(path, ": "))) why.remove_prefix(path.size() + 2);
    return absl::InvalidArgumentError(Cat("cannot read \"", path, "\": ", why));
  }
  if (pcap_datalink(file.file_.get()) != DLT_EN10MB)
    return absl::InvalidArgumentError(Cat("\"", path, "\" has no Ethernet frames"));
  return file;
}

absl::StatusOr<bool> CaptureFile::Next(FileFrame& frame) {
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  const int got = pcap_next_ex(file_.get(), &header, &data);
  if (got == PCAP_ERROR) {
    return absl::InvalidArgumentError(
        Cat("cannot read \"", path_, "\": ", std::string(pcap_geterr(file_.get()))));
  }
  if (got != 1) return false;
  // Of such a file tv_usec holds nanoseconds.
  frame.nanoseconds = static_cast<uint64_t>(header->ts.tv_sec) * 1'000'000'000 +
                      static_cast<uint64_t>(header->ts.tv_usec);
  frame.length = header->len;
  frame.bytes.assign(data, data + header->caplen);
  return true;
}

}  // namespace weft
