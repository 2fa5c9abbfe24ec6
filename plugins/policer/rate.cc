// SPDX-License-Identifier: Apache-2.0
#include "plugins/policer/rate.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace weft::policer {
namespace {

struct Word {
  std::string_view text;
  Unit unit;
  uint64_t factor;
};

// Within a unit the largest comes first.
constexpr auto kWords = std::to_array<Word>({{"Gpps", Unit::kPackets, 1'000'000'000},
                                             {"Mpps", Unit::kPackets, 1'000'000},
                                             {"kpps", Unit::kPackets, 1'000},
                                             {"pps", Unit::kPackets, 1},
                                             {"Tbit/s", Unit::kBytes, 1'000'000'000'000},
                                             {"Gbit/s", Unit::kBytes, 1'000'000'000},
                                             {"Mbit/s", Unit::kBytes, 1'000'000},
                                             {"kbit/s", Unit::kBytes, 1'000},
                                             {"bit/s", Unit::kBytes, 1}});

constexpr uint64_t Most(Unit unit) {
  return unit == Unit::kPackets ? 1'000'000'000 : 1'000'000'000'000;
}

}  // namespace

std::optional<Rate> ParseRate(std::string_view text) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || number == 0) return std::nullopt;
  const std::string_view unit(at, static_cast<size_t>(end - at));
  const auto* const word =
      std::find_if(kWords.begin(), kWords.end(), [&](const Word& one) { return one.text == unit; });
  if (word == kWords.end() || number > Most(word->unit) / word->factor) return std::nullopt;
  return Rate{number * word->factor, word->unit};
}

uint64_t Rate::DefaultBurst() const {
  if (unit == Unit::kPackets) return std::max<uint64_t>(per_second / 100, 128);
  return std::max<uint64_t>(per_second / 8 / 100, 131'072);
}

std::string Rate::ToString() const {
  const auto* const word = std::find_if(kWords.begin(), kWords.end(), [&](const Word& one) {
    return one.unit == unit && per_second % one.factor == 0;
  });
  return Cat(per_second / word->factor, word->text);
}

}  // namespace weft::policer
