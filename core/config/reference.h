// SPDX-License-Identifier: Apache-2.0
// The reference of startup.conf, made from the declarations. Control thread.
#pragma once

#include <string>
#include <vector>

#include "core/config/reader.h"

namespace weft {

// Markdown: a table of key, type, default and help.
std::string DescribeKeys(const TableSchema& schema);

// A section, port kind, feature or node: all that a startup.conf may have.
struct ReferenceTable {
  std::string heading;  // "[workers]", "[[port]] vhost"
  std::string help;
  const TableSchema* schema = nullptr;
};
std::vector<ReferenceTable> ReferenceTables(const Schemas& schemas);

// Markdown: a heading and a table of key, type, default and help for each section, port kind,
// feature and node.
std::string DescribeReference(const Schemas& schemas);

}  // namespace weft
