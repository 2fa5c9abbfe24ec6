// SPDX-License-Identifier: Apache-2.0
// The page of a whole switch; that Prometheus's own tools have no complaint is for the end-to-end
// tests.
#include "core/metrics_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

#include "core/arcs_module.h"
#include "tests/support/graph_harness.h"
#include "tests/support/switch_harness.h"

namespace weft {
namespace {

using ::testing::HasSubstr;
using testing::MemoryInput;
using testing::MemoryOutput;
using testing::MemoryPorts;
using ::testing::Not;
using testing::SwitchHarness;

// Counts the packets that it drops.
class Sieve final : public Node<Sieve> {
 public:
  static constexpr NodeSpec kSpec{
      .name = "the-sieve", .arc = "port-input", .last = true, .help = "Drops all."};
  enum class Drop : uint8_t { kHole };
  static constexpr auto kDrops = Labels<Drop>({{Drop::kHole, "hole", "it said \"no\" \\ never"}});
  enum class Counter : uint8_t { kSeenSoFar };
  static constexpr auto kCounters =
      Labels<Counter>({{Counter::kSeenSoFar, "seen-so-far", "packets that came by"}});
  void Process(Frame& frame) {
    ForEach(frame, [](Packet&) -> Verdict { return Drop::kHole; });
  }
};

class Backend final : public PortBackend {
 public:
  absl::Status Open() override { return absl::OkStatus(); }
  PortStatus Status() const override { return {PortState::kError, "why"}; }
  std::vector<PortFact> Facts() const override { return {}; }
};

class SieveModule final : public Module {
 public:
  std::string_view name() const override { return "sieve"; }
  void Register(Registry& registry) override {
    registry.AddNode<MemoryInput>(
        [this](WorkerId) { return std::make_unique<MemoryInput>(ports_); });
    registry.AddNode<MemoryOutput>(
        [this](WorkerId) { return std::make_unique<MemoryOutput>(ports_); });
    registry.AddNode<Sieve>([](WorkerId) { return std::make_unique<Sieve>(); });
    registry.AddPortKind(
        {.name = "memory",
         .help = "a port of a test",
         .schema = &SchemaOf<NoKeys>(),
         .output = "memory-output",
         .make = [](const PortRequest&) -> absl::StatusOr<std::unique_ptr<PortBackend>> {
           return std::make_unique<Backend>();
         }});
  }

 private:
  struct NoKeys {
    static constexpr auto kFields = Fields();
  };

  MemoryPorts ports_;
};

class MetricsPageTest : public ::testing::Test {
 protected:
  MetricsPageTest() {
    EXPECT_EQ(switch_.AddModule(std::make_unique<ArcsModule>()), "");
    EXPECT_EQ(switch_.AddModule(std::make_unique<SieveModule>()), "");
    EXPECT_EQ(switch_.Start("[[port]]\nname = \"a\"\nmtu = 9000\nmemory = {}\n"), "");
  }
  std::string Page() {
    const HttpAnswer answer = page_.Answer({.method = "GET", .path = "/metrics"});
    EXPECT_EQ(answer.status, 200);
    return *answer.body;
  }

  SimulatedClock clock_;
  SwitchHarness switch_;
  MetricsPage page_{*switch_, clock_, WallTime(std::chrono::milliseconds(1'790'000'000'500))};
};

TEST_F(MetricsPageTest, HasEveryPortAndNode) {
  const std::string page = Page();
  for (const char* line :
       {"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1790000000.5\n",
        "weft_port_info{port=\"a\",kind=\"memory\",bridge=\"default\"} 1\n",
        "# HELP weft_port_up Whether frames can flow: 1 or 0.\n# TYPE weft_port_up gauge\n"
        "weft_port_up{port=\"a\"} 0\n",
        "weft_port_state{port=\"a\",state=\"down\"} 0\n",
        "weft_port_state{port=\"a\",state=\"up\"} 0\n",
        "weft_port_state{port=\"a\",state=\"error\"} 1\n", "weft_port_mtu_bytes{port=\"a\"} 9000\n",
        "# TYPE weft_port_receive_packets_total counter\n"
        "weft_port_receive_packets_total{port=\"a\"} 0\n",
        "weft_port_transmit_bytes_total{port=\"a\"} 0\n",
        "weft_node_info{node=\"the-sieve\",kind=\"plain\",help=\"Drops all.\"} 1\n",
        "# TYPE weft_worker_busy_seconds_total counter\n"
        "weft_worker_busy_seconds_total{worker=\"0\"} 0\n"}) {
    EXPECT_THAT(page, HasSubstr(line));
  }
}

TEST_F(MetricsPageTest, ExplainsWithTheDeclarations) {
  const std::string page = Page();
  EXPECT_THAT(page, HasSubstr("# HELP weft_the_sieve_seen_so_far_total Packets that came by.\n"
                              "# TYPE weft_the_sieve_seen_so_far_total counter\n"
                              "weft_the_sieve_seen_so_far_total{node=\"the-sieve\"} 0\n"));
  EXPECT_THAT(page, HasSubstr("weft_drop_reason_info{node=\"the-sieve\",reason=\"hole\","
                              "help=\"It said \\\"no\\\" \\\\ never.\"} 1\n"));
}

// Prometheus refuses a page that says twice what a name means.
TEST_F(MetricsPageTest, NamesEachFamilyOnce) {
  EXPECT_EQ(switch_.AddPort("[[port]]\nname = \"b\"\nmemory = {}\n"), "");
  std::istringstream page(Page());
  std::set<std::string> types;
  std::set<std::string> samples;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(types.insert(line.substr(7, line.rfind(' ') - 7)).second) << line;
    } else if (!line.starts_with("#")) {
      EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
  }
  EXPECT_GT(types.size(), 15U);
  EXPECT_TRUE(samples.contains("weft_port_up{port=\"b\"}"));
}

TEST_F(MetricsPageTest, IsMadeAnewWhenItIsNotFresh) {
  Page();
  EXPECT_EQ(switch_.AddPort("[[port]]\nname = \"b\"\nmemory = {}\n"), "");
  clock_.Advance(MetricsPage::kFresh - std::chrono::nanoseconds(1));
  EXPECT_THAT(Page(), Not(HasSubstr("port=\"b\"")));
  clock_.Advance(std::chrono::nanoseconds(1));
  EXPECT_THAT(Page(), HasSubstr("port=\"b\""));
}

TEST_F(MetricsPageTest, HasOnePath) {
  for (const char* path : {"/", "/metric", "/metrics/"}) {
    EXPECT_EQ(page_.Answer({.method = "GET", .path = path}).status, 404) << path;
  }
}

}  // namespace
}  // namespace weft
