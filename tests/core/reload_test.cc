// SPDX-License-Identifier: Apache-2.0
// A file is read again: what differs changes, and what fails half-way leaves everything as it was.
#include "core/reload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/core/reload_world.h"

namespace weft {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using ReloadTest = testing::ReloadWorld;
using testing::World;

TEST_F(ReloadTest, TouchesOnlyWhatDiffers) {
  Start(Port("a") + Port("b", "dev-b") + Port("c"));
  const PortId a = Of("a").id;
  const PortId b = Of("b").id;
  const std::string text = Port("a") + Port("b", "other") + Port("d", "dev-d");
  EXPECT_THAT(Diff(text), ElementsAre("replace port b", "add port d", "delete port c"));
  EXPECT_THAT(Names(), ElementsAre("a", "b", "c")) << "a diff changes nothing";
  EXPECT_EQ(Apply(text), "");
  EXPECT_THAT(Names(), UnorderedElementsAre("a", "b", "d"));
  EXPECT_THAT(world_.opened, UnorderedElementsAre("b", "d"));
  EXPECT_EQ(Of("a").id, a);
  EXPECT_NE(Of("b").backend, nullptr);
  EXPECT_THAT(world_.devices, UnorderedElementsAre("other", "dev-d"));
  EXPECT_THAT(Diff(text), IsEmpty());
  EXPECT_TRUE(b.valid());
}

TEST_F(ReloadTest, ChangesInPlace) {
  Start("[[bridge]]\nname = \"x\"\n" + Port("a", "dev", "bridge = \"x\""));
  world_.on_up();
  const PortId a = Of("a").id;
  EXPECT_EQ(Apply("[[bridge]]\nname = \"y\"\nageing = \"1s\"\n" +
                  Port("a", "dev", "bridge = \"y\"\nmac = \"02:00:00:00:00:01\"\nf1 = {}")),
            "");
  EXPECT_THAT(world_.opened, IsEmpty()) << "the backend goes on";
  EXPECT_EQ(Of("a").id, a);
  EXPECT_EQ(Of("a").bridge, "y");
  EXPECT_TRUE(module_->IsUp(a)) << "in the new bridge as well";
  EXPECT_EQ(world_.bridges, (std::map<std::string, std::string>{{"a", "y"}}));
  EXPECT_EQ(world_.ageing, (std::map<std::string, std::string>{{"y", "1"}}));
  EXPECT_EQ(Of("a").wiring.features.size(), 1u);
  EXPECT_FALSE(harness_->arc_tables().arc(Arc::kPortInput).trivial);
  // Bridges that a port typed in the shell may name.
  EXPECT_NE(harness_->config().FindBridge("y"), nullptr);
  EXPECT_EQ(harness_->config().FindBridge("x"), nullptr);
  EXPECT_EQ(
      Apply("[[bridge]]\nname = \"y\"\nageing = \"2s\"\n" + Port("a", "dev", "bridge = \"y\"")),
      "");
  EXPECT_EQ(world_.ageing, (std::map<std::string, std::string>{{"y", "2"}}));
  EXPECT_TRUE(harness_->arc_tables().arc(Arc::kPortInput).trivial);
  EXPECT_THAT(world_.owners, IsEmpty());
}

TEST_F(ReloadTest, PortsMayExchangeWhatTheyHave) {
  const auto mac = [](int n) { return Cat("mac = \"02:00:00:00:00:0", n, "\""); };
  Start(Port("a", "one", mac(1)) + Port("b", "two", mac(2)) + Port("c", "three", mac(3)));
  // a and b change places; what goes with c is taken over by a port that comes before it goes.
  EXPECT_EQ(Apply(Port("d", "three", mac(3)) + Port("a", "two", mac(2)) + Port("b", "one", mac(1))),
            "");
  EXPECT_THAT(world_.devices, UnorderedElementsAre("one", "two", "three"));
  EXPECT_EQ(world_.owners, (std::map<std::string, std::string>{{"02:00:00:00:00:01", "b"},
                                                               {"02:00:00:00:00:02", "a"},
                                                               {"02:00:00:00:00:03", "d"}}));
  EXPECT_THAT(Names(), UnorderedElementsAre("a", "b", "d"));
}

TEST_F(ReloadTest, AFailureUndoesWhatWasDone) {
  const std::string bridges =
      "[[bridge]]\nname = \"x\"\nstatic = [{ mac = \"02:00:00:00:00:aa\", "
      "port = \"a\" }]\n[[bridge]]\nname = \"y\"\n";
  const std::string text = bridges + Port("a", "dev-a", "bridge = \"x\"") +
                           Port("b", "dev-b", "bridge = \"x\"\nmac = \"02:00:00:00:00:02\"") +
                           Port("c", "dev-c", "bridge = \"y\"\nf1 = {}");
  // Everything at once, and one thing that does not work.
  const std::string change =
      "[[bridge]]\nname = \"x\"\nageing = \"7s\"\n[[bridge]]\nname = \"z\"\n" +
      Port("b", "dev-b", "bridge = \"z\"\nf1 = {}") + Port("c", "dev-e", "bridge = \"x\"") +
      Port("d", "dev-a", "bridge = \"z\"\nmac = \"02:00:00:00:00:02\"");
  Start(text);
  world_.on_up();
  const World before = world_;
  const PortId b = Of("b").id;
  struct Case {
    std::string more;
    const char* error;
  };
  const Case cases[] = {
      {Port("e", "absent", "bridge = \"z\""),
       ":20:1: port \"e\": there is no such device; everything is as it was before"},
      {"[[bridge]]\nname = \"bad\"\n", ":20:1: a bad bridge; everything is as it was before"},
      {"[[bridge]]\nname = \"w\"\nstatic = [{ mac = \"02:00:00:00:00:bb\", port = \"e\" }]\n" +
           Port("e", "none", "bridge = \"w\""),
       ": a bad entry; everything is as it was before"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.more);
    world_.opened.clear();
    EXPECT_EQ(Apply(change + c.more), file_ + c.error);
    EXPECT_THAT(Names(), UnorderedElementsAre("a", "b", "c"));
    EXPECT_EQ(world_.devices, before.devices);
    EXPECT_EQ(world_.bridges, before.bridges);
    EXPECT_EQ(world_.owners, before.owners);
    EXPECT_EQ(world_.ageing, before.ageing);
    EXPECT_EQ(world_.names, before.names);
    EXPECT_EQ(Of("b").id, b) << "it changes in place, to and fro";
    EXPECT_THAT(Of("b").wiring.features, IsEmpty());
    EXPECT_EQ(Of("c").wiring.features.size(), 1u);
    EXPECT_THAT(Diff(text), IsEmpty());
    EXPECT_EQ(harness_->config().FindBridge("z"), nullptr);
  }
  EXPECT_EQ(Apply(change), "");
  EXPECT_THAT(world_.devices, UnorderedElementsAre("dev-a", "dev-b", "dev-e"));
}

TEST_F(ReloadTest, AFailureThatNeedsNobodyToGoCostsNobody) {
  Start(Port("a", "dev-a"));
  world_.opened.clear();
  EXPECT_EQ(Apply(Port("a", "dev-a") + Port("b", "dev-b") + Port("c", "dev-a")),
            file_ + ":9:1: port \"c\": the device is somebody's; everything is as it was before");
  EXPECT_THAT(Names(), ElementsAre("a"));
  EXPECT_THAT(world_.opened, AnyOf(IsEmpty(), ElementsAre("b")));
  EXPECT_THAT(world_.devices, ElementsAre("dev-a"));
}

TEST_F(ReloadTest, ABadFileChangesNothing) {
  Start(Port("a"));
  struct Case {
    std::string text;
    std::string error;
  };
  const Case cases[] = {
      {"[[port]\n", ":1:8: not TOML"},
      {Port("a") + "[[port]]\nname = \"b\"\nmemory = { devise = \"x\" }\nmtu = 1\n",
       ":7:12: port \"b\": unknown key \"devise\" (did you mean \"device\"?)\n" + file_ +
           ":8:7: port \"b\": mtu: 1 is out of range 68 to 9202"},
      {"[workers]\nidle = \"poll\"\n" + Port("b"), ":2:8: [workers]: idle: only a restart"},
      {Port("b", "nowhere"), ":1:1: port \"b\": nowhere is no place for a device"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_THAT(Apply(c.text), HasSubstr(file_ + c.error));
    EXPECT_THAT(Diff(c.text), ElementsAre(HasSubstr(file_ + c.error)));
    EXPECT_THAT(Names(), ElementsAre("a"));
    EXPECT_THAT(world_.opened, IsEmpty());
  }
  std::filesystem::remove(file_);
  EXPECT_THAT(MessageOf(reload_.Apply().status()), HasSubstr(file_ + ": cannot read the file: "));
}

TEST_F(ReloadTest, PortsOfTheShellAreNotInTheFile) {
  Start(Port("a") + Port("b"));
  ASSERT_EQ(harness_.AddPort(Port("typed")), "");
  ASSERT_EQ(harness_.AddPort(Port("kept")), "");
  ASSERT_EQ(harness_.RemovePort("b"), "");
  const std::string text = Port("a") + Port("b") + Port("kept");
  EXPECT_THAT(Diff(text), ElementsAre("add port b", "delete port typed"));
  EXPECT_EQ(Apply(text), "");
  EXPECT_THAT(Names(), UnorderedElementsAre("a", "b", "kept"));
}

TEST_F(ReloadTest, AFullTableMakesRoom) {
  std::string before;
  std::string after;
  for (size_t i = 0; i < kMaxPorts; ++i) {
    before += Port(Cat("p", i));
    after += Port(Cat("q", i));
  }
  Start(before);
  EXPECT_EQ(Apply(after), "");
  EXPECT_EQ(Names().size(), kMaxPorts);
  EXPECT_THAT(Names(), Contains("q1023"));
  EXPECT_THAT(Apply(before + "[[bridge]]\nname = \"default\"\n[[bridge]]\nname = \"bad\"\n"),
              HasSubstr("a bad bridge; everything is as it was before"));
  EXPECT_EQ(Names().size(), kMaxPorts);
  EXPECT_THAT(Diff(after), IsEmpty());
}

TEST_F(ReloadTest, ANodesOwnKeysFollow) {
  const std::string port = Port("a");
  Start(port);
  EXPECT_EQ(world_.word, "none");
  EXPECT_THAT(Diff(port + "[node.keyed]\nword = \"one\"\n"), ElementsAre("change node keyed"));
  EXPECT_EQ(Apply(port + "[node.keyed]\nword = \"one\"\n"), "");
  EXPECT_EQ(world_.word, "one");
  EXPECT_THAT(world_.opened, IsEmpty()) << "no port notices";
  EXPECT_NE(Apply(port + "[node.keyed]\nword = \"two\"\n" + Port("b", "absent")), "");
  EXPECT_EQ(world_.word, "one") << "refused, so as it was";
  EXPECT_NE(Apply(port + "[node.keyed]\nwort = \"two\"\n"), "");
  EXPECT_EQ(Apply(port), "");
  EXPECT_EQ(world_.word, "none");
}

}  // namespace
}  // namespace weft
