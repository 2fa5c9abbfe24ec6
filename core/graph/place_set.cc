// SPDX-License-Identifier: Apache-2.0
#include "core/graph/place_set.h"

#include <immintrin.h>

#include <algorithm>

namespace weft {
namespace {

PlaceSet MatchBaseline(const Verdicts& verdicts, VerdictCode code, const PlaceSet& among) {
  const __m128i wanted = _mm_set1_epi8(static_cast<char>(code));
  PlaceSet found;
  for (size_t w = 0; w < PlaceSet::kWords; ++w) {
    if (among.words[w] == 0) continue;
    uint64_t equal = 0;
    for (size_t part = 0; part < 4; ++part) {
      const VerdictCode* const at = verdicts.codes.data() + w * 64 + part * 16;
      const __m128i codes = _mm_load_si128(reinterpret_cast<const __m128i*>(at));
      const auto bits = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(codes, wanted)));
      equal |= uint64_t{bits} << (part * 16);
    }
    found.words[w] = equal & among.words[w];
  }
  return found;
}

void GatherBaseline(Packet** to, Packet* const* packets, const PlaceSet& places) {
  for (size_t w = 0; w < PlaceSet::kWords; ++w, packets += 64) {
    uint64_t word = places.words[w];
    if (word == ~uint64_t{0}) {
      to = std::copy_n(packets, 64, to);
      continue;
    }
    for (; word != 0; word &= word - 1) *to++ = packets[std::countr_zero(word)];
  }
}

[[gnu::target("avx512f,avx512bw")]] PlaceSet MatchAvx512(const Verdicts& verdicts, VerdictCode code,
                                                         const PlaceSet& among) {
  const __m512i wanted = _mm512_set1_epi8(static_cast<char>(code));
  PlaceSet found;
  for (size_t w = 0; w < PlaceSet::kWords; ++w) {
    const __m512i codes = _mm512_load_si512(verdicts.codes.data() + w * 64);
    found.words[w] = _mm512_cmpeq_epi8_mask(codes, wanted) & among.words[w];
  }
  return found;
}

// Packs in a register and stores that: some processors are slow to pack into memory.
[[gnu::target("avx512f,bmi,bmi2,popcnt")]] void GatherAvx512(Packet** to, Packet* const* packets,
                                                             const PlaceSet& places) {
  for (size_t w = 0; w < PlaceSet::kWords; ++w, packets += 64) {
    Packet* const* from = packets;
    for (uint64_t word = places.words[w]; word != 0; word >>= 8, from += 8) {
      const auto mask = static_cast<uint8_t>(word);
      const __m512i packed =
          _mm512_maskz_compress_epi64(mask, _mm512_maskz_loadu_epi64(mask, from));
      const auto count = static_cast<uint32_t>(std::popcount(mask));
      _mm512_mask_storeu_epi64(to, static_cast<__mmask8>((1U << count) - 1), packed);
      to += count;
    }
  }
}

}  // namespace

const SplitSteps SplitSteps::kBaseline = {MatchBaseline, GatherBaseline};
const SplitSteps SplitSteps::kAvx512 = {MatchAvx512, GatherAvx512};

bool SplitSteps::HasAvx512() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("bmi") != 0 && __builtin_cpu_supports("bmi2") != 0 &&
         __builtin_cpu_supports("popcnt") != 0;
}

}  // namespace weft
