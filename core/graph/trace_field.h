// SPDX-License-Identifier: Apache-2.0
// A node's TraceRecord, declared field by field so that the shell can print and script it:
//   struct TraceRecord { MacAddress source; uint16_t age; };
//   static constexpr auto kTrace =
//       TraceFields({TraceFieldOf<&TraceRecord::source>("source", "the frame's source MAC"), ...});
// The node then defines `TraceRecord MakeTrace(const Packet&) const`; a worker calls it, for
// traced packets only. What is declared here is read on the control thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/base/ids.h"
#include "core/base/mac_address.h"
#include "core/packet/offload.h"

namespace weft {

// What a field's number counts, if core knows a name for it: a person wants to read both.
enum class TraceNumberOf : uint8_t { kNothing, kPort, kBridge };

struct TraceField {
  std::string_view name;  // kebab-case
  std::string_view help;  // half a sentence, no full stop needed
  // The field's value as text, from the bytes of the record.
  std::string (*format)(const void* record) = nullptr;
  TraceNumberOf number_of = TraceNumberOf::kNothing;
};

namespace internal {

inline std::string FormatTraceValue(const MacAddress& mac) { return mac.ToString(); }
inline std::string FormatTraceValue(Offload offload) {
  if (!offload.any()) return "none";
  std::string text = offload.is_udp() ? "udp checksum" : "tcp checksum";
  if (!offload.is_tso()) return text;
  text += ", segments of " + std::to_string(offload.segment_size);
  return (offload.needs & kOffloadEcn) != 0 ? text + ", ecn" : text;
}
inline std::string FormatTraceValue(bool value) { return value ? "yes" : "no"; }
template <typename Tag, typename Rep>
std::string FormatTraceValue(Id<Tag, Rep> id) {
  return id.valid() ? std::to_string(id.value()) : "none";
}
template <typename T>
requires std::is_integral_v<T> std::string FormatTraceValue(T value) {
  return std::to_string(value);
}

template <auto Member>
struct MemberTraits;
template <typename R, typename T, T R::*Member>
struct MemberTraits<Member> {
  using Record = R;
  using FieldType = T;
};

template <typename T>
constexpr TraceNumberOf NumberOf() {
  if constexpr (std::is_same_v<T, PortId>) return TraceNumberOf::kPort;
  if constexpr (std::is_same_v<T, BridgeId>) return TraceNumberOf::kBridge;
  return TraceNumberOf::kNothing;
}

}  // namespace internal

template <auto Member>
constexpr TraceField TraceFieldOf(std::string_view name, std::string_view help) {
  using Owner = typename internal::MemberTraits<Member>::Record;
  static_assert(std::is_trivially_copyable_v<Owner>);
  using Type = typename internal::MemberTraits<Member>::FieldType;
  return {name, help,
          [](const void* bytes) {
            Owner record;
            std::memcpy(static_cast<void*>(&record), bytes, sizeof(Owner));
            return internal::FormatTraceValue(record.*Member);
          },
          internal::NumberOf<Type>()};
}

template <size_t N>
consteval std::array<TraceField, N> TraceFields(const TraceField (&fields)[N]) {
  std::array<TraceField, N> out{};
  for (size_t i = 0; i < N; ++i) {
    if (fields[i].name.empty() || fields[i].help.empty()) throw "a field needs a name and help";
    out[i] = fields[i];
  }
  return out;
}

}  // namespace weft
