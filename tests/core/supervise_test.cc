// SPDX-License-Identifier: Apache-2.0
// The parent that starts weftd again, in a process of its own. Its children play one life each:
// they say whom they blame, and end.
#include "core/supervise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/text.h"
#include "core/base/unique_fd.h"

namespace weft {
namespace {

using ::testing::ElementsAre;

// How a child ends: by itself with a status, or as by a crash.
struct End {
  int status = 0;
  int signal = 0;
};
constexpr End Exits(int status) { return {.status = status}; }
constexpr End kCrash{.signal = SIGKILL};

struct Life {
  std::string last_words;
  End end;
};

void Write(int fd, std::string_view text) {
  if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) _exit(99);
}

[[noreturn]] void Die(const End& end) {
  if (end.signal != 0) kill(getpid(), end.signal);
  _exit(end.status);
}

struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe(ends) != 0) abort();
    reading = UniqueFd(ends[0]);
    writing = UniqueFd(ends[1]);
  }
  UniqueFd reading, writing;
};

class SuperviseTest : public ::testing::Test {
 protected:
  // Starts a parent of children that each run `child`.
  void Start(const std::function<void(const Supervised&)>& child) {
    parent_ = fork();
    ASSERT_GE(parent_, 0);
    if (parent_ == 0) {
      child(Supervise());
      _exit(98);
    }
    said_.writing.reset();
  }
  void Say(std::string_view line) { Write(said_.writing.get(), Cat(line, "\n")); }
  // The next line that a child said; "" when there will be none.
  std::string Line() {
    std::string line;
    for (char c = 0; read(said_.reading.get(), &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  // The parent's exit status.
  int Status() {
    int status = 0;
    EXPECT_EQ(waitpid(parent_, &status, 0), parent_);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  // Plays these lives, one after the other, and notes the parent's status: what each of them was
  // told to leave out.
  std::vector<std::string> Play(const std::vector<Life>& lives) {
    Pipe numbers;
    for (size_t i = 0; i < lives.size(); ++i)
      Write(numbers.writing.get(), std::string(1, static_cast<char>(i)));
    numbers.writing.reset();
    Start([&](const Supervised& supervised) {
      Say(Cat("without ", Join(supervised.left_out, " "),
              supervised.not_loaded.empty() ? "" : " not loading ",
              Join(supervised.not_loaded, " ")));
      char number = 0;
      if (read(numbers.reading.get(), &number, 1) != 1) _exit(97);  // it lives once too often
      const Life& life = lives[static_cast<size_t>(number)];
      Write(supervised.last_words.get(), life.last_words);
      Die(life.end);
    });
    status_ = Status();
    std::vector<std::string> told;
    for (std::string line = Line(); !line.empty(); line = Line()) told.push_back(line);
    return told;
  }

  Pipe said_;
  pid_t parent_ = -1;
  int status_ = -1;
};

TEST_F(SuperviseTest, WhoEndsByItselfIsNotStartedAgain) {
  EXPECT_THAT(Play({{"", Exits(7)}}), ElementsAre("without "));
  EXPECT_EQ(status_, 7);
}

TEST_F(SuperviseTest, WhoEndsByItselfIsNotBlamedEither) {
  EXPECT_THAT(Play({{"guilty\n", Exits(1)}}), ElementsAre("without "));
  EXPECT_EQ(status_, 1);
}

// What was no node of a plugin would end it again if only its nodes were out.
TEST_F(SuperviseTest, WhoseModuleEndedItTwiceIsNotLoaded) {
  EXPECT_THAT(Play({{"guilty module\n", kCrash},
                    {"guilty\n", kCrash},
                    {"guilty module\n", kCrash},
                    {"guilty\n", kCrash},
                    {"", Exits(0)}}),
              ElementsAre("without ", "without ", "without ", "without  not loading guilty",
                          "without guilty not loading guilty"));
  EXPECT_EQ(status_, 0);
}

TEST_F(SuperviseTest, WhoEndedItTwiceIsLeftOut) {
  EXPECT_THAT(Play({{"guilty\n", kCrash}, {"guilty\n", kCrash}, {"", Exits(0)}}),
              ElementsAre("without ", "without ", "without guilty"));
  EXPECT_EQ(status_, 0);
}

TEST_F(SuperviseTest, OneCrashOfEachIsForgiven) {
  EXPECT_THAT(Play({{"one\n", kCrash}, {"other\n", kCrash}, {"", Exits(0)}}),
              ElementsAre("without ", "without ", "without "));
}

TEST_F(SuperviseTest, ACrashThatBlamesNobodyStartsItAgain) {
  EXPECT_THAT(Play({{"", kCrash}, {"", kCrash}, {"", Exits(0)}}),
              ElementsAre("without ", "without ", "without "));
}

TEST_F(SuperviseTest, WhomOnFaultStopsIsLeftOutAtOnceAndForGood) {
  EXPECT_THAT(
      Play({{"one\n", Exits(kEndedByPlugin)}, {"other\n", Exits(kEndedByPlugin)}, {"", Exits(4)}}),
      ElementsAre("without ", "without one", "without one other"));
  EXPECT_EQ(status_, 4);
}

TEST_F(SuperviseTest, WithoutANameItWouldBeTheSameAgain) {
  EXPECT_THAT(Play({{"", Exits(kEndedByPlugin)}}), ElementsAre("without "));
  EXPECT_EQ(status_, kEndedByPlugin);
}

// Two who end it can both have their say; the first is to blame.
TEST_F(SuperviseTest, TheFirstLineCounts) {
  EXPECT_THAT(Play({{"one\nother\n", Exits(kEndedByPlugin)}, {"", Exits(0)}}),
              ElementsAre("without ", "without one"));
}

TEST_F(SuperviseTest, SignalsArePassedOn) {
  Start([&](const Supervised&) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGHUP, SIGTERM}) sigaddset(&signals, number);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    Say("ready");
    for (;;) {
      int number = 0;
      sigwait(&signals, &number);
      Say(Cat(number));
      if (number == SIGTERM) _exit(5);
    }
  });
  EXPECT_EQ(Line(), "ready");
  kill(parent_, SIGHUP);
  EXPECT_EQ(Line(), Cat(SIGHUP));
  kill(parent_, SIGTERM);
  EXPECT_EQ(Line(), Cat(SIGTERM));
  EXPECT_EQ(Line(), "") << "nobody is started again";
  EXPECT_EQ(Status(), 5);
}

TEST_F(SuperviseTest, WhoIsStoppedAndEndsByASignalIsNotStartedAgain) {
  Start([&](const Supervised&) {
    Say("ready");
    for (;;) pause();
  });
  EXPECT_EQ(Line(), "ready");
  kill(parent_, SIGTERM);
  EXPECT_EQ(Line(), "");
  EXPECT_EQ(Status(), 128 + SIGTERM);
}

}  // namespace
}  // namespace weft
