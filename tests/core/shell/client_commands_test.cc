// SPDX-License-Identifier: Apache-2.0
#include "core/shell/client_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "core/shell/arguments.h"
#include "core/shell/command_table.h"
#include "core/shell/file_names.h"
#include "core/shell/inject_client.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Word> Words(std::string_view line) { return *SplitWords(line); }

// The client command of a line, or "".
std::string Found(std::string_view line) {
  const auto found = FindClientCommand(Words(line));
  return found ? std::string(found->command.words) : "";
}

// A folder with files, which is the current one while it lives.
class Folder {
 public:
  Folder() : before_(std::filesystem::current_path()) {
    char name[] = "/tmp/weft-files-XXXXXX";
    path_ = mkdtemp(name);
    std::filesystem::create_directories(path_ + "/captures/old");
    for (const char* file : {"web-1.pcap", "web 2.pcap", ".hidden", "captures/one.pcapng"})
      std::fclose(std::fopen((path_ + "/" + file).c_str(), "w"));
    std::filesystem::current_path(path_);
  }
  ~Folder() {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

 private:
  const std::filesystem::path before_;
  std::string path_;
};

TEST(ClientCommands, OneIsFoundByAllItsWords) {
  EXPECT_EQ(Found("watch show ports"), "watch");
  EXPECT_EQ(Found("plugin new mine"), "plugin new");
  EXPECT_EQ(Found("plugin load mine"), "");
  EXPECT_EQ(Found("plugin"), "");
  EXPECT_EQ(Found("show ports"), "");
  EXPECT_EQ(Found("\"watch\" show ports"), "");
}

TEST(ClientCommands, TheLongerCommandOfWeftdsIsNotSwallowed) {
  EXPECT_EQ(Found("capture"), "capture");
  EXPECT_EQ(Found("capture -w out.pcapng port web-1"), "capture");
  EXPECT_EQ(Found("capture filter 'tcp port 80' -w out.pcapng"), "capture");
  EXPECT_EQ(Found("capture start port web-1"), "");
  EXPECT_EQ(Found("capture stop 1"), "");
  EXPECT_EQ(Found("capture read 1"), "");
}

TEST(ClientCommands, CaptureTakesWhatItsStartTakes) {
  const auto words = Words("capture -w out.pcapng port web-1 count 5 filter 'tcp port 80'");
  const auto found = FindClientCommand(words);
  ASSERT_TRUE(found);
  EXPECT_EQ(Usage(found->command),
            "capture [-w FILE] [port PORT] [node NODE] [drop DROP] [filter FILTER] [count N] "
            "[bytes N] [seconds N] [snaplen N]");
  const auto arguments = ParseArguments(found->command, std::span(words).subspan(found->words));
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->Text("-w"), "out.pcapng");
  EXPECT_EQ(arguments->Text("filter"), "tcp port 80");
  EXPECT_EQ(arguments->Count("count"), 5u);
}

TEST(ClientCommands, AnInjectionOfAFileIsToldFromOneOfDigits) {
  const Folder folder;
  const auto path = [](std::string_view line) {
    const auto found = FindFileInjection(Words(line));
    return found ? found->port + " " + found->path : "";
  };
  EXPECT_EQ(path("trace inject port web-1 web-1.pcap"), "web-1 web-1.pcap");
  EXPECT_EQ(path("trace inject port web-1 \"web 2.pcap\""), "web-1 web 2.pcap");
  EXPECT_EQ(path("trace inject port web-1 captures"), "web-1 captures");  // opening says what it is
  EXPECT_EQ(path("trace inject port web-1 nowhere.pcap"), "web-1 nowhere.pcap");
  EXPECT_EQ(path("trace inject port web-1 0200"), "");
  EXPECT_EQ(path("trace inject port web-1 02:00 web-1.pcap"), "");
  EXPECT_EQ(path("trace inject port web-1 length 60 web-1.pcap"), "");
  EXPECT_EQ(path("trace inject web-1.pcap"), "");
  EXPECT_EQ(path("trace add web-1.pcap 1"), "");
}

TEST(FileNames, StandWhereAFileIsExpected) {
  const Folder folder;
  const auto names = [](std::string_view line) {
    Completion completion{.start = 0, .candidates = {{std::string(kFilePlaceholder), "", true}}};
    AddFileNames(line, completion);
    std::vector<std::string> texts;
    for (size_t i = 1; i < completion.candidates.size(); ++i)
      texts.push_back(completion.candidates[i].text);
    return texts;
  };
  EXPECT_THAT(names("capture -w "), ElementsAre("captures/", "\"web 2.pcap\"", "web-1.pcap"));
  EXPECT_THAT(names("capture -w web-"), ElementsAre("web-1.pcap"));
  EXPECT_THAT(names("capture -w captures/"), ElementsAre("captures/old/", "captures/one.pcapng"));
  EXPECT_THAT(names("capture -w .h"), ElementsAre(".hidden"));
  EXPECT_THAT(names("capture -w nowhere/"), IsEmpty());
  Completion other{.start = 0, .candidates = {{"NAME", "", true}}};
  AddFileNames("show port ", other);
  EXPECT_EQ(other.candidates.size(), 1u);
}

}  // namespace
}  // namespace weft
