// SPDX-License-Identifier: Apache-2.0
#include "nodes/vhost/guest_memory.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/tenant/mapped_file.h"
#include "core/tenant/memory_fault.h"

namespace weft::vhost {
namespace {

constexpr uint64_t kPage = 4096;

static_assert(kMaxRegions <= kMaxTenantRegions);

bool Overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
  return a < b + b_size && b < a + a_size;
}

// The rules for the numbers alone (hostile.md rule 4).
absl::Status CheckNumbers(std::span<const RegionRequest> regions, uint64_t quota) {
  if (regions.empty() || regions.size() > kMaxRegions) {
    return absl::InvalidArgumentError(
        absl::StrFormat("a memory table of %u regions; 1 to %u are possible (a DPDK application "
                        "with huge pages needs --single-file-segments)",
                        regions.size(), kMaxRegions));
  }
  uint64_t total = 0;
  for (size_t i = 0; i < regions.size(); ++i) {
    const RegionRequest& r = regions[i];
    const std::string name = absl::StrCat("memory region ", i);
    if (r.size == 0) return absl::InvalidArgumentError(absl::StrCat(name, " is empty"));
    if ((r.guest_address | r.user_address | r.file_offset | r.size) % kPage != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " is not aligned to pages of ", kPage, " bytes"));
    }
    for (const uint64_t start : {r.guest_address, r.user_address, r.file_offset}) {
      if (start + r.size < start) {
        return absl::InvalidArgumentError(absl::StrCat(name, " wraps around the address space"));
      }
    }
    for (size_t j = 0; j < i; ++j) {
      const RegionRequest& other = regions[j];
      if (Overlap(r.guest_address, r.size, other.guest_address, other.size) ||
          Overlap(r.user_address, r.size, other.user_address, other.size)) {
        return absl::InvalidArgumentError(absl::StrCat(name, " overlaps region ", j));
      }
    }
    if (r.size > quota - total) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "the memory table is larger than this port's limit of ", quota >> 20, " MiB"));
    }
    total += r.size;
  }
  return absl::OkStatus();
}

}  // namespace

GuestMemory::GuestMemory() : faulted_(std::make_shared<std::atomic<bool>>(false)) {}
GuestMemory::~GuestMemory() = default;

absl::StatusOr<std::shared_ptr<const GuestMemory>> GuestMemory::Map(
    std::span<const RegionRequest> regions, std::span<const UniqueFd> fds, uint64_t quota,
    const GuestMemory* previous) {
  if (absl::Status status = CheckNumbers(regions, quota); !status.ok()) return status;
  if (regions.size() != fds.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(fds.size(), " files for ", regions.size(), " memory regions"));
  }
  std::shared_ptr<GuestMemory> memory(new GuestMemory);
  if (previous != nullptr) memory->faulted_ = previous->faulted_;

  for (size_t i = 0; i < regions.size(); ++i) {
    const auto failed = [i](const absl::Status& status) {
      return absl::Status(status.code(), absl::StrCat("memory region ", i, ": ", status.message()));
    };
    const absl::StatusOr<FileRange> range =
        CheckTenantFile(fds[i].get(), regions[i].file_offset, regions[i].size);
    if (!range.ok()) return failed(range.status());
    std::shared_ptr<const MappedFile> mapping;
    for (size_t j = 0; previous != nullptr && j < previous->count_; ++j) {
      if (previous->backings_[j].mapping->range() == *range) {
        mapping = previous->backings_[j].mapping;
      }
    }
    if (mapping == nullptr) {
      auto made = MappedFile::Map(*range, fds[i].get(), memory->faulted_.get());
      if (!made.ok()) return failed(made.status());
      mapping = *std::move(made);
    }
    memory->regions_[i] = {regions[i].guest_address, regions[i].size,
                           mapping->HostAt(regions[i].file_offset)};
    memory->backings_[i] = {regions[i].user_address, std::move(mapping)};
    memory->bytes_ += regions[i].size;
  }
  memory->count_ = regions.size();
  return memory;
}

ForeignPtr GuestMemory::TranslateUser(uint64_t user_address, uint64_t length) const {
  for (size_t i = 0; i < count_; ++i) {
    const uint64_t offset = user_address - backings_[i].user_address;
    if (length <= regions_[i].size && offset <= regions_[i].size - length) {
      return ForeignPtr(regions_[i].host + offset);
    }
  }
  return ForeignPtr();
}

}  // namespace weft::vhost
