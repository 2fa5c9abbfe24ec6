// SPDX-License-Identifier: Apache-2.0
// Links: weft_config
// Arbitrary bytes as startup.conf: reading ends, reports or fills, and what was accepted holds the
// promises that the rest of weft relies on.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/reader.h"

namespace weft {
namespace {

enum class Listen : uint8_t { kWeft, kContainer };
consteval auto LabelsOf(Listen) {
  return Labels<Listen>({{Listen::kWeft, "weft", "weft listens"},
                         {Listen::kContainer, "container", "the container listens"}});
}

struct Rate {
  double mbps = 1.5;
  std::chrono::milliseconds burst{50};
  static constexpr auto kFields = Fields(Field<&Rate::mbps>("mbps", "megabits a second"),
                                         Field<&Rate::burst>("burst", "longest burst"));
};

// One member of each type that a schema may have.
struct Kind {
  Listen listen = Listen::kWeft;
  uint16_t queues = 1;
  int64_t number = 0;
  bool fast = false;
  std::string socket;
  std::optional<uint32_t> mode;
  std::optional<MacAddress> mac;
  Rate rate;
  std::vector<Rate> rates;
  std::vector<Listen> listens;
  static constexpr auto kFields =
      Fields(Field<&Kind::listen>("listen", "who listens"),
             Field<&Kind::queues>("queues", "q", Range{1, 8}), Field<&Kind::number>("number", "n"),
             Field<&Kind::fast>("fast", "f"), Field<&Kind::socket>("socket", "path"),
             Field<&Kind::mode>("mode", "permissions"), Field<&Kind::mac>("mac", "address"),
             Field<&Kind::rate>("rate", "limit"), Field<&Kind::rates>("rates", "limits"),
             Field<&Kind::listens>("listens", "l"));
};

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckPromises(const Config& config) {
  Require(!config.bridges.empty() && config.nodes.size() == 1);
  for (const PortConfig& port : config.ports) {
    Require(IsValidName(port.name) && config.FindPort(port.name) == &port);
    Require(config.FindBridge(port.bridge) != nullptr && port.mtu >= 68 && port.mtu <= 9202);
    Require(port == PortConfig(port) && port.kind == "vhost");
    const Kind& kind = port.kind_config.As<Kind>();
    Require(kind.queues >= 1 && kind.queues <= 8);
    // What is printed can be read back and says the same.
    Errors errors("printed");
    const auto again = Document::Parse("x = " + SchemaOf<Kind>().Print(&kind), &errors);
    Require(again.has_value());
    Kind copy;
    Require(SchemaOf<Kind>().ReadInto(again->root().Find("x")->value, Place(&errors, "x"), &copy));
    Require(errors.empty() && SchemaOf<Kind>().Equal(&kind, &copy));
  }
}

}  // namespace
}  // namespace weft

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using weft::SchemaOf;
  weft::Schemas schemas;
  schemas.kinds = {{"vhost", "a container", &SchemaOf<weft::Kind>()}};
  schemas.features = {{"mac-guard", "a guard", &SchemaOf<weft::Rate>()}};
  schemas.nodes = {{"l2-switch", "a switch", &SchemaOf<weft::Rate>()}};
  weft::Errors errors("fuzz.conf");
  const std::string text(data, data + size);
  if (const auto document = weft::Document::Parse(text, &errors)) {
    weft::ReadGlobals(*document, &errors);
    const auto config = weft::ReadAll(*document, schemas, &errors);
    weft::Require(config.has_value() == errors.empty());
    if (config) weft::CheckPromises(*config);
  } else {
    weft::Require(!errors.empty());
  }
  errors.ToString();
  return 0;
}
