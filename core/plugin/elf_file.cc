// SPDX-License-Identifier: Apache-2.0
// Names and numbers as in the ELF-64 object file format, "Sections". Every offset is the file's
// word, so every read may end short.
#include "core/plugin/elf_section.h"

#include <elf.h>
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

}  // namespace

absl::StatusOr<std::optional<std::string>> ReadElfSection(int fd, std::string_view name,
                                                          size_t limit) {
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
  if (header.e_shnum == 0 || header.e_shstrndx >= header.e_shnum ||
      header.e_shentsize != sizeof(Elf64_Shdr)) {
    return std::nullopt;  // it has no sections that a name could be found in
  }
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  if (!ReadAt(fd, header.e_shoff, sections.data(), sections.size() * sizeof(Elf64_Shdr))) {
    return Damaged("its section table does");
  }
  const Elf64_Shdr& strings = sections[header.e_shstrndx];
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != SHT_PROGBITS || !HasName(fd, strings, section.sh_name, name)) continue;
    std::string bytes(std::min<uint64_t>(section.sh_size, limit), '\0');
    if (!ReadAt(fd, section.sh_offset, bytes.data(), bytes.size())) {
      return Damaged("the section " + std::string(name) + " does");
    }
    return bytes;
  }
  return std::nullopt;
}

}  // namespace weft
