// SPDX-License-Identifier: Apache-2.0
#include "core/metrics/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/unix_socket.h"

namespace weft {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: weft\r\n\r\n";

// Clients and the server share this thread: whoever waits runs the loop meanwhile.
class HttpServerTest : public ::testing::Test {
 protected:
  void Start(const HttpLimits& limits = {}) {
    server_ = std::make_unique<HttpServer>(
        loop_,
        [this](const HttpRequest& request) {
          ++asked_;
          return HttpAnswer{
              .body = page_ != nullptr ? page_ : std::make_shared<const std::string>(request.path)};
        },
        limits);
    const absl::Status status = server_->Listen(*InetAddress::Parse("127.0.0.1:0"));
    ASSERT_TRUE(status.ok()) << status;
  }
  // Connected, and in the server's hands or still in its queue.
  UniqueFd Connect() {
    const InetAddress address = server_->address();
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(fd.get(), address.data(), address.size()), 0);
    return fd;
  }
  void Send(const UniqueFd& fd, std::string_view text) {
    EXPECT_EQ(send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  void Turn(int times = 20) {
    for (int i = 0; i < times; ++i) loop_.RunOnce(Time::zero());
  }
  bool Until(const std::function<bool()>& condition) {
    const Time end = loop_.Now() + std::chrono::minutes(1);  // a guard against hanging
    while (!condition()) {
      if (loop_.Now() > end) return false;
      loop_.RunOnce(std::chrono::milliseconds(1));
    }
    return true;
  }
  // All that the server sends until it closes.
  std::string Receive(const UniqueFd& fd) {
    std::string all;
    const bool ended = Until([&] {
      char bytes[65536];
      ssize_t got = 0;
      while ((got = recv(fd.get(), bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        all.append(bytes, static_cast<size_t>(got));
      }
      return got == 0 || errno != EAGAIN;
    });
    EXPECT_TRUE(ended);
    return all;
  }
  std::string Ask(std::string_view request) {
    const UniqueFd fd = Connect();
    Send(fd, request);
    return Receive(fd);
  }

  EventLoop loop_;
  std::shared_ptr<const std::string> page_;
  int asked_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersAndCloses) {
  Start();
  const std::string answer = Ask(kGet);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\nContent-Length: 2\r\nConnection: close\r\n\r\n/x")) << answer;
  EXPECT_EQ(server_->clients(), 0U);
}

TEST_F(HttpServerTest, HeadHasTheLengthAndNoBody) {
  Start();
  EXPECT_TRUE(
      Ask("HEAD /x HTTP/1.1\r\n\r\n").ends_with("Content-Length: 2\r\nConnection: close\r\n\r\n"));
}

TEST_F(HttpServerTest, ByteByByte) {
  Start();
  const UniqueFd fd = Connect();
  for (const char& byte : kGet) {
    Send(fd, std::string_view(&byte, 1));
    Turn(2);
  }
  EXPECT_THAT(Receive(fd), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, RefusesWhatIsGarbled) {
  Start();
  EXPECT_THAT(Ask("\x16\x03\x01\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Ask("POST /x HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405"));
  EXPECT_EQ(asked_, 0);
}

TEST_F(HttpServerTest, RefusesWhatIsTooLong) {
  Start({.head = 1000});
  EXPECT_THAT(Ask(std::string(1001, 'x')), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(Ask("GET /" + std::string(1000, 'x') + " HTTP/1.1\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
  EXPECT_EQ(asked_, 0);
}

TEST_F(HttpServerTest, WhoSaysNothingIsCutOff) {
  Start({.deadline = std::chrono::milliseconds(1)});
  const UniqueFd fd = Connect();
  EXPECT_EQ(Receive(fd), "");
  EXPECT_EQ(server_->clients(), 0U);
}

TEST_F(HttpServerTest, WhoReadsNothingIsCutOff) {
  page_ = std::make_shared<const std::string>(64 << 20, 'x');  // more than sockets hold
  Start({.deadline = std::chrono::milliseconds(10)});
  const UniqueFd fd = Connect();
  Send(fd, kGet);
  EXPECT_TRUE(Until([&] { return asked_ == 1; }));
  EXPECT_TRUE(Until([&] { return server_->clients() == 0; }));
  EXPECT_EQ(page_.use_count(), 1) << "nobody holds the page any more";
}

TEST_F(HttpServerTest, ALongPageComesInFull) {
  page_ = std::make_shared<const std::string>(8 << 20, 'x');
  Start();
  const std::string answer = Ask(kGet);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + *page_));
}

// Those who say nothing take all places; whoever asks gets an answer all the same.
TEST_F(HttpServerTest, AFloodKeepsNobodyOut) {
  constexpr size_t kClients = 8;
  Start({.clients = kClients});
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 100; ++i) {
    silent.push_back(Connect());
    Turn(1);
    EXPECT_LE(server_->clients(), kClients);
    if (i % 10 == 9) {
      EXPECT_THAT(Ask(kGet), StartsWith("HTTP/1.1 200"));
    }
  }
  EXPECT_EQ(asked_, 10);
}

TEST_F(HttpServerTest, WhoGoesLeavesNothing) {
  Start();
  for (const std::string_view text : {std::string_view(""), std::string_view("GET /"), kGet}) {
    {
      const UniqueFd fd = Connect();
      Send(fd, text);
      Turn(3);
    }
    EXPECT_TRUE(Until([&] { return server_->clients() == 0; })) << text;
  }
}

TEST_F(HttpServerTest, EndsWithClients) {
  Start();
  const UniqueFd silent = Connect();
  Turn();
  EXPECT_EQ(server_->clients(), 1U);
  server_.reset();
  Turn();
  EXPECT_EQ(Receive(silent), "");
}

TEST_F(HttpServerTest, AnswersAtAUnixSocket) {
  char folder[] = "/tmp/weft-http-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/metrics.sock";
  server_ = std::make_unique<HttpServer>(
      loop_,
      [](const HttpRequest& request) {
        return HttpAnswer{.body = std::make_shared<const std::string>(request.path)};
      },
      HttpLimits());
  const absl::Status status = server_->ListenAt(path);
  ASSERT_TRUE(status.ok()) << status;
  struct stat file {};
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0660u);
  const absl::StatusOr<UniqueFd> client = weft::Connect(path);
  ASSERT_TRUE(client.ok()) << client.status();
  Send(*client, kGet);
  EXPECT_THAT(Receive(*client), EndsWith("\r\n\r\n/x"));
  HttpServer second(loop_, nullptr, HttpLimits());
  EXPECT_TRUE(absl::IsAlreadyExists(second.ListenAt(path)));
  server_.reset();
  EXPECT_NE(stat(path.c_str(), &file), 0);
  EXPECT_EQ(rmdir(folder), 0);
}

TEST_F(HttpServerTest, SaysWhyItCannotListen) {
  Start();
  HttpServer second(loop_, [](const HttpRequest&) { return HttpAnswer{}; }, {});
  const absl::Status status = second.Listen(server_->address());
  EXPECT_THAT(std::string(status.message()), HasSubstr(server_->address().ToString()));
}

}  // namespace
}  // namespace weft
