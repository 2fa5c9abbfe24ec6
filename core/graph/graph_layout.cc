// SPDX-License-Identifier: Apache-2.0
#include "core/graph/graph_layout.h"

#include <algorithm>
#include <numeric>

namespace weft {
namespace {

constexpr double kMargin = 20;
constexpr double kGap = 100;     // between two columns: room for a rate
constexpr double kSpacing = 60;  // between the middles of two places in a column
constexpr int kSweeps = 12;      // more change nothing in graphs of this size

// A node, or where a line passes a column.
struct Place {
  size_t column;
  double width = 0;
  double y = 0;
  std::vector<size_t> before, after;  // places in the columns beside its own
};

class Columns {
 public:
  Columns(const std::vector<double>& widths, const std::vector<std::pair<size_t, size_t>>& arcs) {
    std::vector<size_t> column(widths.size());
    for (size_t node = 0; node < widths.size(); ++node) {
      for (const auto& [from, to] : arcs) {
        if (to == node) column[node] = std::max(column[node], column[from] + 1);
      }
      Add({.column = column[node], .width = widths[node], .before = {}, .after = {}});
    }
    for (const auto& [from, to] : arcs) {
      std::vector<size_t> way = {from};
      while (places_[way.back()].column + 1 < places_[to].column) {
        const size_t next =
            Add({.column = places_[way.back()].column + 1, .width = 0, .before = {}, .after = {}});
        Join(way.back(), next);
        way.push_back(next);
      }
      Join(way.back(), to);
      way.push_back(to);
      ways_.push_back(std::move(way));
    }
  }

  // Lines cross as rarely as ordering each place by its neighbours' can make them.
  void Order() {
    std::vector<std::vector<size_t>> best = columns_;
    size_t fewest = Crossings();
    for (int sweep = 0; sweep < kSweeps && fewest != 0; ++sweep) {
      const bool forward = sweep % 2 == 0;
      for (size_t i = 1; i < columns_.size(); ++i) {
        OrderColumn(forward ? i : columns_.size() - 1 - i, forward);
      }
      if (const size_t crossings = Crossings(); crossings < fewest) {
        fewest = crossings;
        best = columns_;
      }
    }
    columns_ = std::move(best);
  }

  // Each place as near as may be to the middle of its neighbours.
  void Align() {
    for (const std::vector<size_t>& column : columns_) {
      for (size_t i = 0; i < column.size(); ++i) {
        places_[column[i]].y =
            kSpacing * (static_cast<double>(i) - static_cast<double>(column.size() - 1) / 2);
      }
    }
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      const bool forward = sweep % 2 == 0;
      for (size_t i = 0; i < columns_.size(); ++i) {
        AlignColumn(columns_[forward ? i : columns_.size() - 1 - i]);
      }
    }
  }

  GraphLayout Result(size_t nodes) {
    std::vector<double> left(columns_.size()), right(columns_.size());
    double x = kMargin;
    for (size_t i = 0; i < columns_.size(); ++i) {
      left[i] = right[i] = x;
      for (const size_t place : columns_[i]) {
        right[i] = std::max(right[i], x + places_[place].width);
      }
      x = right[i] + kGap;
    }
    double top = 0, bottom = 0;
    for (const Place& place : places_) {
      top = std::min(top, place.y);
      bottom = std::max(bottom, place.y);
    }
    const double down = kMargin + kBoxHeight / 2 - top;
    GraphLayout layout;
    for (size_t node = 0; node < nodes; ++node) {
      layout.boxes.push_back({left[places_[node].column], places_[node].y + down});
    }
    for (const std::vector<size_t>& way : ways_) {
      std::vector<LayoutPoint> line;
      for (size_t i = 0; i < way.size(); ++i) {
        const Place& place = places_[way[i]];
        const double y = place.y + down;
        const bool node = i == 0 || i + 1 == way.size();
        if (i != 0) line.push_back({left[place.column], y});
        if (i + 1 != way.size()) {
          line.push_back({node ? left[place.column] + place.width : right[place.column], y});
        }
      }
      layout.lines.push_back(std::move(line));
    }
    layout.width = x - kGap + kMargin;
    layout.height = bottom + down + kBoxHeight / 2 + kMargin;
    return layout;
  }

 private:
  size_t Add(Place place) {
    if (columns_.size() <= place.column) columns_.resize(place.column + 1);
    columns_[place.column].push_back(places_.size());
    places_.push_back(std::move(place));
    return places_.size() - 1;
  }
  void Join(size_t from, size_t to) {
    places_[from].after.push_back(to);
    places_[to].before.push_back(from);
  }

  std::vector<size_t> Positions() const {
    std::vector<size_t> positions(places_.size());
    for (const std::vector<size_t>& column : columns_) {
      for (size_t i = 0; i < column.size(); ++i) positions[column[i]] = i;
    }
    return positions;
  }

  void OrderColumn(size_t number, bool forward) {
    const std::vector<size_t> positions = Positions();
    std::vector<double> wanted(places_.size());
    for (const size_t place : columns_[number]) {
      const std::vector<size_t>& beside = forward ? places_[place].before : places_[place].after;
      const double sum =
          std::accumulate(beside.begin(), beside.end(), 0.0, [&](double so_far, size_t other) {
            return so_far + static_cast<double>(positions[other]);
          });
      wanted[place] = beside.empty() ? static_cast<double>(positions[place])
                                     : sum / static_cast<double>(beside.size());
    }
    std::stable_sort(columns_[number].begin(), columns_[number].end(),
                     [&](size_t a, size_t b) { return wanted[a] < wanted[b]; });
  }

  size_t Crossings() const {
    const std::vector<size_t> positions = Positions();
    size_t crossings = 0;
    for (const std::vector<size_t>& column : columns_) {
      for (size_t i = 0; i < column.size(); ++i) {
        for (size_t j = i + 1; j < column.size(); ++j) {
          for (const size_t a : places_[column[i]].after) {
            for (const size_t b : places_[column[j]].after) {
              crossings += positions[a] > positions[b] ? 1 : 0;
            }
          }
        }
      }
    }
    return crossings;
  }

  // Of all that keep the order and the distance, the mean of the lowest and the highest.
  void AlignColumn(const std::vector<size_t>& column) {
    std::vector<double> wanted;
    for (const size_t place : column) {
      double sum = 0;
      size_t count = 0;
      for (const auto* beside : {&places_[place].before, &places_[place].after}) {
        for (const size_t other : *beside) sum += places_[other].y;
        count += beside->size();
      }
      wanted.push_back(count == 0 ? places_[place].y : sum / static_cast<double>(count));
    }
    std::vector<double> low = wanted, high = wanted;
    for (size_t i = 1; i < column.size(); ++i) low[i] = std::max(low[i], low[i - 1] + kSpacing);
    for (size_t i = column.size(); i-- > 1;)
      high[i - 1] = std::min(high[i - 1], high[i] - kSpacing);
    for (size_t i = 0; i < column.size(); ++i) places_[column[i]].y = (low[i] + high[i]) / 2;
  }

  std::vector<Place> places_;  // the nodes first
  std::vector<std::vector<size_t>> columns_;
  std::vector<std::vector<size_t>> ways_;  // of each arc, node to node
};

}  // namespace

GraphLayout LayOutGraph(const std::vector<double>& widths,
                        const std::vector<std::pair<size_t, size_t>>& arcs) {
  Columns columns(widths, arcs);
  columns.Order();
  columns.Align();
  return columns.Result(widths.size());
}

}  // namespace weft
