// SPDX-License-Identifier: Apache-2.0
#include "core/shell/rates.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weft {
namespace {

std::optional<double> Number(const Cell& cell) {
  if (const auto* number = std::get_if<uint64_t>(&cell)) return static_cast<double>(*number);
  if (const auto* number = std::get_if<int64_t>(&cell)) return static_cast<double>(*number);
  return std::nullopt;
}

Cell RateOf(const Cell& before, const Cell& now, double seconds) {
  const std::optional<double> from = Number(before);
  const std::optional<double> to = Number(now);
  if (!from || !to || *to < *from || seconds <= 0) return {};
  return (*to - *from) / seconds;
}

bool IsCounter(const Column& column) { return column.kind == CellKind::kCounter; }

Column RateColumn(const Column& counter) {
  return {.name = counter.name + "/s", .help = counter.help, .kind = CellKind::kRate};
}

class Rates {
 public:
  Rates(double seconds, RateColumns where) : seconds_(seconds), where_(where) {}

  template <typename T>
  T operator()(const T* before, const T& now) const {
    if constexpr (std::is_same_v<T, std::string>) {
      return now;
    } else {
      return Of(before == nullptr ? T() : *before, now);
    }
  }

 private:
  using Row = std::vector<Cell>;

  Table Of(const Table& before, const Table& now) const {
    Table table{.columns = {}, .rows = {}, .if_empty = now.if_empty};
    for (const Column& column : now.columns) {
      if (!IsCounter(column) || where_ == RateColumns::kBeside) table.columns.push_back(column);
      if (IsCounter(column)) table.columns.push_back(RateColumn(column));
    }
    const auto first = std::find_if(now.columns.begin(), now.columns.end(), IsCounter);
    const auto key_size = static_cast<size_t>(first - now.columns.begin());
    const auto key = [key_size](const Row& row) {
      return Row(row.begin(),
                 row.begin() + static_cast<std::ptrdiff_t>(std::min(key_size, row.size())));
    };
    // A command may change its columns with what there is to say.
    std::map<Row, const Row*> known;
    if (before.columns.size() == now.columns.size()) {
      for (const Row& row : before.rows) known.emplace(key(row), &row);
    }
    for (const Row& row : now.rows) {
      const auto old = known.find(key(row));
      Row& cells = table.rows.emplace_back();
      for (size_t i = 0; i < now.columns.size(); ++i) {
        const Cell cell = i < row.size() ? row[i] : Cell();
        const bool counter = IsCounter(now.columns[i]);
        if (!counter || where_ == RateColumns::kBeside) cells.push_back(cell);
        const bool both = counter && old != known.end() && i < old->second->size();
        if (counter) cells.push_back(both ? RateOf((*old->second)[i], cell, seconds_) : Cell());
      }
    }
    return table;
  }

  Record Of(const Record& before, const Record& now) const {
    Record record;
    for (const RecordField& field : now.fields) {
      if (!IsCounter(field.column) || where_ == RateColumns::kBeside)
        record.fields.push_back(field);
      if (!IsCounter(field.column)) continue;
      const auto old = std::find_if(
          before.fields.begin(), before.fields.end(),
          [&](const RecordField& other) { return other.column.name == field.column.name; });
      record.fields.push_back(
          {RateColumn(field.column),
           old == before.fields.end() ? Cell() : RateOf(old->value, field.value, seconds_)});
    }
    return record;
  }

  Sections Of(const Sections& before, const Sections& now) const {
    Sections sections;
    for (const Section& section : now.list) {
      const auto old =
          std::find_if(before.list.begin(), before.list.end(),
                       [&](const Section& other) { return other.title == section.title; });
      const Body* body = old == before.list.end() ? nullptr : &old->body;
      sections.list.push_back({section.title, std::visit(
                                                  [&](const auto& is) {
                                                    using T = std::decay_t<decltype(is)>;
                                                    const auto* was = body == nullptr
                                                                          ? nullptr
                                                                          : std::get_if<T>(body);
                                                    return Body((*this)(was, is));
                                                  },
                                                  section.body)});
    }
    return sections;
  }

  const double seconds_;
  const RateColumns where_;
};

}  // namespace

Reply WithRates(const Reply& before, const Reply& now, double seconds, RateColumns where) {
  return std::visit(
      [&](const auto& is) {
        using T = std::decay_t<decltype(is)>;
        return Reply(Rates(seconds, where)(std::get_if<T>(&before), is));
      },
      now);
}

}  // namespace weft
