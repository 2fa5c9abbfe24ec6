// SPDX-License-Identifier: Apache-2.0
// Starts EAL once, as an ordinary user could, for all tests of this program.
#include <gtest/gtest.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "core/worker/eal.h"
#include "tests/nodes/nic/eal/memif_peer.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (GTEST_FLAG_GET(list_tests)) return RUN_ALL_TESTS();
  const std::string core = std::to_string(sched_getcpu());
  std::vector<std::string> words = {"nodes_nic_eal_test",
                                    "--no-huge",
                                    "--no-pci",
                                    "--no-shconf",
                                    "-m",
                                    "192",
                                    "-l",
                                    core,
                                    "--log-level=lib.eal:error",
                                    "--no-telemetry"};
  std::vector<char*> arguments;
  arguments.reserve(words.size());
  for (std::string& word : words) arguments.push_back(word.data());
  if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) {
    std::fprintf(stderr, "skipped: EAL cannot start here: %s\n", rte_strerror(rte_errno));
    constexpr int kSkipped = 77;
    return kSkipped;
  }
  const bool is_peer = argc == 3 && std::string_view(argv[1]) == weft::nic::kMemifPeerFlag;
  const int result = is_peer ? weft::nic::RunMemifPeer(argv[2]) : RUN_ALL_TESTS();
  weft::StopEal();
  return result;
}
