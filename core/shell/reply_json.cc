// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/strings/ascii.h"
#include "core/shell/reply.h"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

// A visitor of several types.
template <typename... Fs>
struct Overload : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overload(Fs...) -> Overload<Fs...>;

Json CellJson(const Cell& cell) {
  return std::visit(Overload{[](std::monostate) { return Json(nullptr); },
                             [](const auto& value) { return Json(value); }},
                    cell);
}

Json RecordJson(const Record& record) {
  Json object = Json::object();
  for (const RecordField& field : record.fields) object[field.column.name] = CellJson(field.value);
  return object;
}

Json TableJson(const Table& table) {
  Json rows = Json::array();
  for (const std::vector<Cell>& row : table.rows) {
    Json object = Json::object();
    for (size_t i = 0; i < table.columns.size(); ++i) {
      object[table.columns[i].name] = i < row.size() ? CellJson(row[i]) : Json(nullptr);
    }
    rows.push_back(std::move(object));
  }
  return rows;
}

}  // namespace

std::string SectionKey(std::string_view title) {
  std::string key;
  for (const char c : title) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      key.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
    } else if (!key.empty() && key.back() != '-') {
      key.push_back('-');
    }
  }
  while (!key.empty() && key.back() == '-') key.pop_back();
  return key;
}

namespace {

Json SectionsJson(const Sections& sections);

const auto kToJson = Overload{[](const std::string& text) { return Json(text); },
                              [](const Table& table) { return TableJson(table); },
                              [](const Record& record) { return RecordJson(record); },
                              [](const Sections& sections) { return SectionsJson(sections); }};

Json SectionsJson(const Sections& sections) {
  Json object = Json::object();
  for (const Section& section : sections.list) {
    object[SectionKey(section.title)] = std::visit(kToJson, section.body);
  }
  return object;
}

}  // namespace

std::string ToJson(const Reply& reply) {
  return std::visit(kToJson, reply).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace weft
