// SPDX-License-Identifier: Apache-2.0
#include "core/config/metrics_config.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace weft {
namespace {

struct Outcome {
  MetricsConfig metrics;
  std::string errors;
};

Outcome Read(std::string_view text) {
  Errors errors("startup.conf");
  Outcome outcome;
  const std::optional<Document> document = Document::Parse(text, &errors);
  if (document) outcome.metrics = ReadMetrics(*document, &errors);
  outcome.errors = errors.ToString();
  return outcome;
}

// What a reload from one text to the other says.
std::string Restart(std::string_view running, std::string_view wanted) {
  Errors errors("startup.conf");
  const std::optional<Document> before = Document::Parse(running, &errors);
  const std::optional<Document> after = Document::Parse(wanted, &errors);
  CheckNeedsNoRestart(ReadMetrics(*before, &errors), ReadMetrics(*after, &errors), *after, &errors);
  return errors.ToString();
}

TEST(MetricsConfig, IsOffByDefault) {
  EXPECT_EQ(Read("").metrics.listen, std::nullopt);
  EXPECT_EQ(Read("[metrics]\n").metrics.listen, std::nullopt);
}

TEST(MetricsConfig, TakesAnAddressWithAPort) {
  for (const char* address : {"127.0.0.1:9464", "[::1]:9464"}) {
    const Outcome outcome = Read(std::string("[metrics]\nlisten = \"") + address + "\"\n");
    EXPECT_EQ(outcome.metrics.listen, address);
    EXPECT_EQ(outcome.errors, "");
  }
}

TEST(MetricsConfig, TakesAUnixSocket) {
  const Outcome outcome = Read("[metrics]\nlisten = \"unix:/run/weft/metrics.sock\"\n");
  EXPECT_EQ(outcome.errors, "");
  EXPECT_EQ(outcome.metrics.SocketPath(), "/run/weft/metrics.sock");
  EXPECT_EQ(Read("[metrics]\nlisten = \"127.0.0.1:9464\"\n").metrics.SocketPath(), std::nullopt);
}

TEST(MetricsConfig, SaysWhatIsWrong) {
  EXPECT_EQ(
      Read("[metrics]\nlisten = \"localhost:9464\"\n").errors,
      "startup.conf:2:10: [metrics]: listen: \"localhost:9464\" is no IP address with a port; "
      "write one like \"127.0.0.1:9464\" or \"[::1]:9464\", or \"unix:/PATH\"\n");
  EXPECT_EQ(Read("[metrics]\nlisten = \"unix:metrics.sock\"\n").errors,
            "startup.conf:2:10: [metrics]: listen: \"metrics.sock\" does not begin with a slash\n");
  EXPECT_NE(Read("[metrics]\nlisten = \"unix:\"\n").errors, "");
  EXPECT_NE(Read("[metrics]\nlisten = \"unix:/" + std::string(200, 'x') + "\"\n").errors, "");
  EXPECT_EQ(Read("[[metrics]]\n").errors,
            "startup.conf:1:1: [metrics]: there is only one: write it in single brackets\n");
}

// Whoever reads the whole file hears of it too, once.
TEST(MetricsConfig, IsPartOfTheFile) {
  Errors errors("startup.conf");
  const std::optional<Document> document =
      Document::Parse("[metrics]\nlisten = \"9464\"\n", &errors);
  EXPECT_FALSE(ReadAll(*document, Schemas(), &errors));
  ReadMetrics(*document, &errors);
  EXPECT_EQ(errors.Lines().size(), 1U);
}

TEST(MetricsConfig, OnlyARestartChangesIt) {
  constexpr std::string_view kOne = "[metrics]\nlisten = \"127.0.0.1:1\"\n";
  EXPECT_EQ(Restart(kOne, kOne), "");
  EXPECT_EQ(Restart(kOne, "[metrics]\nlisten = \"127.0.0.1:2\"\n"),
            "startup.conf:2:10: [metrics]: listen: only a restart changes it; running is "
            "\"127.0.0.1:1\", the file says \"127.0.0.1:2\"\n");
  EXPECT_EQ(Restart(kOne, ""),
            "startup.conf: [metrics]: listen: only a restart changes it; running is "
            "\"127.0.0.1:1\", the file says unset\n");
}

}  // namespace
}  // namespace weft
