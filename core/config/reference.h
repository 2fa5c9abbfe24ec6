// SPDX-License-Identifier: Apache-2.0
// The reference of startup.conf, made from the declarations. Control thread.
#pragma once

#include <string>

#include "core/config/reader.h"

namespace weft {

// Markdown: a table of key, type, default and help.
std::string DescribeKeys(const TableSchema& schema);

// Markdown: a heading and a table of key, type, default and help for each section, port kind,
// feature and node.
std::string DescribeReference(const Schemas& schemas);

}  // namespace weft
