// SPDX-License-Identifier: Apache-2.0
#include "core/config/reference.h"

#include "core/base/markdown.h"
#include "core/base/text.h"
#include "core/config/metrics_config.h"

namespace weft {
namespace {

void AppendRows(const TableSchema& schema, const std::string& prefix, std::string& text) {
  for (const FieldSpec& field : schema.fields()) {
    const std::string standard = schema.Default(field);
    Append(text, "| `", prefix, field.name, "` | ", MarkdownCell(field.type(field.rules)), " | ",
           field.rules.required ? "required"
           : standard.empty()   ? "none"
                                : Cat("`", MarkdownCell(standard), "`"),
           " | ", MarkdownCell(field.help), " |\n");
    if (const TableSchema* nested = field.nested()) {
      AppendRows(*nested, Cat(prefix, field.name, "."), text);
    }
  }
}

void AppendTable(std::string_view heading, std::string_view help, const TableSchema& schema,
                 std::string& text) {
  Append(text, "\n## `", heading, "`\n\n", help, "\n\n", DescribeKeys(schema));
}

}  // namespace

std::string DescribeKeys(const TableSchema& schema) {
  if (schema.fields().empty()) return "It has no keys.\n";
  std::string text = "| key | type | default | meaning |\n|---|---|---|---|\n";
  AppendRows(schema, "", text);
  return text;
}

std::string DescribeReference(const Schemas& schemas) {
  std::string text =
      "# startup.conf\n\nEvery section and key, generated from the declarations in the code.\n";
  AppendTable("[weft]", "The program itself.", SchemaOf<WeftConfig>(), text);
  AppendTable("[workers]", "The threads that switch.", SchemaOf<WorkersConfig>(), text);
  AppendTable("[dpdk]", "What DPDK is started with.", SchemaOf<DpdkConfig>(), text);
  AppendTable("[plugins]", "Nodes that are loaded.", SchemaOf<PluginsConfig>(), text);
  AppendTable("[metrics]", "What Prometheus fetches.", SchemaOf<MetricsConfig>(), text);
  AppendTable("[[bridge]]",
              "A learning domain; ports in different bridges never see each other. Without any "
              "there is one named default.",
              SchemaOf<BridgeConfig>(), text);
  AppendTable("[[port]]", "An attachment; exactly one of the tables below makes its kind.",
              SchemaOf<PortConfig>(), text);
  for (const Schemas::Kind& kind : schemas.kinds) {
    AppendTable(Cat("[[port]] ", kind.name), kind.help, *kind.schema, text);
  }
  for (const Schemas::Named& feature : schemas.features) {
    AppendTable(Cat("[[port]] ", feature.name), feature.help, *feature.schema, text);
  }
  for (const Schemas::Named& node : schemas.nodes) {
    AppendTable(Cat("[node.", node.name, "]"), node.help, *node.schema, text);
  }
  return text;
}

}  // namespace weft
