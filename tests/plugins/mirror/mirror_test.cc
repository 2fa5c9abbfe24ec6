// SPDX-License-Identifier: Apache-2.0
#include "plugins/mirror/mirror.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <vector>

#include "tests/support/module_harness.h"

// NOLINTNEXTLINE(readability-identifier-naming): the name is what a loader looks for
extern "C" const weft::PluginDescriptor weft_plugin;

namespace weft::mirror {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using testing::FrameTo;
using testing::GraphHarness;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MacNumber;
using testing::ModuleHarness;
using namespace std::chrono_literals;

constexpr PortId kOne(0), kTwo(1), kProbe(2);

Bytes Numbered(size_t number, size_t size = 60) {
  return FrameTo(MacNumber(1)).Seed(static_cast<uint32_t>(number)).Size(size).Build();
}

class MirrorTest : public ::testing::Test {
 protected:
  MirrorRule To(PortId to, uint32_t sample = 1, bool up = true) {
    return {.port = "one",
            .has_to = true,
            .to = to,
            .to_up = up,
            .file = nullptr,
            .sample = sample,
            .counts = counts_};
  }
  void Set(Published<Mirrors>& side, PortId port, MirrorRule rule) {
    auto next = side.Load() == nullptr ? std::make_unique<Mirrors>()
                                       : std::make_unique<Mirrors>(*side.Load());
    (*next)[port.value()] = std::make_shared<const MirrorRule>(std::move(rule));
    side.Store(graph_.rcu(), std::move(next));
  }
  // Ports 0 to 3, of which 0 and 1, 2 and 3 are joined; all have both features.
  void Wire(bool dry = false) {
    const auto state = dry ? nullptr : state_;
    graph_.Add<Mirror<Arc::kPortInput>>(std::cref(ingress_), state);
    graph_.Add<Mirror<Arc::kPortOutput>>(std::cref(egress_), state);
    graph_.Add<MirrorInput>(std::cref(targets_), state_);
    Aim(Targets().set());
    NodeClass stand_in = NodeClassOf<testing::PairSwitch>(
        [](WorkerId) { return std::make_unique<testing::PairSwitch>(); });
    stand_in.spec.name = "l2-switch";
    graph_.AddClass(std::move(stand_in));
    graph_.AddStandIns();
    std::vector<PortWiring> ports;
    for (uint16_t port = 0; port < 4; ++port) {
      ports.push_back({.port = PortId(port),
                       .features = {{"ingress-mirror", std::make_shared<const MirrorConfig>()},
                                    {"egress-mirror", std::make_shared<const MirrorConfig>()}}});
    }
    graph_.Wire(std::move(ports));
  }
  // These ports are up, and some mirror's.
  void Aim(Targets targets) {
    targets_.Store(graph_.rcu(), std::make_unique<const Targets>(targets));
  }
  void Run() {
    graph_.Run();
    while (!state_->waiting.empty()) graph_.graph().PollInputs();
  }
  uint64_t Lost(PortId port, std::string_view node, std::string_view reason) {
    return graph_.Dropped(port, node, reason);
  }

  const std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
  const std::shared_ptr<WorkerState> state_ = std::make_shared<WorkerState>();
  Published<Mirrors> ingress_, egress_;
  Published<Targets> targets_;
  GraphHarness graph_;
};

TEST_F(MirrorTest, CopiesWholeFramesInOrderAndLeavesOriginalsAlone) {
  Set(ingress_, kOne, To(kProbe));
  Wire();
  std::vector<Bytes> frames;
  for (size_t i = 0; i < 300; ++i) frames.push_back(Numbered(i, 60 + i * 5));
  for (const Bytes& frame : frames) graph_.Inject(kOne, frame);
  Run();
  EXPECT_EQ(graph_.Sent(kTwo), frames);
  EXPECT_EQ(graph_.Sent(kProbe), frames);
  EXPECT_EQ(graph_.DroppedTotal(), 0U);
  EXPECT_EQ(graph_.Counted("ingress-mirror", "mirrored"), frames.size());
  EXPECT_EQ(counts_->mirrored.load(), frames.size());
}

TEST_F(MirrorTest, CopiesWhatAPortIsSent) {
  Set(egress_, kOne, To(kProbe));
  Wire();
  graph_.Inject(kOne, Numbered(1));
  graph_.Inject(kTwo, Numbered(2));
  Run();
  EXPECT_THAT(graph_.Sent(kOne), ElementsAre(Numbered(2)));
  EXPECT_THAT(graph_.Sent(kTwo), ElementsAre(Numbered(1)));
  EXPECT_THAT(graph_.Sent(kProbe), ElementsAre(Numbered(2)));
}

TEST_F(MirrorTest, TakesOneInSoManyOfEachPort) {
  Set(ingress_, kOne, To(kProbe, 3));
  Set(ingress_, kTwo, To(kProbe, 2));
  Wire();
  for (size_t i = 1; i <= 7; ++i) {
    graph_.Inject(kOne, Numbered(i));
    graph_.Inject(kTwo, Numbered(100 + i));
  }
  Run();
  EXPECT_THAT(graph_.Sent(kProbe),
              ElementsAre(Numbered(102), Numbered(3), Numbered(104), Numbered(6), Numbered(106)));
}

TEST_F(MirrorTest, DoesNotCopyCopies) {
  Set(egress_, kProbe, To(kOne));
  Set(egress_, kOne, To(kProbe));
  Wire();
  graph_.Inject(kTwo, Numbered(1));
  Run();
  EXPECT_THAT(graph_.Sent(kOne), ElementsAre(Numbered(1)));
  EXPECT_THAT(graph_.Sent(kProbe), ElementsAre(Numbered(1)));
  EXPECT_EQ(counts_->mirrored.load(), 1U);
}

TEST_F(MirrorTest, LosesCopiesAloneWhenThePortIsDown) {
  Set(ingress_, kOne, To(kProbe, 1, false));
  Wire();
  graph_.Inject(kOne, Numbered(1));
  Run();
  EXPECT_THAT(graph_.Sent(kTwo), ElementsAre(Numbered(1)));
  EXPECT_THAT(graph_.Sent(kProbe), IsEmpty());
  EXPECT_EQ(Lost(kProbe, "ingress-mirror", "port-down"), 1U);
  EXPECT_EQ(counts_->lost.load(), 1U);
}

TEST_F(MirrorTest, LosesCopiesAloneWhenTheirPortIsFull) {
  Set(ingress_, kOne, To(kProbe));
  Wire();
  graph_.memory().full[kProbe] = true;
  graph_.Inject(kOne, Numbered(1));
  Run();
  EXPECT_THAT(graph_.Sent(kTwo), ElementsAre(Numbered(1)));
  EXPECT_EQ(Lost(kProbe, "memory-output", "ring-full"), 1U);
}

TEST_F(MirrorTest, SendsAVectorOfCopiesARound) {
  Wire();
  alignas(64) PacketSlot slot;
  std::vector<Bytes> frames;
  for (size_t i = 0; i < 600; ++i) {
    frames.push_back(Numbered(i));
    std::copy(frames[i].begin(), frames[i].end(), slot.packet.snapshot());
    slot.packet.Reset(kOne, slot.packet.snapshot(), 60);
    ASSERT_TRUE(state_->waiting.Add(slot.packet, kProbe));
  }
  for (const size_t sent : {256U, 512U, 600U, 600U}) {
    graph_.graph().PollInputs();
    EXPECT_EQ(graph_.Sent(kProbe).size(), sent);
  }
  EXPECT_EQ(graph_.Sent(kProbe), frames) << "in order, and none is left behind";
}

// Two copies of each packet, and full vectors: more than a vector of copies in each round.
TEST_F(MirrorTest, CountsEachCopyThatFindsNoRoom) {
  Set(ingress_, kOne, To(kProbe));
  Set(egress_, kTwo, To(kProbe));
  Wire();
  constexpr size_t kPackets = 20 * Frame::kCapacity;
  for (size_t i = 0; i < kPackets; ++i) graph_.Inject(kOne, Numbered(i));
  Run();
  EXPECT_EQ(graph_.Sent(kTwo).size(), kPackets) << "originals";
  const uint64_t lost =
      Lost(kProbe, "ingress-mirror", "no-room") + Lost(kProbe, "egress-mirror", "no-room");
  EXPECT_GT(lost, 0U);
  EXPECT_EQ(lost, graph_.DroppedTotal());
  EXPECT_EQ(lost, counts_->lost.load());
  EXPECT_EQ(graph_.Sent(kProbe).size(), counts_->mirrored.load());
  EXPECT_EQ(graph_.Sent(kProbe).size() + lost, 2 * kPackets);
  // As many as a vector a round takes: what waits does not wait in vain.
  EXPECT_GE(graph_.Sent(kProbe).size(), kPackets);
}

// The number of a port that has gone may be given to another while copies wait.
TEST_F(MirrorTest, WhatWaitsForAPortThatHasGoneIsNotSent) {
  Set(ingress_, kOne, To(kProbe));
  Wire();
  graph_.Inject(kOne, Numbered(1));
  graph_.graph().PollInputs();
  ASSERT_FALSE(state_->waiting.empty());
  Aim(Targets().set().reset(kProbe.value()));
  Run();
  EXPECT_THAT(graph_.Sent(kProbe), IsEmpty());
  EXPECT_EQ(Lost(kProbe, "mirror-input", "port-down"), 1U);
  Aim(Targets().set());
  graph_.Inject(kOne, Numbered(2));
  Run();
  EXPECT_THAT(graph_.Sent(kProbe), ElementsAre(Numbered(2)));
}

TEST_F(MirrorTest, ADryRunCopiesNothing) {
  Set(ingress_, kOne, To(kProbe));
  Wire(true);
  graph_.Inject(kOne, Numbered(1));
  Run();
  EXPECT_THAT(graph_.Sent(kTwo), ElementsAre(Numbered(1)));
  EXPECT_EQ(counts_->mirrored.load() + counts_->lost.load(), 0U);
}

// What the sender left to be done is left to whoever sends the copy on.
TEST_F(MirrorTest, ACopyHasTheOffloadOfItsOriginal) {
  constexpr Offload kLeft{.needs = kOffloadChecksum, .transport = 34, .segment_size = 0};
  PacketSlot slot;
  Bytes frame = Numbered(1, 300);
  slot.packet.Reset(kOne, slot.packet.snapshot() + Packet::kVirtioNetHeader, 116);
  slot.packet.SetPayload({ForeignPtr(frame.data() + 116), 184});
  slot.packet.set_offload(kLeft);
  ASSERT_TRUE(state_->waiting.Add(slot.packet, kProbe));
  ASSERT_TRUE(state_->waiting.Add(slot.packet, kProbe));
  EXPECT_EQ(state_->waiting.Take().offload, kLeft);
  PacketPool& pool = graph_.pool();
  Packet* const copy = pool.Take();
  MirrorInput::Fill(*copy, state_->waiting.Take());
  EXPECT_EQ(copy->offload(), kLeft);
  EXPECT_EQ(copy->length(), 300U);
  EXPECT_EQ(copy->out_port(), kProbe);
  pool.EndDispatch();
}

TEST_F(MirrorTest, WhatWaitsIsBounded) {
  Waiting waiting;
  Wire();
  alignas(64) PacketSlot slot;
  const Bytes frame = Numbered(1);
  std::copy(frame.begin(), frame.end(), slot.packet.snapshot());
  slot.packet.Reset(kOne, slot.packet.snapshot(), static_cast<uint32_t>(frame.size()));
  for (size_t i = 0; i < Waiting::kPackets; ++i) ASSERT_TRUE(waiting.Add(slot.packet, kProbe));
  EXPECT_FALSE(waiting.Add(slot.packet, kProbe));
  waiting.Take();
  waiting.Release();
  EXPECT_FALSE(waiting.Add(slot.packet, kProbe)) << "bytes stay until all were taken";
  while (!waiting.empty()) waiting.Take();
  waiting.Release();
  EXPECT_TRUE(waiting.Add(slot.packet, kProbe));
}

class MirrorFileTest : public MirrorTest {
 protected:
  MirrorFileTest() : path_(::testing::TempDir() + Cat("weft-mirror-", getpid(), ".pcapng")) {}
  ~MirrorFileTest() override { std::filesystem::remove(path_); }

  std::vector<Bytes> Written() {
    absl::StatusOr<CaptureFile> file = CaptureFile::Open(path_);
    EXPECT_TRUE(file.ok()) << file.status();
    std::vector<Bytes> frames;
    FileFrame frame;
    while (file.ok() && *file->Next(frame)) frames.push_back(frame.bytes);
    return frames;
  }

  const std::string path_;
};

TEST_F(MirrorFileTest, BringsFramesToAFileByARingThatIsBounded) {
  absl::StatusOr<std::shared_ptr<MirrorFile>> file = MirrorFile::Open(path_, 1 << 20);
  ASSERT_TRUE(file.ok()) << file.status();
  MirrorRule rule = To(PortId());
  rule.has_to = false;
  rule.file = *file;
  Set(ingress_, kOne, rule);
  Wire();
  std::vector<Bytes> frames;
  for (size_t i = 0; i < 10; ++i) frames.push_back(Numbered(i, 60 + 100 * i));
  for (const Bytes& frame : frames) graph_.Inject(kOne, frame);
  Run();
  CapturedStep step;
  std::vector<uint8_t> bytes;
  while (state_->ring.Pop(step, bytes)) {
    EXPECT_EQ(step.in_port, kOne);
    EXPECT_TRUE((*file)->Add("one", step, bytes));
  }
  (*file)->Flush();
  EXPECT_EQ(Written(), frames);

  // Nobody empties the ring: it fills, what is more is lost, and no original is.
  constexpr size_t kMany = 1000;
  for (size_t i = 0; i < kMany; ++i) graph_.Inject(kOne, Numbered(i, 9000));
  Run();
  const uint64_t behind = Lost(PortId(), "ingress-mirror", "file-behind");
  EXPECT_EQ(behind + counts_->mirrored.load(), kMany + frames.size());
  EXPECT_GT(behind, kMany - WorkerState::kRing / 9000 - 1);
  EXPECT_EQ(graph_.Sent(kTwo).size(), kMany + frames.size());
}

TEST_F(MirrorFileTest, HasALongestSize) {
  constexpr uint64_t kMax = 100'000;
  absl::StatusOr<std::shared_ptr<MirrorFile>> file = MirrorFile::Open(path_, kMax);
  ASSERT_TRUE(file.ok()) << file.status();
  const Bytes frame = Numbered(1, 1000);
  CapturedStep step;
  step.length = step.kept = static_cast<uint32_t>(frame.size());
  size_t added = 0;
  while ((*file)->Add("one", step, frame)) ++added;
  EXPECT_FALSE((*file)->open());
  EXPECT_EQ((*file)->ended(), "it has reached max-size");
  file->reset();
  EXPECT_EQ(Written().size(), added);
  EXPECT_GT(added, 90U);
  EXPECT_LE(std::filesystem::file_size(path_), kMax);
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(MirrorFileTest, HasOneWriterAtATime) {
  const Bytes frame = Numbered(1, 1000);
  CapturedStep step;
  step.length = step.kept = static_cast<uint32_t>(frame.size());
  auto first = *MirrorFile::Open(path_, 1 << 20);
  EXPECT_FALSE(first->waits());
  auto second = *MirrorFile::Open(path_, 1 << 20);
  EXPECT_TRUE(second->waits());
  EXPECT_TRUE(first->Add("one", step, frame));
  EXPECT_FALSE(second->IsOurs(1s));
  EXPECT_FALSE(second->Add("one", step, frame));
  first.reset();
  EXPECT_TRUE(second->IsOurs(2s));
  EXPECT_TRUE(second->Add("two", step, frame));
  second->Flush();
  EXPECT_THAT(Written(), ElementsAre(frame)) << "it begins anew";

  auto third = *MirrorFile::Open(path_, 1 << 20);
  EXPECT_FALSE(third->IsOurs(2s));
  EXPECT_FALSE(third->IsOurs(7s));
  EXPECT_TRUE(third->open());
  EXPECT_FALSE(third->IsOurs(7001ms));
  EXPECT_FALSE(third->open());
  EXPECT_EQ(third->ended(), "somebody else writes it");
}

TEST_F(MirrorFileTest, GoesOnWhereAnotherHasEnded) {
  constexpr uint64_t kMax = 10'000;
  const Bytes frame = Numbered(1, 1000), other = Numbered(2, 500);
  CapturedStep step;
  step.length = step.kept = 1000;
  auto first = *MirrorFile::Open(path_, kMax);
  auto second = *MirrorFile::Open(path_, kMax);
  second->Continue();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(first->Add("one", step, frame));
  first.reset();
  EXPECT_TRUE(second->IsOurs(1s));
  step.length = step.kept = 500;
  EXPECT_TRUE(second->Add("two", step, other));
  second->Flush();
  EXPECT_THAT(Written(), ElementsAre(frame, frame, frame, other));
  while (second->Add("two", step, other)) continue;
  second.reset();
  EXPECT_LE(std::filesystem::file_size(path_), kMax) << "of both together";
  EXPECT_GT(std::filesystem::file_size(path_), kMax - 1000);
}

TEST_F(MirrorFileTest, RefusesWhatIsNoFile) {
  EXPECT_THAT(MessageOf(MirrorFile::Open("/nonexistent/x", 1).status()),
              HasSubstr("cannot write the file \"/nonexistent/x\": No such file"));
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_FALSE(MirrorFile::Open(path_, 1).ok()) << "and does not wait for a reader";
  EXPECT_THAT(MessageOf(MirrorFile::Open("/dev/null", 1).status()), HasSubstr("no regular file"));
}

class MirrorModuleTest : public ::testing::Test {
 protected:
  MirrorModuleTest() : module_(weft_plugin.make()) { module_->Register(harness_.registry()); }
  std::vector<std::string> Errors(std::string_view table) {
    return harness_.Configure(
        Cat("[[port]]\nname = \"a\"\nmemory = {}\negress-mirror = ", table, "\n"));
  }

  ModuleHarness harness_;
  std::unique_ptr<Module> module_;  // which goes before its loop does
};

TEST_F(MirrorModuleTest, NeedsAPortOrAFile) {
  EXPECT_THAT(Errors("{}"), ElementsAre(HasSubstr("a mirror needs a port")));
}

TEST_F(MirrorModuleTest, NeedsAWholePath) {
  EXPECT_THAT(Errors("{ file = \"x.pcapng\" }"), ElementsAre(HasSubstr("is no whole path")));
}

TEST_F(MirrorModuleTest, RefusesASampleOfNothing) {
  EXPECT_THAT(Errors("{ to = \"b\", sample = 0 }"), ElementsAre(HasSubstr("sample")));
}

}  // namespace
}  // namespace weft::mirror
