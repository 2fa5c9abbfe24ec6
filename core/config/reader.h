// SPDX-License-Identifier: Apache-2.0
// From the text of startup.conf to a Config, in two steps, because plugins bring schemas of their
// own:
//
//   Errors errors(path);
//   std::optional<Document> document = Document::Load(path, &errors);
//   if (document) {
//     Globals globals = ReadGlobals(*document, &errors);
//     ... load globals.plugins, which fill `schemas` ...
//     std::optional<Config> config = ReadAll(*document, schemas, &errors);
//   }
//   if (!errors.empty()) fputs(errors.ToString().c_str(), stderr);
//
// Control thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config/config.h"
#include "core/config/errors.h"
#include "core/config/table_schema.h"
#include "core/config/value.h"

namespace weft {

// A text that is TOML; whether it is a configuration is still to be seen.
class Document {
 public:
  // Nothing, and an error, if the text is not TOML.
  static std::optional<Document> Parse(std::string_view text, Errors* errors);
  // Reads the file first, at most 16 MB; an error that says why if that fails.
  static std::optional<Document> Load(const std::string& path, Errors* errors);

  // What is in the table `root`.
  explicit Document(Value root) : root_(std::move(root)) {}

  const Value& root() const { return root_; }

 private:
  Value root_;
};

// A port of one kind, as a kind's validation sees it.
struct KindUse {
  const PortConfig* port;
  const Value* table;  // the kind's table: table->WhereIs("socket")
  Place place;         // port "web-1": vhost
};

// What modules and plugins add to the grammar.
struct Schemas {
  // The table of a feature or a node, named like its node.
  struct Named {
    std::string name;
    std::string help;
    const TableSchema* schema;
  };
  // The table that makes a port what it is: "vhost", "dpdk".
  struct Kind {
    std::string name;
    std::string help;
    const TableSchema* schema;
    // Looks at all ports of the kind together, those whose table was good. May be null.
    void (*validate)(std::span<const KindUse> ports) = nullptr;
  };

  std::vector<Kind> kinds;
  std::vector<Named> features;  // in a [[port]]: mac-guard = { ... }
  std::vector<Named> nodes;     // [node.l2-switch]
};

// [weft], [workers], [dpdk] and [plugins]; defaults for what is missing or wrong.
Globals ReadGlobals(const Document& document, Errors* errors);

// The whole file, the global sections again; nothing if `errors` is then not empty. Every error of
// the file is there, each once.
std::optional<Config> ReadAll(const Document& document, const Schemas& schemas, Errors* errors);

}  // namespace weft
