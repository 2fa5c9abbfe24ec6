// SPDX-License-Identifier: Apache-2.0
// Config fields, declared on the struct that holds them:
//
//   struct VhostConfig {
//     Listen listen = Listen::kWeft;
//     uint16_t queues = 1;
//     std::optional<uint32_t> mode;
//     static constexpr auto kFields =
//         Fields(Field<&VhostConfig::listen>("listen", "who listens on the socket"),
//                Field<&VhostConfig::queues>("queues", "queue pairs", Range{1, 8}),
//                Field<&VhostConfig::mode>("mode", "permissions of the socket"));
//     void Check(const Value& table, const Place& place) const;
//   };
//
// Check is optional: it sees what no single field can and runs if each field is good; its errors
// go to place.Key("mode").Error(table.WhereIs("mode"), "...").
//
// A member is a bool, an integer, a double, a std::string, a std::chrono duration in milliseconds,
// seconds, minutes or hours ("50ms", "300s", "5m", "1h"), a MacAddress, an enum, a struct with
// kFields, or a std::optional or std::vector of these. Its initializer is the default. An enum's
// words are declared beside it (inside a class: as a friend):
//
//   enum class Listen : uint8_t { kWeft, kContainer };
//   consteval auto LabelsOf(Listen) { return Labels<Listen>({{Listen::kWeft, "weft", "..."}, ...
//
// Any thread may look at schemas; reading is for the control thread. Part of the plugin SDK.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/config/codec.h"
#include "core/config/table_schema.h"

namespace weft {
namespace config_internal {

template <typename T>
struct Innermost {
  using Type = T;
};
template <typename T>
struct Innermost<std::optional<T>> : Innermost<T> {};
template <typename T>
struct Innermost<std::vector<T>> : Innermost<T> {};

template <typename T>
struct MemberPointer;
template <typename Class, typename T>
struct MemberPointer<T Class::*> {
  using Owner = Class;
  using Member = T;
};

// The functions of FieldSpec for one member. Their bodies are compiled when Owner is complete.
template <auto kMember>
struct FieldAccess {
  using Owner = typename MemberPointer<decltype(kMember)>::Owner;
  using Member = typename MemberPointer<decltype(kMember)>::Member;

  static const Member& Get(const void* object) {
    return static_cast<const Owner*>(object)->*kMember;
  }
  static bool Read(const FieldRules& rules, const Value& value, const Place& place, void* object) {
    return Codec<Member>::Read(rules, value, place, static_cast<Owner*>(object)->*kMember);
  }
  static std::string Print(const void* object) { return Codec<Member>::Print(Get(object)); }
  static bool Equal(const void* a, const void* b) { return Codec<Member>::Equal(Get(a), Get(b)); }
  static std::string Type(const FieldRules& rules) { return Codec<Member>::Type(rules); }
  static const TableSchema* Nested() { return Codec<Member>::Nested(); }
};

template <typename T>
constexpr void ApplyOption(FieldRules& rules, Required) {
  rules.required = true;
}
template <typename T>
constexpr void ApplyOption(FieldRules& rules, NotEmpty) {
  static_assert(std::is_same_v<T, std::string>, "NotEmpty is for text");
  rules.not_empty = true;
}
template <typename T>
constexpr void ApplyOption(FieldRules& rules, Range range) {
  static_assert(std::is_integral_v<T> && !std::is_same_v<T, bool>, "Range is for integers");
  rules.range = range;
}

}  // namespace config_internal

// Declares the key `name` for a member. Options: Required{}, NotEmpty{}, Range{min, max}.
template <auto kMember, typename... Options>
constexpr FieldSpec Field(std::string_view name, std::string_view help, Options... options) {
  using Access = config_internal::FieldAccess<kMember>;
  using T = typename config_internal::Innermost<typename Access::Member>::Type;
  FieldRules rules;
  (config_internal::ApplyOption<T>(rules, options), ...);
  return {name,           help,           rules,         &Access::Read,
          &Access::Print, &Access::Equal, &Access::Type, &Access::Nested};
}

template <typename... Specs>
constexpr std::array<FieldSpec, sizeof...(Specs)> Fields(Specs... specs) {
  return {specs...};
}

template <typename T>
const TableSchema& SchemaOf() {
  static constexpr TableSchema::Check kCheck = [] {
    TableSchema::Check check = nullptr;
    if constexpr (requires(const T& object, const Value& value, const Place& place) {
                    object.Check(value, place);
                  }) {
      check = [](const void* object, const Value& table, const Place& place) {
        static_cast<const T*>(object)->Check(table, place);
      };
    }
    return check;
  }();
  static constexpr TableSchema kSchema(
      T::kFields, []() -> std::shared_ptr<void> { return std::make_shared<T>(); }, kCheck);
  return kSchema;
}

}  // namespace weft
