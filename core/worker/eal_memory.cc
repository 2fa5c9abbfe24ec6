// SPDX-License-Identifier: Apache-2.0
#include "core/worker/eal_memory.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include "core/base/text.h"

namespace weft {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMegabyte = 1 << 20;

// The number at the beginning of a file; 0 if there is none.
uint64_t NumberIn(const fs::path& path) {
  std::ifstream file(path);
  uint64_t number = 0;
  return file >> number ? number : 0;
}

bool Has(const std::vector<std::string>& arguments, std::string_view wanted) {
  return std::find(arguments.begin(), arguments.end(), wanted) != arguments.end();
}

std::optional<uint64_t> Number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// MB behind "-m", of which EAL takes the last.
std::optional<uint64_t> Megabytes(const std::vector<std::string>& arguments) {
  std::optional<uint64_t> megabytes;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "-m" && i + 1 < arguments.size()) {
      megabytes = Number(arguments[i + 1]);
    } else if (arguments[i].starts_with("-m")) {
      megabytes = Number(std::string_view(arguments[i]).substr(2));
    }
  }
  return megabytes;
}

}  // namespace

MachineMemory MachineMemory::Read(const std::string& root) {
  MachineMemory memory;
  std::ifstream meminfo(root + "/proc/meminfo");
  std::string key;
  uint64_t value = 0;
  for (std::string rest; meminfo >> key >> value && std::getline(meminfo, rest);) {
    if (key == "MemTotal:") memory.total = value * 1024;
  }
  // One folder a size: "hugepages-2048kB".
  constexpr std::string_view kFolder = "hugepages-";
  std::error_code error;
  for (fs::directory_iterator at(root + "/sys/kernel/mm/hugepages", error), end;
       !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(kFolder) || !name.ends_with("kB")) continue;
    const uint64_t size = 1024 * Number(std::string_view(name).substr(
                                            kFolder.size(), name.size() - kFolder.size() - 2))
                                     .value_or(0);
    memory.huge_free += size * NumberIn(at->path() / "free_hugepages");
    memory.huge_total += size * NumberIn(at->path() / "nr_hugepages");
  }
  return memory;
}

absl::Status CheckEalMemory(const std::vector<std::string>& arguments,
                            const MachineMemory& machine) {
  const bool huge = !Has(arguments, "--no-huge");
  if (!huge && Has(arguments, "--in-memory")) {
    return absl::InvalidArgumentError(
        "eal: DPDK refuses --no-huge together with --in-memory; keep one of them");
  }
  const uint64_t megabytes = Megabytes(arguments).value_or(1);  // with --socket-mem: some
  if (!huge && megabytes > machine.total / kMegabyte) {
    return absl::ResourceExhaustedError(Cat("memory: DPDK would reserve ", megabytes,
                                            " MB, but the machine has ", machine.total / kMegabyte,
                                            " MB"));
  }
  if (huge && megabytes > machine.huge_free / kMegabyte) {
    return absl::ResourceExhaustedError(
        Cat("memory: DPDK is to have ", megabytes, " MB of huge pages, but of ",
            machine.huge_total / kMegabyte, " MB that are reserved ", machine.huge_free / kMegabyte,
            " MB are free; reserve more with `sysctl vm.nr_hugepages=NUMBER`, or write ",
            "eal = [\"--no-huge\"]"));
  }
  return absl::OkStatus();
}

}  // namespace weft
