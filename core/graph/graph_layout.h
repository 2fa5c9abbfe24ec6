// SPDX-License-Identifier: Apache-2.0
// Where the boxes and lines of a drawing of a graph go: from left to right, a column for each step,
// so that every line leads to the right. A line that passes a column has a place of its own there.
// Control thread.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace weft {

struct LayoutPoint {
  double x = 0, y = 0;
};

struct GraphLayout {
  std::vector<LayoutPoint> boxes;  // of each node: the middle of its left side
  // Of each arc: from its node's right side to the other's left side, by way of where it enters and
  // leaves the columns in between.
  std::vector<std::vector<LayoutPoint>> lines;
  double width = 0, height = 0;
};

// `widths`: of the nodes' boxes. `arcs`: pairs of nodes, of which the first has the lower number.
GraphLayout LayOutGraph(const std::vector<double>& widths,
                        const std::vector<std::pair<size_t, size_t>>& arcs);

inline constexpr double kBoxHeight = 34;

}  // namespace weft
