// SPDX-License-Identifier: Apache-2.0
#include "core/replay/run_case.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "core/base/text.h"
#include "core/config/errors.h"
#include "core/replay/case_frames.h"
#include "core/replay/report.h"

namespace weft {
namespace {

using Lines = std::vector<std::string>;

// A whole number behind which `unit` stands; nothing if it is something else.
std::optional<uint64_t> NumberOf(std::string_view text, std::string_view unit) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || std::string_view(at, static_cast<size_t>(end - at)) != unit)
    return std::nullopt;
  return number;
}

std::optional<Time> TimeOf(std::string_view text) {
  constexpr uint64_t kLongest = 100'000'000;  // seconds; more is a slip
  if (const auto us = NumberOf(text, "us"); us && *us <= kLongest)
    return std::chrono::microseconds(*us);
  if (const auto ms = NumberOf(text, "ms"); ms && *ms <= kLongest)
    return std::chrono::milliseconds(*ms);
  if (const auto s = NumberOf(text, "s"); s && *s <= kLongest) return std::chrono::seconds(*s);
  return std::nullopt;
}

// A line of a trace may be without what the node looked at.
bool Agrees(const std::string& wanted, const std::string& got) {
  return wanted == got || (got.starts_with(wanted) && got.substr(wanted.size()).starts_with(" ("));
}

// The difference, line by line; nothing if there is none.
Lines Compare(const Lines& wanted, const Lines& got) {
  Lines lines;
  bool same = wanted.size() == got.size();
  for (size_t i = 0; i < std::max(wanted.size(), got.size()); ++i) {
    if (i < wanted.size() && i < got.size() && Agrees(wanted[i], got[i])) {
      lines.push_back(Cat("  ", got[i]));
      continue;
    }
    same = false;
    if (i < wanted.size()) lines.push_back(Cat("- ", wanted[i]));
    if (i < got.size()) lines.push_back(Cat("+ ", got[i]));
  }
  return same ? Lines() : lines;
}

Lines LinesOf(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// "get web-2".
std::string TitleOf(const CaseSection& section) {
  return section.argument.empty() ? section.kind : Cat(section.kind, " ", section.argument);
}

// Those lines of a trace that are of this node.
Lines StepsOf(std::string_view node, const Lines& trace) {
  Lines lines;
  for (const std::string& line : trace) {
    if (std::string_view(line).substr(line.find(' ') + 1).starts_with(Cat(node, ": ")))
      lines.push_back(line);
  }
  return lines;
}

class Runner {
 public:
  Runner(const CaseFile& file, MemorySwitch& the_switch)
      : file_(file),
        directory_(std::filesystem::path(file.name).parent_path()),
        switch_(the_switch),
        report_(the_switch) {
    result_.as_it_went = {.name = file.name, .lines = file.lines, .sections = {}};
  }

  absl::StatusOr<CaseResult> Run();
  // The frames of a section `send`, from its port.
  absl::Status Send(const CaseSection& section, bool trace);

 private:
  using Outcome = std::map<std::string, Lines>;  // by the title of the section that has it

  absl::Status Error(const CaseSection& section, std::string_view what) const {
    return absl::InvalidArgumentError(Cat(file_.name, ":", section.line, ": ", what));
  }
  // Sends, waits or polls, as the section says.
  absl::Status Act(const CaseSection& section);
  // What has come of it since the last time.
  Outcome Collect();
  // Compares with what these sections, which follow each other, say; all if there are none.
  absl::Status Judge(std::span<const CaseSection> results);
  absl::StatusOr<Lines> WantedBy(const CaseSection& section) const;
  void JudgeOne(const CaseSection& section, const Lines& wanted, const Lines& got);

  const CaseFile& file_;
  const std::string directory_;
  MemorySwitch& switch_;
  Report report_;
  uint16_t sent_ = 0;  // frames since results were last looked at
  CaseResult result_;
};

absl::StatusOr<CaseResult> Runner::Run() {
  const std::vector<CaseSection>& sections = file_.sections;
  for (size_t i = 0; i < sections.size();) {
    size_t end = i;
    while (end < sections.size() && IsResult(sections[end])) ++end;
    // What nobody says anything about is judged too: nothing is to come of it.
    if (end != i || end == sections.size()) {
      if (absl::Status status = Judge({sections.begin() + static_cast<ptrdiff_t>(i), end - i});
          !status.ok()) {
        return status;
      }
      i = end;
      continue;
    }
    result_.as_it_went.sections.push_back(sections[i]);
    if (absl::Status status = Act(sections[i]); !status.ok()) return status;
    if (++i == sections.size()) {
      if (absl::Status status = Judge({}); !status.ok()) return status;
    }
  }
  return std::move(result_);
}

absl::Status Runner::Send(const CaseSection& section, bool trace) {
  const Port* const port = switch_.Find(section.argument);
  if (port == nullptr) return Error(section, MessageOf(switch_.NoSuchPort(section.argument)));
  for (const std::string& line : section.Said()) {
    const auto frames = ReadFrames(line, directory_);
    if (!frames.ok()) return Error(section, MessageOf(frames.status()));
    for (const std::vector<uint8_t>& frame : *frames)
      switch_.Send(port->id, frame, trace ? ++sent_ : uint16_t{0});
  }
  return absl::OkStatus();
}

absl::Status Runner::Act(const CaseSection& section) {
  if (section.kind == "send") return Send(section, true);
  if (section.kind == "wait") {
    const std::optional<Time> time = TimeOf(section.argument);
    if (!time)
      return Error(section, Cat(Quoted(section.argument), " is no time; write one like 5s"));
    switch_.Run();
    switch_.Wait(*time);
  }
  if (section.kind == "rounds") {
    constexpr uint64_t kMost = 1'000'000;
    const std::optional<uint64_t> rounds = NumberOf(section.argument, "");
    if (!rounds || *rounds > kMost) {
      return Error(section, Cat(Quoted(section.argument), " is no number of rounds up to ", kMost));
    }
    switch_.Run(*rounds);
  }
  return absl::OkStatus();
}

Runner::Outcome Runner::Collect() {
  switch_.Run();
  sent_ = 0;
  Outcome outcome;
  for (const auto& port : switch_.ports().ports()) {
    for (const auto& frame : switch_.memory().sent[port->id])
      outcome[Cat("get ", port->name)].push_back(FrameLine(frame));
  }
  switch_.memory().sent.clear();
  if (Lines drops = report_.Drops(); !drops.empty()) outcome["drops"] = std::move(drops);
  outcome["trace"] = report_.Trace(1);
  outcome["counters"] = report_.Counters();
  return outcome;
}

absl::Status Runner::Judge(std::span<const CaseSection> results) {
  Outcome outcome = Collect();
  for (const CaseSection& section : results) {
    const absl::StatusOr<Lines> wanted = WantedBy(section);
    if (!wanted.ok()) return Error(section, MessageOf(wanted.status()));
    if (section.kind == "ask") {
      const absl::StatusOr<Reply> reply = switch_.Ask(section.argument);
      if (!reply.ok()) return Error(section, MessageOf(reply.status()));
      outcome[TitleOf(section)] =
          CaseSection{.kind = "", .argument = "", .lines = LinesOf(RenderText(*reply, 0))}.Said();
    }
    if (section.kind == "trace" && report_.lost_steps() != 0)
      return Error(section, "there is no room for so many traces; send fewer frames at once");
    if (section.kind == "trace" && !section.argument.empty()) {
      if (switch_.catalog().Find(section.argument) == nullptr)
        return Error(section, Cat("there is no node ", Quoted(section.argument)));
      outcome[TitleOf(section)] = StepsOf(section.argument, outcome["trace"]);
    }
    JudgeOne(section, *wanted, outcome[TitleOf(section)]);
    if (section.kind != "trace") outcome.erase(TitleOf(section));
  }
  std::erase_if(outcome, [](const auto& one) {
    return one.first.starts_with("trace") || one.first == "counters";
  });
  const size_t line = results.empty() ? file_.sections.back().line : results.back().line;
  for (const auto& [title, lines] : outcome) {
    const size_t blank = std::min(title.find(' '), title.size());
    JudgeOne({.kind = title.substr(0, blank),
              .argument = blank == title.size() ? "" : title.substr(blank + 1),
              .line = line},
             {}, lines);
  }
  return absl::OkStatus();
}

absl::StatusOr<Lines> Runner::WantedBy(const CaseSection& section) const {
  if (section.kind != "get") return section.Said();
  if (switch_.Find(section.argument) == nullptr) return switch_.NoSuchPort(section.argument);
  Lines wanted;
  for (const std::string& line : section.Said()) {
    const auto frames = ReadFrames(line, directory_);
    if (!frames.ok()) return frames.status();
    for (const std::vector<uint8_t>& frame : *frames) wanted.push_back(FrameLine(frame));
  }
  return wanted;
}

void Runner::JudgeOne(const CaseSection& section, const Lines& wanted, const Lines& got) {
  const Lines difference = Compare(wanted, got);
  if (difference.empty()) {
    result_.as_it_went.sections.push_back(section);
    return;
  }
  result_.failures.push_back(Cat(file_.name, ":", section.line, ": ", TitleOf(section)));
  for (const std::string& line : difference) result_.failures.push_back(Cat("  ", line));
  if (got.empty()) return;
  CaseSection real = section;
  real.lines = got;
  real.lines.emplace_back();
  result_.as_it_went.sections.push_back(std::move(real));
}

// The switch of the case; lines of its configuration are those of the file.
absl::StatusOr<std::unique_ptr<MemorySwitch>> SwitchOf(const CaseFile& file, Modules modules,
                                                       const std::string& plugin_directory) {
  const CaseSection& config = file.sections.front();
  return MemorySwitch::Make(std::move(modules),
                            {.name = file.name,
                             .text = Cat(std::string(config.line, '\n'), Join(config.lines, "\n")),
                             .plugin_directory = plugin_directory});
}

}  // namespace

absl::StatusOr<CaseResult> RunCase(const CaseFile& file, Modules modules,
                                   const std::string& plugin_directory) {
  const auto the_switch = SwitchOf(file, std::move(modules), plugin_directory);
  if (!the_switch.ok()) return the_switch.status();
  return Runner(file, **the_switch).Run();
}

absl::StatusOr<std::vector<NodeCost>> MeasureCase(const CaseFile& file, Modules modules,
                                                  const std::string& plugin_directory, size_t runs,
                                                  size_t packets) {
  const auto made = SwitchOf(file, std::move(modules), plugin_directory);
  if (!made.ok()) return made.status();
  MemorySwitch& the_switch = **made;
  Runner runner(file, the_switch);
  for (const CaseSection& section : file.sections) {
    if (section.kind != "send") continue;
    if (absl::Status status = runner.Send(section, false); !status.ok()) return status;
  }
  const std::deque<MemoryPorts::Waiting> frames = std::move(the_switch.memory().waiting);
  if (frames.empty())
    return absl::InvalidArgumentError(Cat(file.name, ": sends nothing that could be measured"));

  const auto& nodes = the_switch.catalog().nodes();
  std::vector<NodeCost> costs(nodes.size());
  std::vector<std::vector<double>> each(nodes.size());
  for (size_t run = 0; run < runs; ++run) {
    std::vector<std::pair<uint64_t, uint64_t>> before;
    for (const NodeClass& node : nodes) {
      const NodeCounters& counters = the_switch.counters().node(node.id);
      before.emplace_back(counters.packets.value(), counters.cycles.value());
    }
    for (size_t sent = 0; sent < packets;) {
      while (the_switch.memory().waiting.size() < Frame::kCapacity)
        the_switch.memory().waiting.push_back(frames[sent++ % frames.size()]);
      the_switch.Run();
      the_switch.memory().sent.clear();
    }
    for (size_t i = 0; i < nodes.size(); ++i) {
      const NodeCounters& counters = the_switch.counters().node(nodes[i].id);
      const uint64_t had = counters.packets.value() - before[i].first;
      costs[i].packets += had;
      if (had != 0) {
        each[i].push_back(static_cast<double>(counters.cycles.value() - before[i].second) /
                          static_cast<double>(had));
      }
    }
  }
  std::vector<NodeCost> measured;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (each[i].empty()) continue;
    std::sort(each[i].begin(), each[i].end());
    measured.push_back({.node = std::string(nodes[i].spec.name),
                        .packets = costs[i].packets,
                        .cycles = each[i][each[i].size() / 2],
                        .least = each[i].front(),
                        .most = each[i].back()});
  }
  return measured;
}

}  // namespace weft
