// SPDX-License-Identifier: Apache-2.0
// How each C++ type is read from a Value, printed and compared. A Codec is a thin template; the
// work is in functions of codec.cc. Included by schema.h; nobody else needs it. Control thread.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/labels.h"
#include "core/base/mac_address.h"
#include "core/config/table_schema.h"

namespace weft::config_internal {

// Each Read reports what is wrong to `place` and then returns nothing.
std::optional<bool> ReadBool(const Value& value, const Place& place);
std::optional<int64_t> ReadInteger(const Value& value, const Range& range, const Place& place);
std::optional<double> ReadNumber(const Value& value, const Place& place);
std::optional<std::string> ReadText(const Value& value, const FieldRules& rules,
                                    const Place& place);
std::optional<MacAddress> ReadMac(const Value& value, const Place& place);
// The position of the word in `labels`.
std::optional<size_t> ReadWord(const Value& value, std::span<const LabelText> labels,
                               const Place& place);
// A count of units of `unit_ms` milliseconds (1, or those of a second, minute or hour); text that
// is not a whole number of them is an error.
std::optional<int64_t> ReadDuration(const Value& value, int64_t unit_ms, const Place& place);
const Value::Array* ReadList(const Value& value, const Place& place);

std::string PrintText(std::string_view text);
std::string PrintNumber(double number);
std::string PrintDuration(int64_t ms);
std::string PrintList(const std::vector<std::string>& items);

std::string IntegerType(const Range& natural, const FieldRules& rules);
std::string WordType(std::span<const LabelText> labels);

template <typename T>
struct Codec;

// What most codecs share.
template <typename T>
struct PlainCodec {
  static bool Equal(const T& a, const T& b) { return a == b; }
  static const TableSchema* Nested() { return nullptr; }
};

template <typename T, typename U>
bool Assign(T& target, std::optional<U> value) {
  if (!value) return false;
  target = static_cast<T>(*std::move(value));
  return true;
}

template <>
struct Codec<bool> : PlainCodec<bool> {
  static bool Read(const FieldRules&, const Value& value, const Place& place, bool& target) {
    return Assign(target, ReadBool(value, place));
  }
  static std::string Print(bool value) { return value ? "true" : "false"; }
  static std::string Type(const FieldRules&) { return "boolean"; }
};

template <std::integral T>
struct Codec<T> : PlainCodec<T> {
  static constexpr Range kNatural{
      std::numeric_limits<T>::min(),
      std::in_range<int64_t>(std::numeric_limits<T>::max())
          ? static_cast<int64_t>(std::numeric_limits<T>::max())
          : std::numeric_limits<int64_t>::max()};  // TOML has nothing larger
  static bool Read(const FieldRules& rules, const Value& value, const Place& place, T& target) {
    return Assign(target, ReadInteger(value, rules.range.value_or(kNatural), place));
  }
  static std::string Print(T value) { return std::to_string(value); }
  static std::string Type(const FieldRules& rules) { return IntegerType(kNatural, rules); }
};

template <>
struct Codec<double> : PlainCodec<double> {
  static bool Read(const FieldRules&, const Value& value, const Place& place, double& target) {
    return Assign(target, ReadNumber(value, place));
  }
  static std::string Print(double value) { return PrintNumber(value); }
  static std::string Type(const FieldRules&) { return "number"; }
};

template <>
struct Codec<std::string> : PlainCodec<std::string> {
  static bool Read(const FieldRules& rules, const Value& value, const Place& place,
                   std::string& target) {
    return Assign(target, ReadText(value, rules, place));
  }
  static std::string Print(const std::string& value) { return PrintText(value); }
  static std::string Type(const FieldRules&) { return "text"; }
};

template <>
struct Codec<MacAddress> : PlainCodec<MacAddress> {
  static bool Read(const FieldRules&, const Value& value, const Place& place, MacAddress& target) {
    return Assign(target, ReadMac(value, place));
  }
  static std::string Print(MacAddress value) { return PrintText(value.ToString()); }
  static std::string Type(const FieldRules&) { return "MAC address"; }
};

template <typename Rep, typename Period>
struct Codec<std::chrono::duration<Rep, Period>> : PlainCodec<std::chrono::duration<Rep, Period>> {
  using T = std::chrono::duration<Rep, Period>;
  static constexpr int64_t kUnit = std::chrono::milliseconds(T(1)).count();
  static_assert(kUnit == 1 || kUnit == 1000 || kUnit == 60'000 || kUnit == 3'600'000,
                "a duration counts milliseconds, seconds, minutes or hours");
  static bool Read(const FieldRules&, const Value& value, const Place& place, T& target) {
    return Assign(target, ReadDuration(value, kUnit, place));
  }
  static std::string Print(T value) {
    return PrintDuration(std::chrono::milliseconds(value).count());
  }
  static std::string Type(const FieldRules&) { return "duration"; }
};

// An enum whose words a function LabelsOf(E) declares beside it.
template <typename E>
requires std::is_enum_v<E>
struct Codec<E> : PlainCodec<E> {
  static std::span<const LabelText> Labels() {
    static constexpr auto kLabels = LabelsOf(E{});
    return kLabels.span();
  }
  static bool Read(const FieldRules&, const Value& value, const Place& place, E& target) {
    return Assign(target, ReadWord(value, Labels(), place));
  }
  static std::string Print(E value) { return PrintText(Labels()[static_cast<size_t>(value)].name); }
  static std::string Type(const FieldRules&) { return WordType(Labels()); }
};

template <typename T>
struct Codec<std::optional<T>> {
  static bool Read(const FieldRules& rules, const Value& value, const Place& place,
                   std::optional<T>& target) {
    T read{};
    if (!Codec<T>::Read(rules, value, place, read)) return false;
    target = std::move(read);
    return true;
  }
  static std::string Print(const std::optional<T>& value) {
    return value ? Codec<T>::Print(*value) : std::string();
  }
  static std::string Type(const FieldRules& rules) { return Codec<T>::Type(rules); }
  static bool Equal(const std::optional<T>& a, const std::optional<T>& b) {
    return a.has_value() == b.has_value() && (!a || Codec<T>::Equal(*a, *b));
  }
  static const TableSchema* Nested() { return Codec<T>::Nested(); }
};

template <typename T>
requires(!std::same_as<T, bool>)  // std::vector<bool> holds no bool
    struct Codec<std::vector<T>> {
  // Item i of the list is item i of the target; one that cannot be read holds defaults.
  static bool Read(const FieldRules& rules, const Value& value, const Place& place,
                   std::vector<T>& target) {
    const Value::Array* items = ReadList(value, place);
    if (items == nullptr) return false;
    target = std::vector<T>(items->size());
    bool all = true;
    for (size_t i = 0; i < target.size(); ++i) {
      if (!Codec<T>::Read(rules, (*items)[i], place.Item(i), target[i])) all = false;
    }
    return all;
  }
  static std::string Print(const std::vector<T>& value) {
    std::vector<std::string> items;
    for (const T& item : value) items.push_back(Codec<T>::Print(item));
    return PrintList(items);
  }
  static std::string Type(const FieldRules& rules) { return "list of " + Codec<T>::Type(rules); }
  static bool Equal(const std::vector<T>& a, const std::vector<T>& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (!Codec<T>::Equal(a[i], b[i])) return false;
    }
    return true;
  }
  static const TableSchema* Nested() { return Codec<T>::Nested(); }
};

// A struct with kFields of its own.
template <typename T>
requires requires { T::kFields; }
struct Codec<T> {
  static bool Read(const FieldRules&, const Value& value, const Place& place, T& target) {
    return SchemaOf<T>().ReadInto(value, place, &target);
  }
  static std::string Print(const T& value) { return SchemaOf<T>().Print(&value); }
  static std::string Type(const FieldRules&) { return "table"; }
  static bool Equal(const T& a, const T& b) { return SchemaOf<T>().Equal(&a, &b); }
  static const TableSchema* Nested() { return &SchemaOf<T>(); }
};

}  // namespace weft::config_internal
