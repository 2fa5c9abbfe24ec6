// SPDX-License-Identifier: Apache-2.0
// A place where cases are played: a bridge with a port for each kind of liar and two honest
// containers, the witness, to whom frames go, and the bystander, to whom none may go. One more port
// for liars has as many queue pairs as a port can have. Lanes work at the same time, each on a
// thread of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/hostile/silent_files.h"
#include "tests/hostile/switch_process.h"
#include "tests/hostile/tenant.h"

namespace weft::hostile {

class Lane;

// Who lies: a container of vhost's, one of memif's, or one of memif's to whom weft is the client.
enum class Liar : uint8_t { kVhost, kMemif, kMemifServer };
inline constexpr std::array kLiars = {Liar::kVhost, Liar::kMemif, Liar::kMemifServer};

// What went wrong with a case; empty: nothing.
using Complaint = std::string;

struct Case {
  std::string name;
  // The lie, up to what the switch says to it. All else is the lane's: what must be true after
  // every case.
  std::function<Complaint(Lane&)> play;
  Liar liar = Liar::kVhost;
};

class Lane {
 public:
  // The [[bridge]] and [[port]] tables of a lane.
  static std::string ConfigOf(uint32_t number);

  // Every other liar has mac-guard before it, and the others have what the bridge alone knows.
  static bool IsGuarded(uint32_t number) { return number % 2 == 0; }

  // `files`: null if there are none to be had.
  Lane(const SwitchProcess& weftd, uint32_t number, SilentFiles* files);
  // Connects witness and bystander.
  bool SetUp();

  // Plays a case and then looks whether the liar's port can be used by somebody honest.
  Complaint Play(const Case& one);

  // ---- For cases

  TenantOptions Options(Rings rings = Rings::kSplit) const;
  std::unique_ptr<Tenant> MakeTenant(Rings rings = Rings::kSplit) const {
    return std::make_unique<Tenant>(Options(rings));
  }
  Shell& shell() { return shell_; }
  std::string Log() const { return weftd_.Log(); }
  bool guarded() const { return IsGuarded(number_); }
  Tenant& witness() { return witness_; }
  SilentFiles* silent_files() { return files_; }
  // The bystander goes and another comes.
  bool BystanderReturns();
  // Of the one that lies now.
  const std::string& liar_port() const { return liar().port; }
  const std::string& liar_socket() const { return liar().socket; }
  static constexpr uint32_t kWidePairs = 8;
  const std::string& wide_port() const { return wide_port_; }
  const std::string& wide_socket() const { return wide_socket_; }

  // Has the tenant reach the stage, and waits until its rings run if that belongs to it: they start
  // when their kicks are seen, which may be after the answer to a message.
  bool Reach(Tenant& tenant, Stage stage);
  // The port is in error, and says so with these words, or with one of these.
  Complaint ExpectReason(std::string_view words) { return ExpectReason(liar_port(), words); }
  Complaint ExpectReason(const std::string& port, std::string_view words) {
    return ExpectOneOf(port, {words});
  }
  Complaint ExpectOneOf(std::initializer_list<std::string_view> words) {
    return ExpectOneOf(liar_port(), words);
  }
  Complaint ExpectOneOf(const std::string& port, std::initializer_list<std::string_view> words);
  // Frames of the port that were dropped with this reason, so far.
  uint64_t Drops(std::string_view reason);
  Complaint ExpectDrop(std::string_view reason, uint64_t before);
  Complaint ExpectUp() { return ExpectUp(liar_port()); }
  Complaint ExpectUp(const std::string& port);
  // The port is down, and nothing is wrong with it.
  Complaint ExpectDown();
  // The liar's port and the witness send each other a frame each.
  Complaint ExpectFrames(Station& station);
  Complaint ExpectSent(Station& station);
  Complaint ExpectReceived(Station& station);
  // This frame comes to the witness.
  Complaint ExpectAtWitness(const Bytes& frame);

  // A frame from the liar's port to the witness, or back.
  Bytes FrameToWitness();
  Bytes FrameToLiar();
  // Destination and source of a frame from the liar to the witness.
  std::pair<Bytes, Bytes> AddressesToWitness() const;
  // Takes what came to witness and bystander, and counts what should not have.
  void Watch();
  // What else must be true of every frame that comes to them, until the next call; null: nothing.
  void Demand(std::function<bool(const Bytes& frame)> also) { also_ = std::move(also); }
  uint64_t escapes() const { return escapes_; }
  const std::string& escaped() const { return escaped_; }  // the last of them
  uint64_t witnessed() const { return witnessed_; }

 private:
  enum Member : uint8_t {
    kWitness = 1,
    kBystander = 2,
    kWide = 3,
    kLiar = 0x11,
    kForged = 0x12,
    kMemifLiar = 0x13,
    kMemifServer = 0x14,
  };
  // One port for liars.
  struct Place {
    Member member;
    std::string port;
    std::string socket;
  };
  const Place& liar() const { return places_[static_cast<size_t>(liar_)]; }
  std::unique_ptr<Station> Honest() const;
  static Bytes MacOf(uint32_t lane, Member member);
  Bytes Frame(Member to, Member from);
  Complaint ExpectUsable();
  // Waits until `frame` comes to the station.
  bool Arrives(Station& station, const Bytes& frame);
  void Judge(const Bytes& frame, Member receiver);

  const SwitchProcess& weftd_;
  const uint32_t number_;
  SilentFiles* const files_;
  const std::array<Place, kLiars.size()> places_;  // by Liar
  const std::string wide_port_;
  const std::string wide_socket_;
  Shell shell_;
  Tenant witness_;
  std::unique_ptr<Tenant> bystander_;
  Liar liar_ = Liar::kVhost;
  uint32_t frames_ = 0;
  uint64_t witnessed_ = 0;
  std::function<bool(const Bytes&)> also_;
  uint64_t escapes_ = 0;
  std::string escaped_;

 public:
  // The byte in which the two destinations, and the two sources, differ: what a race rewrites.
  static constexpr size_t kDestinationByte = 5;
  static constexpr size_t kSourceByte = 11;
  static constexpr std::array<uint8_t, 2> kDestinations = {kWitness, kBystander};
  std::array<uint8_t, 2> sources() const { return {liar().member, kForged}; }
};

}  // namespace weft::hostile
