// SPDX-License-Identifier: Apache-2.0
// The reference of a node, made from its declarations. Control thread.
#pragma once

#include <string>

#include "core/graph/node_class.h"

namespace weft {

// Markdown: the node's name as a heading, its help, what kind of node it is, and a heading and a
// table for each of its nexts, drops, counters and trace fields that it has.
std::string DescribeNode(const NodeClass& node);

}  // namespace weft
