// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/lane.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/text.h"
#include "core/packet/ethernet.h"
#include "tests/hostile/memif/server.h"
#include "tests/hostile/memif/tenant.h"

namespace weft::hostile {
namespace {

constexpr size_t kMac = 6;
constexpr size_t kHeader = 14;
constexpr size_t kShown = 78;  // bytes of a frame that escaped
constexpr uint32_t kMtu = 1500;

std::string PortName(std::string_view role, uint32_t lane) { return Cat(role, "-", lane); }

std::string Hex(uint8_t byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return {kDigits[byte >> 4], kDigits[byte & 15]};
}

std::string TextOf(const Bytes& mac) {
  std::string text;
  for (const uint8_t byte : mac) text += (text.empty() ? "" : ":") + Hex(byte);
  return text;
}

}  // namespace

Bytes Lane::MacOf(uint32_t lane, Member member) {
  return {0x02, 0, 0, 1, static_cast<uint8_t>(lane), member};
}

std::string Lane::ConfigOf(uint32_t number) {
  const std::string bridge = PortName("lane", number);
  std::string config = Cat("[[bridge]]\nname = \"", bridge, "\"\n");
  struct Row {
    std::string_view role;
    Member member;
    std::string kind;
    bool lies;  // a liar's, who may get nothing past his guard
  };
  const Row rows[] = {
      {"liar", kLiar, "vhost = { offload = true }", true},
      {"memif-liar", kMemifLiar, "memif = {}", true},
      {"memif-server", kMemifServer, "memif = { role = \"client\" }", true},
      {"witness", kWitness, "vhost = {}", false},
      {"bystander", kBystander, "vhost = {}", false},
      {"wide", kWide, Cat("vhost = { queues = ", kWidePairs, " }"), false},
  };
  for (const Row& row : rows) {
    const std::string mac = TextOf(MacOf(number, row.member));
    config += Cat("[[port]]\nname = \"", PortName(row.role, number), "\"\nbridge = \"", bridge,
                  "\"\nmac = \"", mac, "\"\n", row.kind, "\n");
    if (row.lies && IsGuarded(number)) config += Cat("mac-guard = { allow = \"", mac, "\" }\n");
  }
  return config;
}

Lane::Lane(const SwitchProcess& weftd, uint32_t number, SilentFiles* files)
    : weftd_(weftd),
      number_(number),
      files_(files),
      places_([&] {
        const auto place = [&](std::string_view role, Member member, const char* socket) {
          std::string port = PortName(role, number);
          std::string path = weftd.socket(port, socket);
          return Place{member, std::move(port), std::move(path)};
        };
        return std::array{place("liar", kLiar, "vhost.sock"),
                          place("memif-liar", kMemifLiar, "memif.sock"),
                          place("memif-server", kMemifServer, "memif.sock")};
      }()),
      wide_port_(PortName("wide", number)),
      wide_socket_(weftd.socket(wide_port_)),
      shell_(weftd.directory()),
      witness_({.socket = weftd.socket(PortName("witness", number))}),
      bystander_(std::make_unique<Tenant>(
          TenantOptions{.socket = weftd.socket(PortName("bystander", number))})) {}

bool Lane::SetUp() { return witness_.Reach(Stage::kRunning) && bystander_->Reach(Stage::kRunning); }

bool Lane::BystanderReturns() {
  Watch();
  const std::string socket = bystander_->socket();
  bystander_.reset();  // of one port there is one at a time
  bystander_ = std::make_unique<Tenant>(TenantOptions{.socket = socket});
  return bystander_->Reach(Stage::kRunning);
}

TenantOptions Lane::Options(Rings rings) const { return {.socket = liar_socket(), .rings = rings}; }

Complaint Lane::Play(const Case& one) {
  liar_ = one.liar;
  const Complaint complaint = one.play(*this);
  return complaint.empty() ? ExpectUsable() : complaint;
}

bool Lane::Reach(Tenant& tenant, Stage stage) {
  if (stage == Stage::kFresh || stage == Stage::kNegotiated) return tenant.Reach(stage);
  return tenant.Reach(Stage::kRunning) && ExpectUp().empty() &&
         (stage == Stage::kRunning || tenant.Stop());
}

Complaint Lane::ExpectOneOf(const std::string& port_name,
                            std::initializer_list<std::string_view> words) {
  const std::string command = "show port " + port_name;
  std::string reason = "no answer";
  const bool found = Await([&] {
    const nlohmann::json port = shell_.Ask(command);
    if (port.is_null()) return true;
    reason = port.value("reason", "");
    return port.value("state", "") == "error" && !reason.empty();
  });
  if (!found) return Cat("the port is not in error (", reason, ")");
  const auto said = [&](std::string_view one) { return reason.find(one) != reason.npos; };
  if (std::any_of(words.begin(), words.end(), said)) return "";
  return Cat("the port's reason is \"", reason, "\", not \"", Join(words, "\" or \""), "\"");
}

uint64_t Lane::Drops(std::string_view reason) {
  uint64_t drops = 0;
  for (const nlohmann::json& row : shell_.Ask("show drops port " + liar_port())) {
    if (row.value("reason", "") == reason) drops += row.value("packets", uint64_t{0});
  }
  return drops;
}

Complaint Lane::ExpectDrop(std::string_view reason, uint64_t before) {
  if (Await([&] { return Drops(reason) > before; })) return "";
  return Cat("nothing was dropped as \"", reason,
             "\": ", shell_.Ask("show drops port " + liar_port()).dump(), ", ",
             shell_.Ask("show port " + liar_port()).dump());
}

Complaint Lane::ExpectUp(const std::string& port_name) {
  nlohmann::json port;
  const bool up = Await([&] {
    port = shell_.Ask("show port " + port_name);
    return port.is_null() || port.value("state", "") == "up";
  });
  return up && !port.is_null() ? "" : Cat("the port is not up: ", port.dump());
}

Complaint Lane::ExpectDown() {
  nlohmann::json port;
  const bool down = Await([&] {
    port = shell_.Ask("show port " + liar_port());
    return port.is_null() || port.value("state", "") == "down";
  });
  return down && !port.is_null() ? "" : Cat("the port is not down: ", port.dump());
}

Complaint Lane::ExpectSent(Station& station) {
  // The witness's ring may still be full of what a race has sent, and then a frame is lost there:
  // all of that is taken out first.
  constexpr int kTries = 3;
  for (int i = 0; i < kTries; ++i) {
    Watch();
    const Bytes frame = FrameToWitness();
    station.Transmit(frame);
    if (Arrives(witness_, frame)) return "";
  }
  return "the port's frames did not arrive";
}

Complaint Lane::ExpectReceived(Station& station) {
  const Bytes frame = FrameToLiar();
  witness_.Transmit(frame);
  return Arrives(station, frame) ? "" : "the port did not get its frame";
}

Complaint Lane::ExpectAtWitness(const Bytes& frame) {
  return Arrives(witness_, frame) ? "" : "a frame that is good did not arrive";
}

Complaint Lane::ExpectFrames(Station& station) {
  Complaint complaint = ExpectUp();
  if (complaint.empty()) complaint = ExpectSent(station);
  if (complaint.empty()) complaint = ExpectReceived(station);
  return complaint;
}

std::unique_ptr<Station> Lane::Honest() const {
  switch (liar_) {
    case Liar::kVhost:
      break;
    case Liar::kMemif:
      return std::make_unique<MemifTenant>(MemifOptions{.socket = liar_socket()});
    case Liar::kMemifServer:
      return std::make_unique<MemifServer>(liar_socket());
  }
  return MakeTenant();
}

Complaint Lane::ExpectUsable() {
  const std::unique_ptr<Station> honest = Honest();
  Complaint complaint = honest->Run() ? ExpectFrames(*honest) : "nobody can connect any more";
  return complaint.empty() ? "" : Cat("afterwards: ", complaint);
}

Bytes Lane::Frame(Member to, Member from) {
  ++frames_;
  Bytes frame = MacOf(number_, to);
  const Bytes source = MacOf(number_, from);
  frame.insert(frame.end(), source.begin(), source.end());
  frame.insert(frame.end(), {0x88, 0xb5});  // for local experiments (IEEE 802)
  frame.resize(60 + frames_ * 97 % 1454);
  for (size_t i = kHeader; i < frame.size(); ++i) {
    frame[i] = static_cast<uint8_t>(i * 31 + frames_ + frames_ / 256);
  }
  return frame;
}

std::pair<Bytes, Bytes> Lane::AddressesToWitness() const {
  return {MacOf(number_, kWitness), MacOf(number_, liar().member)};
}

Bytes Lane::FrameToWitness() { return Frame(kWitness, liar().member); }
Bytes Lane::FrameToLiar() { return Frame(liar().member, kWitness); }

bool Lane::Arrives(Station& station, const Bytes& frame) {
  return Await([&] {
    while (const std::optional<Bytes> bytes = station.Receive()) {
      if (&station == &witness_) Judge(*bytes, kWitness);
      if (*bytes == frame) return true;
    }
    return false;
  });
}

void Lane::Watch() {
  while (const std::optional<Bytes> bytes = witness_.Receive()) Judge(*bytes, kWitness);
  while (const std::optional<Bytes> bytes = bystander_->Receive()) Judge(*bytes, kBystander);
}

// mac-guard lets nothing pass but the liar's own address; without it the bridge does, which learns
// none on a port with an address. And the bridge knows whose the other is. Without a tag no frame
// is longer than the MTU.
void Lane::Judge(const Bytes& frame, Member receiver) {
  ++witnessed_;
  const Bytes to = MacOf(number_, receiver);
  const Bytes from = MacOf(number_, liar().member);
  const bool good = frame.size() >= kHeader && std::memcmp(frame.data(), to.data(), kMac) == 0 &&
                    std::memcmp(frame.data() + kMac, from.data(), kMac) == 0 &&
                    !ExceedsMtu(frame.data(), static_cast<uint32_t>(frame.size()), kMtu);
  if (good && (also_ == nullptr || also_(frame))) return;
  ++escapes_;
  escaped_ = Cat("to ", TextOf(to), " came ", frame.size(), " bytes: ");
  for (size_t i = 0; i < std::min(frame.size(), kShown); ++i) escaped_ += Hex(frame[i]);
}

}  // namespace weft::hostile
