// SPDX-License-Identifier: Apache-2.0
// What is wrong in a configuration file, all of it at once and sorted by place. One Errors object
// follows a file through parsing, reading and checking. Control thread; plugins see this header.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

// Where a key or a value begins. Both count from 1 (columns in characters); line 0 is "nowhere in
// particular".
struct SourceLocation {
  uint32_t line = 0;
  uint32_t column = 0;

  auto operator<=>(const SourceLocation&) const = default;
};

class Errors {
 public:
  // `file` is how the operator named the file; it opens every line.
  explicit Errors(std::string file) : file_(std::move(file)) {}

  // `message` is one sentence without the place. The same error added twice is reported once, so
  // that a section may be read twice.
  void Add(SourceLocation where, std::string message);

  bool empty() const { return errors_.empty(); }
  // "startup.conf:7:11: port "web-1": unknown key "sokcet" (did you mean "socket"?)", by place.
  std::vector<std::string> Lines() const;
  // The lines, each with its line feed.
  std::string ToString() const;
  const std::string& file() const { return file_; }

 private:
  struct Entry {
    SourceLocation where;
    std::string message;
    auto operator<=>(const Entry&) const = default;
  };

  std::string file_;
  std::vector<Entry> errors_;
};

// Whose value is being read, for the words before an error: `port "web-1"` is the owner and
// `vhost.queues` the path below it.
class Place {
 public:
  Place(Errors* errors, std::string owner) : errors_(errors), owner_(std::move(owner)) {}

  Place Key(std::string_view key) const;
  Place Item(size_t index) const;

  // "<owner>: <path>: <message>"
  void Error(SourceLocation where, std::string_view message) const;
  // "<owner>: <message>", for what the message itself names.
  void OwnerError(SourceLocation where, std::string_view message) const;

 private:
  Errors* errors_;
  std::string owner_;
  std::string path_;
};

// Text from a file as an error shows it: in quotes, escaped, shortened when it is long.
std::string Quoted(std::string_view text);

}  // namespace weft
