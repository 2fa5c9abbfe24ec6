// SPDX-License-Identifier: Apache-2.0
#include "core/shell/command_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/str_format.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Command Simple(std::string_view words) {
  return {.words = words, .arguments = {}, .help = "Does it.", .run = [words](const Arguments&) {
            return Reply(std::string(words));
          }};
}

class CommandTableTest : public ::testing::Test {
 protected:
  CommandTableTest() {
    for (const char* words : {"show ports", "show runtime", "show port why", "stop"}) {
      EXPECT_TRUE(table_.Add(Simple(words), "test").ok());
    }
    EXPECT_TRUE(table_
                    .Add({.words = "show port",
                          .arguments = {{.name = "name",
                                         .help = "a port",
                                         .complete = [this] { return ports_; }}},
                          .help = "Shows a port.",
                          .run =
                              [](const Arguments& a) {
                                return Reply(absl::StrFormat("port %s", a.Text("name")));
                              }},
                         "test")
                    .ok());
    EXPECT_TRUE(
        table_
            .Add({.words = "trace add",
                  .arguments =
                      {{.name = "node", .help = "where to start"},
                       {.name = "count", .kind = ArgumentKind::kCount, .help = "how many packets"},
                       {.name = "port",
                        .help = "only this port",
                        .optional = true,
                        .keyword = true,
                        .complete = [this] { return ports_; }},
                       {.name = "last",
                        .kind = ArgumentKind::kCount,
                        .help = "how many to keep",
                        .optional = true,
                        .keyword = true},
                       {.name = "verbose", .kind = ArgumentKind::kFlag, .help = "more"}},
                  .help = "Traces.",
                  .run =
                      [](const Arguments& a) {
                        return Reply(absl::StrFormat("%s %d %s %d %d", a.Text("node"),
                                                     a.Count("count"), a.Text("port", "any"),
                                                     a.Count("last", 7), a.Has("verbose")));
                      }},
                 "trace")
            .ok());
  }

  // What a line answers: the text, or "error: " and the sentence.
  std::string Run(std::string_view line) const {
    const absl::StatusOr<Reply> reply = table_.Run(line);
    if (!reply.ok()) return "error: " + std::string(reply.status().message());
    const auto* text = std::get_if<std::string>(&*reply);
    return text != nullptr ? *text : RenderText(*reply);
  }
  std::vector<std::string> Complete(std::string_view line) const {
    std::vector<std::string> texts;
    for (const Candidate& candidate : table_.Complete(line).candidates) {
      texts.push_back(candidate.placeholder ? "(" + candidate.text + ")" : candidate.text);
    }
    return texts;
  }

  std::vector<std::string> ports_ = {"web-1", "web-2", "my port"};
  CommandTable table_;
};

TEST_F(CommandTableTest, RunsWordsAndTheirAbbreviations) {
  EXPECT_EQ(Run("show ports"), "show ports");
  EXPECT_EQ(Run("  sh   ru "), "show runtime");
  EXPECT_EQ(Run("st"), "stop");
  EXPECT_EQ(Run("show port web-1"), "port web-1");
  EXPECT_EQ(Run("show port why"), "show port why");
  EXPECT_EQ(Run("show port wh"), "port wh");        // an argument may stand here: no abbreviation
  EXPECT_EQ(Run("show port \"why\""), "port why");  // quoted: a value
}

TEST_F(CommandTableTest, SaysWhatIsWrongWithTheWords) {
  EXPECT_EQ(Run(""), "error: the line is empty; \"help\" lists the commands");
  EXPECT_EQ(Run("shwo ports"),
            "error: unknown command \"shwo\" (did you mean \"show\"?); there are: help, show, "
            "stop, trace");
  EXPECT_EQ(
      Run("show prots"),
      "error: \"show\" has no \"prots\" (did you mean \"ports\"?); it has: port, ports, runtime");
  EXPECT_EQ(Run("sh qqqqq"), "error: \"show\" has no \"qqqqq\"; it has: port, ports, runtime");
  EXPECT_EQ(Run("s"), "error: \"s\" is ambiguous: show, stop");
  EXPECT_EQ(Run("show po"), "error: \"po\" is ambiguous: port, ports");
  EXPECT_EQ(Run("show"), "error: \"show\" goes on with one of: port, ports, runtime");
  EXPECT_EQ(Run("\"\" x"), "error: unknown command \"\"; there are: help, show, stop, trace");
  EXPECT_THAT(Run("show \x1b"), HasSubstr("control character 0x1b"));
}

TEST_F(CommandTableTest, ReadsArguments) {
  EXPECT_EQ(Run("trace add vhost-input 5"), "vhost-input 5 any 7 0");
  EXPECT_EQ(Run("trace add port web-1 x 5 verbose last 0"), "x 5 web-1 0 1");
  EXPECT_EQ(Run("trace add \"port\" 18446744073709551615"), "port 18446744073709551615 any 7 0");
  EXPECT_EQ(Run("trace add x 1 port verbose"), "x 1 verbose 7 0");  // the value of a keyword
}

TEST_F(CommandTableTest, SaysWhatIsWrongWithTheArguments) {
  const std::string usage = "; usage: trace add NODE COUNT [port PORT] [last N] [verbose]";
  EXPECT_EQ(Run("trace add"), "error: NODE is missing (where to start)" + usage);
  EXPECT_EQ(Run("trace add x"), "error: COUNT is missing (how many packets)" + usage);
  EXPECT_EQ(Run("trace add x 1 port"), "error: port PORT is missing (only this port)" + usage);
  EXPECT_EQ(Run("trace add x 1 2"), "error: \"2\" is too much" + usage);
  EXPECT_EQ(Run("trace add x 1 verbose verbose"), "error: \"verbose\" is given twice" + usage);
  EXPECT_EQ(Run("trace add x 1 port a port b"), "error: \"port\" is given twice" + usage);
  for (const char* bad : {"-1", "0x10", "1.5", "18446744073709551616", "ten", "''", "' 1'"}) {
    EXPECT_THAT(Run(absl::StrFormat("trace add x %s", bad)),
                HasSubstr("is no number for COUNT (how many packets)"));
  }
  EXPECT_EQ(Run("stop now"), "error: \"now\" is too much; usage: stop");
}

TEST_F(CommandTableTest, TheRestKeepsItsWords) {
  Command command = Simple("add");
  command.arguments = {{.name = "rest", .kind = ArgumentKind::kRest, .help = "h"}};
  std::vector<std::string> words;
  command.run = [&words](const Arguments& arguments) -> absl::StatusOr<Reply> {
    const auto rest = SplitWords(arguments.Text("rest"));
    if (!rest.ok()) return rest.status();
    for (const Word& word : *rest) words.push_back(word.text);
    return Reply(std::string());
  };
  ASSERT_TRUE(table_.Add(std::move(command), "test").ok());
  EXPECT_EQ(Run("add a=1 'socket=/a b' \"\" it\\'s \"x\\\"y\" c\\\\d"), "");
  EXPECT_THAT(words, ElementsAre("a=1", "socket=/a b", "", "it's", "x\"y", "c\\d"));
}

TEST_F(CommandTableTest, ErrorsOfACommandPassThrough) {
  Command failing = Simple("fail");
  failing.run = [](const Arguments&) { return absl::NotFoundError("no such port"); };
  ASSERT_TRUE(table_.Add(std::move(failing), "test").ok());
  EXPECT_TRUE(absl::IsNotFound(table_.Run("fail").status()));
}

TEST_F(CommandTableTest, OwnersComeAndGo) {
  const absl::Status taken = table_.Add(Simple("trace add"), "plugin-x");
  ASSERT_TRUE(absl::IsAlreadyExists(taken));
  EXPECT_EQ(taken.message(), "plugin-x cannot add the command \"trace add\": trace has it");
  table_.Remove("trace");
  EXPECT_THAT(Run("trace add x 1"), HasSubstr("unknown command \"trace\""));
  EXPECT_TRUE(table_.Add(Simple("trace add"), "plugin-x").ok());
  EXPECT_EQ(Run("trace add"), "trace add");
}

TEST_F(CommandTableTest, ACommandMayRemoveItself) {
  Command leaving = Simple("leave");
  auto token = std::make_shared<std::string>("left");
  leaving.run = [this, token](const Arguments&) {
    table_.Remove("leaver");
    return Reply(*token);
  };
  ASSERT_TRUE(table_.Add(std::move(leaving), "leaver").ok());
  EXPECT_EQ(Run("leave"), "left");
  EXPECT_THAT(Run("leave"), HasSubstr("unknown command"));
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(CommandTableTest, RefusesBadDeclarations) {
  const auto fault = [this](Command command) {
    return std::string(table_.Add(std::move(command), "x").message());
  };
  EXPECT_THAT(fault(Simple("Show it")), HasSubstr("not kebab-case"));
  EXPECT_THAT(fault(Simple("")), HasSubstr("not kebab-case"));
  EXPECT_THAT(fault(Simple("two  blanks")), HasSubstr("not kebab-case"));
  Command command = Simple("new");
  command.help = "";
  EXPECT_THAT(fault(command), HasSubstr("no help"));
  command = Simple("new");
  command.arguments = {{.name = "a", .help = "h", .optional = true}, {.name = "b", .help = "h"}};
  EXPECT_THAT(fault(command), HasSubstr("required argument b follows an optional one"));
  command.arguments = {{.name = "a", .kind = ArgumentKind::kRest, .help = "h"},
                       {.name = "b", .help = "h"}};
  EXPECT_THAT(fault(command), HasSubstr("takes the rest"));
  command.arguments = {{.name = "a", .help = "h"}, {.name = "a", .help = "h"}};
  EXPECT_THAT(fault(command), HasSubstr("declared twice"));
  command.arguments = {{.name = "a"}};
  EXPECT_THAT(fault(command), HasSubstr("argument a has no help"));
}

TEST_F(CommandTableTest, CompletesWords) {
  EXPECT_THAT(Complete(""), ElementsAre("help", "show", "stop", "trace"));
  EXPECT_THAT(Complete("s"), ElementsAre("show", "stop"));
  EXPECT_THAT(Complete("show po"), ElementsAre("port", "ports"));
  EXPECT_THAT(Complete("sh r"), ElementsAre("runtime"));
  EXPECT_THAT(Complete("shwo "), IsEmpty());
  EXPECT_THAT(Complete("s p"), IsEmpty());  // ambiguous
  EXPECT_THAT(Complete("stop "), ElementsAre("(<enter>)"));
  EXPECT_THAT(Complete("stop now "), IsEmpty());
  EXPECT_THAT(Complete("bad\n"), IsEmpty());
  const Completion completion = table_.Complete("show po");
  EXPECT_EQ(completion.start, 5u);
  EXPECT_EQ(completion.candidates[0].help, "Shows a port.");
  EXPECT_EQ(table_.Complete("sh").candidates[0].help, "port, ports, runtime");
}

TEST_F(CommandTableTest, CompletesArgumentsWithLiveValues) {
  EXPECT_THAT(Complete("show port "), ElementsAre("why", "web-1", "web-2", "\"my port\""));
  EXPECT_THAT(Complete("show port we"), ElementsAre("web-1", "web-2"));
  EXPECT_THAT(Complete("show port \"my"), ElementsAre("\"my port\""));
  ports_ = {"db"};
  EXPECT_THAT(Complete("show port "), ElementsAre("why", "db"));
  EXPECT_THAT(Complete("trace add "), ElementsAre("(NODE)", "port", "last", "verbose"));
  EXPECT_THAT(Complete("trace add x "), ElementsAre("(COUNT)", "port", "last", "verbose"));
  EXPECT_THAT(Complete("trace add x 1 "), ElementsAre("port", "last", "verbose", "(<enter>)"));
  EXPECT_THAT(Complete("trace add x 1 port "), ElementsAre("db"));
  EXPECT_THAT(Complete("trace add x 1 last "), ElementsAre("(N)"));
  EXPECT_THAT(Complete("trace add x 1 port db v"), ElementsAre("verbose"));
  EXPECT_THAT(Complete("trace add x 1 2 "), IsEmpty());
}

TEST_F(CommandTableTest, ValuesOfAKindComeFromWhoKnowsThem) {
  ASSERT_TRUE(table_
                  .Add({.words = "ping",
                        .arguments = {{.name = "to", .help = "a MAC", .value = "mac"}},
                        .help = "Pings.",
                        .run = [](const Arguments&) { return Reply(std::string()); }},
                       "test")
                  .ok());
  EXPECT_THAT(Complete("ping "), ElementsAre("(TO)"));  // nobody knows yet
  std::vector<std::string> macs = {"02:00:00:00:00:01", "02:00:00:00:00:02"};
  table_.AddValues({.kind = "mac", .list = [&macs] { return macs; }}, "l2");
  EXPECT_THAT(Complete("ping "), ElementsAre("02:00:00:00:00:01", "02:00:00:00:00:02"));
  macs.pop_back();
  EXPECT_THAT(Complete("ping 02:"), ElementsAre("02:00:00:00:00:01"));
  macs.assign(5000, "02:00:00:00:00:03");
  EXPECT_EQ(Complete("ping ").size(), CommandTable::kMaxCandidates);
  table_.Remove("l2");
  EXPECT_THAT(Complete("ping "), ElementsAre("(TO)"));
}

TEST_F(CommandTableTest, ACommandCanHoldACommandLine) {
  ASSERT_TRUE(table_
                  .Add({.words = "again",
                        .arguments = {{.name = "-n",
                                       .kind = ArgumentKind::kNumber,
                                       .help = "seconds",
                                       .optional = true,
                                       .keyword = true},
                                      {.name = "command",
                                       .kind = ArgumentKind::kCommandLine,
                                       .help = "what to run"}},
                        .help = "Runs a command again and again.",
                        .run =
                            [](const Arguments& a) {
                              return Reply(
                                  absl::StrFormat("%g <%s>", a.Number("-n", 1), a.Text("command")));
                            }},
                       "test")
                  .ok());
  EXPECT_EQ(Run("again show ports"), "1 <show ports>");
  EXPECT_EQ(Run("again -n 0.5 show port \"my port\" 'web-1' a\\ b"),
            "0.5 <show port \"my port\" \"web-1\" \"a b\">");
  EXPECT_EQ(Run("again -n 1.2.3 show"),
            "error: \"1.2.3\" is no number for -n N (seconds); usage: again [-n N] COMMAND...");
  EXPECT_THAT(Run("again"), HasSubstr("COMMAND... is missing"));
  EXPECT_THAT(Complete("again "), ElementsAre("again", "help", "show", "stop", "trace", "-n"));
  EXPECT_THAT(Complete("again -n "), ElementsAre("(N)"));
  EXPECT_THAT(Complete("again -n 2 sh"), ElementsAre("show"));
  EXPECT_THAT(Complete("again -n 2 show po"), ElementsAre("port", "ports"));
  EXPECT_THAT(Complete("again show port w"), ElementsAre("why", "web-1", "web-2"));
  EXPECT_THAT(Complete("again again show port \"my"), ElementsAre("\"my port\""));
  EXPECT_EQ(table_.Complete("again show po").start, 11u);
}

TEST_F(CommandTableTest, HelpListsAndExplains) {
  EXPECT_EQ(Run("help"),
            "command                                     help\n"
            "help [COMMAND...]                           Lists the commands, or explains one.\n"
            "show port NAME                              Shows a port.\n"
            "show port why                               Does it.\n"
            "show ports                                  Does it.\n"
            "show runtime                                Does it.\n"
            "stop                                        Does it.\n"
            "trace add NODE COUNT [port PORT] [last N]   Traces.\n"
            "[verbose]\n");
  EXPECT_THAT(Run("help show r"),
              HasSubstr("Usage\nshow runtime\n\nHelp\nDoes it.\n\nArguments\nnone\n"));
  EXPECT_THAT(
      Run("help trace"),
      HasSubstr(
          "argument   help\nNODE       where to start\nCOUNT      how many packets\nport PORT"));
  // What others call it.
  EXPECT_THAT(Run("show interface"),
              HasSubstr("has no \"interface\" (did you mean \"show ports\"?)"));
  EXPECT_THAT(Run("help show prots"), HasSubstr("did you mean \"ports\"?"));
  EXPECT_THAT(Complete("help sh"), ElementsAre("show"));
  EXPECT_THAT(Complete("help show p"), ElementsAre("port", "ports"));
}

}  // namespace
}  // namespace weft
