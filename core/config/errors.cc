// SPDX-License-Identifier: Apache-2.0
#include "core/config/errors.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "core/base/text.h"

namespace weft {

void Errors::Add(SourceLocation where, std::string message) {
  errors_.push_back({where, std::move(message)});
}

std::vector<std::string> Errors::Lines() const {
  std::vector<Entry> sorted = errors_;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<std::string> lines;
  for (const Entry& error : sorted) {
    if (error.where.line == 0) {
      lines.push_back(Cat(file_, ": ", error.message));
    } else {
      lines.push_back(
          Cat(file_, ":", error.where.line, ":", error.where.column, ": ", error.message));
    }
  }
  return lines;
}

std::string Errors::ToString() const {
  std::string text;
  for (const std::string& line : Lines()) Append(text, line, "\n");
  return text;
}

Place Place::Key(std::string_view key) const {
  Place place = *this;
  Append(place.path_, path_.empty() ? "" : ".", key);
  return place;
}

Place Place::Item(size_t index) const {
  Place place = *this;
  Append(place.path_, "[", index, "]");
  return place;
}

void Place::Error(SourceLocation where, std::string_view message) const {
  OwnerError(where, path_.empty() ? std::string(message) : Cat(path_, ": ", message));
}

void Place::OwnerError(SourceLocation where, std::string_view message) const {
  errors_->Add(where, owner_.empty() ? std::string(message) : Cat(owner_, ": ", message));
}

std::string Quoted(std::string_view text) {
  constexpr size_t kLongest = 80;
  size_t length = std::min(text.size(), kLongest);
  if (length < text.size()) {
    // Not in the middle of a UTF-8 sequence.
    while (length > 0 && (text[length] & 0xc0) == 0x80) --length;
  }
  return Cat("\"", absl::Utf8SafeCHexEscape(std::string(text.substr(0, length))),
             length < text.size() ? "...\"" : "\"");
}

}  // namespace weft
