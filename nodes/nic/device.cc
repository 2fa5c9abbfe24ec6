// SPDX-License-Identifier: Apache-2.0
#include "nodes/nic/device.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "absl/status/status.h"
#include "core/base/text.h"

namespace weft::nic {
namespace {

bool IsHex(std::string_view text, size_t length) {
  return text.size() == length && std::all_of(text.begin(), text.end(), [](char c) {
           return std::isxdigit(static_cast<unsigned char>(c)) != 0;
         });
}

std::string_view CutTo(std::string_view& rest, char end) {
  const size_t at = rest.find(end);
  const std::string_view piece = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return piece;
}

// "0000:3b:00.1" of "0000:3B:00.1" or "3b:00.1"; nothing if `text` is no PCI address.
std::optional<std::string> PciAddress(std::string_view text) {
  std::string full(text);
  if (std::count(text.begin(), text.end(), ':') == 1) full = Cat("0000:", text);
  std::string_view rest = full;
  const std::string_view domain = CutTo(rest, ':');
  const std::string_view bus = CutTo(rest, ':');
  const std::string_view slot = CutTo(rest, '.');
  const bool good = IsHex(domain, 4) && IsHex(bus, 2) && IsHex(slot, 2) && rest.size() == 1 &&
                    rest[0] >= '0' && rest[0] <= '7';
  if (!good) return std::nullopt;
  for (char& c : full) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return full;
}

}  // namespace

absl::StatusOr<Device> Device::Parse(std::string_view text) {
  const bool odd = std::any_of(text.begin(), text.end(), [](char c) {
    return std::isgraph(static_cast<unsigned char>(c)) == 0;
  });
  if (odd) return absl::InvalidArgumentError("must not contain spaces or control characters");
  std::string_view rest = text;
  const std::string_view name = CutTo(rest, ',');
  if (name.empty()) {
    return absl::InvalidArgumentError(
        "must name a device: \"0000:3b:00.1\" or \"net_af_packet0,iface=eth1\"");
  }
  Device device;
  if (const std::optional<std::string> address = PciAddress(name); address) {
    device.name_ = *address;
    device.is_pci_ = true;
  } else if (name.find_first_of(":./=") != std::string_view::npos) {
    return absl::InvalidArgumentError(
        Cat("\"", name, "\" is neither a PCI address such as 0000:3b:00.1 nor the name of a ",
            "virtual device such as net_tap0"));
  } else {
    device.name_ = name;
  }
  while (!rest.empty()) {
    std::string_view value = CutTo(rest, ',');
    if (value.empty()) return absl::InvalidArgumentError("has a comma without an argument");
    const std::string_view key = CutTo(value, '=');
    device.arguments_.emplace_back(key, value);
  }
  return device;
}

std::string_view Device::Argument(std::string_view key) const {
  for (const auto& [name, value] : arguments_) {
    if (name == key) return value;
  }
  return {};
}

std::string_view Device::KernelInterface() const {
  if (Is("net_af_packet") || Is("net_af_xdp") || Is("net_pcap")) return Argument("iface");
  if (Is("net_tap")) return Argument("remote");
  return {};
}

std::string_view Device::QueueArgument() const {
  if (Is("net_af_packet")) return "qpairs";
  if (Is("net_af_xdp")) return "queue_count";
  if (Is("net_vhost") || Is("net_virtio_user")) return "queues";
  return {};
}

std::string Device::ToString() const {
  std::string text = name_;
  for (const auto& [key, value] : arguments_) {
    text += value.empty() ? Cat(",", key) : Cat(",", key, "=", value);
  }
  return text;
}

bool Device::SameAs(const Device& other) const {
  if (name_ == other.name_) return true;
  return !KernelInterface().empty() && KernelInterface() == other.KernelInterface();
}

}  // namespace weft::nic
