// SPDX-License-Identifier: Apache-2.0
// As much of HTTP/1.1 (RFC 9112) as it takes to hand out one page: the head of a request, and that
// of an answer. Text in, values out. Control thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace weft {

// Views into the request.
struct HttpRequest {
  std::string_view method;
  std::string_view path;  // without a query
};

struct HttpAnswer {
  int status = 200;
  std::string_view type = "text/plain; charset=utf-8";
  std::shared_ptr<const std::string> body{};  // shared, for many clients may get the same
};

// An answer that is a sentence.
HttpAnswer HttpSentence(int status, std::string sentence);

// The bytes of a request's head, its blank line too; nothing if that has not come yet.
std::optional<size_t> HeadLength(std::string_view bytes);

// The request line of a head; nothing if it is not HTTP/1. Header fields are of no interest.
std::optional<HttpRequest> ParseRequest(std::string_view head);

// The head of the answer that says how long its body is, and that the connection ends with it.
std::string HeadOf(const HttpAnswer& answer);

}  // namespace weft
