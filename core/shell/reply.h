// SPDX-License-Identifier: Apache-2.0
// What a command answers: rows of declared fields, which core renders as text or as JSON, so that
// no command formats anything. Values; used on the control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weft {

// One value. monostate: there is none ("-" in text, null in JSON).
using Cell = std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string>;

// How text shows a value; JSON always has the exact one.
enum class CellKind : uint8_t {
  kText,     // left-aligned, wrapped at blanks where the width demands it
  kState,    // text, and good or bad: "up", "down", "error"; coloured where there are colours
  kFlag,     // "yes" or "no"
  kCount,    // all digits
  kCounter,  // the same, and it only grows: `watch` says how fast
  kDecimal,  // two digits after the point
  kRate,     // a second: 38.1M, 512k
  kBytes,    // 1.5GiB, 64KiB
  kPercent,  // 12.5%; the value is 12.5
};

struct Column {
  std::string name;    // kebab-case: the header of the text and the key in JSON
  std::string help{};  // half a sentence
  CellKind kind = CellKind::kText;
  bool optional = false;  // a record may be without it
};

// Rows of cells, one for each column; a row that is too short ends in empty cells.
struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows{};
  std::string if_empty{};  // what text says instead of a header without rows: "no ports"
};

// One thing's fields, shown a line each.
struct RecordField {
  Column column;
  Cell value;
};
struct Record {
  std::vector<RecordField> fields;
};

// `std::string` is text that already has its shape: a picture of the graph, a file.
using Body = std::variant<std::string, Table, Record>;

struct Section {
  std::string title;  // "Drops by port"; in JSON the key "drops-by-port"
  Body body;
};
struct Sections {
  std::vector<Section> list;
};

using Reply = std::variant<std::string, Table, Record, Sections>;

// Text for a person, lines ended by a newline, without trailing blanks. Wraps text columns to stay
// within `width` characters (0: no limit), but never cuts a word or a number: such a line is
// longer. Control characters and bytes that are not UTF-8 appear as \xNN, so that what a tenant
// chose as a name cannot drive the terminal. `colour`: headers and states stand out by ECMA-48's
// escape sequences.
std::string RenderText(const Reply& reply, size_t width = 80, bool colour = false);

// A rate outside of a cell: "38.1M", "512k".
std::string RateText(double per_second);

// A JSON value on one line, ASCII or valid UTF-8 (bad bytes become U+FFFD). A table is an array of
// objects, a record an object, sections an object of them by title in kebab-case, text a string.
std::string ToJson(const Reply& reply);
// "Drops by port" -> "drops-by-port".
std::string SectionKey(std::string_view title);

}  // namespace weft
