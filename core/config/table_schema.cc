// SPDX-License-Identifier: Apache-2.0
#include "core/config/table_schema.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "core/base/text.h"
#include "core/config/suggest.h"

namespace weft {

std::shared_ptr<const void> TableSchema::Read(const Value& value, const Place& place) const {
  std::shared_ptr<void> object = make_();
  if (!ReadInto(value, place, object.get())) return nullptr;
  return object;
}

bool TableSchema::ReadInto(const Value& value, const Place& place, void* object,
                           const OtherKeys& others) const {
  if (value.table() == nullptr) {
    place.Error(value.where(), Cat("expected a table, found ", value.Describe()));
    return false;
  }
  bool good = true;
  for (const FieldSpec& field : fields_) {
    if (const Value::Member* member = value.Find(field.name)) {
      if (!field.read(field.rules, member->value, place.Key(field.name), object)) good = false;
    } else if (field.rules.required) {
      place.Error(value.where(), Cat("missing key \"", field.name, "\""));
      good = false;
    }
  }
  std::vector<std::string_view> valid(others.names.begin(), others.names.end());
  for (const FieldSpec& field : fields_) valid.push_back(field.name);
  for (const Value::Member& member : *value.table()) {
    if (std::find(valid.begin(), valid.end(), member.key) != valid.end()) continue;
    std::string hint = DidYouMean(member.key, valid);
    if (hint.empty()) hint = others.hint;
    place.OwnerError(member.where, Cat("unknown key ", Quoted(member.key), hint));
  }
  if (good && check_ != nullptr) check_(object, value, place);
  return good;
}

bool TableSchema::Equal(const void* a, const void* b) const {
  return std::all_of(fields_.begin(), fields_.end(),
                     [a, b](const FieldSpec& field) { return field.equal(a, b); });
}

std::string TableSchema::Print(const void* object) const {
  std::string text;
  for (const FieldSpec& field : fields_) {
    const std::string value = field.print(object);
    if (value.empty()) continue;
    Append(text, text.empty() ? "{ " : ", ", field.name, " = ", value);
  }
  return text.empty() ? "{}" : Cat(text, " }");
}

std::string TableSchema::Default(const FieldSpec& field) const {
  return field.rules.required ? std::string() : field.print(make_().get());
}

bool operator==(const AnyConfig& a, const AnyConfig& b) {
  if (a.schema != b.schema) return false;
  return a.schema == nullptr || a.schema->Equal(a.object.get(), b.object.get());
}

void AnyConfig::ExpectSchema(const TableSchema& expected) const {
  if (schema == &expected) return;
  std::fputs("weft: a config object was taken for another type than it was read as\n", stderr);
  std::abort();
}

}  // namespace weft
