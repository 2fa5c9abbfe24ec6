// SPDX-License-Identifier: Apache-2.0
// Copying payload a cache line at a time, from front to back. memcpy copies from back to front
// where the two places are near each other within their pages, as those of equal rings often are,
// and that is slower between caches. Any thread; made for workers.
#pragma once

#include <cstddef>

namespace weft {

// Whether this machine can: AVX-512 F and BW, and BMI2.
bool HasWideCopy();

// Copies `length` bytes between places that do not overlap; each is read once and written once.
void WideCopy(void* to, const void* from, size_t length);

}  // namespace weft
