// SPDX-License-Identifier: Apache-2.0
// What a plugin's node may do wrong, and what is done about it. Any thread.
#pragma once

#include <cstdint>

#include "core/base/labels.h"

namespace weft {

enum class Fault : uint8_t { kNone, kLeak, kVerdict, kThrew, kSlow };
inline constexpr auto kFaults = Labels<Fault>({
    {Fault::kNone, "none", "keeps to the rules"},
    {Fault::kLeak, "leaked", "let packets go neither by a verdict nor by Emit"},
    {Fault::kVerdict, "bad-verdict", "returned a verdict that it does not have"},
    {Fault::kThrew, "threw", "threw an exception"},
    {Fault::kSlow, "slow", "took longer than it may, vector after vector"},
});

enum class OnFault : uint8_t { kBypass, kDrop, kStop };
consteval auto LabelsOf(OnFault) {
  return Labels<OnFault>(
      {{OnFault::kBypass, "bypass", "packets go on as if the node was not there"},
       {OnFault::kDrop, "drop", "what reaches the node is dropped and counted as plugin-fault"},
       {OnFault::kStop, "stop", "weftd ends with a sentence that names the plugin"}});
}

}  // namespace weft
