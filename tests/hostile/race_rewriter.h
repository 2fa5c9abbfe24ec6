// SPDX-License-Identifier: Apache-2.0
// What a vhost liar rewrites of its rings, tables and frames while the switch reads them. One
// thread; the memory is the switch's and the tenant's as well.
#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "tests/hostile/race.h"
#include "tests/nodes/vhost/guest_driver.h"

namespace weft::hostile {

class RingRewriter {
 public:
  enum class Field : uint8_t {
    kLength,
    kAddress,
    kFlags,
    kNetHeader,
    kMacs,
    kTypes,
    kOffload,
    kIndex,
    kAll
  };
  // A table of descriptors: a ring's own, or an indirect one.
  struct Table {
    uint64_t address;
    size_t entries;
    bool owned;  // packed and in the ring: two bits of the flags say whose a descriptor is
  };
  // A virtio-net header and the frame behind it, as they were at first.
  struct Buffer {
    uint64_t address;
    Bytes honest;
  };
  struct Target {
    vhost::testing::Guest& guest;
    std::vector<Table> tables = {};
    std::vector<Buffer> buffers = {};
    uint64_t available = 0;  // the split available ring; 0 if there is none
  };

  RingRewriter(Target target, std::array<uint8_t, 2> sources)
      : target_(std::move(target)), sources_(sources) {}
  void Rewrite(Field field, Dice& dice);

 private:
  template <typename T>
  void Poke(uint64_t address, T value);
  void RewriteFlags(const Table& table, uint64_t descriptor, Dice& dice);
  void RewriteOffload(const Buffer& buffer, Dice& dice);

  Target target_;
  std::array<uint8_t, 2> sources_;
};

}  // namespace weft::hostile
