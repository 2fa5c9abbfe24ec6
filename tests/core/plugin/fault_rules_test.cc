// SPDX-License-Identifier: Apache-2.0
#include "core/plugin/fault_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string_view>

#include "core/base/text.h"
#include "core/config/reader.h"

namespace weft {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Said(std::string_view plugins) {
  Errors errors("startup.conf");
  const std::string text = Cat("[plugins]\n", plugins);
  const std::optional<Document> document = Document::Parse(text, &errors);
  if (!document) return errors.Lines();
  const Globals globals = ReadGlobals(*document, &errors);
  EXPECT_THAT(errors.Lines(), IsEmpty());
  return RulesForNobody("startup.conf", document->root(), globals.plugins, WEFT_SAMPLES);
}

TEST(FaultRulesTest, NothingIsSaidOfPluginsThatThereAre) {
  EXPECT_THAT(Said("load = [\"good\"]"), IsEmpty());
  EXPECT_THAT(Said("load = [\"good\"]\nbut = [{ plugin = \"good\", on-fault = \"drop\" }]"),
              IsEmpty());
  EXPECT_THAT(Said("load = [\"elsewhere\"]\nbut = [{ plugin = \"elsewhere\" }]"), IsEmpty())
      << "that it is not there is said where it is loaded";
  EXPECT_THAT(Said("but = [{ plugin = \"faulty\" }]"), IsEmpty()) << "one can load it by its name";
}

TEST(FaultRulesTest, OthersAreNamedWithWhatMayHaveBeenMeant) {
  EXPECT_THAT(
      Said("load = [\"good\"]\nbut = [\n  { plugin = \"good\" },\n  { plugin = \"faluty\" },\n"
           "  { plugin = \"quite-another\" },\n]"),
      ElementsAre("startup.conf:5:14: [plugins]: but[1].plugin: there is no plugin \"faluty\" (did "
                  "you mean \"faulty\"?); the rule waits for one that is loaded later",
                  "startup.conf:6:14: [plugins]: but[2].plugin: there is no plugin "
                  "\"quite-another\"; the rule waits for one that is loaded later"));
}

}  // namespace
}  // namespace weft
