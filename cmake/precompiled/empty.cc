// SPDX-License-Identifier: Apache-2.0
// A target has a source; this one's is what it precompiles.
