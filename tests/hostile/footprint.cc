// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/footprint.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>
#include <vector>

#include "core/base/text.h"

namespace weft::hostile {
namespace {

size_t EntriesOf(const std::string& path) {
  std::error_code error;
  size_t count = 0;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    ++count;
  }
  return count;
}

struct Mapping {
  uint64_t begin = 0;
  uint64_t end = 0;
  std::string rights;
  std::string what;

  bool anonymous() const { return what.empty(); }
  bool guard() const { return anonymous() && rights == "---p"; }
};

// A line of /proc/PID/maps (proc(5)): begin-end, rights, offset, device, inode, and what it is.
Mapping MappingOf(const std::string& line) {
  Mapping mapping;
  std::istringstream words(line);
  std::string range;
  std::string skipped;
  words >> range >> mapping.rights >> skipped >> skipped >> skipped >> std::ws;
  std::getline(words, mapping.what);
  // A plugin that was built anew meanwhile is deleted, and the same.
  constexpr std::string_view kDeleted = " (deleted)";
  if (mapping.what.ends_with(kDeleted)) {
    mapping.what.resize(mapping.what.size() - kDeleted.size());
  }
  char* end = nullptr;
  mapping.begin = std::strtoull(range.c_str(), &end, 16);
  mapping.end = std::strtoull(end + 1, nullptr, 16);
  return mapping;
}

// The stack of a thread has a page before it that nobody may touch, and an arena of the allocator
// begins at a multiple of its most bytes and has the rest of them behind it.
bool IsOfThread(const std::vector<Mapping>& all, size_t i) {
  constexpr uint64_t kArena = 64 << 20;
  if (!all[i].anonymous()) return false;
  if (all[i].guard()) return true;
  const bool stack = i > 0 && all[i - 1].guard() && all[i - 1].end == all[i].begin;
  const bool arena = all[i].begin % kArena == 0 && i + 1 < all.size() && all[i + 1].guard() &&
                     all[i + 1].begin == all[i].end;
  return stack || arena;
}

std::map<std::string, Extent> MappingsOf(const std::string& file) {
  std::vector<Mapping> all;
  std::ifstream maps(file);
  for (std::string line; std::getline(maps, line);) all.push_back(MappingOf(line));
  std::map<std::string, Extent> kinds;
  for (size_t i = 0; i < all.size(); ++i) {
    const Mapping& mapping = all[i];
    const char* const unnamed = IsOfThread(all, i) ? Footprint::kOfThreads : Footprint::kAnonymous;
    Extent& extent = kinds[mapping.anonymous() ? unnamed : mapping.what];
    ++extent.mappings;
    extent.bytes += mapping.end - mapping.begin;
  }
  return kinds;
}

std::string Text(const Extent& extent) {
  return Cat(extent.mappings, " mappings of ", extent.bytes, " bytes");
}

}  // namespace

std::string Buffers::Text() const {
  return Cat(packets, " packets, of which one dispatch took ", most_used);
}

Footprint Footprint::Of(pid_t process) {
  const std::string directory = Cat("/proc/", process);
  Footprint found{.fds = EntriesOf(directory + "/fd"), .threads = EntriesOf(directory + "/task")};
  found.mappings = MappingsOf(directory + "/maps");
  std::ifstream status(directory + "/status");
  for (std::string word; status >> word;) {
    if (word == "RssAnon:") status >> found.rss_kib;
  }
  return found;
}

size_t Footprint::mapping_count() const {
  size_t count = 0;
  for (const auto& [what, extent] : mappings) count += extent.mappings;
  return count;
}

std::string Footprint::Beyond(const Footprint& before) const {
  std::vector<std::string> found;
  const auto exact = [&](const char* what, uint64_t was, uint64_t is) {
    if (is != was) found.push_back(Cat(is, " ", what, " instead of ", was));
  };
  exact("descriptors", before.fds, fds);
  exact("threads", before.threads, threads);
  exact("bytes of DPDK's", before.dpdk_bytes, dpdk_bytes);
  if (!buffers.Whole(before.buffers)) {
    found.push_back(Cat(buffers.Text(), ", instead of ", before.buffers.Text()));
  }
  const auto about = [&](const char* what, size_t was, size_t is, size_t more) {
    if (is > was + more) found.push_back(Cat(is, " ", what, " instead of ", was));
  };
  about("KiB resident", before.rss_kib, rss_kib, kMoreMemoryKib);
  about("KiB of the heap", before.heap_kib, heap_kib, kMoreMemoryKib);
  std::set<std::string> kinds;
  for (const auto& all : {mappings, before.mappings}) {
    for (const auto& [what, extent] : all) kinds.insert(what);
  }
  const auto extent_of = [](const Footprint& footprint, const std::string& what) {
    const auto at = footprint.mappings.find(what);
    return at == footprint.mappings.end() ? Extent{} : at->second;
  };
  for (const std::string& what : kinds) {
    const Extent was = extent_of(before, what);
    const Extent is = extent_of(*this, what);
    if (what == kAnonymous) {
      about("anonymous mappings", was.mappings, is.mappings, kMoreAnonymous);
      about("bytes of anonymous mappings", was.bytes, is.bytes, kMoreMemoryKib << 10);
    } else if (what == kOfThreads) {
      about("mappings of threads", was.mappings, is.mappings, kMoreOfThreads);
    } else if (what.starts_with('[')) {
      exact(what.c_str(), was.mappings, is.mappings);  // the heap grows, as others are done with it
    } else if (!(is == was)) {
      found.push_back(Cat(what, ": ", Text(is), " instead of ", Text(was)));
    }
  }
  return Join(found);
}

}  // namespace weft::hostile
