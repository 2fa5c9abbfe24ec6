// SPDX-License-Identifier: Apache-2.0
#include "core/replay/case_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/text.h"
#include "core/config/errors.h"
#include "core/config/suggest.h"

namespace weft {
namespace {

constexpr std::string_view kMark = "===";

struct Kind {
  std::string_view name;
  std::string_view argument;  // what it takes; empty: nothing
  bool result;
};
constexpr std::array kKinds = {
    Kind{"config", "", false},     Kind{"send", "PORT", false}, Kind{"wait", "TIME", false},
    Kind{"rounds", "N", false},    Kind{"get", "PORT", true},   Kind{"drops", "", true},
    Kind{"trace", "[NODE]", true}, Kind{"counters", "", true},  Kind{"ask", "COMMAND", true},
};

std::string_view Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// "send web-1" as a section, or what is wrong with it.
absl::StatusOr<CaseSection> ReadHeader(std::string_view header, size_t line) {
  const size_t blank = std::min(header.find(' '), header.size());
  const std::string_view name = header.substr(0, blank);
  const std::string_view argument = Trimmed(header.substr(blank));
  const auto kind =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& k) { return k.name == name; });
  if (kind == kKinds.end()) {
    std::vector<std::string_view> names;
    for (const Kind& k : kKinds) names.push_back(k.name);
    return absl::InvalidArgumentError(
        Cat("there is no section ", Quoted(name), DidYouMean(name, names)));
  }
  if (!kind->argument.starts_with("[") && argument.empty() != kind->argument.empty()) {
    return absl::InvalidArgumentError(Cat("a section \"", name, "\" is \"", kMark, " ", name,
                                          kind->argument.empty() ? "" : " ", kind->argument, "\""));
  }
  return CaseSection{.kind = std::string(name), .argument = std::string(argument), .line = line};
}

void AppendLines(std::string& text, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) Append(text, line, "\n");
}

}  // namespace

std::vector<std::string> CaseSection::Said() const {
  std::vector<std::string> said;
  for (const std::string_view whole : lines) {
    const std::string_view text = Trimmed(whole.substr(0, whole.find('#')));
    if (!text.empty()) said.emplace_back(text);
  }
  return said;
}

bool IsResult(const CaseSection& section) {
  return std::any_of(kKinds.begin(), kKinds.end(),
                     [&](const Kind& kind) { return kind.name == section.kind && kind.result; });
}

absl::StatusOr<CaseFile> CaseFile::Parse(std::string name, std::string_view text) {
  CaseFile file{.name = std::move(name), .lines = {}, .sections = {}};
  size_t number = 0;
  const auto error = [&](std::string_view what) {
    return absl::InvalidArgumentError(Cat(file.name, ":", number, ": ", what));
  };
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.starts_with(kMark)) {
      absl::StatusOr<CaseSection> section = ReadHeader(Trimmed(line.substr(kMark.size())), number);
      if (!section.ok()) return error(MessageOf(section.status()));
      if (file.sections.empty() != (section->kind == "config"))
        return error("a case begins with \"=== config\", and has one");
      file.sections.push_back(*std::move(section));
    } else if (!file.sections.empty()) {
      file.sections.back().lines.emplace_back(line);
    } else if (Trimmed(line).empty() || Trimmed(line).front() == '#') {
      file.lines.emplace_back(line);
    } else {
      return error("before \"=== config\" there are comments only; each begins with #");
    }
  }
  if (file.sections.empty()) return error("a case has at least \"=== config\"");
  return file;
}

std::string CaseFile::ToString() const {
  std::string text;
  AppendLines(text, lines);
  for (const CaseSection& section : sections) {
    Append(text, kMark, " ", section.kind, section.argument.empty() ? "" : " ", section.argument,
           "\n");
    AppendLines(text, section.lines);
  }
  return text;
}

}  // namespace weft
