// SPDX-License-Identifier: Apache-2.0
#include "core/shell/inject_client.h"

#include <pcap/pcap.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"

namespace weft {
namespace {

struct ClosePcap {
  void operator()(pcap_t* pcap) const { pcap_close(pcap); }
};

// As much of a frame as fits into a command line. No node looks further.
constexpr bpf_u_int32 kMostBytes = 1'500;

struct ReadFrame {
  bpf_u_int32 length = 0;
  std::string digits;
};

absl::StatusOr<std::vector<ReadFrame>> ReadFrames(const std::string& file) {
  char error[PCAP_ERRBUF_SIZE] = "";
  const std::unique_ptr<pcap_t, ClosePcap> pcap(pcap_open_offline(file.c_str(), error));
  if (pcap == nullptr) {
    return absl::InvalidArgumentError(absl::StrFormat("cannot read \"%s\": %s", file, error));
  }
  if (pcap_datalink(pcap.get()) != DLT_EN10MB) {
    return absl::InvalidArgumentError(absl::StrFormat("\"%s\" has no Ethernet frames", file));
  }
  std::vector<ReadFrame> frames;
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  int got = 0;
  while (frames.size() < kMaxInjected && (got = pcap_next_ex(pcap.get(), &header, &data)) == 1) {
    ReadFrame& frame = frames.emplace_back(ReadFrame{.length = header->len, .digits = {}});
    for (bpf_u_int32 i = 0; i < std::min(header->caplen, kMostBytes); ++i) {
      frame.digits += absl::StrFormat("%02x", data[i]);
    }
  }
  if (got == PCAP_ERROR) {
    return absl::InvalidArgumentError(
        absl::StrFormat("cannot read \"%s\": %s", file, pcap_geterr(pcap.get())));
  }
  if (frames.empty()) {
    return absl::InvalidArgumentError(absl::StrFormat("\"%s\" has no packets", file));
  }
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
