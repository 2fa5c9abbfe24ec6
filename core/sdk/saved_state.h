// SPDX-License-Identifier: Apache-2.0
// What a build hands to the next at `plugin replace`, as words that both understand: a struct with
// kFields, like the tables of startup.conf, as TOML. Control thread.
//
//   std::string SaveState() const override { return SavedText(State{...}); }
//   absl::Status RestoreState(std::string_view text) override {
//     const absl::StatusOr<State> state = ReadSaved<State>(text);
//     ...
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/text.h"
#include "core/config/schema.h"
#include "core/config/value.h"

namespace weft {

template <typename T>
std::string SavedText(const T& state) {
  return Cat("state = ", SchemaOf<T>().Print(&state));
}

// Of a build that says nothing, a T as it is made. InvalidArgument: it says what this one does not
// understand.
template <typename T>
absl::StatusOr<T> ReadSaved(std::string_view text) {
  T state;
  if (text.empty()) return state;
  Errors errors("what the build before has saved");
  const std::optional<Value> root = ParseToml(text, &errors);
  const Value::Member* const found = root ? root->Find("state") : nullptr;
  if (found != nullptr) {
    SchemaOf<T>().ReadInto(found->value, Place(&errors, "state"), &state);
  } else if (errors.empty()) {
    errors.Add({}, "there is no state in it");
  }
  if (!errors.empty()) return absl::InvalidArgumentError(Join(errors.Lines(), "; "));
  return state;
}

}  // namespace weft
