// SPDX-License-Identifier: Apache-2.0
#include "core/shell/weftctl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <thread>

#include "core/base/event_loop.h"
#include "core/base/unix_socket.h"
#include "core/shell/command_table.h"
#include "core/shell/server.h"

namespace weft {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A daemon's shell on a thread of its own.
class Daemon {
 public:
  explicit Daemon(const std::string& path) {
    std::promise<absl::Status> listening;
    std::future<absl::Status> result = listening.get_future();
    thread_ = std::thread([this, path, &listening] {
      CommandTable commands;
      int runs = 0;
      EXPECT_TRUE(commands
                      .Add({.words = "show ports",
                            .arguments = {{.name = "name", .help = "one port", .optional = true}},
                            .help = "Lists ports.",
                            .shape = Shape::Rows({{"port", ""}, {"runs", "", CellKind::kCounter}}),
                            .run = [&](const Arguments& a) -> absl::StatusOr<Reply> {
                              ++runs;
                              if (a.Text("name") == "db")
                                return absl::NotFoundError("no port \"db\"");
                              const std::string name(a.Text("name", "web-1"));
                              return Table{
                                  .columns = {{"port", ""}, {"runs", "", CellKind::kCounter}},
                                  .rows = {{name, int64_t{runs}}}};
                            }},
                           "test")
                      .ok());
      ControlServer server(loop_, commands);
      listening.set_value(server.Listen(path));
      loop_.Run();
    });
    const absl::Status status = result.get();
    EXPECT_TRUE(status.ok()) << status;
  }
  ~Daemon() {
    loop_.Post([this] { loop_.Stop(); });
    thread_.join();
  }

 private:
  EventLoop loop_;
  std::thread thread_;
};

// A file in memory that can be read back.
class Captured {
 public:
  Captured() : file_(std::tmpfile()) {}
  ~Captured() { std::fclose(file_); }
  FILE* file() { return file_; }
  std::string Text() {
    std::fflush(file_);
    std::rewind(file_);
    std::string text;
    for (int c = std::fgetc(file_); c != EOF; c = std::fgetc(file_))
      text.push_back(static_cast<char>(c));
    return text;
  }

 private:
  FILE* file_;
};

class WeftctlTest : public ::testing::Test {
 protected:
  WeftctlTest() {
    std::string pattern = "/tmp/weft-ctl-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/control.sock";
  }
  ~WeftctlTest() override { std::filesystem::remove_all(directory_); }

  int Run(ControlClient& client, std::string_view line, bool json = false) {
    Captured out;
    Captured err;
    const int status =
        RunLine(client, line, {.out = out.file(), .err = err.file(), .json = json, .width = 80});
    out_ = out.Text();
    err_ = err.Text();
    return status;
  }
  int Script(std::string_view text, bool stop = false) {
    ControlClient client(path_);
    Captured in;
    Captured out;
    Captured err;
    std::fwrite(text.data(), 1, text.size(), in.file());
    std::rewind(in.file());
    const int status = RunScript(client, in.file(), "ports.weft", stop,
                                 {.out = out.file(), .err = err.file(), .width = 80});
    out_ = out.Text();
    err_ = err.Text();
    return status;
  }

  std::string directory_;
  std::string path_;
  std::string out_;
  std::string err_;
};

TEST_F(WeftctlTest, PrintsTheReplyAndExitsWithItsStatus) {
  const Daemon daemon(path_);
  ControlClient client(path_);
  EXPECT_EQ(Run(client, "show ports"), 0);
  EXPECT_EQ(out_, "port   runs\nweb-1     1\n");
  EXPECT_EQ(err_, "");
  EXPECT_EQ(Run(client, "show ports", true), 0);
  EXPECT_EQ(out_, "[\n  {\n    \"port\": \"web-1\",\n    \"runs\": 2\n  }\n]\n");
  for (const bool json : {false, true}) {
    EXPECT_EQ(Run(client, "show ports db", json), 1);
    EXPECT_EQ(out_, "");
    EXPECT_EQ(err_, "weftctl: no port \"db\"\n");
  }
  EXPECT_EQ(Run(client, "show prots"), 1);
  EXPECT_THAT(err_, HasSubstr("did you mean \"ports\"?"));
}

TEST_F(WeftctlTest, WithoutADaemonOneSentenceNamesThePath) {
  ControlClient client(path_);
  EXPECT_EQ(Run(client, "show ports"), 1);
  EXPECT_EQ(err_,
            "weftctl: no weftd answers: there is no socket at \"" + path_ +
                "\". Start it with \"weftd startup.conf\", or name its control socket with -s "
                "or WEFT_SOCKET\n");
  ASSERT_TRUE(Listen(path_, 0600).ok());  // a dead socket
  EXPECT_EQ(Run(client, "show ports"), 1);
  EXPECT_THAT(err_, HasSubstr("nobody listens at \"" + path_ + "\""));
}

TEST_F(WeftctlTest, ConnectsAgainAfterARestart) {
  ControlClient client(path_);
  auto daemon = std::make_unique<Daemon>(path_);
  EXPECT_EQ(Run(client, "show ports"), 0);
  daemon.reset();
  EXPECT_EQ(Run(client, "show ports"), 1);
  EXPECT_THAT(err_, StartsWith("weftctl: no weftd answers"));
  daemon = std::make_unique<Daemon>(path_);
  EXPECT_EQ(Run(client, "show ports"), 0);
}

TEST_F(WeftctlTest, ADaemonThatDoesNotAnswerIsNotWaitedForForEver) {
  const absl::StatusOr<UniqueFd> silent = Listen(path_, 0600);
  ASSERT_TRUE(silent.ok());
  ControlClient client(path_, std::chrono::milliseconds(20));
  EXPECT_TRUE(absl::IsDeadlineExceeded(client.Ask("show ports").status()));
}

TEST_F(WeftctlTest, OtherServersAreNotUnderstood) {
  const absl::StatusOr<UniqueFd> listener = Listen(path_, 0600);
  ASSERT_TRUE(listener.ok());
  for (const char* answer :
       {"HTTP/1.1 400\n", "{}\n", "{\"ok\":1}\n", "{\"ok\":true}\n", "{\"ok\":false}\n", "[]\n",
        "{\"ok\":true,\"reply\":{\"rows\":[]}}\n"}) {
    std::thread server([&] {
      UniqueFd peer;
      while (!peer.valid()) peer = UniqueFd(accept(listener->get(), nullptr, nullptr));
      EXPECT_GT(send(peer.get(), answer, std::string_view(answer).size(), 0), 0);
      char rest[1024];
      while (recv(peer.get(), rest, sizeof(rest), 0) > 0) {
      }
    });
    {
      ControlClient client(path_, std::chrono::seconds(20));
      EXPECT_TRUE(absl::IsInternal(client.Ask("x").status())) << answer;
    }
    server.join();
  }
}

TEST_F(WeftctlTest, CompletesThroughTheServer) {
  const Daemon daemon(path_);
  ControlClient client(path_);
  const absl::StatusOr<Completion> completion = client.Complete("show po");
  ASSERT_TRUE(completion.ok()) << completion.status();
  EXPECT_EQ(completion->start, 5u);
  ASSERT_EQ(completion->candidates.size(), 1u);
  EXPECT_EQ(completion->candidates[0].text, "ports");
  EXPECT_EQ(completion->candidates[0].help, "Lists ports.");
  EXPECT_FALSE(completion->candidates[0].placeholder);
}

TEST_F(WeftctlTest, AScriptRunsAllItsLinesAndSaysWhichFailed) {
  const Daemon daemon(path_);
  EXPECT_EQ(Script("# ports\n\n  \nshow ports a\nshow ports b"), 0);
  EXPECT_EQ(out_, "port  runs\na        1\nport  runs\nb        2\n");
  EXPECT_EQ(Script("show ports a\r\n\nshow nothing\nshow ports b\n"), 1);
  EXPECT_EQ(out_, "port  runs\na        3\nport  runs\nb        4\n");
  EXPECT_THAT(err_, StartsWith("weftctl: ports.weft:3: \"show\" has no \"nothing\""));
  EXPECT_EQ(Script(""), 0);
  EXPECT_EQ(Script("show ports a\n  exit\nshow nothing\n"), 0);
  EXPECT_EQ(out_, "port  runs\na        5\n");
}

TEST_F(WeftctlTest, AScriptCanStopAtTheFirstError) {
  const Daemon daemon(path_);
  EXPECT_EQ(Script("show ports a\nshow nothing\nshow ports b\nnonsense\n", true), 1);
  EXPECT_EQ(out_, "port  runs\na        1\n");
  EXPECT_THAT(err_, AllOf(HasSubstr("ports.weft:2: "), Not(HasSubstr(":4: "))));
}

TEST_F(WeftctlTest, GivesTheSchemaAndTheCandidatesOfALine) {
  const Daemon daemon(path_);
  ControlClient client(path_);
  Captured out;
  Captured err;
  const Display display{.out = out.file(), .err = err.file()};
  EXPECT_EQ(PrintSchema(client, "show ports", display), 0);
  EXPECT_EQ(PrintCandidates(client, "show ", display), 0);
  EXPECT_EQ(PrintCandidates(client, "show ports ", display), 0);
  const std::string text = out.Text();
  EXPECT_THAT(text, HasSubstr("\"required\": [\n      \"port\",\n      \"runs\"\n    ]"));
  EXPECT_THAT(text, HasSubstr("\nports\tLists ports.\n"));
  EXPECT_THAT(text, HasSubstr("\n\tNAME: one port\n\t<enter>: Lists ports.\n"));
  EXPECT_EQ(PrintSchema(client, "show prots", display), 1);
  EXPECT_THAT(err.Text(), HasSubstr("did you mean \"ports\"?"));
}

TEST_F(WeftctlTest, WatchPrintsRoundsWithTheRatesOfCounters) {
  const Daemon daemon(path_);
  ControlClient client(path_);
  EXPECT_EQ(Run(client, "watch -n 0.1 -c 2 show ports"), 0);
  EXPECT_THAT(out_, ContainsRegex("^show ports   every 0.1 s, [0-9:]+\nport   runs  runs/s\n"
                                  "web-1     1       -\n\n"
                                  "show ports   every 0.1 s, [0-9:]+\nport   runs  runs/s\n"
                                  "web-1     2 +[0-9.]+\n$"));
  EXPECT_EQ(Run(client, "watch -c 1 show ports", true), 0);
  EXPECT_EQ(out_, "[{\"port\":\"web-1\",\"runs\":3,\"runs/s\":null}]\n");
}

TEST_F(WeftctlTest, WatchEndsWithAnError) {
  const Daemon daemon(path_);
  ControlClient client(path_);
  EXPECT_EQ(Run(client, "watch show ports db"), 1);
  EXPECT_EQ(err_, "weftctl: no port \"db\"\n");
  EXPECT_EQ(Run(client, "watch"), 1);
  EXPECT_THAT(err_, HasSubstr("usage: watch [-n N] [-c N] COMMAND..."));
  EXPECT_EQ(Run(client, "watch -n 0 show ports"), 1);
  EXPECT_EQ(err_, "weftctl: -n is 0.1 to 86400 seconds\n");
  EXPECT_EQ(Run(client, "watch -c 0 show ports"), 1);
  EXPECT_EQ(err_, "weftctl: -c is at least 1 round\n");
}

TEST_F(WeftctlTest, CompletionScriptsNeedNoDaemon) {
  ControlClient client(path_);
  EXPECT_EQ(Run(client, "completion bash"), 0);
  EXPECT_THAT(out_, HasSubstr("complete -F _weftctl weftctl\n"));
  EXPECT_EQ(Run(client, "completion zsh"), 0);
  EXPECT_THAT(out_, StartsWith("#compdef weftctl\n"));
  EXPECT_EQ(Run(client, "completion fish"), 1);
  EXPECT_EQ(err_, "weftctl: there is no completion for \"fish\"; there is for bash and zsh\n");
}

TEST_F(WeftctlTest, ItsOwnCommandsAnswerInJsonToo) {
  ControlClient client(path_);
  EXPECT_EQ(Run(client, "completion bash"), 0);
  const std::string script = out_;
  EXPECT_EQ(Run(client, "completion bash", true), 0);
  EXPECT_EQ(out_, ToJson(script) + "\n");
  EXPECT_EQ(Run(client, "exit", true), 0);
  EXPECT_EQ(out_, "\"\"\n");
  EXPECT_EQ(Run(client, "exit"), 0);
  EXPECT_EQ(out_, "");
}

TEST_F(WeftctlTest, WhatHasNoJsonRefusesIt) {
  ControlClient client(path_);
  EXPECT_EQ(Run(client, "extcap --extcap-interfaces", true), 1);
  EXPECT_EQ(err_, "weftctl: extcap answers Wireshark in a form of its own; it has no --json\n");
  EXPECT_EQ(Run(client, "capture port web-1", true), 1);
  EXPECT_EQ(err_, "weftctl: a capture is no JSON; name a file for it with -w\n");
  EXPECT_EQ(out_, "");
}

TEST_F(WeftctlTest, AFullDiskIsAnError) {
  const Daemon daemon(path_);
  ControlClient client(path_);
  FILE* full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  Captured err;
  EXPECT_EQ(RunLine(client, "show ports", {.out = full, .err = err.file()}), 1);
  EXPECT_EQ(err.Text(), "weftctl: cannot write the answer\n");
  std::fclose(full);
}

TEST(Weftctl, WordsBecomeALine) {
  EXPECT_EQ(LineOf({"show ports"}), "show ports");
  EXPECT_EQ(LineOf({"show", "port", "my port"}), "show port \"my port\"");
}

}  // namespace
}  // namespace weft
