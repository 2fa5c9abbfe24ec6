// SPDX-License-Identifier: Apache-2.0
#include "core/config/value.h"

#include "core/base/text.h"

namespace weft {

Value::Value() : data_(Table()) {}

const Value::Member* Value::Find(std::string_view key) const {
  if (table() == nullptr) return nullptr;
  for (const Member& member : *table()) {
    if (member.key == key) return &member;
  }
  return nullptr;
}

SourceLocation Value::WhereIs(std::string_view key) const {
  const Member* member = Find(key);
  return member == nullptr ? where_ : member->value.where();
}

std::string Value::Describe() const {
  if (boolean() != nullptr) return *boolean() ? "boolean true" : "boolean false";
  if (integer() != nullptr) return Cat("integer ", *integer());
  if (number() != nullptr) return Cat("number ", *number());
  if (text() != nullptr) return Cat("text ", Quoted(*text()));
  return array() != nullptr ? "a list" : "a table";
}

}  // namespace weft
