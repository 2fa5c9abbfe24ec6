// SPDX-License-Identifier: Apache-2.0
// The stamp of a build: what must be the same on both sides of the line between weftd and a plugin,
// because inline code of these headers is compiled into both. Each side has its own, made at
// compile time; weftd reads a plugin's from its file before any code of the plugin runs, and
// compares the parts by name. Control thread.
//
// What a stamp cannot see, such as a virtual method that moved or two members of a size that
// changed places, is a new kSdkVersion.
#pragma once

#include <rte_version.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "absl/base/config.h"
#include "absl/status/status.h"
#include "core/base/event_loop.h"
#include "core/graph/graph.h"
#include "core/graph/node.h"
#include "core/module.h"
#include "core/port/port_table.h"

namespace weft {

// Counts up when what plugins see changes in a way that no other part of the stamp can see: a
// virtual method, the order of members, the meaning of a function. docs/dev/sdk.md promises it.
inline constexpr std::string_view kSdkVersion = "8";

// One thing that must be the same; unused parts have no name. Texts end in zeroes.
struct StampPart {
  char name[24];
  char value[104];
};

// The layout of the stamp itself never changes, so that any weft can read any other's.
struct Stamp {
  // In the order of MakeStamp, which is that of a refusal's sentence and means nothing else: parts
  // are compared by name, and one that a side lacks is a difference. Unused ones are the last.
  StampPart parts[12];
};
static_assert(sizeof(Stamp) == 12 * 128 && alignof(Stamp) == 1);

namespace internal {

#if defined(__SANITIZE_ADDRESS__)
#define WEFT_INTERNAL_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_INTERNAL_ADDRESS_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define WEFT_INTERNAL_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT_INTERNAL_THREAD_SANITIZER 1
#endif
#endif

#if defined(__clang__)
inline constexpr std::string_view kCompiler = "clang";
#else
inline constexpr std::string_view kCompiler = "g++";
#endif
#if defined(_LIBCPP_VERSION)
inline constexpr std::string_view kStandardLibrary = "libc++";
inline constexpr size_t kStandardLibraryVersion = _LIBCPP_VERSION;
inline constexpr size_t kStringAbi = 1;
#else
inline constexpr std::string_view kStandardLibrary = "libstdc++";
inline constexpr size_t kStandardLibraryVersion = _GLIBCXX_RELEASE;
inline constexpr size_t kStringAbi = _GLIBCXX_USE_CXX11_ABI;
#endif
#if defined(ABSL_LTS_RELEASE_VERSION)
inline constexpr size_t kAbseilVersion = ABSL_LTS_RELEASE_VERSION;
#else
inline constexpr size_t kAbseilVersion = 0;  // a snapshot, which its users compile themselves
#endif

// A whole number as decimal digits.
class Digits {
 public:
  constexpr explicit Digits(size_t number) {
    do {
      digits_[--first_] = static_cast<char>('0' + number % 10);
    } while ((number /= 10) != 0);
  }
  constexpr operator std::string_view() const {  // NOLINT(google-explicit-constructor): a text
    return {digits_ + first_, sizeof(digits_) - first_};
  }

 private:
  char digits_[20]{};
  size_t first_ = sizeof(digits_);
};

// Writes the pieces, one after the other, and zeroes behind them. Does not compile if there is no
// room.
template <size_t N>
constexpr void Write(char (&to)[N], std::initializer_list<std::string_view> pieces) {
  size_t at = 0;
  for (std::string_view piece : pieces) {
    for (char letter : piece) {
      if (at + 1 >= N) throw "the text is too long for its place";
      to[at++] = letter;
    }
  }
  while (at < N) to[at++] = 0;
}

consteval Stamp MakeStamp() {
  Stamp stamp{};
  size_t used = 0;
  const auto add = [&](std::string_view name, std::initializer_list<std::string_view> value) {
    Write(stamp.parts[used].name, {name});
    Write(stamp.parts[used++].value, value);
  };
  add("SDK version", {kSdkVersion});
  add("compiler", {kCompiler, " ", std::string_view(__VERSION__).substr(0, 90)});
  add("standard library", {kStandardLibrary, " ", Digits(kStandardLibraryVersion), ", string ABI ",
                           Digits(kStringAbi)});
  add("Abseil", {Digits(kAbseilVersion), ", Status ", Digits(sizeof(absl::Status))});
  add("DPDK", {Digits(RTE_VER_YEAR), ".", Digits(RTE_VER_MONTH), ".", Digits(RTE_VER_MINOR)});
  add("build flavour", {
    "plain"
#if defined(WEFT_INTERNAL_ADDRESS_SANITIZER)
    " +address-sanitizer"
#endif
#if defined(WEFT_INTERNAL_THREAD_SANITIZER)
    " +thread-sanitizer"
#endif
#if defined(WEFT_COUNT_GUEST_LOADS)
    " +WEFT_COUNT_GUEST_LOADS"
#endif
#if defined(_GLIBCXX_DEBUG)
    " +_GLIBCXX_DEBUG"
#endif
  });
  add("packet layout",
      {"Packet ", Digits(sizeof(Packet)), ", PacketSlot ", Digits(sizeof(PacketSlot)), ", room at ",
       Digits(offsetof(PacketSlot, room)), ", Segment ", Digits(sizeof(Segment)), ", Frame ",
       Digits(sizeof(Frame)), ", arcs ", Digits(kArcs)});
  add("node layout",
      {"NodeBase ", Digits(sizeof(NodeBase)), ", NodeSpec ", Digits(sizeof(NodeSpec)),
       ", NodeClass ", Digits(sizeof(NodeClass)), ", LabelText ", Digits(sizeof(LabelText)),
       ", TraceField ", Digits(sizeof(TraceField)), ", trace record ",
       Digits(TraceStep::kRecordSize)});
  add("graph layout", {"Graph ", Digits(sizeof(Graph)), ", PacketPool ", Digits(sizeof(PacketPool)),
                       ", WorkerCounters ", Digits(sizeof(WorkerCounters)), ", ports ",
                       Digits(kMaxPorts), ", drops ", Digits(kMaxDrops)});
  add("config layout",
      {"TableSchema ", Digits(sizeof(TableSchema)), ", FieldSpec ", Digits(sizeof(FieldSpec)),
       ", Value ", Digits(sizeof(Value)), ", PortConfig ", Digits(sizeof(PortConfig))});
  add("module layout",
      {"Module ", Digits(sizeof(Module)), ", Registry ", Digits(sizeof(Registry)), ", PortKind ",
       Digits(sizeof(PortKind)), ", Command ", Digits(sizeof(Command)), ", EventLoop ",
       Digits(sizeof(EventLoop)), ", Port ", Digits(sizeof(Port))});
  return stamp;
}

#undef WEFT_INTERNAL_ADDRESS_SANITIZER
#undef WEFT_INTERNAL_THREAD_SANITIZER

}  // namespace internal

// This side's stamp.
inline constexpr Stamp kStamp = internal::MakeStamp();

// What a plugin's file holds, once, as the symbol `weft_plugin` in a section of its own. Everything
// before `make` can be read from the file alone; its layout, too, never changes.
inline constexpr std::string_view kPluginMagic = "weft plugin";
inline constexpr std::string_view kPluginSection = ".weft_plugin";

struct PluginDescriptor {
  char magic[16];
  Stamp stamp;
  char name[48];     // kebab-case; also the name of the file
  char version[32];  // of the plugin; whatever its author counts by
  Module* (*make)();
};
static_assert(offsetof(PluginDescriptor, make) == 1632 && sizeof(PluginDescriptor) == 1640);

}  // namespace weft
