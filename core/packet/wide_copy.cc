// SPDX-License-Identifier: Apache-2.0
#include "core/packet/wide_copy.h"

#include <immintrin.h>

#include <cstdint>

namespace weft {

bool HasWideCopy() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("bmi2") != 0;
}

[[gnu::target("avx512f,avx512bw,bmi2")]] void WideCopy(void* to, const void* from, size_t length) {
  auto* target = static_cast<uint8_t*>(to);
  const auto* source = static_cast<const uint8_t*>(from);
  constexpr size_t kLine = sizeof(__m512i);
  // Four at a time, all loaded before the first is stored, so that they are fetched together.
  for (; length >= 4 * kLine; length -= 4 * kLine, target += 4 * kLine, source += 4 * kLine) {
    const __m512i first = _mm512_loadu_si512(source);
    const __m512i second = _mm512_loadu_si512(source + kLine);
    const __m512i third = _mm512_loadu_si512(source + 2 * kLine);
    const __m512i fourth = _mm512_loadu_si512(source + 3 * kLine);
    _mm512_storeu_si512(target, first);
    _mm512_storeu_si512(target + kLine, second);
    _mm512_storeu_si512(target + 2 * kLine, third);
    _mm512_storeu_si512(target + 3 * kLine, fourth);
  }
  for (; length >= kLine; length -= kLine, target += kLine, source += kLine)
    _mm512_storeu_si512(target, _mm512_loadu_si512(source));
  const __mmask64 rest = _bzhi_u64(~uint64_t{0}, static_cast<uint32_t>(length));
  _mm512_mask_storeu_epi8(target, rest, _mm512_maskz_loadu_epi8(rest, source));
}

}  // namespace weft
