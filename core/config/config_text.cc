// SPDX-License-Identifier: Apache-2.0
#include "core/config/config_text.h"

#include <string_view>

#include "core/base/text.h"

namespace weft {
namespace {

// Whether a file has to say it.
bool IsSaid(const TableSchema& schema, const FieldSpec& field, const std::string& value) {
  return !value.empty() && (field.rules.required || value != schema.Default(field));
}

constexpr size_t kWidth = 80;  // of a terminal

// The key's line. A list that is too long for it has an item a line; in braces TOML allows no
// break.
std::string Line(std::string_view name, std::string_view value) {
  std::string line = Cat(name, " = ", value, "\n");
  if (line.size() <= kWidth + 1 || !value.starts_with('[') || value == "[]") return line;
  line = Cat(name, " = [\n  ");
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = 1; i + 1 < value.size(); ++i) {
    const char c = value[i];
    line += c;
    if (c == '\\') {
      line += value[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '[' || c == '{')) {
      ++depth;
    } else if (!quoted && (c == ']' || c == '}')) {
      --depth;
    } else if (!quoted && depth == 0 && c == ',') {
      line += "\n  ";
      if (value[i + 1] == ' ') ++i;
    }
  }
  return line + "\n]\n";
}

std::string Inline(const AnyConfig& table) {
  std::string text;
  for (const FieldSpec& field : table.schema->fields()) {
    const std::string value = field.print(table.object.get());
    if (!IsSaid(*table.schema, field, value)) continue;
    Append(text, text.empty() ? "{ " : ", ", field.name, " = ", value);
  }
  return text.empty() ? "{}" : text + " }";
}

class Writer {
 public:
  explicit Writer(ShowDefaults defaults) : defaults_(defaults) {}

  // A section of the file that may be left out when it says nothing.
  void Section(std::string_view heading, const TableSchema& schema, const void* object) {
    const std::string keys = Keys(schema, object);
    if (!keys.empty()) Table(heading, keys);
  }
  void Bridge(const BridgeConfig& bridge) {
    Table("[[bridge]]", Keys(SchemaOf<BridgeConfig>(), &bridge));
  }
  void Port(const PortConfig& port) {
    std::string keys = Keys(SchemaOf<PortConfig>(), &port);
    AppendTable(port.kind, port.kind_config, keys);
    for (const auto& [name, table] : port.features) AppendTable(name, table, keys);
    Table("[[port]]", keys);
  }
  std::string Take() { return std::move(text_); }

 private:
  void Table(std::string_view heading, const std::string& keys) {
    Append(text_, text_.empty() ? "" : "\n", heading, "\n", keys);
  }
  std::string Keys(const TableSchema& schema, const void* object) const {
    std::string text;
    for (const FieldSpec& field : schema.fields()) {
      const std::string value = field.print(object);
      if (IsSaid(schema, field, value)) {
        text += Line(field.name, value);
      } else {
        AppendComment(field.name, value, text);
      }
    }
    return text;
  }
  void AppendTable(std::string_view name, const AnyConfig& table, std::string& text) const {
    Append(text, name, " = ", Inline(table), "\n");
    for (const FieldSpec& field : table.schema->fields()) {
      const std::string value = field.print(table.object.get());
      if (!IsSaid(*table.schema, field, value))
        AppendComment(Cat(name, ".", field.name), value, text);
    }
  }
  void AppendComment(std::string_view name, const std::string& value, std::string& text) const {
    if (defaults_ == ShowDefaults::kNo) return;
    Append(text, "# ", name, value.empty() ? " is not set" : Cat(" = ", value), "\n");
  }

  const ShowDefaults defaults_;
  std::string text_;
};

}  // namespace

std::string ConfigText(const Config& config, const MetricsConfig& metrics, ShowDefaults defaults) {
  Writer writer(defaults);
  writer.Section("[weft]", SchemaOf<WeftConfig>(), &config.weft);
  writer.Section("[workers]", SchemaOf<WorkersConfig>(), &config.workers);
  writer.Section("[dpdk]", SchemaOf<DpdkConfig>(), &config.dpdk);
  writer.Section("[plugins]", SchemaOf<PluginsConfig>(), &config.plugins);
  writer.Section("[metrics]", SchemaOf<MetricsConfig>(), &metrics);
  for (const auto& [name, node] : config.nodes) {
    writer.Section(Cat("[node.", name, "]"), *node.schema, node.object.get());
  }
  for (const BridgeConfig& bridge : config.bridges) writer.Bridge(bridge);
  for (const PortConfig& port : config.ports) writer.Port(port);
  return writer.Take();
}

}  // namespace weft
