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

enum class Listener : uint8_t { kWeft, kContainer };
consteval auto LabelsOf(Listener) {
  return Labels<Listener>({{Listener::kWeft, "weft", "weft listens"},
                           {Listener::kContainer, "container", "the container listens"}});
}

struct Rate {
  double mbps = 1.5;
  std::chrono::milliseconds burst{50};
  static constexpr auto kFields = Fields(Field<&Rate::mbps>("mbps", "megabits a second"),
                                         Field<&Rate::burst>("burst", "longest burst"));
  bool operator==(const Rate&) const = default;
};

// One member of each type that a schema may have.
struct Kind {
  Listener listen = Listener::kWeft;
  uint16_t queues = 1;
  int64_t number = 0;
  bool fast = false;
  std::string socket;
  std::optional<uint32_t> mode;
  std::optional<MacAddress> mac;
  Rate rate;
  std::vector<Rate> rates;
  std::vector<Listener> listens;
  static constexpr auto kFields =
      Fields(Field<&Kind::listen>("listen", "who listens"),
             Field<&Kind::queues>("queues", "q", Range{1, 8}), Field<&Kind::number>("number", "n"),
             Field<&Kind::fast>("fast", "f"), Field<&Kind::socket>("socket", "path"),
             Field<&Kind::mode>("mode", "permissions"), Field<&Kind::mac>("mac", "address"),
             Field<&Kind::rate>("rate", "limit"), Field<&Kind::rates>("rates", "limits"),
             Field<&Kind::listens>("listens", "l"));
  bool operator==(const Kind&) const = default;
};

// One that says nothing if it need not.
struct Quiet {
  std::optional<std::string> device;
  static constexpr auto kFields = Fields(Field<&Quiet::device>("device", "d", NotEmpty{}));
  bool operator==(const Quiet&) const = default;
};

void Require(bool condition) {
  if (!condition) std::abort();
}

// What is printed can be read back and says the same.
template <typename T>
void CheckPrinted(const T& kind) {
  Errors errors("printed");
  const auto again = Document::Parse("x = " + SchemaOf<T>().Print(&kind), &errors);
  Require(again.has_value());
  T copy;
  Require(SchemaOf<T>().ReadInto(again->root().Find("x")->value, Place(&errors, "x"), &copy));
  Require(errors.empty() && SchemaOf<T>().Equal(&kind, &copy));
}

// What the reference says of a field: where it says a default, the file may say it too.
template <typename T>
void CheckDefaults() {
  for (const FieldSpec& field : SchemaOf<T>().fields()) {
    Require(!field.type(field.rules).empty() && !field.help.empty());
    const std::string text = SchemaOf<T>().Default(field);
    Require(!field.rules.required || text.empty());
    if (text.empty()) continue;
    Errors errors("default");
    const auto document = Document::Parse("x = " + text, &errors);
    Require(document.has_value());
    T object;
    const Value& value = document->root().Find("x")->value;
    Require(field.read(field.rules, value, Place(&errors, "x"), &object) && errors.empty());
    const T made;
    Require(field.equal(&object, &made));
  }
}

// What a reload asks of a port, beside C++'s own comparison of what was read.
void CheckSame(const PortConfig& a, const PortConfig& b) {
  bool same = a.kind == b.kind;
  if (same && a.kind == "quiet") {
    same = a.kind_config.As<Quiet>() == b.kind_config.As<Quiet>();
  } else if (same) {
    same = a.kind_config.As<Kind>() == b.kind_config.As<Kind>();
  }
  Require((a.kind_config == b.kind_config) == same);
  same = same && a.features.size() == b.features.size();
  for (const auto& [name, feature] : a.features) {
    const auto other = b.features.find(name);
    same = same && other != b.features.end() && feature.As<Rate>() == other->second.As<Rate>();
  }
  same = same && a.name == b.name && a.bridge == b.bridge && a.mac == b.mac &&
         a.mac_limit == b.mac_limit && a.mtu == b.mtu;
  Require((a == b) == same);
}

void CheckPromises(const Config& config) {
  Require(!config.bridges.empty() && config.nodes.size() == 1);
  for (const PortConfig& port : config.ports) {
    Require(IsValidName(port.name) && config.FindPort(port.name) == &port);
    Require(config.FindBridge(port.bridge) != nullptr && port.mtu >= 68 && port.mtu <= 9202);
    Require(port == PortConfig(port));
    if (port.kind == "quiet") {
      CheckPrinted(port.kind_config.As<Quiet>());
    } else {
      const Kind& kind = port.kind_config.As<Kind>();
      Require(kind.queues >= 1 && kind.queues <= 8);
      CheckPrinted(kind);
    }
    CheckSame(port, config.ports.front());
    CheckSame(config.ports.back(), port);
  }
}

}  // namespace
}  // namespace weft

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using weft::SchemaOf;
  static const bool checked = [] {  // they depend on no input
    weft::CheckDefaults<weft::Kind>();
    weft::CheckDefaults<weft::Rate>();
    weft::CheckDefaults<weft::Quiet>();
    weft::CheckDefaults<weft::StaticEntry>();
    weft::CheckDefaults<weft::BridgeConfig>();
    weft::CheckDefaults<weft::PortConfig>();
    weft::CheckDefaults<weft::WeftConfig>();
    weft::CheckDefaults<weft::WorkersConfig>();
    weft::CheckDefaults<weft::DpdkConfig>();
    return true;
  }();
  weft::Require(checked);
  weft::Schemas schemas;
  schemas.kinds = {{"vhost", "a container", &SchemaOf<weft::Kind>()},
                   {"quiet", "nothing", &SchemaOf<weft::Quiet>()}};
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
