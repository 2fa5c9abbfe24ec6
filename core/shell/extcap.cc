// SPDX-License-Identifier: Apache-2.0
#include "core/shell/extcap.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/unique_fd.h"
#include "core/packet/packet_filter.h"
#include "core/shell/capture_client.h"
#include "core/shell/words.h"

namespace weft {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kAll = "weft-all";
constexpr std::string_view kDrops = "weft-drops";
constexpr std::string_view kPortPrefix = "weft.";  // of a port's interface: weft.web-1

// The options that a call may have; those without a value have an empty one here.
struct Call {
  std::map<std::string, std::string, std::less<>> options;

  bool Has(std::string_view name) const { return options.find(name) != options.end(); }
  std::string Value(std::string_view name) const {
    const auto found = options.find(name);
    return found == options.end() ? "" : found->second;
  }
};

// "--fifo F", "--fifo=F" or "--capture". Unknown ones are of a newer Wireshark, and no harm.
Call ParseCall(const std::vector<Word>& arguments) {
  Call call;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i].text;
    if (!argument.starts_with("--")) continue;
    const size_t equals = argument.find('=');
    if (equals != std::string::npos) {
      call.options[argument.substr(2, equals - 2)] = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size() && !arguments[i + 1].text.starts_with("--")) {
      call.options[argument.substr(2)] = arguments[i + 1].text;
      ++i;
    } else {
      call.options[argument.substr(2)] = "";
    }
  }
  return call;
}

// Without a weftd there are no interfaces, which is no error to Wireshark.
void ListInterfaces(ControlClient& client, FILE* out) {
  absl::FPrintF(out, "extcap {version=1.0}{display=weft}\n");
  const absl::StatusOr<std::string> answer = client.Json("show ports");
  if (!answer.ok()) return;
  const Json ports = Json::parse(*answer, nullptr, /*allow_exceptions=*/false);
  absl::FPrintF(out, "interface {value=%s}{display=weft: all ports}\n", kAll);
  absl::FPrintF(out, "interface {value=%s}{display=weft: what is dropped}\n", kDrops);
  if (!ports.is_array()) return;
  for (const Json& port : ports) {
    if (!port.is_object() || !port.contains("name") || !port["name"].is_string()) continue;
    const std::string name = port["name"].get<std::string>();
    absl::FPrintF(out, "interface {value=%s%s}{display=weft: port %s}\n", kPortPrefix, name, name);
  }
}

void ListArguments(FILE* out) {
  absl::FPrintF(out,
                "arg {number=0}{call=--snaplen}{display=Bytes kept of a packet}{type=integer}"
                "{range=14,9216}{default=9216}\n"
                "arg {number=1}{call=--node}{display=Node, or NODE.NEXT}{type=string}"
                "{tooltip=what a node decides on, instead of what comes and goes}\n");
}

// The words of `capture start`. As long as Wireshark reads, so the limits are the highest.
absl::StatusOr<std::vector<std::string>> WordsOf(const Call& call) {
  std::vector<std::string> words = {"count",         "1000000000", "bytes",
                                    "1099511627776", "seconds",    "86400"};
  const auto add = [&](const char* keyword, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {keyword, value});
  };
  const std::string interface = call.Value("extcap-interface");
  if (interface == kDrops) {
    add("drop", "any");
  } else if (interface.starts_with(kPortPrefix)) {
    add("port", interface.substr(kPortPrefix.size()));
  } else if (interface != kAll) {
    return absl::NotFoundError(absl::StrFormat("there is no interface \"%s\"", interface));
  }
  add("node", call.Value("node"));
  add("snaplen", call.Value("snaplen"));
  add("filter", call.Value("extcap-capture-filter"));
  return words;
}

absl::Status CaptureToFifo(ControlClient& client, const Call& call) {
  const std::string fifo = call.Value("fifo");
  if (fifo.empty()) return absl::InvalidArgumentError("--capture needs --fifo");
  const auto words = WordsOf(call);
  if (!words.ok()) return words.status();
  const auto open_fifo = [&]() -> absl::StatusOr<UniqueFd> {
    UniqueFd out(open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
    if (out.valid()) return out;
    return absl::ErrnoToStatus(errno, absl::StrFormat("cannot write %s", fifo));
  };
  return RunCapture(client, *words, open_fifo).status();
}

// A filter alone: is it good? What is printed says why it is not.
void CheckFilter(const std::string& filter, FILE* out) {
  if (filter.empty()) return;
  const auto compiled = PacketFilter::Compile(filter);
  if (!compiled.ok()) absl::FPrintF(out, "%s\n", compiled.status().message());
}

}  // namespace

int RunExtcap(ControlClient& client, const Arguments& arguments, const Display& display,
              std::string_view where) {
  FILE* const out = display.out;
  if (display.json) {
    return Fail(absl::InvalidArgumentError(
                    "extcap answers Wireshark in a form of its own; it has no --json"),
                display, where);
  }
  const absl::StatusOr<std::vector<Word>> words = SplitWords(arguments.Text("arguments"));
  if (!words.ok()) return Fail(words.status(), display, where);
  const Call call = ParseCall(*words);
  if (call.Has("extcap-interfaces")) {
    ListInterfaces(client, out);
  } else if (call.Has("extcap-dlts")) {
    absl::FPrintF(out, "dlt {number=1}{name=EN10MB}{display=Ethernet}\n");  // LINKTYPE_ETHERNET
  } else if (call.Has("extcap-config")) {
    ListArguments(out);
  } else if (call.Has("capture")) {
    if (const absl::Status status = CaptureToFifo(client, call); !status.ok())
      return Fail(status, display, where);
  } else if (call.Has("extcap-capture-filter")) {
    CheckFilter(call.Value("extcap-capture-filter"), out);
  } else {
    return Fail(absl::InvalidArgumentError("extcap needs --extcap-interfaces, --extcap-dlts, "
                                           "--extcap-config, --extcap-capture-filter or --capture"),
                display, where);
  }
  return kExitDone;
}

}  // namespace weft
