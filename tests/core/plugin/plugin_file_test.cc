// SPDX-License-Identifier: Apache-2.0
// Judging a plugin's file before anything of it runs.
#include "core/plugin/plugin_file.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "core/base/text.h"
#include "core/sdk/stamp.h"
#include "tests/core/plugin/plugin_files.h"

namespace weft {
namespace {

using ::testing::AllOf;
using testing::CopyOfSample;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::Sample;

// Why a file is refused; fails if it is not.
std::string Refusal(const std::string& path) {
  const absl::StatusOr<PluginFile> file = InspectPluginFile(path);
  EXPECT_FALSE(file.ok()) << path;
  return file.ok() ? "" : MessageOf(file.status());
}

TEST(PluginFileTest, TakesAGoodOne) {
  const absl::StatusOr<PluginFile> file = InspectPluginFile(Sample("good"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_STREQ(file->descriptor.name, "good");
  EXPECT_STREQ(file->descriptor.version, "1.2-sample");
}

TEST(PluginFileTest, JudgesWhatALinkPointsTo) {
  CopyOfSample copy("good");
  const std::string link = copy.directory() + "/other-name.so";
  ASSERT_EQ(symlink(copy.path().c_str(), link.c_str()), 0);
  const absl::StatusOr<PluginFile> file = InspectPluginFile(link);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->path, copy.path());
}

TEST(PluginFileTest, RefusesWhatIsNoFile) {
  CopyOfSample copy("good");
  EXPECT_THAT(Refusal(copy.directory() + "/gone.so"),
              EndsWith("/gone.so cannot be read: No such file or directory"));
  EXPECT_THAT(Refusal(copy.directory()), EndsWith(" is not a regular file"));
  const std::string pipe = copy.directory() + "/pipe.so";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(Refusal(pipe), EndsWith("/pipe.so is not a regular file"));
}

TEST(PluginFileTest, RefusesWhatOthersMayWrite) {
  CopyOfSample copy("good");
  for (const mode_t mode : {0720U, 0702U}) {
    ASSERT_EQ(chmod(copy.path().c_str(), mode), 0);
    char expected[120];
    std::snprintf(expected, sizeof expected,
                  "good.so (owner uid %u, mode %04o) may be written by its group or by others: "
                  "use chmod go-w",
                  geteuid(), mode);
    EXPECT_THAT(Refusal(copy.path()), EndsWith(expected));
  }
  ASSERT_EQ(chmod(copy.path().c_str(), 0700), 0);
  ASSERT_EQ(chmod(copy.directory().c_str(), 0770), 0);
  EXPECT_THAT(Refusal(copy.path()),
              AllOf(HasSubstr("directory " + copy.directory() + " of plugin "),
                    EndsWith("mode 0770) may be written by its group or by others: use chmod "
                             "go-w")));
}

TEST(PluginFileTest, RefusesWhatSomebodyElseOwns) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  CopyOfSample copy("good");
  ASSERT_EQ(chown(copy.path().c_str(), 65534, 0), 0);
  EXPECT_THAT(Refusal(copy.path()), HasSubstr("good.so (owner uid 65534, mode 0"));
  EXPECT_THAT(Refusal(copy.path()), EndsWith("belongs to somebody else; it must be root's: use "
                                             "chown"));
}

TEST(PluginFileTest, RefusesWhatIsNoSharedObject) {
  CopyOfSample copy("good");
  const std::string whole = copy.Read();
  copy.Write("#!/bin/sh\necho hello\n");
  EXPECT_THAT(Refusal(copy.path()), EndsWith("good.so is no shared object: it is not an ELF file"));
  copy.Write("");
  EXPECT_THAT(Refusal(copy.path()), EndsWith("good.so is no shared object: it is not an ELF file"));

  std::string bytes = whole;
  const uint16_t machine = EM_AARCH64;
  std::memcpy(bytes.data() + offsetof(Elf64_Ehdr, e_machine), &machine, sizeof machine);
  copy.Write(bytes);
  EXPECT_THAT(Refusal(copy.path()),
              EndsWith("good.so is for another machine: ELF machine 183, not x86-64"));

  bytes = whole;
  const uint16_t type = ET_REL;
  std::memcpy(bytes.data() + offsetof(Elf64_Ehdr, e_type), &type, sizeof type);
  copy.Write(bytes);
  EXPECT_THAT(Refusal(copy.path()), EndsWith("good.so is no shared object: its ELF type is 1"));
}

TEST(PluginFileTest, RefusesEveryTruncation) {
  CopyOfSample copy("good");
  const std::string whole = copy.Read();
  copy.Write(whole.substr(0, 40));
  EXPECT_THAT(Refusal(copy.path()),
              EndsWith("good.so is damaged: the file ends before its ELF header does"));
  for (size_t size = sizeof(Elf64_Ehdr); size < whole.size(); size += whole.size() / 16) {
    copy.Write(whole.substr(0, size));
    EXPECT_THAT(Refusal(copy.path()),
                EndsWith("good.so is damaged: the file ends before its section table does"));
  }
}

// Offsets and sizes in the file are whatever somebody wrote there.
TEST(PluginFileTest, SurvivesWildSectionTables) {
  CopyOfSample copy("good");
  const std::string whole = copy.Read();
  Elf64_Ehdr header;
  std::memcpy(&header, whole.data(), sizeof header);
  for (size_t field = 0; field < sizeof(Elf64_Shdr); field += 4) {
    std::string bytes = whole;
    for (size_t i = 0; i < header.e_shnum; ++i) {
      std::memset(bytes.data() + header.e_shoff + i * sizeof(Elf64_Shdr) + field, 0xFF, 4);
    }
    copy.Write(bytes);
    const absl::StatusOr<PluginFile> file = InspectPluginFile(copy.path());
    // Fields that do not lead to the descriptor (flags, alignment) may well be wild; and what is
    // taken for a table of symbols may seem to have one that keeps the file loaded.
    if (!file.ok()) {
      EXPECT_THAT(MessageOf(file.status()),
                  ::testing::AnyOf(HasSubstr("is damaged"), HasSubstr("is no weft plugin"),
                                   HasSubstr("could never be unloaded")));
    }
  }
  std::string bytes = whole;
  std::memset(bytes.data() + offsetof(Elf64_Ehdr, e_shoff), 0xFF, 8);
  copy.Write(bytes);
  EXPECT_THAT(Refusal(copy.path()), HasSubstr("is damaged"));
}

TEST(PluginFileTest, RefusesOthersSharedObjects) {
  EXPECT_THAT(Refusal(Sample("no-plugin")),
              HasSubstr("no-plugin.so is no weft plugin: it has no section .weft_plugin"));
  CopyOfSample copy("good");
  copy.Patch([](PluginDescriptor& plugin) { plugin.magic[0] = 'l'; });
  EXPECT_THAT(Refusal(copy.path()),
              EndsWith("is no weft plugin: its section .weft_plugin begins with \"left plugin\""));
}

TEST(PluginFileTest, ReportsEveryPartOfAWrongStamp) {
  CopyOfSample copy("good");
  std::string compiler;
  copy.Patch([&](PluginDescriptor& plugin) {
    for (StampPart& part : plugin.stamp.parts) {
      if (std::string_view(part.name) == "DPDK") std::strcpy(part.value, "19.02.0");
      if (std::string_view(part.name) == "compiler") {
        compiler = part.value;
        std::strcpy(part.value, "g++ 99");
      }
    }
  });
  EXPECT_THAT(Refusal(copy.path()),
              AllOf(HasSubstr("good.so was built for another weft: compiler is \"g++ 99\" there "
                              "and \"" +
                              compiler + "\" here; DPDK is \"19.02.0\" there and \""),
                    EndsWith("\" here; build it again with this one")));
}

TEST(PluginFileTest, WantsTheFileNamedLikeThePlugin) {
  CopyOfSample copy("good");
  const std::string renamed = copy.directory() + "/better.so";
  std::filesystem::rename(copy.path(), renamed);
  EXPECT_THAT(Refusal(renamed),
              EndsWith("better.so calls itself \"good\"; its file must be named good.so"));
}

TEST(PluginFileTest, RefusesWhatCouldNeverBeUnloaded) {
  EXPECT_THAT(
      Refusal(Sample("unique")),
      EndsWith("unique.so could never be unloaded: its symbol \"weft_sample_unique\" is one "
               "for the whole process; compile it with -fno-gnu-unique"));
  EXPECT_THAT(Refusal(Sample("nodelete/good")),
              EndsWith("good.so could never be unloaded: it is linked with -z nodelete"));
}

TEST(PluginFileTest, JudgesACopyThatNobodyCanChange) {
  CopyOfSample copy("good");
  const std::string whole = copy.Read();
  const absl::StatusOr<PluginFile> file = InspectPluginFile(copy.path());
  ASSERT_TRUE(file.ok()) << file.status();
  copy.Write("#!/bin/sh\n");
  std::string bytes(whole.size(), '\0');
  EXPECT_EQ(pread(file->copy.get(), bytes.data(), bytes.size(), 0),
            static_cast<ssize_t>(whole.size()));
  EXPECT_EQ(bytes, whole);
  EXPECT_EQ(write(file->copy.get(), "x", 1), -1);
  EXPECT_EQ(ftruncate(file->copy.get(), 0), -1);
}

TEST(StampTest, HasAPartForEverythingThatMustAgree) {
  std::vector<std::string> names;
  for (const StampPart& part : kStamp.parts) {
    if (part.name[0] == '\0') continue;
    names.emplace_back(part.name);
    EXPECT_NE(part.value[0], '\0') << part.name;
  }
  EXPECT_THAT(names, ::testing::ElementsAre("SDK version", "compiler", "standard library", "Abseil",
                                            "DPDK", "build flavour", "packet layout", "node layout",
                                            "graph layout", "config layout", "module layout"));
  EXPECT_TRUE(CompareStamps(kStamp, kStamp).ok());
}

TEST(StampTest, ReadsForeignPartsSafely) {
  Stamp foreign = kStamp;
  std::memset(&foreign.parts[0], 'x', sizeof(StampPart));  // no end to either text
  std::memset(&foreign.parts[11], '\n', 2);
  const std::string message = MessageOf(CompareStamps(foreign, kStamp));
  EXPECT_THAT(message, HasSubstr(Cat("SDK version is \"\" there and \"", kSdkVersion, "\" here")));
  EXPECT_THAT(message, HasSubstr("\"" + std::string(24, 'x') + "\" is \"" + std::string(80, 'x') +
                                 "...\" there and unknown here"));
  EXPECT_THAT(message, HasSubstr("\"\\n\\n\" is \"\" there and unknown here"));
}

}  // namespace
}  // namespace weft
