// SPDX-License-Identifier: Apache-2.0
// weft-silent SOCKET...: a container at each socket that attaches and then says nothing. Prints
// "attached" and stays until its input ends.
#include <cstdio>
#include <string>
#include <vector>

#include "bench/load/split_port.h"

int main(int argc, char** argv) {
  std::vector<weft::load::AttachedPort> containers;
  for (int i = 1; i < argc; ++i) {
    weft::load::ContainerOptions options;
    options.socket = argv[i];
    options.ring = 256;
    auto container = weft::load::MakeSplitPort(options);
    if (!container.ok()) {
      std::fprintf(stderr, "weft-silent: %s: %s\n", argv[i],
                   std::string(container.status().message()).c_str());
      return 1;
    }
    containers.push_back(*std::move(container));
  }
  std::puts("attached");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
