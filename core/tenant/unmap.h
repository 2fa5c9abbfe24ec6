// SPDX-License-Identifier: Apache-2.0
// The end of a mapping of a tenant's: to give its pages back takes time for each page that somebody
// has touched, some 80 ms a GiB in pages of 4 KiB, and 600 ms if nobody else has the file any more
// because the tenant has died. Control has no such time, so a thread that is made for it does it
// where there is much. Control thread.
#pragma once

#include <cstddef>

namespace weft {

// Unmaps [at, at + length), sooner or later, which is mapped in pages of this size and which no
// thread touches any more.
void Unmap(void* at, size_t length, size_t page_size);

}  // namespace weft
