// SPDX-License-Identifier: Apache-2.0
#include "core/shell/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/unix_socket.h"
#include "core/shell/command_table.h"

namespace weft {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr size_t kBig = 4 * 1024 * 1024;

// A client and the server share this thread: whoever waits runs the loop meanwhile.
class ControlServerTest : public ::testing::Test {
 protected:
  ControlServerTest() {
    std::string pattern = "/tmp/weft-shell-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/control.sock";
    Add("big", [] { return Reply(std::string(kBig, 'x')); });
    Add("count", [this] { return Reply(std::to_string(++runs_)); });
  }
  ~ControlServerTest() override { std::filesystem::remove_all(directory_); }

  void Add(std::string_view words, std::function<Reply()> run) {
    ASSERT_TRUE(commands_
                    .Add({.words = words,
                          .arguments = {},
                          .help = "Does it.",
                          .run = [run = std::move(run)](const Arguments&) { return run(); }},
                         "test")
                    .ok());
  }
  ControlServer& Start(ControlServerOptions options = {}) {
    server_ = std::make_unique<ControlServer>(loop_, commands_, std::move(options));
    const absl::Status status = server_->Listen(path_);
    EXPECT_TRUE(status.ok()) << status;
    return *server_;
  }
  UniqueFd Client() {
    absl::StatusOr<UniqueFd> fd = ConnectNonBlocking(path_);
    EXPECT_TRUE(fd.ok()) << fd.status();
    return fd.ok() ? *std::move(fd) : UniqueFd();
  }
  void Turn(int times = 20) {
    for (int i = 0; i < times; ++i) loop_.RunOnce(Time::zero());
  }
  // Sends all of `text`, as far as the server takes it.
  void Send(const UniqueFd& fd, std::string_view text) {
    for (int tries = 0; !text.empty() && tries < 10'000; ++tries) {
      const ssize_t put = send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (put > 0) text.remove_prefix(static_cast<size_t>(put));
      if (put < 0 && errno != EAGAIN) return;
      Turn(1);
    }
  }
  // One line with its newline; what came before the end if the server closes.
  std::string Line(const UniqueFd& fd) {
    std::string line;
    for (int tries = 0; tries < 100'000 && !line.ends_with('\n'); ++tries) {
      char bytes[65536];
      // Answers are read to their end and no further.
      ssize_t got = recv(fd.get(), bytes, sizeof(bytes), MSG_PEEK);
      if (got > 0) {
        const std::string_view seen(bytes, static_cast<size_t>(got));
        const size_t end = std::min(seen.find('\n'), seen.size() - 1) + 1;
        got = recv(fd.get(), bytes, end, 0);
        line.append(bytes, static_cast<size_t>(got));
      } else if (got == 0) {
        break;
      } else if (errno != EAGAIN) {
        break;
      } else {
        loop_.RunOnce(std::chrono::milliseconds(1));
      }
    }
    return line;
  }
  bool Closed(const UniqueFd& fd) {
    for (int tries = 0; tries < 5000; ++tries) {
      char byte = 0;
      const ssize_t got = recv(fd.get(), &byte, 1, 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) return true;
      if (got < 0) loop_.RunOnce(std::chrono::milliseconds(1));
    }
    return false;
  }
  std::string Ask(const UniqueFd& fd, std::string_view request) {
    Send(fd, std::string(request) + "\n");
    return Line(fd);
  }

  std::string directory_;
  std::string path_;
  int runs_ = 0;
  EventLoop loop_;
  CommandTable commands_;
  std::unique_ptr<ControlServer> server_;
};

TEST_F(ControlServerTest, AnswersInJsonAndInText) {
  Start();
  const UniqueFd client = Client();
  EXPECT_EQ(Ask(client, R"({"command":"count"})"), "{\"ok\":true,\"data\":\"1\"}\n");
  EXPECT_EQ(Ask(client, R"({"command":"count","format":"text","width":80})"),
            "{\"ok\":true,\"text\":\"2\\n\"}\n");
  EXPECT_EQ(Ask(client, R"({"command":"count","format":"typed"})"),
            "{\"ok\":true,\"reply\":\"3\"}\n");
  EXPECT_EQ(Ask(client, R"({"schema":"count"})"),
            R"({"ok":true,"data":{"$schema":"https://json-schema.org/draft/2020-12/schema",)"
            R"("type":"string","description":""}})"
            "\n");
  EXPECT_EQ(Ask(client, R"({"complete":"co"})"),
            R"({"ok":true,"data":{"start":0,"candidates":[)"
            R"({"text":"count","help":"Does it.","placeholder":false}]}})"
            "\n");
  EXPECT_THAT(Ask(client, R"({"command":"conut"})"), HasSubstr("did you mean \\\"count\\\"?"));
}

TEST_F(ControlServerTest, BadRequestsGetASentenceAndTheConnectionGoesOn) {
  Start();
  const UniqueFd client = Client();
  for (const char* bad :
       {"", "garbage", "[]", "{}", "\"count\"", "{\"command\":1}", "{\"command\":\"count\"",
        R"({"command":"count","complete":"x"})", R"({"command":"count","schema":"x"})",
        R"({"schema":"nothing"})", R"({"schema":7})", R"({"command":"count","colour":1})",
        R"({"command":"count","format":"xml"})", R"({"command":"count","width":-1})",
        R"({"command":"count","width":1e99})", "{\"command\":\"\xff\"}",
        "{\"command\":\"count\\n\"}"}) {
    EXPECT_THAT(Ask(client, bad), StartsWith("{\"ok\":false,\"error\":\"")) << bad;
  }
  EXPECT_THAT(Ask(client, std::string(60'000, '[')), StartsWith("{\"ok\":false"));
  EXPECT_EQ(runs_, 0);
  EXPECT_EQ(Ask(client, R"({"command":"count"})"), "{\"ok\":true,\"data\":\"1\"}\n");
}

TEST_F(ControlServerTest, LinesMayComeInPiecesOrSeveralAtOnce) {
  Start();
  const UniqueFd client = Client();
  for (const char c : std::string_view(R"({"command":"count"})")) Send(client, std::string(1, c));
  EXPECT_EQ(runs_, 0);
  Send(client, "\n{\"command\":\"count\"}\r\n{\"command\":\"count\"}\n{\"comm");
  EXPECT_EQ(Line(client), "{\"ok\":true,\"data\":\"1\"}\n");
  EXPECT_EQ(Line(client), "{\"ok\":true,\"data\":\"2\"}\n");
  EXPECT_EQ(Line(client), "{\"ok\":true,\"data\":\"3\"}\n");
  Send(client, "and\":\"count\"}\n");
  EXPECT_EQ(Line(client), "{\"ok\":true,\"data\":\"4\"}\n");
}

TEST_F(ControlServerTest, AnswersAClientThatEndedItsSide) {
  Start();
  const UniqueFd client = Client();
  Send(client, "{\"command\":\"big\"}\n{\"command\":\"count\"}\n{\"half");
  shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(Line(client).size(), kBig + std::string_view("{'ok':true,'data':''}\n").size());
  EXPECT_EQ(Line(client), "{\"ok\":true,\"data\":\"1\"}\n");
  EXPECT_TRUE(Closed(client));
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ControlServerTest, OneTurnOfTheLoopAnswersOneLineOfAClient) {
  Start();
  const UniqueFd client = Client();
  Turn();
  std::string lines;
  for (int i = 0; i < 10; ++i) lines += "{\"command\":\"count\"}\n";
  ASSERT_GT(send(client.get(), lines.data(), lines.size(), 0), 0);
  for (int i = 1; i <= 10; ++i) {
    Turn(1);
    EXPECT_EQ(runs_, i);
  }
}

TEST_F(ControlServerTest, ALongLineEndsTheConnection) {
  Start();
  const UniqueFd whole = Client();
  Send(whole, std::string(64 * 1024 + 1, 'x') + "\n");
  EXPECT_THAT(Line(whole), HasSubstr("the request is longer than 65536 bytes"));
  EXPECT_TRUE(Closed(whole));
  const UniqueFd endless = Client();
  Send(endless, std::string(1024 * 1024, 'x'));
  EXPECT_THAT(Line(endless), HasSubstr("the request is longer than 65536 bytes"));
  EXPECT_TRUE(Closed(endless));
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ControlServerTest, ALongAnswerIsRefused) {
  ControlServerOptions options;
  options.limits.answer = 1000;
  Start(options);
  const UniqueFd client = Client();
  EXPECT_THAT(Ask(client, R"({"command":"big"})"), HasSubstr("more than 1000"));
  EXPECT_EQ(Ask(client, R"({"command":"count"})"), "{\"ok\":true,\"data\":\"1\"}\n");
}

TEST_F(ControlServerTest, AHalfLineHasADeadlineThatBytesDoNotMove) {
  ControlServerOptions options;
  options.limits.line_deadline = std::chrono::milliseconds(30);
  Start(options);
  const UniqueFd silent = Client();  // has sent nothing: may stay
  const UniqueFd slow = Client();
  const Time start = loop_.Now();
  bool open = true;
  while (open && loop_.Now() - start < std::chrono::seconds(20)) {
    open = send(slow.get(), "x", 1, MSG_NOSIGNAL) == 1;
    loop_.RunOnce(std::chrono::milliseconds(1));
  }
  EXPECT_FALSE(open);
  EXPECT_THAT(Line(slow), HasSubstr("the request did not end within 30 ms"));
  EXPECT_EQ(server_->connections(), 1u);
  EXPECT_EQ(Ask(silent, R"({"command":"count"})"), "{\"ok\":true,\"data\":\"1\"}\n");
}

TEST_F(ControlServerTest, AClientThatDoesNotReadStallsOnlyItself) {
  ControlServerOptions options;
  options.limits.write_deadline = std::chrono::milliseconds(50);
  Start(options);
  const UniqueFd deaf = Client();
  Send(deaf, "{\"command\":\"big\"}\n{\"command\":\"count\"}\n");
  const UniqueFd other = Client();
  EXPECT_EQ(Ask(other, R"({"command":"count"})"), "{\"ok\":true,\"data\":\"1\"}\n");
  EXPECT_EQ(runs_, 1);  // the second line of the deaf one waits for its answer to be taken
  const Time start = loop_.Now();
  while (server_->connections() > 1 && loop_.Now() - start < std::chrono::seconds(20)) {
    loop_.RunOnce(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(server_->connections(), 1u);
  EXPECT_EQ(Ask(other, R"({"command":"count"})"), "{\"ok\":true,\"data\":\"2\"}\n");
}

TEST_F(ControlServerTest, ConnectionsAreLimitedAndComeBack) {
  Start();
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 32; ++i) {
    clients.push_back(Client());
    EXPECT_THAT(Ask(clients.back(), R"({"command":"count"})"), StartsWith("{\"ok\":true"));
  }
  const UniqueFd refused = Client();
  EXPECT_THAT(Line(refused), HasSubstr("32 shells are connected already"));
  EXPECT_TRUE(Closed(refused));
  clients.pop_back();
  Turn();
  EXPECT_EQ(server_->connections(), 31u);
  const UniqueFd next = Client();
  EXPECT_THAT(Ask(next, R"({"command":"count"})"), StartsWith("{\"ok\":true"));
}

TEST_F(ControlServerTest, OtherUsersAreRefusedUnlessAllowed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be another user";
  ControlServerOptions options;
  options.mode = 0666;
  options.allowed_uids = {12345};
  Start(options);
  std::filesystem::permissions(directory_, std::filesystem::perms(0755));
  const auto connect_as = [&](uid_t uid) {
    EXPECT_EQ(seteuid(uid), 0);
    UniqueFd fd = Client();
    EXPECT_EQ(seteuid(0), 0);
    return fd;
  };
  const UniqueFd allowed = connect_as(12345);
  EXPECT_THAT(Ask(allowed, R"({"command":"count"})"), StartsWith("{\"ok\":true"));
  const UniqueFd stranger = connect_as(54321);
  EXPECT_THAT(Line(stranger), HasSubstr("uid 54321 may not control this weftd"));
  EXPECT_TRUE(Closed(stranger));
}

TEST_F(ControlServerTest, TheSocketIsPrivateAndGoesWithTheServer) {
  Start();
  struct stat found {};
  ASSERT_EQ(lstat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0600u);
  const UniqueFd client = Client();
  Turn();
  server_.reset();
  EXPECT_TRUE(Closed(client));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ControlServerTest, ASocketThatReplacedOursStays) {
  Start();
  std::filesystem::rename(path_, path_ + ".old");  // keeps the inode from being used again
  const absl::StatusOr<UniqueFd> other = Listen(path_, 0600);
  ASSERT_TRUE(other.ok());
  server_.reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ControlServerTest, TwoDaemonsDoNotShareASocket) {
  Start();
  ControlServer second(loop_, commands_);
  const absl::Status status = second.Listen(path_);
  EXPECT_THAT(std::string(status.message()), HasSubstr("it is in use by pid"));
}

}  // namespace
}  // namespace weft
