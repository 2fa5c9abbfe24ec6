// SPDX-License-Identifier: Apache-2.0
#include "plugins/packet_generator/stream_config.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace weft::packet_generator {
namespace {

// The number that `text` begins with, and what is behind it.
std::optional<std::pair<uint64_t, std::string_view>> Number(std::string_view text) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc()) return std::nullopt;
  return std::pair(number, std::string_view(at, static_cast<size_t>(end - at)));
}

bool IsSize(uint64_t size) { return size >= kMinSize && size <= kMaxFrame; }

}  // namespace

std::optional<Sizes> ParseSizes(std::string_view text) {
  if (text == "imix") return Sizes{.kind = Sizes::Kind::kImix, .min = kMinSize, .max = 1514};
  const auto min = Number(text);
  if (!min || !IsSize(min->first)) return std::nullopt;
  auto max = min;
  if (min->second.starts_with('-')) max = Number(min->second.substr(1));
  if (!max || !max->second.empty() || !IsSize(max->first) || max->first < min->first)
    return std::nullopt;
  return Sizes{.min = static_cast<uint32_t>(min->first), .max = static_cast<uint32_t>(max->first)};
}

std::optional<Pace> ParsePace(std::string_view text) {
  if (text == "max") return Pace{.kind = Pace::Kind::kMax};
  if (text == "file") return Pace{.kind = Pace::Kind::kFile};
  constexpr uint64_t kMost = 1'000'000'000;
  const auto rate = Number(text);
  if (!rate || rate->first == 0 || rate->first > kMost) return std::nullopt;
  for (const auto& [unit, factor] :
       {std::pair<std::string_view, uint64_t>{"pps", 1}, {"kpps", 1'000}, {"Mpps", 1'000'000}}) {
    if (rate->second == unit && rate->first <= kMost / factor)
      return Pace{.per_second = rate->first * factor};
  }
  return std::nullopt;
}

std::optional<std::vector<Vary>> ParseVary(std::string_view text) {
  std::vector<Vary> fields;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (word.starts_with(' ')) word.remove_prefix(1);
    const auto span = kVaries.span();
    const auto found = std::find_if(span.begin(), span.end(),
                                    [&](const LabelText& one) { return one.name == word; });
    if (found == span.end()) return std::nullopt;
    fields.push_back(static_cast<Vary>(found - span.begin()));
  }
  return fields;
}

std::optional<uint32_t> ParseIp(std::string_view text) {
  in_addr address{};
  if (inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

void StreamConfig::Check(const Value& table, const Place& place) const {
  const auto wrong = [&](std::string_view key, std::string_view what) {
    place.Key(key).Error(table.WhereIs(key), what);
  };
  const auto pace = ParsePace(rate);
  if (!pace)
    wrong("rate", Cat(Quoted(rate), " is no rate; write one like 10kpps, or max, or file"));
  if (pace && pace->kind == Pace::Kind::kFile && !file)
    wrong("rate", "the times of a file need a file");
  if (!ParseSizes(size)) {
    wrong("size", Cat(Quoted(size), " is no size; write one like 60, 60-1514 or imix, from ",
                      kMinSize, " to ", kMaxFrame));
  }
  if (!ParseVary(vary)) wrong("vary", Cat(Quoted(vary), " has a word that is no field"));
  if (file && !vary.empty()) wrong("vary", "the frames of a file stay as they are");
  if (!ParseIp(source_ip)) wrong("source-ip", Cat(Quoted(source_ip), " is no IPv4 address"));
  if (!ParseIp(destination_ip))
    wrong("destination-ip", Cat(Quoted(destination_ip), " is no IPv4 address"));
}

}  // namespace weft::packet_generator
