// SPDX-License-Identifier: Apache-2.0
// Chains that are no frames and no buffers, in one list. Each is told in every way that it can be:
// to the switch and from it, by descriptors of a ring and by those of an indirect table, in split
// rings and in packed ones.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace weft::hostile {

enum class Way : uint8_t { kToSwitch, kFromSwitch };
enum class Form : uint8_t { kDirect, kIndirect };

// One descriptor of a chain.
struct ChainPiece {
  // Where it points.
  enum class At : uint8_t {
    kBuffer,      // 16 KiB of the tenant's own
    kOutside,     // beside its memory
    kCrossing,    // its last 8 bytes, and beyond
    kWrapping,    // the last 8 bytes of the address space, and beyond
    kTable,       // the indirect table itself
    kMisaligned,  // the same, 8 bytes further: where a table may be, too
  };
  // Where the chain goes on; split rings alone say it by number. Others are as many descriptors
  // away.
  static constexpr int kNextOne = 1;
  static constexpr int kItself = 0;
  static constexpr int kBehind = 998;   // right behind the chain
  static constexpr int kNowhere = 999;  // far behind
  // A frame of kFrameBytes to send fits, or one that is received.
  static constexpr uint32_t kFits = 0xffff'fffd;
  static constexpr uint32_t kFrameBytes = 60;

  At at = At::kBuffer;
  uint32_t length = 100;
  bool wrong_way = false;  // to be read where the switch writes, or the other way round
  bool indirect = false;
  int next = kNextOne;  // of the last one: anything else
};

// What is said of an indirect table.
struct ChainTable {
  ChainPiece::At at = ChainPiece::At::kTable;
  std::optional<uint32_t> length = {};  // else what it has
  bool alone = true;
  bool write = false;
  bool negotiated = true;  // INDIRECT_DESC
};

struct ChainLie {
  const char* name;
  const char* drop;  // the reason, to the switch; null: there is nothing wrong with it
  std::vector<ChainPiece> pieces = std::vector<ChainPiece>(1);
  const char* drop_of_table = nullptr;  // the reason in a table, if it is another
  std::optional<Way> way = {};          // if there is but one
  std::optional<Form> form = {};
  bool split = false;  // in split rings alone
  ChainTable table = {};
};

std::vector<ChainLie> ChainLies();

}  // namespace weft::hostile
