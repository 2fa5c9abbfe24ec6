// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "plugins/packet_generator/generator.h"
#include "plugins/packet_generator/saved_streams.h"

namespace weft::packet_generator {
namespace {

std::vector<Column> Columns() {
  return {{"stream", "its name"},
          {"port", "whose packets it makes"},
          {"into", "ingress: as if the port had sent them; egress: to the port; or a node"},
          {"rate", "as it was asked for"},
          {"size", "of a frame, or the file that they are from"},
          {"count", "packets after which it is done", CellKind::kCount, true},
          {"made", "packets, since it was started", CellKind::kCounter},
          {"state", "running, stopped, or done"}};
}

// KEY=VALUE words as TOML: numbers and booleans as they are, all else as text.
absl::StatusOr<std::string> TomlOf(std::string_view settings) {
  std::string toml;
  while (!settings.empty()) {
    const size_t end = std::min(settings.find(' '), settings.size());
    const std::string_view word = settings.substr(0, end);
    settings.remove_prefix(std::min(end + 1, settings.size()));
    if (word.empty()) continue;
    const size_t equals = word.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return absl::InvalidArgumentError(Cat(Quoted(word), " is not KEY=VALUE"));
    const std::string_view key = word.substr(0, equals), value = word.substr(equals + 1);
    // `size = 60` is a number only to whoever types it.
    const bool bare =
        key != "size" &&
        (value == "true" || value == "false" ||
         (!value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos));
    Append(toml, key, " = ", bare ? std::string(value) : Quoted(value), "\n");
  }
  return toml;
}

class PacketGeneratorModule final : public Module {
 public:
  static constexpr std::string_view kName = "packet-generator";

  std::string_view name() const override { return kName; }
  void Register(Registry& registry) override {
    services_.emplace(registry.services());
    Add<Side::kIngress>(registry);
    Add<Side::kEgress>(registry);
    Add<Side::kWithin>(registry);
    registry.AddNode<GeneratorEnter>(
        [this](WorkerId worker) { return std::make_unique<GeneratorEnter>(MadeBy(worker)); },
        [](WorkerId) { return std::make_unique<GeneratorEnter>(nullptr); });
    registry.AddNode<PacketGenerator>([](WorkerId) { return std::make_unique<PacketGenerator>(); });
    AddCommands(registry);
  }

  void RemovePort(PortId port) override {
    std::erase_if(streams_, [&](const auto& one) { return one.second.port == port; });
    tables_.erase(port);
    Publish();
  }
  // A port whose table is another one has the streams of the new table, from their beginning.
  absl::Status Configured(const Config& config) override {
    absl::Status status;
    for (const auto& port : services_->ports.ports()) {
      const PortConfig* const wanted = config.FindPort(port->name);
      if (wanted == nullptr || !status.ok()) continue;
      const auto table = wanted->features.find(std::string(kName));
      const auto known = tables_.find(port->id);
      if (table == wanted->features.end() && known == tables_.end()) continue;
      if (table != wanted->features.end() && known != tables_.end() &&
          known->second == table->second) {
        continue;
      }
      Forget(port->id);
      if (table != wanted->features.end()) status = Take(*port, table->second);
    }
    Publish();
    return status;
  }

  std::string SaveState() const override {
    SavedStreams saved;
    for (const auto& [name, known] : streams_) {
      SavedStream& one = saved.streams.emplace_back();
      one = {.port = services_->ports.NameOf(known.port),
             .stream = known.config,
             .from_table = known.from_table,
             .running = known.running,
             .started = known.run != nullptr,
             .began = {}};
      if (known.run == nullptr) continue;
      // The count first: of a packet that is made meanwhile the time is known too.
      one.made = known.run->made.value();
      const Time began = known.run->began.load(std::memory_order_relaxed);
      if (began != Time::min()) one.began = began.count();
    }
    return SavedText(saved);
  }
  // Those that were there, at the place where they were, and no others: one of a table may have
  // been deleted at the shell.
  absl::Status RestoreState(std::string_view state) override {
    if (state.empty()) return absl::OkStatus();  // of a build that saves nothing
    const absl::StatusOr<SavedStreams> saved = ReadSaved<SavedStreams>(state);
    if (!saved.ok()) return saved.status();
    std::map<std::string, Known> fresh;
    fresh.swap(streams_);
    for (const SavedStream& one : saved->streams) {
      const Port* const port = Find(one.port);
      if (port == nullptr) continue;
      // One of a table is as this build reads the table.
      const auto same = fresh.find(one.stream.name);
      if (one.from_table && same != fresh.end() && same->second.port == port->id) {
        streams_.insert(fresh.extract(same));
      } else if (absl::Status status = Insert(port->id, one.stream, one.from_table); !status.ok()) {
        return status;
      }
      Resume(streams_.at(one.stream.name), *port, one);
    }
    Publish();
    return absl::OkStatus();
  }

 private:
  struct Known {
    StreamConfig config;
    PortId port;
    bool from_table = false;
    Aim aim;
    std::shared_ptr<const Stream> stream;
    std::shared_ptr<Run> run;  // the last; null if there was none
    bool running = false;      // as far as control has stopped it
  };

  template <Side kSide>
  void Add(Registry& registry) {
    registry.AddNode<Generator<kSide>>([this](WorkerId worker) {
      return std::make_unique<Generator<kSide>>(runs_[static_cast<size_t>(kSide)], worker,
                                                kSide == Side::kWithin ? MadeBy(worker) : nullptr);
    });
  }
  std::shared_ptr<MadeVector> MadeBy(WorkerId worker) {
    std::shared_ptr<MadeVector>& made = made_[worker];
    if (made == nullptr) made = std::make_shared<MadeVector>();
    return made;
  }
  void AddCommands(Registry& registry) {
    const Argument name{.name = "name", .help = "of the stream", .value = "stream"};
    const auto named = [this](absl::Status (PacketGeneratorModule::*what)(const std::string&)) {
      return [this, what](const Arguments& a) -> absl::StatusOr<Reply> {
        const absl::Status status = (this->*what)(std::string(a.Text("name")));
        if (!status.ok()) return status;
        Publish();
        return Reply(std::string());
      };
    };
    registry.AddValues({.kind = "stream", .list = [this] {
                          std::vector<std::string> names;
                          for (const auto& [one, known] : streams_) names.push_back(one);
                          return names;
                        }});
    registry.AddCommand(
        {.words = "packet-generator add",
         .arguments = {{.name = "name", .help = "of the new stream"},
                       {.name = "port", .help = "whose packets it makes", .value = "port"},
                       {.name = "settings",
                        .kind = ArgumentKind::kRest,
                        .help = "KEY=VALUE as in startup.conf: rate=10kpps count=1000 size=imix",
                        .optional = true}},
         .help = "Adds a stream until weftd ends, and starts it",
         .shape = Shape::Text("empty"),
         .run = [this](const Arguments& a) { return AddStream(a); }});
    registry.AddCommand({.words = "packet-generator delete",
                         .arguments = {name},
                         .help = "Ends a stream and forgets it",
                         .shape = Shape::Text("empty"),
                         .run = named(&PacketGeneratorModule::Delete)});
    registry.AddCommand({.words = "packet-generator start",
                         .arguments = {name},
                         .help = "Makes the packets of a stream, from the first on",
                         .shape = Shape::Text("empty"),
                         .run = named(&PacketGeneratorModule::Start)});
    registry.AddCommand({.words = "packet-generator stop",
                         .arguments = {name},
                         .help = "Makes no more packets of a stream",
                         .shape = Shape::Text("empty"),
                         .run = named(&PacketGeneratorModule::Stop)});
    registry.AddCommand(
        {.words = "show packet-generator",
         .help = "Streams, and how many packets were made of each",
         .shape = Shape::Rows(Columns()),
         .run = [this](const Arguments&) -> absl::StatusOr<Reply> { return Show(); }});
  }

  const Port* Find(std::string_view name) const {
    for (const auto& port : services_->ports.ports()) {
      if (port->name == name) return port.get();
    }
    return nullptr;
  }
  absl::Status Insert(PortId port, const StreamConfig& config, bool from_table) {
    if (streams_.contains(config.name))
      return absl::AlreadyExistsError(Cat("there is a stream ", Quoted(config.name), " already"));
    absl::StatusOr<std::shared_ptr<const Stream>> stream = Stream::Make(config);
    if (!stream.ok())
      return absl::InvalidArgumentError(
          Cat("stream ", Quoted(config.name), ": ", MessageOf(stream.status())));
    const absl::StatusOr<Aim> aim = AimOf(config.into, port);
    if (!aim.ok())
      return absl::Status(aim.status().code(),
                          Cat("stream ", Quoted(config.name), ": ", MessageOf(aim.status())));
    streams_[config.name] = {.config = config,
                             .port = port,
                             .from_table = from_table,
                             .aim = *aim,
                             .stream = *std::move(stream),
                             .run = nullptr};
    return config.start ? Start(config.name) : absl::OkStatus();
  }
  // Where `into` leads for packets of this port.
  absl::StatusOr<Aim> AimOf(std::string_view into, PortId port) const {
    if (into == kIntoIngress || into == ArcName(Arc::kPortInput))
      return Aim{.side = Side::kIngress};
    if (into == kIntoEgress || into == ArcName(Arc::kPortOutput))
      return Aim{.side = Side::kEgress, .out_port = port};
    std::vector<std::string_view> names = {kIntoIngress, kIntoEgress};
    for (const std::string_view name : services_->arcs->Names()) {
      if (name != GeneratorEnter::kSpec.name) names.push_back(name);
    }
    if (std::find(names.begin(), names.end(), into) == names.end())
      return absl::NotFoundError(
          Cat("there is no arc ", Quoted(into), " (there are: ", Join(names), ")"));
    const absl::StatusOr<Arcs::Found> found = services_->arcs->Find(into, port);
    if (!found.ok()) return found.status();
    Aim aim{.side = Side::kWithin, .target = found->target};
    if (found->needs != Arcs::Needs::kInPort) aim.out_port = port;
    if (found->needs == Arcs::Needs::kDecision && services_->bridges != nullptr)
      aim.out_group = services_->bridges->GroupOf(port);
    return aim;
  }
  absl::Status Take(const Port& port, const AnyConfig& table) {
    for (const StreamConfig& config : table.As<GeneratorConfig>().streams) {
      if (absl::Status status = Insert(port.id, config, true); !status.ok()) {
        Forget(port.id);
        return absl::Status(status.code(), Cat("port \"", port.name, "\": ", MessageOf(status)));
      }
    }
    tables_[port.id] = table;
    return absl::OkStatus();
  }
  // Those of the port's table.
  void Forget(PortId port) {
    tables_.erase(port);
    std::erase_if(streams_, [&](const auto& one) {
      return one.second.from_table && one.second.port == port;
    });
  }

  absl::StatusOr<Reply> AddStream(const Arguments& arguments) {
    const Port* const port = Find(arguments.Text("port"));
    if (port == nullptr)
      return absl::NotFoundError(Cat("there is no port ", Quoted(arguments.Text("port"))));
    absl::StatusOr<std::string> toml = TomlOf(arguments.Text("settings"));
    if (!toml.ok()) return toml.status();
    Append(*toml, "name = ", Quoted(arguments.Text("name")), "\n");
    Errors errors("packet-generator add");
    const std::optional<Value> table = ParseToml(*toml, &errors);
    std::shared_ptr<const void> config;
    if (table) config = SchemaOf<StreamConfig>().Read(*table, Place(&errors, "stream"));
    if (!errors.empty() || config == nullptr) {
      std::vector<std::string> lines = errors.Lines();
      // Without the line and column of a file that there is not.
      for (std::string& line : lines) line.erase(0, line.find(": ") + 2);
      return absl::InvalidArgumentError(Join(lines, "; "));
    }
    const absl::Status status =
        Insert(port->id, *static_cast<const StreamConfig*>(config.get()), false);
    if (!status.ok()) return status;
    Publish();
    return Reply(std::string());
  }
  absl::StatusOr<Known*> Named(const std::string& name) {
    const auto found = streams_.find(name);
    if (found == streams_.end())
      return absl::NotFoundError(Cat("there is no stream ", Quoted(name)));
    return &found->second;
  }
  absl::Status Delete(const std::string& name) {
    const absl::Status status = Named(name).status();
    streams_.erase(name);
    return status;
  }
  absl::Status Start(const std::string& name) {
    const absl::StatusOr<Known*> known = Named(name);
    if (!known.ok()) return known.status();
    Known& stream = **known;
    for (const auto& port : services_->ports.ports()) {
      if (port->id != stream.port) continue;
      stream.run =
          std::make_shared<Run>(stream.stream, stream.port, port->workers.front(), stream.aim);
      stream.running = true;
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(Cat("the port of stream ", Quoted(name), " has gone"));
  }
  static void Resume(Known& known, const Port& port, const SavedStream& saved) {
    known.running = saved.running;
    known.run = nullptr;
    if (!saved.started) return;
    known.run = std::make_shared<Run>(known.stream, known.port, port.workers.front(), known.aim);
    known.run->made.Set(saved.made);
    known.run->done.store(saved.made >= known.stream->count(), std::memory_order_relaxed);
    if (saved.began) known.run->began.store(Time(*saved.began), std::memory_order_relaxed);
  }
  absl::Status Stop(const std::string& name) {
    const absl::StatusOr<Known*> known = Named(name);
    if (known.ok()) (*known)->running = false;
    return known.status();
  }

  void Publish() {
    for (const Side side : {Side::kIngress, Side::kEgress, Side::kWithin}) {
      auto runs = std::make_unique<Runs>();
      for (const auto& [name, stream] : streams_) {
        if (stream.running && stream.aim.side == side) runs->push_back(stream.run);
      }
      Published<Runs>& published = runs_[static_cast<size_t>(side)];
      const Runs* const before = published.Load();
      if (before == nullptr ? !runs->empty() : *before != *runs)
        published.Store(services_->rcu, std::move(runs));
    }
  }

  Reply Show() const {
    Table table{.columns = Columns(), .if_empty = "there are no streams"};
    for (const auto& [name, stream] : streams_) {
      const StreamConfig& config = stream.config;
      const bool done = stream.run != nullptr && stream.run->done.load(std::memory_order_relaxed);
      table.rows.push_back({name, services_->ports.NameOf(stream.port), config.into, config.rate,
                            config.file.value_or(config.size),
                            config.count || config.file ? Cell(stream.stream->count()) : Cell(),
                            stream.run == nullptr ? uint64_t{0} : stream.run->made.value(),
                            done ? "done" : (stream.running ? "running" : "stopped")});
    }
    return table;
  }

  std::optional<ModuleServices> services_;
  std::map<std::string, Known> streams_;
  std::map<PortId, AnyConfig> tables_;  // whose streams are there
  std::array<Published<Runs>, kSides> runs_;
  std::map<WorkerId, std::shared_ptr<MadeVector>> made_;
};

}  // namespace
}  // namespace weft::packet_generator

WEFT_PLUGIN(weft::packet_generator::PacketGeneratorModule);
