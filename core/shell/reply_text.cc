// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/shell/reply.h"
#include "core/shell/text_grid.h"
#include "core/shell/utf8.h"

namespace weft {
namespace {

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

// ECMA-48 SGR: bold, and what a state's word means.
constexpr std::string_view kBold = "\x1b[1m";
std::string_view StateStyle(std::string_view state) {
  if (state == "up") return "\x1b[32m";
  if (state == "error") return "\x1b[1;31m";
  return "\x1b[33m";
}

// What may stand for a counter where there is no room: 38123456 is 38.1M.
std::string Brief(const Cell& cell, CellKind kind) {
  return kind == CellKind::kCounter ? std::visit(CellText{CellKind::kRate}, cell) : "";
}

struct BodyText {
  size_t width;
  bool colour;

  std::string_view Style(std::string_view style) const { return colour ? style : ""; }
  GridCell CellOf(const Cell& cell, CellKind kind) const {
    GridCell out{.text = std::visit(CellText{kind}, cell), .brief = Brief(cell, kind)};
    if (kind == CellKind::kState) out.style = Style(StateStyle(out.text));
    return out;
  }

  std::string operator()(const std::string& text) const {
    std::string out = Printable(text, "\n\t");
    if (!out.empty() && out.back() != '\n') out.push_back('\n');
    return out;
  }

  std::string operator()(const Table& table) const {
    if (table.rows.empty() && !table.if_empty.empty()) return (*this)(table.if_empty);
    Grid grid{.header = true, .left = {}, .rows = {{}}};
    for (const Column& column : table.columns) {
      grid.left.push_back(LeftAligned(column.kind));
      grid.rows.back().push_back({.text = Printable(column.name), .style = Style(kBold)});
    }
    for (const std::vector<Cell>& row : table.rows) {
      std::vector<GridCell>& cells = grid.rows.emplace_back();
      for (size_t i = 0; i < table.columns.size(); ++i) {
        cells.push_back(CellOf(i < row.size() ? row[i] : Cell(), table.columns[i].kind));
      }
    }
    return GridText(grid, width);
  }

  std::string operator()(const Record& record) const {
    Grid grid{.header = false, .left = {true, true}, .rows = {}};
    for (const RecordField& field : record.fields) {
      GridCell value = CellOf(field.value, field.column.kind);
      value.brief.clear();  // a line of its own has room
      grid.rows.push_back(
          {{.text = Printable(field.column.name) + ":", .style = Style(kBold)}, std::move(value)});
    }
    return GridText(grid, width);
  }

  std::string operator()(const Sections& sections) const {
    std::string out;
    for (const Section& section : sections.list) {
      if (!out.empty()) out.push_back('\n');
      for (const std::string& line : WrapText(Printable(section.title), width)) {
        absl::StrAppend(&out, colour ? absl::StrCat("\x1b[1m", line, "\x1b[0m") : line, "\n");
      }
      absl::StrAppend(&out, std::visit(*this, section.body));
    }
    return out;
  }
};

}  // namespace

std::string RateText(double per_second) { return NumberText(per_second, CellKind::kRate); }

std::string RenderText(const Reply& reply, size_t width, bool colour) {
  return std::visit(BodyText{width, colour}, reply);
}

}  // namespace weft
