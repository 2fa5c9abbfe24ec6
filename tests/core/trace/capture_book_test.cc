// SPDX-License-Identifier: Apache-2.0
#include "core/trace/capture_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/graph_harness.h"

namespace weft {
namespace {

using std::chrono::seconds;
using testing::Bytes;
using testing::GraphHarness;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class CaptureBookTest : public ::testing::Test {
 protected:
  CaptureBookTest() {
    harness_.AddStandIns();
    harness_.Wire({{.port = PortId(0)}, {.port = PortId(1)}});
    watcher_.AddGraph(harness_.graph());
    EXPECT_TRUE(ports_.Add("web-1").ok());
    EXPECT_TRUE(ports_.Add("web-2").ok());
  }

  // Of all that reaches memory-output.
  CaptureRequest Request(uint64_t count = 1000) {
    CaptureRequest request{.of = "a test", .time = seconds(60), .tsc_hz = 1'000'000'000};
    request.rule.nodes[harness_.catalog().Find("memory-output")->id.value()].verdicts.set();
    request.rule.snap_length = kMaxSnapLength;
    request.rule.max_packets = count;
    request.rule.max_bytes = 1'000'000'000;
    return request;
  }
  void Send(size_t count, size_t length = 60) {
    for (size_t i = 0; i < count; ++i) {
      harness_.Inject(PortId(0), Bytes(length, 0xab));
      if (i % 100 == 99) harness_.Run();
    }
    harness_.Run();
    harness_.rcu().Poll();
  }
  static size_t PacketsIn(const std::string& pcapng, size_t length = 60) {
    const std::string frame(length, '\xab');
    size_t count = 0;
    for (size_t at = pcapng.find(frame); at != std::string::npos;
         at = pcapng.find(frame, at + length)) {
      ++count;
    }
    return count;
  }

  GraphHarness harness_;
  Watcher watcher_{harness_.rcu()};
  PortTable ports_{harness_.rcu()};
  CaptureBook book_{watcher_, harness_.catalog(), ports_};
  Time now_ = seconds(1);
};

TEST_F(CaptureBookTest, IsReadPieceByPiece) {
  const uint32_t number = *book_.Start(Request(), now_);
  const CaptureBook::Piece first = *book_.Read(number, now_);
  EXPECT_THAT(first.pcapng, HasSubstr("web-1")) << "the ports are described before any packet";
  EXPECT_THAT(first.pcapng, HasSubstr("web-2"));
  EXPECT_FALSE(first.done);
  Send(3);
  const CaptureBook::Piece second = *book_.Read(number, now_);
  EXPECT_EQ(PacketsIn(second.pcapng), 3U);
  EXPECT_THAT(second.pcapng, HasSubstr("memory-output: sent; worker 0, "));
  EXPECT_THAT(second.pcapng, Not(HasSubstr("web-1")));
  EXPECT_EQ(second.packets, 3U);
  ASSERT_TRUE(book_.Stop(number).ok());
  Send(1);
  const CaptureBook::Piece last = *book_.Read(number, now_);
  EXPECT_THAT(last.pcapng, IsEmpty());
  EXPECT_TRUE(last.done);
  EXPECT_FALSE(book_.Read(number, now_).ok()) << "it is gone";
  EXPECT_THAT(book_.List(), IsEmpty());
}

TEST_F(CaptureBookTest, IsNotDoneWhileAWorkerMayStillTake) {
  const uint32_t number = *book_.Start(Request(), now_);
  harness_.rcu().Register(WorkerId(0));
  ASSERT_TRUE(book_.Stop(number).ok());
  harness_.rcu().Poll();
  EXPECT_FALSE(book_.Read(number, now_)->done);
  harness_.rcu().Quiescent(WorkerId(0));
  harness_.rcu().Poll();
  EXPECT_TRUE(book_.Read(number, now_)->done);
  harness_.rcu().Unregister(WorkerId(0));
}

TEST_F(CaptureBookTest, EndsAtItsCount) {
  const uint32_t number = *book_.Start(Request(2), now_);
  Send(5);
  book_.Tick(now_);
  harness_.rcu().Poll();
  ASSERT_THAT(book_.List(), SizeIs(1));
  EXPECT_EQ(book_.List()[0].state, "ended: count");
  const CaptureBook::Piece piece = *book_.Read(number, now_);
  EXPECT_EQ(PacketsIn(piece.pcapng), 2U);
  EXPECT_EQ(piece.packets, 2U);
  EXPECT_EQ(piece.lost, 0U);
  EXPECT_TRUE(piece.done);
}

TEST_F(CaptureBookTest, EndsAtItsTimeAndIsForgottenLater) {
  const uint32_t number = *book_.Start(Request(), now_);
  Send(1);
  book_.Tick(now_ + seconds(59));
  EXPECT_EQ(book_.List()[0].state, "running");
  book_.Tick(now_ + seconds(60));
  harness_.rcu().Poll();
  EXPECT_EQ(book_.List()[0].state, "ended: seconds");
  Send(1);
  book_.Tick(now_ + seconds(119));
  ASSERT_THAT(book_.List(), SizeIs(1));
  EXPECT_EQ(book_.List()[0].packets, 1U);
  book_.Tick(now_ + seconds(120));
  EXPECT_THAT(book_.List(), IsEmpty());
  EXPECT_FALSE(book_.Read(number, now_).ok());
}

TEST_F(CaptureBookTest, CountsWhatIsLost) {
  constexpr size_t kMany = 2 * CaptureBook::kRingSize / 1000;
  const uint32_t number = *book_.Start(Request(1'000'000), now_);
  Send(kMany, 1000);
  ASSERT_TRUE(book_.Stop(number).ok());
  harness_.rcu().Poll();
  std::string file;
  CaptureBook::Piece piece;
  size_t pieces = 0;
  do {
    piece = *book_.Read(number, now_);
    EXPECT_LT(piece.pcapng.size(), CaptureBook::kPiece + 2000);
    file += piece.pcapng;
    ++pieces;
  } while (!piece.done);
  EXPECT_GT(pieces, 1U);
  EXPECT_GT(piece.lost, 0U);
  EXPECT_EQ(PacketsIn(file, 1000) + piece.lost, kMany);
  EXPECT_THAT(file, HasSubstr(std::to_string(piece.lost) + " packets of all interfaces"));
}

TEST_F(CaptureBookTest, ThereAreNotManyAtOnce) {
  for (size_t i = 0; i < CaptureBook::kMaxCaptures; ++i) {
    EXPECT_TRUE(book_.Start(Request(), now_).ok());
  }
  EXPECT_THAT(std::string(book_.Start(Request(), now_).status().message()),
              HasSubstr("capture stop"));
  EXPECT_FALSE(book_.Stop(99).ok());
  watcher_.RemoveGraphs();
  EXPECT_FALSE(book_.Start(Request(), now_).ok()) << "no worker is left";
}

}  // namespace
}  // namespace weft
