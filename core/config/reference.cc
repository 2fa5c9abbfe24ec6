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

}  // namespace

std::string DescribeKeys(const TableSchema& schema) {
  if (schema.fields().empty()) return "It has no keys.\n";
  std::string text = "| key | type | default | meaning |\n|---|---|---|---|\n";
  AppendRows(schema, "", text);
  return text;
}

std::vector<ReferenceTable> ReferenceTables(const Schemas& schemas) {
  std::vector<ReferenceTable> tables = {
      {"[weft]", "The program itself.", &SchemaOf<WeftConfig>()},
      {"[workers]", "The threads that switch.", &SchemaOf<WorkersConfig>()},
      {"[dpdk]", "What DPDK is started with.", &SchemaOf<DpdkConfig>()},
      {"[plugins]", "Nodes that are loaded.", &SchemaOf<PluginsConfig>()},
      {"[metrics]", "What Prometheus fetches.", &SchemaOf<MetricsConfig>()},
      {"[[bridge]]",
       "A learning domain; ports in different bridges never see each other. Without any there is "
       "one named default.",
       &SchemaOf<BridgeConfig>()},
      {"[[port]]", "An attachment; exactly one of the tables below makes its kind.",
       &SchemaOf<PortConfig>()}};
  for (const Schemas::Kind& kind : schemas.kinds)
    tables.push_back({Cat("[[port]] ", kind.name), kind.help, kind.schema});
  for (const Schemas::Named& feature : schemas.features)
    tables.push_back({Cat("[[port]] ", feature.name), feature.help, feature.schema});
  for (const Schemas::Named& node : schemas.nodes)
    tables.push_back({Cat("[node.", node.name, "]"), node.help, node.schema});
  return tables;
}

std::string DescribeReference(const Schemas& schemas) {
  std::string text =
      "# startup.conf\n\nEvery section and key, generated from the declarations in the code.\n";
  for (const ReferenceTable& table : ReferenceTables(schemas)) {
    Append(text, "\n## `", table.heading, "`\n\n", table.help, "\n\n", DescribeKeys(*table.schema));
  }
  return text;
}

}  // namespace weft
