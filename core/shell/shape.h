// SPDX-License-Identifier: Apache-2.0
// What a command answers in JSON, declared with the command: the reference prints it, `weftctl
// --schema` gives it as JSON Schema, and a test holds every answer against it. The columns are the
// same objects that the answer is made of, so the two cannot drift apart:
//   {.words = "show bridges", .shape = Shape::Rows(BridgeColumns()), .run = ...}
// Values; control thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/shell/reply.h"

namespace weft {

struct NamedShape;

struct Shape {
  enum class Form : uint8_t {
    kText,      // a string
    kRows,      // an array of objects with these columns
    kRecord,    // one object with them
    kSections,  // an object with one member for each of `parts`
    kEach,      // an object whose members, of any name, are all like the only one of `parts`
    kOneOf,     // like one of `parts`
    kOther,     // what `help` says; for what weftctl makes of answers
    kNone,      // none: the command refuses --json
  };
  Form form = Form::kText;
  // kText, kOther, kNone: what is answered; kRecord: what more it may have, empty if nothing.
  std::string help{};
  std::vector<Column> columns{};
  std::vector<NamedShape> parts;  // without {}, for which clang wants them to be complete

  static Shape Text(std::string help);
  static Shape Rows(std::vector<Column> columns);
  static Shape Record(std::vector<Column> columns, std::string more = "");
  static Shape Sections(std::vector<NamedShape> parts);
  static Shape Each(NamedShape part);
  static Shape OneOf(std::vector<NamedShape> parts);
  static Shape Other(std::string help);
  static Shape None(std::string help);
};

// kSections: the section's title; kEach: what the names are; kOneOf: when it is like that.
struct NamedShape {
  std::string name;
  Shape shape;
};

// A sentence on where `reply` differs from `shape`; empty if it does not.
std::string Mismatch(const Shape& shape, const Reply& reply);

// As JSON Schema 2020-12, one line.
std::string ToJsonSchema(const Shape& shape);

// As Markdown: a sentence, and a table of what an object has.
std::string DescribeShape(const Shape& shape);

}  // namespace weft
