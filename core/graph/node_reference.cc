// SPDX-License-Identifier: Apache-2.0
#include "core/graph/node_reference.h"

#include <string_view>

#include "core/base/markdown.h"
#include "core/base/text.h"

namespace weft {
namespace {

std::string PlaceOnArc(const NodeSpec& spec) {
  if (spec.last) return Cat("ends `", spec.arc, "`");
  std::string text = Cat("`", spec.arc, "`");
  if (!spec.after.empty()) Append(text, ", after `", spec.after, "`");
  if (!spec.before.empty()) Append(text, ", before `", spec.before, "`");
  return text;
}

// Graph::DropPackets says the same of each packet.
std::string_view Blamed(const NodeSpec& spec) {
  const bool receiver = spec.arc == "port-output" || spec.name == "port-output";
  return receiver ? "the port that the packet goes to" : "the port that the packet came from";
}

// LabelText or TraceField.
template <typename Rows>
void AppendTable(std::string_view heading, std::string_view columns, const Rows& rows,
                 std::string& text) {
  if (rows.empty()) return;
  Append(text, "\n## ", heading, "\n\n| ", columns, " |\n|---|---|\n");
  for (const auto& row : rows)
    Append(text, "| `", row.name, "` | ", MarkdownCell(row.help), " |\n");
}

}  // namespace

std::string DescribeNode(const NodeClass& node) {
  const NodeSpec& spec = node.spec;
  std::string text =
      Cat("# ", spec.name, "\n\n", spec.help, "\n\n## Node\n\n| | |\n|---|---|\n", "| kind | ",
          kNodeKinds.name(node.kind), ": ", kNodeKinds.help(node.kind), " |\n");
  if (!spec.arc.empty()) Append(text, "| arc | ", PlaceOnArc(spec), " |\n");
  if (!node.drops.empty()) Append(text, "| drops are blamed on | ", Blamed(spec), " |\n");
  AppendTable("Nexts", "next | packets that go there", node.nexts, text);
  AppendTable("Drops", "reason | meaning", node.drops, text);
  AppendTable("Counters", "counter | what it counts", node.counters, text);
  AppendTable("Trace", "field | meaning", node.trace, text);
  return text;
}

}  // namespace weft
