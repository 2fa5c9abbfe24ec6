// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/graph/graph_layout.h"
#include "core/graph/graph_picture.h"

namespace weft {
namespace {

constexpr double kLetter = 7.9;  // a monospace letter of 13 pixels
constexpr double kPadding = 12;  // beside a name
constexpr double kArrow = 7;     // length of an arrow's head
constexpr std::string_view kStyle =
    "rect { fill: #f6f8fa; stroke: #57606a } path { fill: none; stroke: #8c959f } "
    ".busy path { stroke: #0969da; stroke-width: 2 } "
    "text { font: 13px monospace; fill: #1f2328 } "
    ".arc text { font-size: 11px; text-anchor: middle; paint-order: stroke; stroke: #ffffff; "
    "stroke-width: 4px }";

std::string XmlText(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

int64_t Pixel(double length) { return std::llround(length); }
std::string PointText(double x, double y) { return Cat(Pixel(x), ",", Pixel(y)); }

// Curved between columns, straight where it passes one.
std::string PathOf(const std::vector<LayoutPoint>& line) {
  std::string path = Cat("M", PointText(line[0].x, line[0].y));
  for (size_t i = 1; i < line.size(); ++i) {
    const LayoutPoint &from = line[i - 1], &to = line[i];
    const double end = i + 1 == line.size() ? to.x - kArrow : to.x;
    const double middle = (from.x + end) / 2;
    if (i % 2 == 1) {
      Append(path, " C", PointText(middle, from.y), " ", PointText(middle, to.y), " ",
             PointText(end, to.y));
    } else {
      Append(path, " L", PointText(end, to.y));
    }
  }
  return path;
}

void AppendBox(const NodeClass& node, LayoutPoint left, double width, std::string& svg) {
  const bool edge = node.kind == NodeKind::kInput || node.kind == NodeKind::kOutput;
  Append(svg, "<g class=\"node\"><title>", XmlText(node.spec.help), "</title><rect x=\"",
         Pixel(left.x), "\" y=\"", Pixel(left.y - kBoxHeight / 2), "\" width=\"", Pixel(width),
         "\" height=\"", Pixel(kBoxHeight), "\" rx=\"", edge ? 16 : 4, "\"/><text x=\"",
         Pixel(left.x + kPadding), "\" y=\"", Pixel(left.y + 4), "\">", XmlText(node.spec.name),
         "</text></g>\n");
}

void AppendArc(std::string_view title, const std::string& label,
               const std::vector<LayoutPoint>& line, std::string& svg) {
  Append(svg, "<g class=\"", label.empty() ? "arc" : "arc busy", "\"><title>", XmlText(title),
         "</title><path d=\"", PathOf(line), "\" marker-end=\"url(#arrow)\"/>");
  if (!label.empty()) {
    Append(svg, "<text x=\"", Pixel((line[0].x + line[1].x) / 2), "\" y=\"",
           Pixel((line[0].y + line[1].y) / 2 - 4), "\">", XmlText(label), "</text>");
  }
  svg += "</g>\n";
}

}  // namespace

std::string GraphSvg(const GraphPlan& plan, const ArcTables& tables, const ArcLabel& label) {
  const GraphWays reachable = ReachableWays(plan, tables);
  const auto class_of = [&](NodeIndex node) -> const NodeClass& {
    return plan.nodes()[node.value()].node_class;
  };
  // The order of the plan is topological, so every arc leads to a higher number.
  std::map<NodeIndex, size_t> numbers;
  std::vector<double> widths;
  for (const auto& [node, ways] : reachable) {
    numbers[node] = widths.size();
    widths.push_back(2 * kPadding + kLetter * static_cast<double>(class_of(node).spec.name.size()));
  }
  std::vector<std::pair<size_t, size_t>> arcs;
  for (const auto& [node, ways] : reachable) {
    for (const NodeIndex to : ways) arcs.emplace_back(numbers[node], numbers[to]);
  }
  const GraphLayout layout = LayOutGraph(widths, arcs);

  std::string svg = Cat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", Pixel(layout.width),
                        "\" height=\"", Pixel(layout.height), "\" viewBox=\"0 0 ",
                        Pixel(layout.width), " ", Pixel(layout.height), "\">\n<style>", kStyle,
                        "</style>\n<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refY=\"4\" "
                        "markerUnits=\"userSpaceOnUse\" markerWidth=\"8\" markerHeight=\"8\" "
                        "orient=\"auto\"><path d=\"M0,0 8,4 0,8z\" style=\"fill: "
                        "#57606a; stroke: none\"/></marker></defs>\n<rect width=\"100%\" "
                        "height=\"100%\" style=\"fill: #ffffff; stroke: none\"/>\n");
  size_t arc = 0;
  for (const auto& [node, ways] : reachable) {
    for (const NodeIndex to : ways) {
      AppendArc(Cat(class_of(node).spec.name, " -> ", class_of(to).spec.name), label(node, to),
                layout.lines[arc++], svg);
    }
  }
  for (const auto& [node, number] : numbers) {
    AppendBox(class_of(node), layout.boxes[number], widths[number], svg);
  }
  return svg + "</svg>\n";
}

}  // namespace weft
