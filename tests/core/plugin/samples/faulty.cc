// SPDX-License-Identifier: Apache-2.0
// A plugin that breaks whatever rule its port's table says, at the first packet whose destination
// begins with 0x02 0xfa.
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "core/sdk/weft.h"

namespace weft {
namespace {

enum class How : uint8_t {
  kNot,
  kLeak,
  kShrink,
  kVerdict,
  kThrow,
  kSlow,
  kLoop,
  kCrash,
  kAbort,
  kOverflow
};
consteval auto LabelsOf(How) {
  return Labels<How>({{How::kNot, "not", "it keeps to the rules"},
                      {How::kLeak, "leak", "it does nothing with a vector"},
                      {How::kShrink, "shrink", "it forgets the last packet of a vector"},
                      {How::kVerdict, "verdict", "a verdict that it does not have"},
                      {How::kThrow, "throw", "an exception"},
                      {How::kSlow, "slow", "it takes its time"},
                      {How::kLoop, "loop", "it never returns"},
                      {How::kCrash, "crash", "it writes to address 8"},
                      {How::kAbort, "abort", "an assertion of it fails"},
                      {How::kOverflow, "overflow", "it calls itself until its stack is used up"}});
}

struct FaultyConfig {
  How how = How::kNot;
  static constexpr auto kFields = Fields(Field<&FaultyConfig::how>("how", "what it does wrong"));
};

// Not a loop in disguise: each call has bytes of its own that the next one reads.
// NOLINTNEXTLINE(misc-no-recursion): that is what it is for
[[gnu::noinline]] unsigned Deeper(const volatile unsigned* above) {
  volatile unsigned here[64];
  for (volatile unsigned& each : here) each = *above + 1;
  return *above == 0xffff'ffff ? 0 : Deeper(&here[*above % 64]) + here[7];
}

class Faulty final : public Feature<Faulty, FaultyConfig> {
 public:
  static constexpr NodeSpec kSpec{.name = "faulty", .arc = "port-input", .help = "Breaks a rule."};
  enum class Drop : uint8_t { kNever };
  static constexpr auto kDrops = Labels<Drop>({{Drop::kNever, "never", "it drops nothing"}});

  void Process(Frame& frame) {
    bool asked = false;
    for (const Packet* packet : frame)
      asked = asked || (packet->header()[0] == 0x02 && packet->header()[1] == 0xfa);
    const How how = asked ? port_config(frame[0].in_port()).how : How::kNot;
    switch (how) {
      case How::kLeak:
        return;
      case How::kShrink:
        frame.set_size(frame.size() - 1);
        break;
      case How::kThrow:
        throw std::runtime_error("no table");
      case How::kSlow:
        for (unsigned i = 0; i < 50'000'000; ++i) asm volatile("");
        break;
      case How::kLoop:
        for (volatile bool forever = true; forever;) {
        }
        break;
      case How::kCrash: {
        volatile int* volatile nowhere = reinterpret_cast<int*>(8);
        *nowhere = 1;
        break;
      }
      case How::kAbort:
        std::abort();
      case How::kOverflow: {
        const volatile unsigned first = 0;
        frame.set_size(frame.size() + 0 * Deeper(&first));
        break;
      }
      default:
        break;
    }
    if (frame.empty()) return;
    ForEach(frame, [how](Packet&) -> Verdict {
      return how == How::kVerdict ? Verdict::FromCode(0x21) : Continue();
    });
  }
};

}  // namespace
}  // namespace weft

WEFT_PLUGIN(weft::Faulty);
