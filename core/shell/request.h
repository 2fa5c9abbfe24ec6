// SPDX-License-Identifier: Apache-2.0
// The control protocol, one JSON object a line each way:
//   {"command":"show ports"}                              -> {"ok":true,"data":[...]}
//   {"command":"show ports","format":"text","width":80}   -> {"ok":true,"text":"..."}
//   {"command":"show ports","format":"typed"}             -> {"ok":true,"reply":...}, typed_reply.h
//   {"schema":"show ports"}                               -> {"ok":true,"data":a JSON Schema}
//   {"complete":"show po"}                                -> {"ok":true,"data":{"start":5,
//                              "candidates":[{"text":"ports","help":"...","placeholder":false}]}}
//   anything that fails                                   -> {"ok":false,"error":"..."}
// Without "width", or with 0, text lines are as long as they need to be. Control thread.
#pragma once

#include <string>
#include <string_view>

namespace weft {

class CommandTable;

// Runs one request and gives the answer: one line of JSON, without its newline.
std::string AnswerRequest(const CommandTable& commands, std::string_view line);

// {"ok":false,"error":"..."}.
std::string ErrorAnswer(std::string_view error);

}  // namespace weft
