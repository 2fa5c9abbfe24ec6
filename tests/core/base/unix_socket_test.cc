// SPDX-License-Identifier: Apache-2.0
#include "core/base/unix_socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace weft {
namespace {

using ::testing::HasSubstr;

class UnixSocketTest : public ::testing::Test {
 protected:
  UnixSocketTest() {
    std::string pattern = "/tmp/weft-socket-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/s";
  }
  ~UnixSocketTest() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  std::string path_;
};

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST_F(UnixSocketTest, ListensWithTheModeAskedForWhateverTheUmask) {
  const mode_t before = umask(0077);
  const absl::StatusOr<UniqueFd> listener = Listen(path_, 0660);
  umask(before);
  ASSERT_TRUE(listener.ok()) << listener.status();
  struct stat found {};
  ASSERT_EQ(lstat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0660u);
  EXPECT_NE(fcntl(listener->get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(listener->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(UnixSocketTest, LeavesNoSocketWhenThereAreTooFewDescriptors) {
#if defined(WEFT_SANITIZED)
  GTEST_SKIP() << "the check of vtables needs descriptors of its own";
#endif
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  // One more than there are: the socket can be made, and what looks at its name cannot.
  const int next = dup(0);
  ASSERT_GE(next, 0);
  close(next);
  const rlimit few{.rlim_cur = static_cast<rlim_t>(next) + 1, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const absl::StatusOr<UniqueFd> refused = Listen(path_, 0600);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_THAT(Message(refused.status()), HasSubstr("Too many open files"));
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_TRUE(Listen(path_, 0600).ok());
}

TEST_F(UnixSocketTest, ConnectsAndKnowsThePeer) {
  const absl::StatusOr<UniqueFd> listener = Listen(path_, 0600);
  ASSERT_TRUE(listener.ok());
  const absl::StatusOr<UniqueFd> blocking = Connect(path_);
  const absl::StatusOr<UniqueFd> polling = ConnectNonBlocking(path_);
  ASSERT_TRUE(blocking.ok() && polling.ok());
  EXPECT_EQ(fcntl(blocking->get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(polling->get(), F_GETFL) & O_NONBLOCK, 0);
  const absl::StatusOr<PeerCredentials> peer = PeerOf(blocking->get());
  ASSERT_TRUE(peer.ok());
  EXPECT_EQ(peer->pid, getpid());
  EXPECT_EQ(peer->uid, geteuid());
}

TEST_F(UnixSocketTest, PathsHaveALimit) {
  const std::string longest =
      directory_ + "/" + std::string(kMaxSocketPath - directory_.size() - 1, 'x');
  EXPECT_TRUE(Listen(longest, 0600).ok());
  const absl::StatusOr<UniqueFd> refused = Listen(longest + "x", 0600);
  ASSERT_TRUE(absl::IsInvalidArgument(refused.status()));
  EXPECT_THAT(Message(refused.status()),
              HasSubstr("has 108 bytes; a UNIX socket can have at most 107"));
  EXPECT_TRUE(absl::IsInvalidArgument(Connect(longest + "x").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(CheckSocketPath("")));
  EXPECT_TRUE(absl::IsInvalidArgument(CheckSocketPath(std::string_view("a\0b", 3))));
}

TEST_F(UnixSocketTest, ALiveSocketIsLeftAloneAndItsOwnerNamed) {
  const absl::StatusOr<UniqueFd> listener = Listen(path_, 0600);
  ASSERT_TRUE(listener.ok());
  const absl::StatusOr<UniqueFd> second = Listen(path_, 0600);
  ASSERT_TRUE(absl::IsAlreadyExists(second.status()));
  EXPECT_THAT(Message(second.status()),
              HasSubstr(absl::StrCat("it is in use by pid ", getpid(), ", uid ", geteuid())));
  EXPECT_TRUE(Connect(path_).ok());
}

TEST_F(UnixSocketTest, AFullQueueIsInUseAndDoesNotBlock) {
  {
    absl::StatusOr<UniqueFd> bound = Listen(path_, 0600);
    ASSERT_TRUE(bound.ok());
    ASSERT_EQ(listen(bound->get(), 0), 0);
    std::vector<UniqueFd> clients;
    absl::StatusOr<UniqueFd> client = ConnectNonBlocking(path_);
    while (client.ok()) {
      clients.push_back(*std::move(client));
      client = ConnectNonBlocking(path_);
    }
    EXPECT_TRUE(absl::IsResourceExhausted(client.status())) << client.status();
    EXPECT_TRUE(absl::IsResourceExhausted(Connect(path_, std::chrono::milliseconds(10)).status()));
    EXPECT_TRUE(absl::IsAlreadyExists(Listen(path_, 0600).status()));
  }
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(UnixSocketTest, ADeadSocketOfOursIsReplaced) {
  ASSERT_TRUE(Listen(path_, 0600).ok());  // closed at once, the name stays
  ASSERT_TRUE(std::filesystem::exists(path_));
  EXPECT_TRUE(absl::IsUnavailable(Connect(path_).status()));
  const absl::StatusOr<UniqueFd> listener = Listen(path_, 0600);
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_TRUE(Connect(path_).ok());
}

TEST_F(UnixSocketTest, OtherFilesAreNamedAndNeverRemoved) {
  std::ofstream(path_) << "precious";
  absl::StatusOr<UniqueFd> listener = Listen(path_, 0600);
  ASSERT_TRUE(absl::IsAlreadyExists(listener.status()));
  EXPECT_THAT(Message(listener.status()),
              HasSubstr(absl::StrCat("a regular file of uid ", geteuid())));
  EXPECT_EQ(std::filesystem::file_size(path_), 8u);

  const std::string dead = directory_ + "/dead";
  const std::string link = directory_ + "/link";
  ASSERT_TRUE(Listen(dead, 0600).ok());
  std::filesystem::create_symlink(dead, link);
  listener = Listen(link, 0600);
  ASSERT_TRUE(absl::IsAlreadyExists(listener.status()));
  EXPECT_THAT(Message(listener.status()), HasSubstr("a symbolic link of uid"));
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_TRUE(std::filesystem::exists(dead));

  const std::string folder = directory_ + "/folder";
  std::filesystem::create_directory(folder);
  EXPECT_THAT(Message(Listen(folder, 0600).status()), HasSubstr("a directory of uid"));
}

TEST_F(UnixSocketTest, ADeadSocketOfAnotherUserIsNamedAndStays) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  ASSERT_TRUE(Listen(path_, 0600).ok());
  ASSERT_EQ(lchown(path_.c_str(), 12345, 12345), 0);
  const absl::StatusOr<UniqueFd> listener = Listen(path_, 0600);
  ASSERT_TRUE(absl::IsPermissionDenied(listener.status()));
  EXPECT_THAT(Message(listener.status()), HasSubstr("a socket of uid 12345, and we are uid 0"));
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(UnixSocketTest, ErrorsNameThePath) {
  EXPECT_TRUE(absl::IsNotFound(Connect(path_).status()));
  EXPECT_THAT(Message(Connect(path_).status()), HasSubstr(path_));
  const std::string nowhere = directory_ + "/missing/s";
  const absl::StatusOr<UniqueFd> listener = Listen(nowhere, 0600);
  ASSERT_FALSE(listener.ok());
  EXPECT_THAT(Message(listener.status()), HasSubstr(nowhere));
}

TEST_F(UnixSocketTest, SocketsMayKeepMessagesApart) {
  const absl::StatusOr<UniqueFd> listener = Listen(path_, 0600, SOCK_SEQPACKET);
  ASSERT_TRUE(listener.ok()) << listener.status();
  const absl::StatusOr<UniqueFd> client = ConnectNonBlocking(path_, SOCK_SEQPACKET);
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_FALSE(ConnectNonBlocking(path_).ok());
  const UniqueFd server(accept(listener->get(), nullptr, nullptr));
  ASSERT_EQ(send(client->get(), "ab", 2, 0), 2);
  ASSERT_EQ(send(client->get(), "c", 1, 0), 1);
  char got[8];
  EXPECT_EQ(recv(server.get(), got, sizeof(got), 0), 2);
  EXPECT_EQ(recv(server.get(), got, sizeof(got), 0), 1);
  EXPECT_TRUE(absl::IsAlreadyExists(Listen(path_, 0600, SOCK_SEQPACKET).status()));
  EXPECT_TRUE(absl::IsAlreadyExists(Listen(path_, 0600).status())) << "somebody has it";
}

}  // namespace
}  // namespace weft
