// SPDX-License-Identifier: Apache-2.0
// A shared object that is somebody else's.
extern "C" int weft_is_not_here() { return 7; }
