// SPDX-License-Identifier: Apache-2.0
// port add, port delete. What is typed becomes the same TOML as in startup.conf and goes through
// the same checks.
#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/commands.h"
#include "core/config/suggest.h"
#include "core/shell/command_table.h"
#include "core/shell/words.h"
#include "core/switch.h"

namespace weft {
namespace {

// Typed words as TOML's text: nothing in them means anything to it.
std::string TomlText(std::string_view typed) {
  std::string quoted = "\"";
  for (const char c : typed) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// "0", "42", "1.5"; TOML has no numbers that begin with another 0.
bool IsNumber(std::string_view typed) {
  const auto digits = [](std::string_view part) {
    return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const std::string_view whole = typed.substr(0, typed.find('.'));
  return digits(whole) && (whole == "0" || whole.front() != '0') &&
         (whole.size() == typed.size() || digits(typed.substr(whole.size() + 1)));
}

const FieldSpec* FindField(std::span<const FieldSpec> fields, std::string_view key) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const FieldSpec& field) { return field.name == key; });
  return found != fields.end() ? &*found : nullptr;
}

// The keys of a table of [[port]]; none if there is no such table.
std::span<const FieldSpec> FieldsOf(const Schemas& schemas, std::string_view table) {
  for (const Schemas::Kind& kind : schemas.kinds) {
    if (kind.name == table) return kind.schema->fields();
  }
  for (const Schemas::Named& feature : schemas.features) {
    if (feature.name == table) return feature.schema->fields();
  }
  return {};
}

// KEY=VALUE in TOML. Only the field knows whether 1000 is a number or, of a user, say, a text.
std::string Entry(std::span<const FieldSpec> fields, std::string_view key, std::string_view typed) {
  const FieldSpec* const field = FindField(fields, key);
  const std::string type = field != nullptr ? field->type(field->rules) : "";
  const bool plain =
      type == "boolean" ? typed == "true" || typed == "false" : type != "text" && IsNumber(typed);
  return Cat(TomlText(key), " = ", plain ? std::string(typed) : TomlText(typed));
}

// "key=value" in two.
absl::StatusOr<std::pair<std::string, std::string>> Setting(const Word& word) {
  const size_t equals = word.text.find('=');
  if (equals == std::string::npos || equals == 0 || word.text.front() == '.')
    return absl::InvalidArgumentError(Cat("expected KEY=VALUE, found \"", word.text, "\""));
  return std::pair(word.text.substr(0, equals), word.text.substr(equals + 1));
}

std::string WithoutPlace(const Errors& errors) {
  std::vector<std::string> messages;
  for (const std::string& line : errors.Lines()) {
    // "port add:3:7: message": the place is of a text that nobody has seen.
    const size_t at = line.find(": ");
    messages.push_back(at == std::string::npos ? line : line.substr(at + 2));
  }
  return Join(messages, "; ");
}

}  // namespace

absl::StatusOr<PortConfig> PortFromWords(const Switch& s, std::string_view name,
                                         std::string_view kind, std::string_view settings) {
  std::map<std::string, std::vector<std::string>> tables;  // "" is the port itself
  tables[std::string(kind)];
  const absl::StatusOr<std::vector<Word>> words = SplitWords(settings);
  if (!words.ok()) return words.status();
  for (const Word& word : *words) {
    const auto setting = Setting(word);
    if (!setting.ok()) return setting.status();
    const auto& [key, value] = *setting;
    const size_t dot = key.find('.');
    if (dot != std::string::npos) {
      const std::string table = key.substr(0, dot);
      tables[table].push_back(Entry(FieldsOf(s.schemas(), table), key.substr(dot + 1), value));
    } else if (FindField(PortConfig::kFields, key) != nullptr) {
      tables[""].push_back(Entry(PortConfig::kFields, key, value));
    } else {
      tables[std::string(kind)].push_back(Entry(FieldsOf(s.schemas(), kind), key, value));
    }
  }
  std::vector<std::string> fields = tables[""];
  tables.erase("");
  fields.push_back(Cat("name = ", TomlText(name)));
  for (const auto& [table, entries] : tables) {
    fields.push_back(Cat(TomlText(table), " = { ", Join(entries, ", "), " }"));
  }
  std::string text = Cat("[[port]]\n", Join(fields, "\n"), "\n");
  for (const BridgeConfig& bridge : s.config().bridges)
    text += Cat("[[bridge]]\nname = \"", bridge.name, "\"\n");

  Errors errors("port add");
  const std::optional<Document> document = Document::Parse(text, &errors);
  std::optional<Config> config;
  if (document) config = ReadAll(*document, s.schemas(), &errors);
  if (!config || config->ports.size() != 1) return absl::InvalidArgumentError(WithoutPlace(errors));
  return config->ports.front();
}

absl::StatusOr<AnyConfig> FeatureFromWords(const Switch& s, std::string_view feature,
                                           std::string_view settings) {
  const std::vector<Schemas::Named>& features = s.schemas().features;
  const auto found = std::find_if(features.begin(), features.end(),
                                  [&](const auto& named) { return named.name == feature; });
  if (found == features.end()) {
    std::vector<std::string_view> names;
    for (const Schemas::Named& named : features) names.push_back(named.name);
    return absl::NotFoundError(
        Cat("there is no feature \"", feature, "\"", DidYouMean(feature, names)));
  }
  const absl::StatusOr<std::vector<Word>> words = SplitWords(settings);
  if (!words.ok()) return words.status();
  std::vector<std::string> entries;
  for (const Word& word : *words) {
    const auto setting = Setting(word);
    if (!setting.ok()) return setting.status();
    entries.push_back(Entry(found->schema->fields(), setting->first, setting->second));
  }
  Errors errors("port feature set");
  const std::optional<Document> document = Document::Parse(Join(entries, "\n"), &errors);
  AnyConfig table{.schema = found->schema, .object = nullptr};
  if (document) table.object = found->schema->Read(document->root(), Place(&errors, found->name));
  // A table may be read and yet be wrong: a key that nobody knows, or what its Check says.
  if (table.object == nullptr || !errors.empty())
    return absl::InvalidArgumentError(WithoutPlace(errors));
  return table;
}

absl::Status AddPortCommands(Switch& s, CommandTable& commands) {
  std::vector<Command> table;
  table.push_back(
      {.words = "port add",
       .arguments = {{.name = "name", .help = "of the new port"},
                     {.name = "kind",
                      .help = "vhost for a container, dpdk for a NIC, or one that a plugin brings",
                      .value = "port-kind"},
                     {.name = "settings",
                      .kind = ArgumentKind::kRest,
                      .help = "KEY=VALUE as in startup.conf: bridge=default device=net_null0",
                      .optional = true}},
       .help = "Adds a port until weftd ends; startup.conf is not changed",
       .shape = Shape::Text("empty"),
       .run = [&s](const Arguments& a) -> absl::StatusOr<Reply> {
         const absl::StatusOr<PortConfig> config =
             PortFromWords(s, a.Text("name"), a.Text("kind"), a.Text("settings"));
         if (!config.ok()) return config.status();
         if (absl::Status status = s.AddPort(*config); !status.ok()) return status;
         // As after a reload: what the port's tables name is resolved, or the port is not there.
         if (absl::Status status = s.ResolveNames(s.Running()); !status.ok()) {
           s.RemovePort(config->name).IgnoreError();
           s.ResolveNames(s.Running()).IgnoreError();
           return status;
         }
         return Reply(std::string());
       }});
  table.push_back({.words = "port delete",
                   .arguments = {{.name = "name", .help = "the port", .value = "port"}},
                   .help = "Deletes a port; frames to it are dropped from now on",
                   .shape = Shape::Text("empty"),
                   .run = [&s](const Arguments& a) -> absl::StatusOr<Reply> {
                     if (absl::Status status = s.RemovePort(a.Text("name")); !status.ok())
                       return status;
                     return Reply(std::string());
                   }});
  for (Command& command : table) {
    if (absl::Status status = commands.Add(std::move(command), "core"); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace weft
