// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/descriptor_lies.h"

namespace weft::hostile {
namespace {

using At = ChainPiece::At;

constexpr uint32_t kAll = 0xffff'ffff;
constexpr uint32_t kHalf = 0x8000'0000;
constexpr uint32_t kNetHeader = 12;  // virtio 1.2 §5.1.6

constexpr const char* kRunt = "runt";
constexpr const char* kLong = "too-long";
constexpr const char* kUnmapped = "unmapped";
constexpr const char* kDirection = "bad-direction";
constexpr const char* kNext = "bad-next";
constexpr const char* kLoop = "chain-loop";
constexpr const char* kMany = "chain-too-long";
constexpr const char* kTable = "bad-indirect";

std::vector<ChainPiece> EightOf(ChainPiece last) {
  std::vector<ChainPiece> pieces(8, ChainPiece{});
  pieces.back() = last;
  return pieces;
}

// In a ring and in a table, both ways.
std::vector<ChainLie> Anywhere() {
  return {
      {"no byte", kRunt, {{.length = 0}}},
      {"no byte, twice", kRunt, {{.length = 0}, {.length = 0}}},
      {"half a header", kRunt, {{.length = 6}}},
      {"a header but for a byte", kRunt, {{.length = 11}}},
      {"a header split and not whole", kRunt, {{.length = 5}, {.length = 6}}},
      {"all of 32 bits", kLong, {{.length = kAll}}},
      {"all of 32 bits, behind a good header", kLong, {{.length = kNetHeader}, {.length = kAll}}},
      {"a sum beyond 32 bits", kLong, {{}, {.length = kAll}, {}}},
      {"a sum of 2^32", kLong, {{.length = kHalf}, {.length = kHalf}}},
      {"a sum of 2^32 and a frame", kLong, {{.length = kHalf}, {.length = kHalf}, {}}},
      {"outside", kUnmapped, {{.at = At::kOutside}}},
      {"outside, behind a good header", kUnmapped, {{.length = kNetHeader}, {.at = At::kOutside}}},
      {"crossing the end", kUnmapped, {{.at = At::kCrossing}}},
      {"crossing it behind a good header",
       kUnmapped,
       {{.length = kNetHeader}, {.at = At::kCrossing}}},
      {"wrapping", kUnmapped, {{.at = At::kWrapping}}},
      {"wrapping behind a good header", kUnmapped, {{.length = kNetHeader}, {.at = At::kWrapping}}},
      {"the wrong way", kDirection, {{.wrong_way = true}}},
      {"its end the wrong way", kDirection, {{}, {.wrong_way = true}}},
      {"the last of eight the wrong way", kDirection, EightOf({.wrong_way = true})},
      {"65 descriptors", kMany, std::vector<ChainPiece>(65), kTable},
      {"65 empty descriptors", kMany, std::vector<ChainPiece>(65, {.length = 0}), kTable},
      {"indirect behind the head",
       kTable,
       {{.length = kNetHeader}, {.length = 64, .indirect = true}}},
      {.name = "a next outside",
       .drop = kNext,
       .pieces = {{.next = ChainPiece::kNowhere}},
       .split = true},
      {.name = "the last of eight with a next outside",
       .drop = kNext,
       .pieces = EightOf({.next = ChainPiece::kNowhere}),
       .split = true},
      {.name = "a loop of one",
       .drop = kLoop,
       .pieces = {{.next = ChainPiece::kItself}},
       .split = true},
      {.name = "a loop of two", .drop = kLoop, .pieces = {{}, {.next = -1}}, .split = true},
      {.name = "a loop of eight", .drop = kLoop, .pieces = EightOf({.next = -7}), .split = true},
  };
}

// Frames that are none, where a buffer would be one.
std::vector<ChainLie> Frames() {
  std::vector<ChainLie> lies = {
      {"longer than the MTU", kLong, {{.length = kNetHeader + 1519}}},
      {"longer than any frame", kLong, {{.length = kNetHeader + 9217}}},
      {"longer than any frame, in pieces", kLong, {{.length = kNetHeader}, {.length = 9217}}},
  };
  for (uint32_t bytes = 0; bytes < 14; ++bytes) {
    lies.push_back({"less than its Ethernet header", kRunt, {{.length = kNetHeader + bytes}}});
    lies.push_back({"the same, behind its virtio-net header",
                    kRunt,
                    {{.length = kNetHeader}, {.length = bytes}}});
  }
  for (ChainLie& lie : lies) lie.way = Way::kToSwitch;
  return lies;
}

// What only a table can be.
std::vector<ChainLie> Tables() {
  const std::vector<ChainPiece> good = {{.length = ChainPiece::kFits}};
  std::vector<ChainLie> lies = {
      {.name = "a table outside", .drop = kUnmapped, .table = {.at = At::kOutside}},
      {.name = "a table crossing the end", .drop = kUnmapped, .table = {.at = At::kCrossing}},
      {.name = "a table wrapping", .drop = kUnmapped, .table = {.at = At::kWrapping}},
      {.name = "a table of 0 bytes", .drop = kTable, .table = {.length = 0}},
      {.name = "a table of 15 bytes", .drop = kTable, .table = {.length = 15}},
      {.name = "a table of 17 bytes", .drop = kTable, .table = {.length = 17}},
      {.name = "a table of 65 entries", .drop = kTable, .table = {.length = 65 * 16}},
      {.name = "a table of nearly 4 GiB", .drop = kTable, .table = {.length = kAll - 15}},
      {.name = "a table of all of 32 bits", .drop = kTable, .table = {.length = kAll}},
      {.name = "a table that is not alone", .drop = kTable, .table = {.alone = false}},
      {.name = "a table that was not negotiated", .drop = kTable, .table = {.negotiated = false}},
      {"a table in a table", kTable, {{.at = At::kTable, .length = 64, .indirect = true}}},
      {.name = "a next right behind the table",
       .drop = kNext,
       .pieces = {{}, {.next = ChainPiece::kBehind}},
       .split = true},
      // virtio 1.2 §2.7.5.3 says nothing of where a table is, and that this bit means nothing.
      {.name = "a table that is not aligned",
       .drop = nullptr,
       .pieces = good,
       .table = {.at = At::kMisaligned}},
      {.name = "a table that says it is to be written",
       .drop = nullptr,
       .pieces = good,
       .table = {.write = true}},
  };
  for (ChainLie& lie : lies) lie.form = Form::kIndirect;
  return lies;
}

}  // namespace

std::vector<ChainLie> ChainLies() {
  std::vector<ChainLie> all = Anywhere();
  for (const std::vector<ChainLie>& more : {Frames(), Tables()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

}  // namespace weft::hostile
