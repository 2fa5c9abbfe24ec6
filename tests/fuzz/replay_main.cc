// SPDX-License-Identifier: Apache-2.0
// Stands in for libFuzzer's main where there is no libFuzzer: hands every file of a corpus
// directory to the fuzz target once, in the order of their names, so that a crash names its input.
// A program with several targets, those of the file WEFT_FUZZ_ENTRIES, is told which.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

struct Entry {
  std::string_view name;
  int (*run)(const uint8_t* data, size_t size);
};

}  // namespace

#ifdef WEFT_FUZZ_ENTRIES
#define WEFT_FUZZ_ENTRY(name) extern "C" int name##_fuzz(const uint8_t* data, size_t size);
#include WEFT_FUZZ_ENTRIES
#undef WEFT_FUZZ_ENTRY
#define WEFT_FUZZ_ENTRY(name) {#name, name##_fuzz},
constexpr Entry kEntries[] = {
#include WEFT_FUZZ_ENTRIES
};
#else
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
constexpr Entry kEntries[] = {{"", LLVMFuzzerTestOneInput}};
#endif

int main(int argc, char** argv) {
  const std::string_view name = argc == 3 ? argv[2] : "";
  const auto* const entry = std::find_if(std::begin(kEntries), std::end(kEntries),
                                         [&](const Entry& one) { return one.name == name; });
  if (argc < 2 || argc > 3 || entry == std::end(kEntries)) {
    std::fprintf(stderr, "usage: %s CORPUS-DIRECTORY [TARGET]\n", argv[0]);
    return 2;
  }
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (const auto& found : std::filesystem::directory_iterator(argv[1], error)) {
    if (found.is_regular_file()) files.push_back(found.path());
  }
  if (error || files.empty()) {
    // A replay of nothing proves nothing.
    std::fprintf(stderr, "%s: %s\n", argv[1], error ? error.message().c_str() : "no inputs");
    return 1;
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    std::vector<char> bytes((std::istreambuf_iterator<char>(stream)),
                            std::istreambuf_iterator<char>());
    if (!stream) {
      std::fprintf(stderr, "%s: cannot be read\n", file.c_str());
      return 1;
    }
    // Printed first, so that it is the last line before a crash.
    std::printf("%s (%zu bytes)\n", file.filename().c_str(), bytes.size());
    std::fflush(stdout);
    // An exact copy of its own, so that the address sanitizer sees the first byte read past the
    // end.
    std::vector<uint8_t> input(bytes.begin(), bytes.end());
    input.shrink_to_fit();
    entry->run(input.data(), input.size());
  }
  std::printf("%zu inputs replayed\n", files.size());
  return 0;
}
