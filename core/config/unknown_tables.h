// SPDX-License-Identifier: Apache-2.0
// A file of which a plugin is left out that nobody dares to load: what it says of that plugin is
// unknown, and yet no mistake. Control thread.
#pragma once

#include <string>
#include <vector>

#include "core/config/reader.h"

namespace weft {

struct KnownPart {
  Document document;
  std::vector<std::string> lines;  // what was left out, by place: a warning each
};

// The file without [node.x] of unknown nodes and without the unknown tables of ports. A port that
// has no kind without them goes, and its static addresses with it. `strict`: so does any other that
// has such a table, for its packets shall not pass without the feature.
KnownPart WithoutUnknownTables(const std::string& file, const Document& document,
                               const Schemas& schemas, bool strict);

}  // namespace weft
