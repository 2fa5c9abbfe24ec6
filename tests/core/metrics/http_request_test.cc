// SPDX-License-Identifier: Apache-2.0
#include "core/metrics/http_request.h"

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(HeadLength, EndsWithTheBlankLine) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  EXPECT_EQ(HeadLength(head), head.size());
  EXPECT_EQ(HeadLength(head + "more"), head.size());
  EXPECT_EQ(HeadLength("GET / HTTP/1.1\n\n"), 16U);
  EXPECT_EQ(HeadLength("\r\n\r\n"), 4U);
}

TEST(HeadLength, IsUnknownBefore) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  for (size_t length = 0; length < head.size(); ++length) {
    EXPECT_EQ(HeadLength(head.substr(0, length)), std::nullopt) << length;
  }
}

TEST(ParseRequest, MethodAndPath) {
  const std::optional<HttpRequest> request =
      ParseRequest("HEAD /metrics?name[]=a&b HTTP/1.0\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "HEAD");
  EXPECT_EQ(request->path, "/metrics");
  EXPECT_EQ(ParseRequest("GET / HTTP/1.1\n\n")->path, "/");
}

TEST(ParseRequest, RefusesWhatIsNoRequest) {
  using std::string_view_literals::operator""sv;
  for (const std::string_view head :
       {""sv, "\r\n\r\n"sv, "GET\r\n\r\n"sv, "GET /\r\n\r\n"sv, "GET  HTTP/1.1\r\n\r\n"sv,
        "GET / HTTP/2.0\r\n\r\n"sv, "GET / http/1.1\r\n\r\n"sv, "get / HTTP/1.1\r\n\r\n"sv,
        " GET / HTTP/1.1\r\n\r\n"sv, "GET metrics HTTP/1.1\r\n\r\n"sv,
        "GET /a b HTTP/1.1\r\n\r\n"sv, "GET /\x7f HTTP/1.1\r\n\r\n"sv, "GET /\0 HTTP/1.1\r\n\r\n"sv,
        "GET /\xff HTTP/1.1\r\n\r\n"sv, "\x16\x03\x01\x02\n\n"sv, "GET / HTTP/1.1 \r\n\r\n"sv}) {
    EXPECT_FALSE(ParseRequest(head)) << head;
  }
}

TEST(HeadOf, SaysHowMuchComes) {
  EXPECT_EQ(HeadOf(HttpSentence(404, "not here")),
            "HTTP/1.1 404 Not Found\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Length: 9\r\n"
            "Connection: close\r\n\r\n");
  EXPECT_NE(HeadOf(HttpSentence(405, "no")).find("\r\nAllow: GET, HEAD\r\n"), std::string::npos)
      << "RFC 9110 §15.5.6 asks for it";
}

}  // namespace
}  // namespace weft
