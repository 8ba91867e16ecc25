#include "controller/controller.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <xxhash.h>

#include <chrono>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "controller/admin_service.h"
#include "controller/net_conf.h"
#include "controller/node_service.h"
#include "controller/writer_thread.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

constexpr int kMaxReceiveBytes = 2 << 20;  // a net-conf.json, generously
constexpr int kKeepaliveMs = 10'000;       // silence before a ping, and for its answer: 20 s in all
constexpr std::chrono::seconds kDrainWithin{3};
constexpr std::chrono::seconds kElectedWithin{30};

template <typename Result, typename Call>
absl::StatusOr<Result> Await(WriterThread* writer, Call call) {
  auto promise = std::make_shared<std::promise<absl::StatusOr<Result>>>();
  auto future = promise->get_future();
  HEDDLE_RETURN_IF_ERROR(writer->Post([promise, call = std::move(call)](Writer& w) {
    call(w, [promise](absl::StatusOr<Result> result) { promise->set_value(std::move(result)); });
  }));
  if (future.wait_for(kElectedWithin) != std::future_status::ready) {
    return absl::DeadlineExceededError("the store has not answered within 30 s of the start");
  }
  return future.get();
}

void AddKeepalive(grpc::ServerBuilder* builder) {
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Nodes ping too; as often as we do is not abuse.
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              kKeepaliveMs / 2);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // An address in use is an error, not a second server on it.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace

class Controller::Parts {
 public:
  Parts(const ControllerOptions& options, storage::Store* store,
        std::function<void(const absl::Status&)> on_failure)
      : options_(options),
        registry_(absl::Seconds(3 * options.heartbeat_seconds)),
        pump_(&clock_),
        writer_(WriterOptions(), WriterWiring(store), std::move(on_failure)),
        nodes_({&hub_, &registry_, &probe_reports_, &writer_, &pump_, &clock_,
                options.heartbeat_seconds, kVersion}),
        admin_({store, &hub_, &registry_, &probe_reports_, &writer_, &pump_, &clock_, kVersion}) {}

  absl::Status Start() {
    std::optional<ParsedNetConf> file;
    if (options_.net_conf_json) {
      HEDDLE_ASSIGN_OR_RETURN(file, FromFile());
    }
    HEDDLE_RETURN_IF_ERROR(writer_.Start());
    HEDDLE_RETURN_IF_ERROR(Configure(file));
    pump_.Start();
    return Listen();
  }

  void Drain() {
    const absl::Status why =
        absl::UnavailableError("this controller is ending; try another, or again in a moment");
    if (server_ != nullptr) {
      server_->GetHealthCheckService()->SetServingStatus(false);
      nodes_.CloseAll(why);
      admin_.CloseAll(why);
      server_->Shutdown(std::chrono::system_clock::now() + kDrainWithin);
      server_->Wait();
      server_.reset();
    }
    pump_.Stop();
    writer_.Stop();
  }

  const std::vector<int>& ports() const { return ports_; }

 private:
  Writer::Options WriterOptions() const {
    Writer::Options options;
    options.self = {options_.listen.empty() ? "controller" : options_.listen.front(), "", kVersion};
    options.policy = options_.policy;
    options.rollout_grace = options_.rollout_grace;
    return options;
  }

  Writer::Wiring WriterWiring(storage::Store* store) {
    Writer::Wiring wiring;
    wiring.store = store;
    wiring.clock = &clock_;
    wiring.hub = &hub_;
    wiring.alive = [this] { return registry_.Alive(); };
    wiring.registry = &registry_;
    wiring.published = [this](const BookChanges& changes) { nodes_.OnPublished(changes); };
    return wiring;
  }

  struct Stored {
    std::optional<Network> network;
    std::uint64_t net_conf_digest = 0;
  };

  std::uint64_t NetConfDigest() const {
    return XXH3_64bits(options_.net_conf_json->data(), options_.net_conf_json->size());
  }

  // The network of the store, or of the file where that is new to the store: the file of an earlier
  // start does not undo what an administrator has set since.
  absl::Status Configure(const std::optional<ParsedNetConf>& file) {
    HEDDLE_ASSIGN_OR_RETURN(
        const Stored in_store, (Await<Stored>(&writer_, [](Writer& writer, auto done) {
          done(Stored{writer.book().target_network(), writer.book().net_conf_digest()});
        })));
    const std::optional<Network>& stored = in_store.network;
    if (!file) {
      if (!stored) {
        spdlog::warn(
            "no network is configured: nodes are refused until one is set with "
            "`heddlectl network set`");
        return absl::OkStatus();
      }
      return RequireBuilt(stored->backend);
    }
    if (stored && in_store.net_conf_digest == NetConfDigest()) {
      if (*stored != file->network) {
        spdlog::info(
            "{} is the file of the last start; the network was set with heddlectl since, and "
            "stands",
            options_.net_conf_name);
      }
      return RequireBuilt(stored->backend);
    }
    return Apply(file->network, stored.has_value());
  }

  absl::StatusOr<ParsedNetConf> FromFile() const {
    absl::StatusOr<ParsedNetConf> parsed = ParseNetConf(*options_.net_conf_json);
    if (parsed.ok()) {
      for (const std::string& notice : parsed->notices) {
        spdlog::warn("{}: {}", options_.net_conf_name, notice);
      }
    }
    const absl::Status status =
        parsed.ok() ? RequireBuilt(parsed->network.backend) : parsed.status();
    if (status.ok()) return parsed;
    return absl::Status(status.code(),
                        absl::StrCat(options_.net_conf_name, ": ", status.message()));
  }

  absl::Status Apply(const Network& network, bool replaces) {
    const absl::StatusOr<Committed> result = Await<Committed>(
        &writer_,
        [network, source = *options_.net_conf_json, digest = NetConfDigest()](
            Writer& writer, auto done) { writer.SetNetwork(network, source, done, digest); });
    if (result.ok()) {
      spdlog::info("{} {} at revision {}", options_.net_conf_name,
                   replaces ? "replaces the stored network" : "is the network now",
                   result->revision);
      return absl::OkStatus();
    }
    if (!replaces || !absl::IsFailedPrecondition(result.status())) return result.status();
    return absl::FailedPreconditionError(absl::StrCat(
        options_.net_conf_name,
        " differs from the network in use and cannot replace it: ", result.status().message(),
        ". To go on with the network in use, start without --net-conf (heddlectl network show "
        "prints it), do what is said here and then use `heddlectl network set`"));
  }

  absl::Status Listen() {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    AddKeepalive(&builder);
    builder.SetMaxReceiveMessageSize(kMaxReceiveBytes);
    builder.SetMaxSendMessageSize(-1);  // listings of large clusters
    builder.RegisterService(nodes_.service());
    builder.RegisterService(admin_.service());
    ports_.assign(options_.listen.size(), 0);
    for (std::size_t i = 0; i < options_.listen.size(); ++i) {
      builder.AddListeningPort(options_.listen[i], grpc::InsecureServerCredentials(), &ports_[i]);
    }
    server_ = builder.BuildAndStart();
    for (std::size_t i = 0; i < ports_.size(); ++i) {
      if (server_ != nullptr && ports_[i] != 0) continue;
      return absl::UnavailableError(absl::StrCat(
          "cannot listen on ", options_.listen[i],
          ": the address is in use, not this host's, or not of the form host:port. See `ss -ltnp`, "
          "or choose another with --listen"));
    }
    if (server_ == nullptr) return absl::InternalError("gRPC did not start the server");
    server_->GetHealthCheckService()->SetServingStatus(true);
    return absl::OkStatus();
  }

  const ControllerOptions options_;
  const SystemClock clock_;
  WatchHub hub_;
  NodeRegistry registry_;
  ProbeReports probe_reports_;
  Pump pump_;
  WriterThread writer_;
  NodeService nodes_;
  AdminService admin_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<int> ports_;
};

Controller::Controller(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Controller::~Controller() { Drain(); }

absl::StatusOr<std::unique_ptr<Controller>> Controller::Start(
    const ControllerOptions& options, storage::Store* store,
    std::function<void(const absl::Status&)> on_failure) {
  std::unique_ptr<Controller> controller(
      new Controller(std::make_unique<Parts>(options, store, std::move(on_failure))));
  HEDDLE_RETURN_IF_ERROR(controller->parts_->Start());
  return controller;
}

const std::vector<int>& Controller::ports() const { return parts_->ports(); }
void Controller::Drain() { parts_->Drain(); }

}  // namespace heddle::controller
