// SPDX-License-Identifier: Apache-2.0
#include "core/metrics/http_request.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"

namespace weft {
namespace {

std::string_view ReasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    default:
      return "Error";
  }
}

bool IsUpperCase(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool IsVisible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

HttpAnswer HttpSentence(int status, std::string sentence) {
  return {.status = status,
          .body = std::make_shared<const std::string>(std::move(sentence) + "\n")};
}

// A line feed alone may end a line, too (RFC 9112 §2.2).
std::optional<size_t> HeadLength(std::string_view bytes) {
  for (size_t at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    const std::string_view rest = bytes.substr(at + 1);
    if (rest.starts_with('\n')) return at + 2;
    if (rest.starts_with("\r\n")) return at + 3;
  }
  return std::nullopt;
}

std::optional<HttpRequest> ParseRequest(std::string_view head) {
  std::string_view line = head.substr(0, head.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (method.empty() || !IsUpperCase(method)) return std::nullopt;
  if (!target.starts_with('/') || !IsVisible(target)) return std::nullopt;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return std::nullopt;
  return HttpRequest{.method = method, .path = target.substr(0, target.find('?'))};
}

std::string HeadOf(const HttpAnswer& answer) {
  std::string head = Cat("HTTP/1.1 ", answer.status, " ", ReasonOf(answer.status),
                         "\r\nContent-Type: ", answer.type,
                         "\r\nContent-Length: ", answer.body->size(), "\r\nConnection: close\r\n");
  if (answer.status == 405) head += "Allow: GET, HEAD\r\n";
  return head + "\r\n";
}

}  // namespace weft
