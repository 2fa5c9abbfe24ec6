// SPDX-License-Identifier: Apache-2.0
#include "core/shell/text_grid.h"

#include <algorithm>
#include <numeric>

#include "core/shell/utf8.h"

namespace weft {
namespace {

constexpr size_t kGap = 2;                      // blanks between two columns
constexpr size_t kComfortable = 16;             // narrower columns of sentences are hard to read
constexpr std::string_view kPlain = "\x1b[0m";  // ECMA-48 SGR 0

constexpr size_t kLongWord =
    32;  // a longer one, such as a path, makes its own line longer, not all

// The pieces that a line may end behind; those of headers end at hyphens and slashes, too.
std::vector<std::string_view> Pieces(std::string_view text, bool header) {
  std::vector<std::string_view> pieces;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = header && (text[i] == '-' || text[i] == '/') && i > start;
    if (text[i] != ' ' && !hyphen) continue;
    if (hyphen || i > start) pieces.push_back(text.substr(start, i - start + (hyphen ? 1 : 0)));
    start = i + 1;
  }
  if (start < text.size()) pieces.push_back(text.substr(start));
  return pieces;
}

// Lines of at most `width` characters; a longer piece gets its own line.
std::vector<std::string> Wrap(const std::string& text, size_t width, bool header) {
  if (DisplayWidth(text) <= width) return {text};
  std::vector<std::string> lines(1);
  size_t used = 0;
  bool blank = false;  // the last piece ended at a blank
  for (const std::string_view piece : Pieces(text, header)) {
    const size_t size = DisplayWidth(piece);
    if (used != 0 && used + (blank ? 1 : 0) + size > width) {
      lines.emplace_back();
      used = 0;
    }
    if (used != 0 && blank) lines.back() += ' ';
    lines.back() += piece;
    used = DisplayWidth(lines.back());
    const size_t end = static_cast<size_t>(piece.data() - text.data()) + piece.size();
    blank = end < text.size() && text[end] == ' ';
  }
  return lines;
}

size_t LongestPiece(std::string_view text, bool header) {
  size_t longest = 0;
  for (const std::string_view piece : Pieces(text, header))
    longest = std::max(longest, DisplayWidth(piece));
  return longest;
}

using Columns = std::vector<size_t>;  // numbers of columns

// Some columns of a grid and how wide they are.
class GridLayout {
 public:
  // `comfortable`: sentences get a decent width. `brief`: brief forms are taken.
  GridLayout(const Grid& grid, Columns columns, bool comfortable, bool brief)
      : grid_(grid), columns_(std::move(columns)), brief_(brief) {
    for (const size_t column : columns_) {
      size_t widest = 0;
      size_t least = 0;
      for (size_t row = 0; row < grid_.rows.size(); ++row) {
        const std::string& text = Text(row, column);
        const size_t width = DisplayWidth(text);
        widest = std::max(widest, width);
        size_t need =
            Wraps(row, column) ? std::min(LongestPiece(text, IsHeader(row)), kLongWord) : width;
        if (comfortable && !IsHeader(row)) need = std::max(need, std::min(width, kComfortable));
        least = std::max(least, need);
      }
      widths_.push_back(widest);
      least_.push_back(least);
    }
  }

  size_t Least() const { return Sum(least_); }

  // Takes from the widest columns first.
  void Fit(size_t width) {
    for (size_t total = Sum(widths_); width != 0 && total > width; --total) {
      size_t widest = widths_.size();
      for (size_t i = 0; i < widths_.size(); ++i) {
        if (widths_[i] > least_[i] && (widest == widths_.size() || widths_[i] > widths_[widest])) {
          widest = i;
        }
      }
      if (widest == widths_.size()) return;  // only whole words and numbers are left
      --widths_[widest];
    }
  }

  void Append(std::string& out) const {
    for (size_t row = 0; row < grid_.rows.size(); ++row) AppendRow(out, row);
  }

 private:
  bool IsHeader(size_t row) const { return grid_.header && row == 0; }
  bool Wraps(size_t row, size_t column) const { return IsHeader(row) || grid_.left[column]; }
  const std::string& Text(size_t row, size_t column) const {
    const GridCell& cell = grid_.rows[row][column];
    return brief_ && !cell.brief.empty() ? cell.brief : cell.text;
  }
  static size_t Sum(const std::vector<size_t>& widths) {
    return std::accumulate(widths.begin(), widths.end(),
                           widths.empty() ? 0 : kGap * (widths.size() - 1));
  }

  void AppendRow(std::string& out, size_t row) const {
    std::vector<std::vector<std::string>> lines;
    size_t height = 1;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const std::string& text = Text(row, columns_[i]);
      lines.push_back(Wraps(row, columns_[i]) ? Wrap(text, widths_[i], IsHeader(row))
                                              : std::vector{text});
      height = std::max(height, lines.back().size());
    }
    for (size_t line = 0; line < height; ++line) {
      size_t blanks = 0;  // put before the next text, so that no line ends in some
      for (size_t i = 0; i < columns_.size(); ++i) {
        const std::string text = line < lines[i].size() ? lines[i][line] : "";
        const size_t size = DisplayWidth(text);
        const size_t padding = widths_[i] - std::min(widths_[i], size);
        const bool left = grid_.left[columns_[i]];
        if (!left) blanks += padding;
        if (!text.empty()) {
          out.append(blanks, ' ');
          blanks = 0;
          const std::string_view style = grid_.rows[row][columns_[i]].style;
          out.append(style).append(text).append(style.empty() ? "" : kPlain);
        }
        blanks += kGap + (left ? padding : 0);
      }
      out.push_back('\n');
    }
  }

  const Grid& grid_;
  const Columns columns_;
  const bool brief_;
  std::vector<size_t> widths_;
  std::vector<size_t> least_;
};

// The columns in blocks that fit, each behind the first column.
std::vector<Columns> Fold(const Grid& grid, size_t width) {
  std::vector<Columns> blocks;
  for (size_t column = 1; column < grid.left.size(); ++column) {
    if (!blocks.empty()) {
      Columns wider = blocks.back();
      wider.push_back(column);
      if (GridLayout(grid, wider, true, true).Least() <= width) {
        blocks.back() = std::move(wider);
        continue;
      }
    }
    blocks.push_back({0, column});
  }
  return blocks;
}

}  // namespace

std::vector<std::string> WrapText(const std::string& text, size_t width) {
  return width == 0 ? std::vector{text} : Wrap(text, width, /*header=*/false);
}

std::string GridText(const Grid& grid, size_t width) {
  Columns all(grid.left.size());
  std::iota(all.begin(), all.end(), 0);
  std::string out;
  for (const bool brief : {false, true}) {
    GridLayout layout(grid, all, true, brief);
    if (width != 0 && layout.Least() > width) continue;
    layout.Fit(width);
    layout.Append(out);
    return out;
  }
  // Two columns, or a record: there is nothing to put elsewhere.
  const bool foldable = grid.header && all.size() > 2;
  for (const Columns& block : foldable ? Fold(grid, width) : std::vector<Columns>{all}) {
    if (!out.empty()) out.push_back('\n');
    GridLayout layout(grid, block, false, true);
    layout.Fit(width);
    layout.Append(out);
  }
  return out;
}

}  // namespace weft
