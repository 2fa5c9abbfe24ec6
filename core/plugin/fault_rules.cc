// SPDX-License-Identifier: Apache-2.0
#include "core/plugin/fault_rules.h"

#include <algorithm>
#include <string_view>

#include "core/base/text.h"
#include "core/config/errors.h"
#include "core/config/suggest.h"
#include "core/plugin/find_plugin.h"

namespace weft {

std::vector<std::string> RulesForNobody(const std::string& file, const Value& root,
                                        const PluginsConfig& config, const std::string& directory) {
  const std::vector<std::string> there = PluginsIn(directory);
  std::vector<std::string_view> known(config.load.begin(), config.load.end());
  known.insert(known.end(), there.begin(), there.end());
  Errors said(file);
  const Place place = Place(&said, "[plugins]").Key("but");
  for (size_t i = 0; i < config.but.size(); ++i) {
    const std::string& name = config.but[i].plugin;
    if (name.empty() || std::find(known.begin(), known.end(), name) != known.end()) continue;
    const Value& rule = (*root.Find("plugins")->value.Find("but")->value.array())[i];
    place.Item(i).Key("plugin").Error(
        rule.WhereIs("plugin"), Cat("there is no plugin ", Quoted(name), DidYouMean(name, known),
                                    "; the rule waits for one that is loaded later"));
  }
  return said.Lines();
}

}  // namespace weft
