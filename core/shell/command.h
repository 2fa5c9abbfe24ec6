// SPDX-License-Identifier: Apache-2.0
// One command of the shell, declared as a row in its room's table:
//   {.words = "trace add", .arguments = {{.name = "node", .help = "where tracing starts", ...},
//    {.name = "count", .kind = ArgumentKind::kCount, .help = "how many packets"}},
//    .help = "Records the path of the next packets", .shape = Shape::Text("that it does"),
//    .run = [](const Arguments& a) {...}}
// is typed as `trace add NODE COUNT`. Everything here runs on the control thread and must not wait.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "core/shell/reply.h"
#include "core/shell/shape.h"

namespace weft {

enum class ArgumentKind : uint8_t {
  kText,         // one word
  kCount,        // a decimal number, 0 to 2^64 - 1
  kNumber,       // a decimal number that may have a point
  kFlag,         // only its name: there or not; always a keyword
  kRest,         // all words that are left, as SplitWords reads them again; the last argument
  kCommandName,  // all words that are left, joined by blanks: those of a command
  kCommandLine,  // as kRest, and they are a whole command line
};

struct Argument {
  std::string_view name{};  // kebab-case
  ArgumentKind kind = ArgumentKind::kText;
  std::string_view help{};  // half a sentence
  bool optional = false;
  // A keyword is typed as `port NAME`, anywhere behind the command's words; the others are told
  // apart by their order. An unquoted word that is the name of a keyword is always that keyword.
  bool keyword = false;
  // What kind of value it is, for completion: "port", "node", "mac". Who knows those that exist now
  // tells the table (CommandTable::AddValues, Registry::AddValues). Not a check: `run` decides.
  std::string_view value{};
  // For values that are this argument's alone; may be empty.
  std::function<std::vector<std::string>()> complete{};
};

// What was typed. Asking for a name that the command did not declare is as if it was not typed.
class Arguments {
 public:
  bool Has(std::string_view name) const { return values_.find(name) != values_.end(); }
  // kText and what takes the rest; `otherwise` if it was not typed.
  std::string_view Text(std::string_view name, std::string_view otherwise = "") const {
    const auto found = values_.find(name);
    if (found == values_.end()) return otherwise;
    const auto* text = std::get_if<std::string>(&found->second);
    return text != nullptr ? std::string_view(*text) : otherwise;
  }
  // kCount; `otherwise` if it was not typed.
  uint64_t Count(std::string_view name, uint64_t otherwise = 0) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return otherwise;
    const auto* count = std::get_if<uint64_t>(&found->second);
    return count != nullptr ? *count : otherwise;
  }
  // kNumber; `otherwise` if it was not typed.
  double Number(std::string_view name, double otherwise = 0) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return otherwise;
    const auto* number = std::get_if<double>(&found->second);
    return number != nullptr ? *number : otherwise;
  }

  // By the table, once a name.
  void Set(std::string_view name, std::variant<std::string, uint64_t, double> value) {
    values_.insert_or_assign(std::string(name), std::move(value));
  }

 private:
  std::map<std::string, std::variant<std::string, uint64_t, double>, std::less<>> values_;
};

struct Command {
  std::string_view words{};  // "show ports": kebab-case words, one blank between two
  std::vector<Argument> arguments{};
  std::string_view help{};  // one sentence
  Shape shape{};            // of its answer in JSON
  std::function<absl::StatusOr<Reply>(const Arguments&)> run{};
};

// Where completion finds the values of a kind that exist now.
struct ValueSource {
  std::string_view kind{};  // Argument::value
  std::function<std::vector<std::string>()> list{};
};

// Whether it takes all words that are left.
inline bool TakesRest(const Argument& argument) {
  return argument.kind == ArgumentKind::kRest || argument.kind == ArgumentKind::kCommandName ||
         argument.kind == ArgumentKind::kCommandLine;
}

// "trace add NODE COUNT [port PORT]".
std::string Usage(const Command& command);
// "NODE", "port PORT", "verbose": an argument as usage shows it, without brackets.
std::string Placeholder(const Argument& argument);

}  // namespace weft
