// SPDX-License-Identifier: Apache-2.0
#include "core/config/codec.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/text.h"
#include "core/config/suggest.h"

namespace weft::config_internal {
namespace {

struct Unit {
  std::string_view name;
  std::string_view plural;
  int64_t ms;
};
// Largest first: what PrintDuration tries in turn.
constexpr Unit kUnits[] = {{"h", "hours", 3'600'000},
                           {"m", "minutes", 60'000},
                           {"s", "seconds", 1'000},
                           {"ms", "milliseconds", 1}};

void Expected(std::string_view what, const Value& value, const Place& place) {
  place.Error(value.where(), Cat("expected ", what, ", found ", value.Describe()));
}

// "300s" in milliseconds; nothing on other text or when there are too many.
std::optional<int64_t> ParseDuration(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  int64_t count = 0;
  if (std::from_chars(text.data(), text.data() + digits, count).ec != std::errc()) {
    return std::nullopt;
  }
  for (const Unit& unit : kUnits) {
    if (text.substr(digits) != unit.name) continue;
    int64_t ms = 0;
    if (__builtin_mul_overflow(count, unit.ms, &ms)) return std::nullopt;
    return ms;
  }
  return std::nullopt;
}

}  // namespace

std::optional<bool> ReadBool(const Value& value, const Place& place) {
  if (value.boolean() != nullptr) return *value.boolean();
  Expected("true or false", value, place);
  return std::nullopt;
}

std::optional<int64_t> ReadInteger(const Value& value, const Range& range, const Place& place) {
  if (value.integer() == nullptr) {
    Expected("an integer", value, place);
    return std::nullopt;
  }
  const int64_t number = *value.integer();
  if (number >= range.min && number <= range.max) return number;
  place.Error(value.where(), Cat(number, " is out of range ", range.min, " to ", range.max));
  return std::nullopt;
}

std::optional<double> ReadNumber(const Value& value, const Place& place) {
  if (value.integer() != nullptr) return static_cast<double>(*value.integer());
  if (value.number() == nullptr) {
    Expected("a number", value, place);
    return std::nullopt;
  }
  if (std::isfinite(*value.number())) return *value.number();
  place.Error(value.where(), "must be finite");
  return std::nullopt;
}

std::optional<std::string> ReadText(const Value& value, const FieldRules& rules,
                                    const Place& place) {
  if (value.text() == nullptr) {
    Expected("text", value, place);
    return std::nullopt;
  }
  // No text in this file has a use for a NUL, and system calls would stop at it.
  if (value.text()->find('\0') != std::string::npos) {
    place.Error(value.where(), "must not hold a NUL character");
    return std::nullopt;
  }
  if (!rules.not_empty || !value.text()->empty()) return *value.text();
  place.Error(value.where(), "must not be empty");
  return std::nullopt;
}

std::optional<MacAddress> ReadMac(const Value& value, const Place& place) {
  if (value.text() == nullptr) {
    Expected("text like \"02:00:00:00:00:01\"", value, place);
    return std::nullopt;
  }
  if (const auto mac = MacAddress::Parse(*value.text())) return mac;
  place.Error(value.where(), Cat(Quoted(*value.text()),
                                 " is no MAC address; write one like "
                                 "\"02:00:00:00:00:01\""));
  return std::nullopt;
}

std::optional<size_t> ReadWord(const Value& value, std::span<const LabelText> labels,
                               const Place& place) {
  if (value.text() == nullptr) {
    Expected(WordType(labels), value, place);
    return std::nullopt;
  }
  std::vector<std::string_view> words;
  for (const LabelText& label : labels) {
    if (label.name == *value.text()) return words.size();
    words.push_back(label.name);
  }
  place.Error(value.where(), Cat(Quoted(*value.text()), " is not ", WordType(labels),
                                 DidYouMean(*value.text(), words)));
  return std::nullopt;
}

std::optional<int64_t> ReadDuration(const Value& value, int64_t unit_ms, const Place& place) {
  if (value.text() == nullptr) {
    // A plain number most likely lacks only its unit: show it with one.
    const int64_t* number = value.integer();
    const int64_t count = number != nullptr && *number >= 0 ? *number : 300;
    Expected(Cat("text like \"", count, unit_ms < 1000 ? "ms" : "s", "\""), value, place);
    return std::nullopt;
  }
  const auto ms = ParseDuration(*value.text());
  if (!ms) {
    place.Error(value.where(), Cat(Quoted(*value.text()),
                                   " is no duration; write a whole number and its unit "
                                   "(ms, s, m or h), like \"300s\""));
    return std::nullopt;
  }
  if (*ms % unit_ms == 0) return *ms / unit_ms;
  const Unit* unit = kUnits;
  while (unit->ms != unit_ms) ++unit;
  place.Error(value.where(),
              Cat(Quoted(*value.text()), " is not a whole number of ", unit->plural));
  return std::nullopt;
}

const Value::Array* ReadList(const Value& value, const Place& place) {
  if (value.array() == nullptr) Expected("a list", value, place);
  return value.array();
}

std::string PrintText(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7f) {
      constexpr char kHex[] = "0123456789abcdef";
      quoted += {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 0xf]};
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string PrintNumber(double number) {
  std::string text = Cat(number);
  // TOML takes a number without a point or exponent for an integer.
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string PrintDuration(int64_t ms) {
  if (ms == 0) return "\"0s\"";
  const Unit* unit = kUnits;
  while (ms % unit->ms != 0) ++unit;
  // Minutes and hours only where they are shorter: operators write "300s", not "5m".
  if (unit->ms > 1000 && ms / 1000 < 1000) unit = &kUnits[2];
  return Cat("\"", ms / unit->ms, unit->name, "\"");
}

std::string PrintList(const std::vector<std::string>& items) { return Cat("[", Join(items), "]"); }

std::string IntegerType(const Range& natural, const FieldRules& rules) {
  if (rules.range) return Cat("integer ", rules.range->min, " to ", rules.range->max);
  return natural.min == 0 ? "integer from 0" : "integer";
}

std::string WordType(std::span<const LabelText> labels) {
  std::string text;
  for (size_t i = 0; i < labels.size(); ++i) {
    const char* separator = i == 0 ? "" : i + 1 == labels.size() ? " or " : ", ";
    Append(text, separator, "\"", labels[i].name, "\"");
  }
  return text;
}

}  // namespace weft::config_internal
