// SPDX-License-Identifier: Apache-2.0
// Where sockets live, and what --check finds without touching anything.
#include "core/runtime_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "core/preflight.h"

namespace weft {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class RuntimeDirTest : public ::testing::Test {
 protected:
  RuntimeDirTest() {
    char name[] = "/tmp/weft-dir-XXXXXX";
    root_ = mkdtemp(name);
  }
  ~RuntimeDirTest() override { fs::remove_all(root_); }

  std::string root_;
};

TEST_F(RuntimeDirTest, IsWhatTheFileSays) {
  WeftConfig config;
  config.runtime_dir = "/somewhere/else";
  EXPECT_EQ(RuntimeDir(config), "/somewhere/else");
  config.runtime_dir.reset();
  if (geteuid() == 0) {
    EXPECT_EQ(RuntimeDir(config), "/run/weft");
  } else {
    EXPECT_THAT(RuntimeDir(config), HasSubstr("weft"));
  }
}

TEST_F(RuntimeDirTest, TheControlSocketIsInItOrElsewhere) {
  WeftConfig config;
  EXPECT_EQ(ControlSocketPath(config, "/run/weft"), "/run/weft/control.sock");
  config.control_socket = "/var/other.sock";
  EXPECT_EQ(ControlSocketPath(config, "/run/weft"), "/var/other.sock");
}

TEST_F(RuntimeDirTest, IsMadeWithItsParentsWhateverTheUmask) {
  const std::string path = root_ + "/a/b/weft";
  EXPECT_TRUE(CheckRuntimeDir(path).ok());
  EXPECT_FALSE(fs::exists(root_ + "/a")) << "a check leaves nothing behind";
  const mode_t before = umask(0077);
  const absl::Status status = PrepareRuntimeDir(path);
  umask(before);
  ASSERT_TRUE(status.ok()) << status;
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, geteuid() == 0 ? 0755U : 0700U);
  EXPECT_TRUE(PrepareRuntimeDir(path).ok()) << "one that is ours already will do";
  EXPECT_TRUE(CheckRuntimeDir(path).ok());
}

TEST_F(RuntimeDirTest, IsNothingButADirectoryOfOurs) {
  const std::string file = root_ + "/file";
  fs::create_symlink(root_, file);
  EXPECT_EQ(MessageOf(PrepareRuntimeDir(file)), file + " is no directory") << "not through a link";
  EXPECT_EQ(MessageOf(CheckRuntimeDir(file)), file + " is no directory");
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  const std::string other = root_ + "/other";
  fs::create_directory(other);
  ASSERT_EQ(chown(other.c_str(), 12345, static_cast<gid_t>(-1)), 0);
  EXPECT_THAT(MessageOf(PrepareRuntimeDir(other)), HasSubstr("belongs to user 12345"));
}

TEST_F(RuntimeDirTest, PreflightFindsEverythingAtOnce) {
  Config config;
  config.workers.cores = std::vector<uint16_t>{1023};
  config.weft.control_socket = std::string(200, 's');
  PortConfig port;
  port.name = "web-1";
  port.kind = "memory";
  config.ports.push_back(port);
  std::string directory;
  PortKind kind;
  kind.name = "memory";
  kind.preflight = [&](const PortConfig&, const std::string& where) {
    directory = where;
    return absl::NotFoundError("there is no such thing");
  };
  PortKind other;
  other.name = "other";
  other.preflight = [](const PortConfig&, const std::string&) {
    return absl::InternalError("not for this port");
  };
  fs::create_symlink(root_, root_ + "/link");
  EXPECT_THAT(
      Preflight(config, {other, kind}, root_ + "/link"),
      ElementsAre(StartsWith("[workers] cores: core 1023 is not available"),
                  Cat("[weft] runtime-dir: ", root_, "/link is no directory"),
                  StartsWith("[weft] control-socket: "), "port \"web-1\": there is no such thing"));
  EXPECT_EQ(directory, root_ + "/link/ports/web-1");
  EXPECT_THAT(Preflight(Config(), {other, kind}, root_), IsEmpty());
}

}  // namespace
}  // namespace weft
