// SPDX-License-Identifier: Apache-2.0
#include "core/shell/typed_reply.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/base/labels.h"
#include "core/shell/utf8.h"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kKinds = Labels<CellKind>({
    {CellKind::kText, "text", "a word or a sentence"},
    {CellKind::kState, "state", "a word that is good or bad news"},
    {CellKind::kFlag, "flag", "yes or no"},
    {CellKind::kCount, "count", "a whole number"},
    {CellKind::kCounter, "counter", "a whole number that only grows"},
    {CellKind::kDecimal, "decimal", "a number"},
    {CellKind::kRate, "rate", "a number a second"},
    {CellKind::kBytes, "bytes", "a size"},
    {CellKind::kPercent, "percent", "hundredths"},
});

absl::Status NoReply() { return absl::InvalidArgumentError("not a typed reply"); }

Json CellJson(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return Printable(*text);
  return std::visit(
      [](const auto& value) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>) {
          return nullptr;
        } else {
          return value;
        }
      },
      cell);
}

Json ColumnJson(const Column& column) {
  return Json::array({Printable(column.name), Printable(column.help), kKinds.name(column.kind)});
}

Json BodyJson(const std::string& text) { return Printable(text, "\n\t"); }

Json BodyJson(const Table& table) {
  Json columns = Json::array();
  for (const Column& column : table.columns) columns.push_back(ColumnJson(column));
  Json rows = Json::array();
  for (const std::vector<Cell>& row : table.rows) {
    Json cells = Json::array();
    for (const Cell& cell : row) cells.push_back(CellJson(cell));
    rows.push_back(std::move(cells));
  }
  return {{"columns", std::move(columns)},
          {"rows", std::move(rows)},
          {"if-empty", Printable(table.if_empty, "\n\t")}};
}

Json BodyJson(const Record& record) {
  Json fields = Json::array();
  for (const RecordField& field : record.fields) {
    Json entry = ColumnJson(field.column);
    entry.push_back(CellJson(field.value));
    fields.push_back(std::move(entry));
  }
  return {{"fields", std::move(fields)}};
}

Json BodyJson(const Sections& sections) {
  Json list = Json::array();
  for (const Section& section : sections.list) {
    list.push_back(
        Json::array({Printable(section.title),
                     std::visit([](const auto& body) { return BodyJson(body); }, section.body)}));
  }
  return {{"sections", std::move(list)}};
}

// --- and back ---

bool IsText(const Json& json) { return json.is_string(); }

// The array at `key` of `json`, null if there is none.
const Json* ArrayAt(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_array() ? &*found : nullptr;
}

std::optional<Column> ColumnOf(const Json& json, size_t size) {
  if (!json.is_array() || json.size() != size || !IsText(json[0]) || !IsText(json[1]) ||
      !IsText(json[2])) {
    return std::nullopt;
  }
  Column column{.name = json[0].get<std::string>(), .help = json[1].get<std::string>()};
  const auto kinds = kKinds.span();
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const LabelText& label) {
    return label.name == json[2].get_ref<const std::string&>();
  });
  if (kind != kinds.end()) column.kind = static_cast<CellKind>(kind - kinds.begin());
  return column;
}

Cell CellOf(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
      return json.get<int64_t>();
    case Json::value_t::number_unsigned:
      return json.get<uint64_t>();
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      return json.get<std::string>();
    default:
      return {};
  }
}

absl::StatusOr<Body> TableOf(const Json& columns, const Json& json) {
  Table table;
  for (const Json& entry : columns) {
    std::optional<Column> column = ColumnOf(entry, 3);
    if (!column) return NoReply();
    table.columns.push_back(*std::move(column));
  }
  const Json* rows = ArrayAt(json, "rows");
  if (rows == nullptr) return NoReply();
  for (const Json& row : *rows) {
    if (!row.is_array()) return NoReply();
    std::vector<Cell>& cells = table.rows.emplace_back();
    for (const Json& cell : row) cells.push_back(CellOf(cell));
  }
  if (const auto empty = json.find("if-empty"); empty != json.end() && IsText(*empty))
    table.if_empty = empty->get<std::string>();
  return Body(std::move(table));
}

absl::StatusOr<Body> RecordOf(const Json& fields) {
  Record record;
  for (const Json& entry : fields) {
    std::optional<Column> column = ColumnOf(entry, 4);
    if (!column) return NoReply();
    record.fields.push_back({*std::move(column), CellOf(entry[3])});
  }
  return Body(std::move(record));
}

absl::StatusOr<Body> BodyOf(const Json& json) {
  if (IsText(json)) return Body(json.get<std::string>());
  if (!json.is_object()) return NoReply();
  if (const Json* columns = ArrayAt(json, "columns")) return TableOf(*columns, json);
  if (const Json* fields = ArrayAt(json, "fields")) return RecordOf(*fields);
  return NoReply();
}

}  // namespace

Json ToTyped(const Reply& reply) {
  return std::visit([](const auto& body) { return BodyJson(body); }, reply);
}

absl::StatusOr<Reply> FromTyped(const Json& json) {
  const Json* list = json.is_object() ? ArrayAt(json, "sections") : nullptr;
  if (list == nullptr) {
    absl::StatusOr<Body> body = BodyOf(json);
    if (!body.ok()) return body.status();
    return std::visit([](auto& value) { return Reply(std::move(value)); }, *body);
  }
  Sections sections;
  for (const Json& entry : *list) {
    if (!entry.is_array() || entry.size() != 2 || !IsText(entry[0])) return NoReply();
    absl::StatusOr<Body> body = BodyOf(entry[1]);
    if (!body.ok()) return body.status();
    sections.list.push_back({entry[0].get<std::string>(), *std::move(body)});
  }
  return Reply(std::move(sections));
}

}  // namespace weft
