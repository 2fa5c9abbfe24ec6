// SPDX-License-Identifier: Apache-2.0
// Names and numbers as in the ELF-64 object file format, "Sections". Every offset is the file's
// word, so every read may end short.
#include "core/plugin/elf_file.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace weft {
namespace {

// Whether `length` bytes could be read from `offset`.
bool ReadAt(int fd, uint64_t offset, void* to, size_t length) {
  auto* at = static_cast<uint8_t*>(to);
  while (length > 0) {
    if (offset > INT64_MAX) return false;
    const ssize_t got = pread(fd, at, length, static_cast<off_t>(offset));
    if (got <= 0) return false;
    at += got;
    offset += static_cast<uint64_t>(got);
    length -= static_cast<size_t>(got);
  }
  return true;
}

// Whether the string at `offset` of the string table is `name`.
bool HasName(int fd, const Elf64_Shdr& strings, uint32_t offset, std::string_view name) {
  if (offset >= strings.sh_size || strings.sh_size - offset <= name.size()) return false;
  std::string text(name.size() + 1, '\0');
  return ReadAt(fd, strings.sh_offset + offset, text.data(), text.size()) &&
         std::string_view(text.data(), name.size()) == name && text.back() == '\0';
}

absl::Status Damaged(const std::string& what) {
  return absl::InvalidArgumentError(" is damaged: the file ends before " + what);
}

// The entries of a table of T, read some at a time; `look` returns an error to stop.
template <typename T, typename Look>
absl::Status ForEachEntry(int fd, const Elf64_Shdr& table, const std::string& what, Look&& look) {
  constexpr uint64_t kAtOnce = 256;
  std::vector<T> entries;
  for (uint64_t read = 0, count = table.sh_size / sizeof(T); read < count;) {
    entries.resize(std::min(kAtOnce, count - read));
    if (!ReadAt(fd, table.sh_offset + read * sizeof(T), entries.data(),
                entries.size() * sizeof(T))) {
      return Damaged(what);
    }
    for (const T& entry : entries) {
      if (absl::Status status = look(entry); !status.ok()) return status;
    }
    read += entries.size();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ElfFile> ElfFile::Read(int fd) {
  Elf64_Ehdr header;
  if (!ReadAt(fd, 0, header.e_ident, SELFMAG) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return absl::InvalidArgumentError(" is no shared object: it is not an ELF file");
  }
  if (!ReadAt(fd, 0, &header, sizeof header)) return Damaged("its ELF header does");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_X86_64) {
    return absl::InvalidArgumentError(" is for another machine: ELF machine " +
                                      std::to_string(header.e_machine) + ", not x86-64");
  }
  if (header.e_type != ET_DYN) {
    return absl::InvalidArgumentError(" is no shared object: its ELF type is " +
                                      std::to_string(header.e_type));
  }
  ElfFile file(fd);
  if (header.e_shnum == 0 || header.e_shstrndx >= header.e_shnum ||
      header.e_shentsize != sizeof(Elf64_Shdr)) {
    return file;  // it has no sections that a name could be found in
  }
  file.sections_.resize(header.e_shnum);
  if (!ReadAt(fd, header.e_shoff, file.sections_.data(),
              file.sections_.size() * sizeof(Elf64_Shdr))) {
    return Damaged("its section table does");
  }
  file.names_ = file.sections_[header.e_shstrndx];
  return file;
}

absl::StatusOr<std::optional<std::string>> ElfFile::Section(std::string_view name,
                                                            size_t limit) const {
  for (const Elf64_Shdr& section : sections_) {
    if (section.sh_type != SHT_PROGBITS || !HasName(fd_, names_, section.sh_name, name)) continue;
    std::string bytes(std::min<uint64_t>(section.sh_size, limit), '\0');
    if (!ReadAt(fd_, section.sh_offset, bytes.data(), bytes.size())) {
      return Damaged("the section " + std::string(name) + " does");
    }
    return bytes;
  }
  return std::nullopt;
}

absl::Status ElfFile::CheckUnloads() const {
  for (const Elf64_Shdr& section : sections_) {
    absl::Status status;
    if (section.sh_type == SHT_DYNAMIC) status = CheckFlags(section);
    if (section.sh_type == SHT_DYNSYM) status = CheckSymbols(section);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ElfFile::CheckFlags(const Elf64_Shdr& dynamic) const {
  return ForEachEntry<Elf64_Dyn>(
      fd_, dynamic, "its dynamic section does", [](const Elf64_Dyn& entry) -> absl::Status {
        if (entry.d_tag != DT_FLAGS_1 || (entry.d_un.d_val & DF_1_NODELETE) == 0)
          return absl::OkStatus();
        return absl::FailedPreconditionError(
            " could never be unloaded: it is linked with -z nodelete");
      });
}

// glibc keeps who defines a symbol that is one for the whole process (dl-lookup.c, do_lookup_x).
absl::Status ElfFile::CheckSymbols(const Elf64_Shdr& symbols) const {
  return ForEachEntry<Elf64_Sym>(
      fd_, symbols, "its symbols do", [&](const Elf64_Sym& symbol) -> absl::Status {
        if (ELF64_ST_BIND(symbol.st_info) != STB_GNU_UNIQUE || symbol.st_shndx == SHN_UNDEF)
          return absl::OkStatus();
        std::string name;
        if (symbols.sh_link < sections_.size()) {
          constexpr size_t kLongest = 200;
          const Elf64_Shdr& strings = sections_[symbols.sh_link];
          char letter = '\0';
          while (name.size() < kLongest &&
                 ReadAt(fd_, strings.sh_offset + symbol.st_name + name.size(), &letter, 1) &&
                 letter > ' ' && letter <= '~') {
            name += letter;
          }
        }
        return absl::FailedPreconditionError(
            " could never be unloaded: its symbol \"" + name +
            "\" is one for the whole process; compile it with -fno-gnu-unique");
      });
}

}  // namespace weft
