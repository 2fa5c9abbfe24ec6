// SPDX-License-Identifier: Apache-2.0
// A light tree of what a TOML text says, with the place of each key and value. It knows nothing of
// what weft expects; that is schema.h. Control thread; plugins see this header.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/config/errors.h"

namespace weft {

class Value {
 public:
  struct Member;
  using Array = std::vector<Value>;
  using Table = std::vector<Member>;  // in the order of the file; keys are unique

  Value();  // an empty table, from nowhere
  template <typename T>
  Value(T data, SourceLocation where) : data_(std::move(data)), where_(where) {}

  SourceLocation where() const { return where_; }

  // The value, or null if it is of another type. A number written without a point is an integer.
  const bool* boolean() const { return std::get_if<bool>(&data_); }
  const int64_t* integer() const { return std::get_if<int64_t>(&data_); }
  const double* number() const { return std::get_if<double>(&data_); }
  const std::string* text() const { return std::get_if<std::string>(&data_); }
  const Array* array() const { return std::get_if<Array>(&data_); }
  const Table* table() const { return std::get_if<Table>(&data_); }

  // A table's member, or null; null also if this is no table.
  const Member* Find(std::string_view key) const;
  // Where the value of `key` begins, or this table if it has no such key: the place for an error
  // about it.
  SourceLocation WhereIs(std::string_view key) const;
  // For "found ...": `integer 300`, `text "abc"`, `a table`.
  std::string Describe() const;

 private:
  std::variant<bool, int64_t, double, std::string, Array, Table> data_;
  SourceLocation where_;
};

struct Value::Member {
  std::string key;
  SourceLocation where;  // of the key
  Value value;
};

// Reads TOML 1.0; nothing, and an error, if `text` is not TOML. Dates and times are errors: weft
// has no use for them.
std::optional<Value> ParseToml(std::string_view text, Errors* errors);

}  // namespace weft
