// SPDX-License-Identifier: Apache-2.0
// Names and help texts of an enum, declared once beside it: Labels<Drop>({{Drop::kSpoofed,
// "spoofed", "..."}}). The compiler refuses a table that misses an enumerator, repeats one or is
// out of order. Constants; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace weft {

// What an operator reads of one enumerator.
struct LabelText {
  std::string_view name;  // kebab-case
  std::string_view help;  // half a sentence, no full stop needed
};

template <typename E>
struct Label {
  E value;
  std::string_view name;
  std::string_view help;
};

template <typename E, size_t N>
struct LabelSet {
  std::array<LabelText, N> texts{};

  static constexpr size_t size() { return N; }
  constexpr std::string_view name(E value) const { return texts[static_cast<size_t>(value)].name; }
  constexpr std::string_view help(E value) const { return texts[static_cast<size_t>(value)].help; }
  constexpr std::span<const LabelText> span() const { return texts; }
};

namespace internal {

// True if the value V of an enum has a name: compilers print "Drop::kSpoofed" for it, and "(Drop)7"
// for one without.
template <auto V>
consteval bool IsEnumerator() {
  std::string_view text = __PRETTY_FUNCTION__;
  const size_t at = text.find("V = ");
  return at != std::string_view::npos && text[at + 4] != '(';
}

}  // namespace internal

// Declares the labels of E, one for each enumerator, in the order 0, 1, 2, ...
template <typename E, size_t N>
consteval LabelSet<E, N> Labels(const Label<E> (&labels)[N]) {
  static_assert(std::is_enum_v<E>);
  static_assert(!internal::IsEnumerator<static_cast<E>(N)>(), "an enumerator has no label");
  LabelSet<E, N> set;
  for (size_t i = 0; i < N; ++i) {
    if (static_cast<size_t>(labels[i].value) != i)
      throw "labels must be in the order of the enumerators";
    if (labels[i].name.empty() || labels[i].help.empty()) throw "a label needs a name and help";
    set.texts[i] = {labels[i].name, labels[i].help};
  }
  return set;
}

}  // namespace weft
