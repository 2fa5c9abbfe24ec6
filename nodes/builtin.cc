// SPDX-License-Identifier: Apache-2.0
#include "nodes/builtin.h"

#include "core/arcs_module.h"
#include "nodes/l2/l2_module.h"
#include "nodes/nic/nic_module.h"
#include "nodes/vhost/vhost_module.h"

namespace weft {

std::vector<std::unique_ptr<Module>> BuiltinModules() {
  std::vector<std::unique_ptr<Module>> modules;
  modules.push_back(std::make_unique<ArcsModule>());
  modules.push_back(std::make_unique<vhost::VhostModule>());
  modules.push_back(std::make_unique<nic::NicModule>());
  modules.push_back(std::make_unique<l2::L2Module>());
  return modules;
}

}  // namespace weft
