// SPDX-License-Identifier: Apache-2.0
// Links: weft_metrics
//
// What a client of the metrics sends, in pieces: a head has one length however it arrives, and what
// is taken for a request lies inside it.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/metrics/http_request.h"

namespace weft {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void Try(std::string_view bytes) {
  const std::optional<size_t> length = HeadLength(bytes);
  if (!length) return;
  Require(*length >= 2 && *length <= bytes.size());
  for (size_t so_far = 0; so_far < *length; ++so_far) Require(!HeadLength(bytes.substr(0, so_far)));
  const std::string_view head = bytes.substr(0, *length);
  Require(HeadLength(head) == length);
  const std::optional<HttpRequest> request = ParseRequest(head);
  if (!request) return;
  Require(!request->method.empty() && request->path.starts_with('/'));
  Require(head.starts_with(request->method));
  Require(head.find(request->path) < head.find('\n'));
  Require(request->path.find_first_of(" \r\n?") == std::string_view::npos);
}

}  // namespace
}  // namespace weft

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size <= 4096) weft::Try({reinterpret_cast<const char*>(data), size});
  return 0;
}
