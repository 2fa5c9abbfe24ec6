// SPDX-License-Identifier: Apache-2.0
#include "core/shell/request.h"

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "core/shell/command_table.h"
#include "core/shell/typed_reply.h"
#include "core/shell/utf8.h"

namespace weft {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxWidth = 10'000;

enum class What : uint8_t { kRun, kComplete, kSchema };
enum class Format : uint8_t { kJson, kText, kTyped };

struct Request {
  std::string line;
  What what = What::kRun;
  Format format = Format::kJson;
  size_t width = 0;
};

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::Status ReadField(const std::string& key, const Json& value, Request& request) {
  if (key == "command" || key == "complete" || key == "schema") {
    if (!value.is_string()) {
      return absl::InvalidArgumentError(absl::StrFormat("\"%s\" has to be a string", key));
    }
    request.line = value.get_ref<const std::string&>();
    request.what = key == "command"    ? What::kRun
                   : key == "complete" ? What::kComplete
                                       : What::kSchema;
  } else if (key == "format") {
    if (value != "text" && value != "json" && value != "typed") {
      return absl::InvalidArgumentError("\"format\" has to be \"json\", \"text\" or \"typed\"");
    }
    request.format = value == "json"   ? Format::kJson
                     : value == "text" ? Format::kText
                                       : Format::kTyped;
  } else if (key == "width") {
    if (!value.is_number_unsigned() || value.get<uint64_t>() > kMaxWidth) {
      return absl::InvalidArgumentError(
          absl::StrFormat("\"width\" has to be a number from 0 to %d", kMaxWidth));
    }
    request.width = value.get<size_t>();
  } else {
    return absl::InvalidArgumentError(absl::StrFormat(
        "unknown key \"%s\"; there are command, complete, schema, format, width", Printable(key)));
  }
  return absl::OkStatus();
}

absl::StatusOr<Request> ParseRequest(std::string_view line) {
  const Json json = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::InvalidArgumentError(
        "a request is one JSON object on one line, like {\"command\":\"help\"}");
  }
  if (json.count("command") + json.count("complete") + json.count("schema") != 1) {
    return absl::InvalidArgumentError(
        "a request has either \"command\", \"complete\" or \"schema\"");
  }
  Request request;
  for (const auto& [key, value] : json.items()) {
    if (absl::Status status = ReadField(key, value, request); !status.ok()) return status;
  }
  return request;
}

std::string CompletionAnswer(const Completion& completion) {
  Json candidates = Json::array();
  for (const Candidate& candidate : completion.candidates) {
    candidates.push_back({{"text", candidate.text},
                          {"help", candidate.help},
                          {"placeholder", candidate.placeholder}});
  }
  return Dump({{"ok", true}, {"data", {{"start", completion.start}, {"candidates", candidates}}}});
}

}  // namespace

std::string ErrorAnswer(std::string_view error) { return Dump({{"ok", false}, {"error", error}}); }

std::string AnswerRequest(const CommandTable& commands, std::string_view line) {
  const absl::StatusOr<Request> request = ParseRequest(line);
  if (!request.ok()) return ErrorAnswer(std::string(request.status().message()));
  if (request->what == What::kComplete) return CompletionAnswer(commands.Complete(request->line));
  if (request->what == What::kSchema) {
    const absl::StatusOr<Shape> shape = commands.ShapeOf(request->line);
    if (!shape.ok()) return ErrorAnswer(std::string(shape.status().message()));
    return "{\"ok\":true,\"data\":" + ToJsonSchema(*shape) + "}";
  }
  const absl::StatusOr<Reply> reply = commands.Run(request->line);
  if (!reply.ok()) return ErrorAnswer(std::string(reply.status().message()));
  switch (request->format) {
    case Format::kText:
      return Dump({{"ok", true}, {"text", RenderText(*reply, request->width)}});
    case Format::kTyped:
      return Dump({{"ok", true}, {"reply", ToTyped(*reply)}});
    default:
      return "{\"ok\":true,\"data\":" + ToJson(*reply) + "}";
  }
}

}  // namespace weft
