// SPDX-License-Identifier: Apache-2.0
#include "core/shell/shape.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "core/base/text.h"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

// What JSON calls the values of a column. A cell may be empty, which is null.
std::string_view TypeName(CellKind kind) {
  switch (kind) {
    case CellKind::kText:
    case CellKind::kState:
      return "string";
    case CellKind::kFlag:
      return "boolean";
    case CellKind::kCount:
    case CellKind::kCounter:
      return "integer";
    default:
      return "number";
  }
}

bool IsOfType(const Json& value, std::string_view type) {
  if (value.is_null()) return true;
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  return type == "integer" ? value.is_number_integer() : value.is_number();
}

std::string ObjectMismatch(const Shape& shape, const Json& object) {
  if (!object.is_object()) return "it is no object";
  for (const Column& column : shape.columns) {
    if (!object.contains(column.name)) {
      if (column.optional) continue;
      return Cat("it has no \"", column.name, "\"");
    }
    const std::string_view type = TypeName(column.kind);
    if (!IsOfType(object[column.name], type)) {
      return Cat("\"", column.name, "\" is declared as ", type, ", but is ",
                 object[column.name].dump());
    }
  }
  if (shape.form == Shape::Form::kRecord && !shape.help.empty()) return {};
  for (const auto& [key, value] : object.items()) {
    if (std::none_of(shape.columns.begin(), shape.columns.end(),
                     [&key = key](const Column& column) { return column.name == key; })) {
      return Cat("it has \"", key, "\", which is not declared");
    }
  }
  return {};
}

std::string JsonMismatch(const Shape& shape, const Json& json) {
  switch (shape.form) {
    case Shape::Form::kText:
      return json.is_string() ? "" : Cat("declared as text, but it is ", json.type_name());
    case Shape::Form::kRecord:
      return ObjectMismatch(shape, json);
    case Shape::Form::kOther:
      return {};
    case Shape::Form::kNone:
      return "declared to have no JSON";
    case Shape::Form::kRows:
      if (!json.is_array()) return Cat("declared as rows, but it is ", json.type_name());
      for (const Json& row : json) {
        if (std::string wrong = ObjectMismatch(shape, row); !wrong.empty())
          return Cat("a row: ", wrong);
      }
      return {};
    case Shape::Form::kOneOf: {
      std::string all;
      for (const NamedShape& part : shape.parts) {
        const std::string wrong = JsonMismatch(part.shape, json);
        if (wrong.empty()) return {};
        Append(all, all.empty() ? "" : "; ", part.name, ": ", wrong);
      }
      return all;
    }
    default:
      break;
  }
  if (!json.is_object()) return Cat("declared as sections, but it is ", json.type_name());
  const bool each = shape.form == Shape::Form::kEach;
  for (const auto& [key, value] : json.items()) {
    const auto part = std::find_if(
        shape.parts.begin(), shape.parts.end(),
        [&key = key, each](const NamedShape& p) { return each || SectionKey(p.name) == key; });
    if (part == shape.parts.end()) return Cat("section \"", key, "\" is not declared");
    if (std::string wrong = JsonMismatch(part->shape, value); !wrong.empty())
      return Cat("section \"", key, "\": ", wrong);
  }
  for (const NamedShape& part : shape.parts) {
    if (!each && !json.contains(SectionKey(part.name)))
      return Cat("it has no section \"", SectionKey(part.name), "\"");
  }
  return {};
}

Json ObjectSchema(const Shape& shape) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const Column& column : shape.columns) {
    properties[column.name] = {{"type", {TypeName(column.kind), "null"}},
                               {"description", column.help}};
    if (!column.optional) required.push_back(column.name);
  }
  const bool open = shape.form == Shape::Form::kRecord && !shape.help.empty();
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", open}};
}

Json Schema(const Shape& shape) {
  switch (shape.form) {
    case Shape::Form::kText:
      return {{"type", "string"}, {"description", shape.help}};
    case Shape::Form::kRows:
      return {{"type", "array"}, {"items", ObjectSchema(shape)}};
    case Shape::Form::kRecord:
      return ObjectSchema(shape);
    case Shape::Form::kOther:
      return {{"description", shape.help}};
    case Shape::Form::kNone:
      return {{"not", Json::object()}, {"description", shape.help}};
    case Shape::Form::kEach:
      return {{"type", "object"}, {"additionalProperties", Schema(shape.parts.at(0).shape)}};
    case Shape::Form::kOneOf: {
      Json any = Json::array();
      for (const NamedShape& part : shape.parts) any.push_back(Schema(part.shape));
      return {{"anyOf", std::move(any)}};
    }
    default:
      break;
  }
  Json properties = Json::object();
  Json required = Json::array();
  for (const NamedShape& part : shape.parts) {
    properties[SectionKey(part.name)] = Schema(part.shape);
    required.push_back(SectionKey(part.name));
  }
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", std::move(required)},
          {"additionalProperties", false}};
}

std::string KeyTable(const std::vector<Column>& columns) {
  std::string table = "| key | type | what |\n|---|---|---|\n";
  for (const Column& column : columns) {
    Append(table, "| `", column.name, "` | ", TypeName(column.kind),
           column.optional ? ", may be missing" : "", " | ", column.help, " |\n");
  }
  return table;
}

// What stands behind "JSON: ", and the table that may follow.
std::string Describe(const Shape& shape) {
  switch (shape.form) {
    case Shape::Form::kText:
      return Cat("a string: ", shape.help, ".\n");
    case Shape::Form::kOther:
      return Cat(shape.help, ".\n");
    case Shape::Form::kNone:
      return Cat("none, `--json` is refused: ", shape.help, ".\n");
    case Shape::Form::kRows:
      return Cat("an array of objects:\n\n", KeyTable(shape.columns));
    case Shape::Form::kRecord:
      return Cat("an object",
                 shape.help.empty() ? std::string() : Cat(", which may have more: ", shape.help),
                 ":\n\n", KeyTable(shape.columns));
    case Shape::Form::kEach:
      return Cat("an object; its keys are ", shape.parts.at(0).name, ", and each value is ",
                 Describe(shape.parts.at(0).shape));
    default:
      break;
  }
  const bool sections = shape.form == Shape::Form::kSections;
  std::string text = sections ? "an object of sections.\n" : "one of these.\n";
  for (const NamedShape& part : shape.parts) {
    Append(text, "\n", sections ? Cat("`", SectionKey(part.name), "`") : part.name, ": ",
           Describe(part.shape));
  }
  return text;
}

}  // namespace

Shape Shape::Text(std::string help) {
  return {.form = Form::kText, .help = std::move(help), .columns = {}, .parts = {}};
}
Shape Shape::Rows(std::vector<Column> columns) {
  return {.form = Form::kRows, .help = "", .columns = std::move(columns), .parts = {}};
}
Shape Shape::Record(std::vector<Column> columns, std::string more) {
  return {
      .form = Form::kRecord, .help = std::move(more), .columns = std::move(columns), .parts = {}};
}
Shape Shape::Sections(std::vector<NamedShape> parts) {
  return {.form = Form::kSections, .help = "", .columns = {}, .parts = std::move(parts)};
}
Shape Shape::Each(NamedShape part) {
  return {.form = Form::kEach, .help = "", .columns = {}, .parts = {std::move(part)}};
}
Shape Shape::OneOf(std::vector<NamedShape> parts) {
  return {.form = Form::kOneOf, .help = "", .columns = {}, .parts = std::move(parts)};
}
Shape Shape::Other(std::string help) {
  return {.form = Form::kOther, .help = std::move(help), .columns = {}, .parts = {}};
}
Shape Shape::None(std::string help) {
  return {.form = Form::kNone, .help = std::move(help), .columns = {}, .parts = {}};
}

std::string Mismatch(const Shape& shape, const Reply& reply) {
  return JsonMismatch(shape, Json::parse(ToJson(reply)));
}

std::string ToJsonSchema(const Shape& shape) {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}};
  schema.update(Schema(shape));
  return schema.dump();
}

std::string DescribeShape(const Shape& shape) { return Cat("JSON: ", Describe(shape)); }

}  // namespace weft
