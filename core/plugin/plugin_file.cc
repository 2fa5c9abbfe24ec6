// SPDX-License-Identifier: Apache-2.0
#include "core/plugin/plugin_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/base/text.h"
#include "core/base/unique_fd.h"
#include "core/config/errors.h"
#include "core/plugin/elf_file.h"
#include "core/plugin/private_copy.h"

namespace weft {
namespace {

// The text in a field of fixed size, up to its first zero or to its end.
template <size_t N>
std::string_view TextOf(const char (&field)[N]) {
  return {field, strnlen(field, N)};
}

const StampPart* FindPart(const Stamp& stamp, std::string_view name) {
  for (const StampPart& part : stamp.parts) {
    if (TextOf(part.name) == name) return &part;
  }
  return nullptr;
}

// Whoever can write a plugin, or put another in its place, can run code as us.
absl::Status CheckWriters(const std::string& what, const struct stat& status) {
  const std::string is = Cat(what, " (owner uid ", status.st_uid, ", mode 0",
                             std::string{static_cast<char>('0' + (status.st_mode >> 6 & 7)),
                                         static_cast<char>('0' + (status.st_mode >> 3 & 7)),
                                         static_cast<char>('0' + (status.st_mode & 7))},
                             ") ");
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    return absl::PermissionDeniedError(
        Cat(is, "belongs to somebody else; it must be root's",
            geteuid() == 0 ? std::string() : Cat(" or uid ", geteuid(), "'s"), ": use chown"));
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return absl::PermissionDeniedError(
        Cat(is, "may be written by its group or by others: use chmod go-w"));
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> OpenChecked(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path();
  // Without O_NONBLOCK a pipe would keep us waiting.
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat file {};
  struct stat parent {};
  if (!fd.valid() || fstat(fd.get(), &file) != 0 || stat(directory.c_str(), &parent) != 0) {
    return absl::NotFoundError(Cat("plugin ", path, " cannot be read: ", std::strerror(errno)));
  }
  if (!S_ISREG(file.st_mode)) {
    return absl::InvalidArgumentError(Cat("plugin ", path, " is not a regular file"));
  }
  if (absl::Status ok = CheckWriters(Cat("plugin ", path), file); !ok.ok()) return ok;
  if (absl::Status ok = CheckWriters(Cat("directory ", directory, " of plugin ", path), parent);
      !ok.ok()) {
    return ok;
  }
  return fd;
}

}  // namespace

absl::Status CompareStamps(const Stamp& theirs, const Stamp& ours) {
  std::vector<std::string> differences;
  for (const StampPart& our : ours.parts) {
    const std::string_view name = TextOf(our.name);
    if (name.empty()) continue;
    const StampPart* their = FindPart(theirs, name);
    const std::string_view value = their == nullptr ? "" : TextOf(their->value);
    if (value == TextOf(our.value)) continue;
    differences.push_back(
        Cat(name, " is ", Quoted(value), " there and ", Quoted(TextOf(our.value)), " here"));
  }
  for (const StampPart& their : theirs.parts) {
    const std::string_view name = TextOf(their.name);
    if (name.empty() || FindPart(ours, name) != nullptr) continue;
    differences.push_back(
        Cat(Quoted(name), " is ", Quoted(TextOf(their.value)), " there and unknown here"));
  }
  if (differences.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(Join(differences, "; "));
}

absl::StatusOr<PluginFile> InspectPluginFile(const std::string& path) {
  std::error_code error;
  PluginFile plugin{.path = std::filesystem::canonical(path, error), .copy = {}, .descriptor = {}};
  if (error) {
    return absl::NotFoundError(Cat("plugin ", path, " cannot be read: ", error.message()));
  }
  const absl::StatusOr<UniqueFd> fd = OpenChecked(plugin.path);
  if (!fd.ok()) return fd.status();

  const std::string who = Cat("plugin ", plugin.path);
  const auto of_it = [&](const absl::Status& status) {
    return absl::Status(status.code(), Cat(who, MessageOf(status)));
  };
  absl::StatusOr<UniqueFd> copy =
      PrivateCopy(fd->get(), std::filesystem::path(plugin.path).filename().string());
  if (!copy.ok()) return of_it(copy.status());
  plugin.copy = *std::move(copy);
  const absl::StatusOr<ElfFile> elf = ElfFile::Read(plugin.copy.get());
  if (!elf.ok()) return of_it(elf.status());
  const absl::StatusOr<std::optional<std::string>> section =
      elf->Section(kPluginSection, sizeof(PluginDescriptor));
  if (!section.ok()) return of_it(section.status());
  if (!section->has_value()) {
    return absl::InvalidArgumentError(
        Cat(who, " is no weft plugin: it has no section ", kPluginSection,
            "; a plugin ends in WEFT_PLUGIN(...), see docs/dev/add-a-node.md"));
  }
  if ((*section)->size() < sizeof(PluginDescriptor)) {
    return absl::InvalidArgumentError(Cat(who, " is no weft plugin: its section ", kPluginSection,
                                          " has only ", (*section)->size(), " bytes"));
  }
  std::memcpy(&plugin.descriptor, (*section)->data(), sizeof(PluginDescriptor));
  const PluginDescriptor& descriptor = plugin.descriptor;
  if (TextOf(descriptor.magic) != kPluginMagic) {
    return absl::InvalidArgumentError(Cat(who, " is no weft plugin: its section ", kPluginSection,
                                          " begins with ", Quoted(TextOf(descriptor.magic))));
  }
  if (absl::Status same = CompareStamps(descriptor.stamp, kStamp); !same.ok()) {
    return absl::FailedPreconditionError(Cat(who, " was built for another weft: ", MessageOf(same),
                                             "; build it again with this one"));
  }
  const std::string_view name = TextOf(descriptor.name);
  if (Cat(name, ".so") != std::filesystem::path(plugin.path).filename().string()) {
    return absl::InvalidArgumentError(
        Cat(who, " calls itself ", Quoted(name), "; its file must be named ", name, ".so"));
  }
  if (absl::Status unloads = elf->CheckUnloads(); !unloads.ok()) return of_it(unloads);
  return plugin;
}

}  // namespace weft
