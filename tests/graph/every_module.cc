// SPDX-License-Identifier: Apache-2.0
#include "tests/graph/every_module.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "core/base/text.h"
#include "nodes/builtin.h"

namespace weft::testing {
namespace {

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "test: %s\n", why.c_str());
  std::abort();
}

}  // namespace

std::vector<std::unique_ptr<Plugin>> LoadPlugins() {
  std::vector<std::unique_ptr<Plugin>> plugins;
  const std::string_view files(WEFT_PLUGIN_FILES);  // with a comma after each
  for (size_t begin = 0; begin < files.size();) {
    const size_t end = files.find(',', begin);
    absl::StatusOr<std::unique_ptr<Plugin>> plugin =
        Plugin::Load(std::string(files.substr(begin, end - begin)));
    if (!plugin.ok()) Fail(MessageOf(plugin.status()));
    plugins.push_back(*std::move(plugin));
    begin = end + 1;
  }
  return plugins;
}

EveryModule::EveryModule(Rcu& rcu, const std::vector<std::unique_ptr<Plugin>>& plugins)
    : ports_(rcu),
      registry_({loop_, rcu, ports_, events_}, catalog_, schemas_),
      builtin_(BuiltinModules()),
      plugins_(plugins) {
  for (const std::unique_ptr<Module>& module : builtin_) {
    module->Register(registry_);
    modules_.push_back(module.get());
  }
  for (const std::unique_ptr<Plugin>& plugin : plugins) {
    if (absl::Status status = plugin->Register(registry_, catalog_); !status.ok()) {
      Fail(MessageOf(status));
    }
    modules_.push_back(&plugin->module());
  }
  if (!registry_.status().ok()) Fail(MessageOf(registry_.status()));
}

EveryModule::~EveryModule() {
  for (const std::unique_ptr<Plugin>& plugin : plugins_) plugin->End();
}

const PortKind& EveryModule::Kind(std::string_view name) const {
  const auto found = std::find_if(kinds().begin(), kinds().end(),
                                  [&](const PortKind& kind) { return kind.name == name; });
  if (found == kinds().end()) Fail(Cat("there is no kind of port ", name));
  return *found;
}

Config EveryModule::Read(std::string_view text) const {
  Errors errors("startup.conf");
  std::optional<Config> config;
  const std::optional<Document> document = Document::Parse(text, &errors);
  if (document) config = ReadAll(*document, schemas_, &errors);
  if (!errors.empty()) Fail(errors.ToString());
  return *std::move(config);
}

}  // namespace weft::testing
