// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/shell/reply.h"
#include "core/shell/utf8.h"

namespace weft {
namespace {

constexpr size_t kGap = 2;  // blanks between two columns

// 38123456 with steps of 1000 is "38.1M": three digits and a unit.
std::string Scaled(double value, double step, const std::array<const char*, 7>& units) {
  size_t unit = 0;
  // What rounds up to a full step belongs to the next unit: 999999 is 1.00M, not 1000k.
  while (std::abs(value) >= step - 0.5 && unit + 1 < units.size()) {
    value /= step;
    ++unit;
  }
  if (unit == 0) return absl::StrFormat("%.0f", value);
  const double size = std::abs(value);
  const int digits = size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f%s", digits, value, units[unit]);
}

std::string NumberText(double value, CellKind kind) {
  if (!std::isfinite(value)) return "-";
  switch (kind) {
    case CellKind::kCount:
    case CellKind::kCounter:
      return absl::StrFormat("%.0f", value);
    case CellKind::kRate:
      return Scaled(value, 1000, {"", "k", "M", "G", "T", "P", "E"});
    case CellKind::kBytes:
      return Scaled(value, 1024, {"", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"});
    case CellKind::kPercent:
      return absl::StrFormat("%.1f%%", value);
    default:
      return absl::StrFormat("%.2f", value);
  }
}

template <typename Integer>
std::string IntegerText(Integer value, CellKind kind) {
  if (kind == CellKind::kRate || kind == CellKind::kBytes || kind == CellKind::kPercent) {
    return NumberText(static_cast<double>(value), kind);
  }
  return absl::StrCat(value);
}

struct CellText {
  CellKind kind;
  std::string operator()(std::monostate) const { return "-"; }
  std::string operator()(bool value) const { return value ? "yes" : "no"; }
  std::string operator()(int64_t value) const { return IntegerText(value, kind); }
  std::string operator()(uint64_t value) const { return IntegerText(value, kind); }
  std::string operator()(double value) const { return NumberText(value, kind); }
  std::string operator()(const std::string& value) const { return Printable(value); }
};

bool LeftAligned(CellKind kind) {
  return kind == CellKind::kText || kind == CellKind::kState || kind == CellKind::kFlag;
}

// Splits at blanks into lines of at most `width` characters; a longer word gets its own line.
std::vector<std::string> Wrap(const std::string& text, size_t width) {
  if (DisplayWidth(text) <= width) return {text};
  std::vector<std::string> lines(1);
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    at = std::min(end + 1, text.size());
    if (word.empty()) continue;
    const size_t used = DisplayWidth(lines.back());
    if (used == 0) {
      lines.back() = word;
    } else if (used + 1 + DisplayWidth(word) <= width) {
      absl::StrAppend(&lines.back(), " ", word);
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

size_t LongestWord(const std::string& text) {
  size_t longest = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    longest = std::max(longest, DisplayWidth(std::string_view(text).substr(at, end - at)));
    at = end + 1;
  }
  return longest;
}

// A table with every cell already text; the first row is the header.
struct Grid {
  std::vector<bool> left;  // a column: left-aligned?
  std::vector<std::vector<std::string>> rows;
};

// Widths in characters that fit `width`, taken from the widest wrappable columns first.
std::vector<size_t> FitWidths(const Grid& grid, size_t width) {
  std::vector<size_t> widths(grid.left.size(), 0);
  std::vector<size_t> least(grid.left.size(), 0);
  for (const std::vector<std::string>& row : grid.rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i]));
      least[i] = std::max(least[i], grid.left[i] ? LongestWord(row[i]) : DisplayWidth(row[i]));
    }
  }
  size_t total = widths.empty() ? 0 : kGap * (widths.size() - 1);
  for (const size_t w : widths) total += w;
  while (width != 0 && total > width) {
    size_t widest = widths.size();
    for (size_t i = 0; i < widths.size(); ++i) {
      if (widths[i] > least[i] && (widest == widths.size() || widths[i] > widths[widest])) {
        widest = i;
      }
    }
    if (widest == widths.size()) break;  // only whole words and numbers are left
    --widths[widest];
    --total;
  }
  return widths;
}

void AppendPadded(std::string& out, const std::string& text, size_t width, bool left) {
  const size_t blanks = width - std::min(width, DisplayWidth(text));
  if (!left) out.append(blanks, ' ');
  out.append(text);
  if (left) out.append(blanks, ' ');
}

void EndLine(std::string& out) {
  while (!out.empty() && out.back() == ' ') out.pop_back();
  out.push_back('\n');
}

std::string GridText(const Grid& grid, size_t width) {
  const std::vector<size_t> widths = FitWidths(grid, width);
  std::string out;
  for (const std::vector<std::string>& row : grid.rows) {
    std::vector<std::vector<std::string>> lines;
    size_t height = 1;
    for (size_t i = 0; i < row.size(); ++i) {
      lines.push_back(grid.left[i] ? Wrap(row[i], widths[i]) : std::vector{row[i]});
      height = std::max(height, lines.back().size());
    }
    for (size_t line = 0; line < height; ++line) {
      for (size_t i = 0; i < row.size(); ++i) {
        if (i > 0) out.append(kGap, ' ');
        AppendPadded(out, line < lines[i].size() ? lines[i][line] : "", widths[i], grid.left[i]);
      }
      EndLine(out);
    }
  }
  return out;
}

struct BodyText {
  size_t width;

  std::string operator()(const std::string& text) const {
    std::string out = Printable(text, "\n\t");
    if (!out.empty() && out.back() != '\n') out.push_back('\n');
    return out;
  }

  std::string operator()(const Table& table) const {
    if (table.rows.empty() && !table.if_empty.empty()) return (*this)(table.if_empty);
    Grid grid;
    grid.rows.emplace_back();
    for (const Column& column : table.columns) {
      grid.left.push_back(LeftAligned(column.kind));
      grid.rows.back().push_back(Printable(column.name));
    }
    for (const std::vector<Cell>& row : table.rows) {
      std::vector<std::string>& cells = grid.rows.emplace_back();
      for (size_t i = 0; i < table.columns.size(); ++i) {
        cells.push_back(
            std::visit(CellText{table.columns[i].kind}, i < row.size() ? row[i] : Cell()));
      }
    }
    return GridText(grid, width);
  }

  std::string operator()(const Record& record) const {
    Grid grid{.left = {true, true}, .rows = {}};
    for (const RecordField& field : record.fields) {
      grid.rows.push_back({Printable(field.column.name) + ":",
                           std::visit(CellText{field.column.kind}, field.value)});
    }
    return GridText(grid, width);
  }

  std::string operator()(const Sections& sections) const {
    std::string out;
    for (const Section& section : sections.list) {
      if (!out.empty()) out.push_back('\n');
      absl::StrAppend(&out, Printable(section.title), "\n", std::visit(*this, section.body));
    }
    return out;
  }
};

}  // namespace

std::string RenderText(const Reply& reply, size_t width, bool /*colour*/) {
  return std::visit(BodyText{width}, reply);
}

}  // namespace weft
