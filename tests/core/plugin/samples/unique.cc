// SPDX-License-Identifier: Apache-2.0
// A plugin with a symbol that is one for the whole process, as g++ makes them without
// -fno-gnu-unique.
#include "core/sdk/weft.h"

asm(".pushsection .data\n"
    ".globl weft_sample_unique\n"
    ".type weft_sample_unique, @gnu_unique_object\n"
    ".size weft_sample_unique, 8\n"
    "weft_sample_unique: .quad 7\n"
    ".popsection\n");

namespace weft {
namespace {

class Unique final : public Module {
 public:
  static constexpr std::string_view kName = "unique";
  std::string_view name() const override { return kName; }
  void Register(Registry&) override {}
};

}  // namespace
}  // namespace weft

WEFT_PLUGIN(weft::Unique);
