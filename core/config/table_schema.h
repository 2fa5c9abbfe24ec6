// SPDX-License-Identifier: Apache-2.0
// What a TOML table may hold, as constant data that has forgotten the struct it fills. Rooms and
// plugins hand it around; authors declare fields with schema.h. Control thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/config/errors.h"
#include "core/config/value.h"

namespace weft {

class TableSchema;

// The integers from `min` to `max`, both included. On a list it is about each item.
struct Range {
  int64_t min;
  int64_t max;
};

// The text, or each text of the list, must not be empty.
struct NotEmpty {};

// The key must be there.
struct Required {};

// What a field's type alone does not say.
struct FieldRules {
  bool required = false;
  bool not_empty = false;
  std::optional<Range> range;
};

// One key of a table. The functions know the member that it fills; `object` is the struct.
struct FieldSpec {
  std::string_view name;  // kebab-case, as in the file
  std::string_view help;
  FieldRules rules;
  // Fills the member; false after reporting what is wrong, and then it keeps its default.
  bool (*read)(const FieldRules& rules, const Value& value, const Place& place, void* object);
  // The member in TOML; empty for an optional without a value.
  std::string (*print)(const void* object);
  bool (*equal)(const void* a, const void* b);
  // For people: "integer 1 to 8", "duration".
  std::string (*type)(const FieldRules& rules);
  // The schema of a nested table or of a list's tables; otherwise null.
  const TableSchema* (*nested)();
};

class TableSchema {
 public:
  // Keys that the caller reads itself.
  struct OtherKeys {
    std::span<const std::string_view> names;
    std::string_view hint;  // for an unknown key that resembles none: " (...)"
  };
  using Make = std::shared_ptr<void> (*)();
  // Looks at what no single field can see; runs if every field is good.
  using Check = void (*)(const void* object, const Value& table, const Place& place);

  constexpr TableSchema(std::span<const FieldSpec> fields, Make make, Check check)
      : fields_(fields), make_(make), check_(check) {}

  std::span<const FieldSpec> fields() const { return fields_; }

  // A new object filled from `value`, which should be a table; null if a field is bad or missing.
  // What is wrong goes to the place's errors.
  std::shared_ptr<const void> Read(const Value& value, const Place& place) const;
  // The same into an object that exists; false instead of null.
  bool ReadInto(const Value& value, const Place& place, void* object,
                const OtherKeys& others = {}) const;

  // Whether two objects of this schema say the same.
  bool Equal(const void* a, const void* b) const;
  // One line of TOML, `{ listen = "weft", queues = 1 }`, with optionals only where they are set.
  std::string Print(const void* object) const;
  // The value of a field that the file does not set; empty if there is none.
  std::string Default(const FieldSpec& field) const;

 private:
  std::span<const FieldSpec> fields_;
  Make make_;
  Check check_;  // or null
};

// The schema of T, a struct with kFields (see schema.h).
template <typename T>
const TableSchema& SchemaOf();

// An object together with its schema, for those who keep it without knowing its type. It must be
// gone before the plugin that its type came from is closed.
struct AnyConfig {
  const TableSchema* schema = nullptr;
  std::shared_ptr<const void> object;

  // The object as what it is; another type than it was read as is a bug and ends the program.
  template <typename T>
  const T& As() const {
    ExpectSchema(SchemaOf<T>());
    return *static_cast<const T*>(object.get());
  }

  friend bool operator==(const AnyConfig& a, const AnyConfig& b);

 private:
  void ExpectSchema(const TableSchema& expected) const;
};

}  // namespace weft
