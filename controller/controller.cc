#include "controller/controller.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "controller/access.h"
#include "controller/admin_service.h"
#include "controller/admitted_streams.h"
#include "controller/audit.h"
#include "controller/identity_service.h"
#include "controller/issuing_calls.h"
#include "controller/leader_proxy.h"
#include "controller/leadership.h"
#include "controller/net_conf_file.h"
#include "controller/node_service.h"
#include "controller/replica_link.h"
#include "controller/replica_service.h"
#include "controller/writer_thread.h"
#include "identity/transport.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

constexpr int kMaxReceiveBytes = 2 << 20;  // a net-conf.json, generously
constexpr int kKeepaliveMs = 10'000;       // silence before a ping, and for its answer: 20 s in all
constexpr int kHandshakeMs = 30'000;       // many at once take their time, too
constexpr int kMaxStreams = 1024;  // of one connection; another controller passes on many calls
constexpr std::size_t kMinBufferBytes = 512 << 20;  // of gRPC for all connections
constexpr std::chrono::seconds kDrainWithin{3};
constexpr std::chrono::seconds kElectedWithin{30};

// Runs `call` on the writer's thread and blocks for what it reports.
absl::Status Await(WriterThread* writer,
                   std::function<void(Writer&, std::function<void(absl::Status)>)> call) {
  auto promise = std::make_shared<std::promise<absl::Status>>();
  auto future = promise->get_future();
  HEDDLE_RETURN_IF_ERROR(writer->Post([promise, call = std::move(call)](Writer& w) {
    call(w, [promise](absl::Status status) { promise->set_value(std::move(status)); });
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

// Of whoever connects, known or not. Without TLS one connection may be many nodes'.
void AddBounds(bool is_secure, grpc::ServerBuilder* builder) {
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMs);
  if (is_secure) builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
  const long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return;
  grpc::ResourceQuota quota("controller");
  quota.Resize(std::max<std::size_t>(
      kMinBufferBytes, static_cast<std::size_t>(pages) * static_cast<std::size_t>(page_bytes) / 2));
  builder->SetResourceQuota(quota);
}

}  // namespace

class Controller::Parts {
 public:
  Parts(const ControllerOptions& options, storage::Store* store, std::unique_ptr<Audit> audit,
        std::function<void(const absl::Status&)> on_failure)
      : options_(options),
        audit_(std::move(audit)),
        verifier_(options.credentials),
        access_({options.credentials == nullptr, &clock_, audit_.get(), &verifier_}),
        registry_(absl::Seconds(3 * options.heartbeat_seconds)),
        probe_reports_(absl::Uniform<std::uint64_t>(absl::BitGen())),
        pump_(&clock_),
        leadership_(Self().id),
        channels_(options.credentials, options.tls_server_name),
        streams_(
            {&access_, &pump_,
             [this](AdmittedStreams::UseCertificates use) { WithCertificates(std::move(use)); }}),
        link_({&hub_, &registry_, &probe_reports_, &leadership_, &channels_, &pump_, &clock_}),
        writer_(WriterOptions(), WriterWiring(store), std::move(on_failure)),
        nodes_({store, &hub_, &registry_, &probe_reports_, &writer_, &pump_, &clock_, &access_,
                &streams_, options.heartbeat_seconds, kVersion, Self().id,
                [this] { return TrustNow(); }}),
        replicas_({&hub_, &registry_, &probe_reports_, &writer_, &leadership_, &clock_, &access_,
                   &streams_}),
        proxy_({store, &leadership_, &writer_, &channels_, &pump_, &clock_}),
        issuing_(IssuingWiring(store)),
        identities_({&access_, &proxy_, &issuing_, &clock_}),
        admin_({store, &hub_, &registry_, &probe_reports_, &writer_, &leadership_, &channels_,
                &proxy_, &access_, &streams_, &issuing_, &pump_, &clock_, kVersion,
                options.restore_settle}) {}

  absl::Status Start() {
    if (options_.net_conf_json) {
      HEDDLE_ASSIGN_OR_RETURN(file_,
                              NetConfFile::Parse(options_.net_conf_name, *options_.net_conf_json));
    }
    leadership_.OnChange([this](const Leadership::State&) {
      // Not on the stack of the writer, which is telling us. One that is ending takes nothing over.
      writer_.Post([this](Writer& writer) { TakeOverIfLeading(writer); }).IgnoreError();
    });
    HEDDLE_RETURN_IF_ERROR(writer_.Start());
    HEDDLE_RETURN_IF_ERROR(Configure());
    pump_.Add([this](absl::Time now) { return audit_->OnTime(now); });
    pump_.Start();
    return Listen();
  }

  void Drain() {
    const absl::Status why =
        absl::UnavailableError("this controller is ending; try another, or again in a moment");
    if (server_ != nullptr) {
      server_->GetHealthCheckService()->SetServingStatus(false);
      nodes_.CloseAll(why);
      replicas_.CloseAll(why);
      admin_.CloseAll(why);
      proxy_.CloseAll(why);
      server_->Shutdown(std::chrono::system_clock::now() + kDrainWithin);
      server_->Wait();
      server_.reset();
    }
    link_.Stop();
    pump_.Stop();
    writer_.Stop();
  }

  const std::vector<int>& ports() const { return ports_; }

 private:
  storage::Member Self() const {
    const std::string first = options_.listen.empty() ? "controller" : options_.listen.front();
    return {options_.id.empty() ? first : options_.id, options_.advertise, kVersion};
  }

  std::optional<Trust> TrustNow() const {
    if (options_.credentials == nullptr) return std::nullopt;
    const auto signing = options_.authority ? options_.authority() : nullptr;
    return Trust{options_.credentials->Current()->roots_pem,
                 signing == nullptr ? "" : signing->root().key_id};
  }

  Writer::Options WriterOptions() const {
    Writer::Options options;
    options.self = Self();
    options.policy = options_.policy;
    options.rollout_grace = options_.rollout_grace;
    options.restore_settle = options_.restore_settle;
    return options;
  }

  Writer::Wiring WriterWiring(storage::Store* store) {
    Writer::Wiring wiring;
    wiring.store = store;
    wiring.clock = &clock_;
    wiring.hub = &hub_;
    wiring.alive = [this] { return registry_.Alive(); };
    wiring.registry = &registry_;
    wiring.leadership = &leadership_;
    wiring.forward_acquire = [this](const storage::Member& leader, const AcquireRequest& request,
                                    std::function<void(absl::StatusOr<storage::Revision>)> done) {
      link_.Acquire(leader, request, std::move(done));
    };
    wiring.revoked = [this](const std::vector<std::string>& serials) {
      access_.OnRevoked(serials);
    };
    wiring.published = [this](const BookChanges& changes) { nodes_.OnPublished(changes); };
    return wiring;
  }

  IssuingCalls::Wiring IssuingWiring(storage::Store* store) {
    IssuingCalls::Wiring wiring;
    wiring.writer = &writer_;
    wiring.registry = &registry_;
    wiring.clock = &clock_;
    wiring.insecure = options_.credentials == nullptr;
    wiring.controller_id = Self().id;
    wiring.authority = options_.authority;
    wiring.roots_pem = [this] { return options_.credentials->Current()->roots_pem; };
    wiring.addresses = [this, store] {
      std::vector<std::string> addresses;
      for (const storage::Member& member : store->Describe().members) {
        if (!member.address.empty()) addresses.push_back(member.address);
      }
      if (addresses.empty() && !options_.advertise.empty()) addresses = {options_.advertise};
      return addresses;
    };
    wiring.node_ttl = options_.certificate_ttl;
    return wiring;
  }

  void WithCertificates(AdmittedStreams::UseCertificates use) {
    // One that is ending ends its streams anyway.
    writer_
        .Post([use = std::move(use)](Writer& writer) {
          use([&](const identity::Principal& principal) -> std::optional<AdmittedStreams::Newest> {
            const IssuedCertificate* newest = writer.certificates().Newest(principal);
            if (newest == nullptr) return std::nullopt;
            return AdmittedStreams::Newest{newest->serial, newest->not_after};
          });
        })
        .IgnoreError();
  }

  absl::Status Configure() {
    return Await(&writer_, [this](Writer& writer, std::function<void(absl::Status)> done) {
      if (file_ && options_.one_of_several) {
        digest_at_start_ = writer.book().net_conf_digest();
        TakeOverIfLeading(writer);
        return done(absl::OkStatus());
      }
      if (file_) return file_->TakeOver(writer, std::move(done));
      const std::optional<Network>& stored = writer.book().target_network();
      if (stored) return done(RequireBuilt(stored->backend));
      spdlog::warn(
          "no network is configured: nodes are refused until one is set with "
          "`heddlectl network set`");
      done(absl::OkStatus());
    });
  }

  // Of several controllers the one that leads takes its file over, once in a life: what is set
  // afterwards, on whichever controller, stands.
  void TakeOverIfLeading(Writer& writer) {
    if (!writer.leads() || !digest_at_start_) return;
    file_->TakeOverAsLeader(writer, *std::exchange(digest_at_start_, std::nullopt));
  }

  absl::Status Listen() {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    AddKeepalive(&builder);
    AddBounds(options_.credentials != nullptr, &builder);
    builder.SetMaxReceiveMessageSize(kMaxReceiveBytes);
    builder.SetMaxSendMessageSize(-1);  // listings of large clusters
    builder.RegisterService(nodes_.service());
    builder.RegisterService(replicas_.service());
    builder.RegisterService(identities_.service());
    builder.RegisterService(admin_.service());
    const std::shared_ptr<grpc::ServerCredentials> credentials =
        options_.credentials == nullptr ? grpc::InsecureServerCredentials()
                                        : identity::ServerCredentialsOf(options_.credentials);
    ports_.assign(options_.listen.size(), 0);
    for (std::size_t i = 0; i < options_.listen.size(); ++i) {
      builder.AddListeningPort(options_.listen[i], credentials, &ports_[i]);
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
  const std::unique_ptr<Audit> audit_;
  identity::PeerVerifier verifier_;
  Access access_;
  WatchHub hub_;
  NodeRegistry registry_;
  ProbeReports probe_reports_;
  Pump pump_;
  Leadership leadership_;
  PeerChannels channels_;
  AdmittedStreams streams_;
  ReplicaLink link_;
  WriterThread writer_;
  NodeService nodes_;
  ReplicaService replicas_;
  LeaderProxy proxy_;
  IssuingCalls issuing_;
  IdentityService identities_;
  AdminService admin_;
  std::optional<NetConfFile> file_;               // constant once started
  std::optional<std::uint64_t> digest_at_start_;  // the writer's thread; while the file waits
  std::unique_ptr<grpc::Server> server_;
  std::vector<int> ports_;
};

Controller::Controller(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Controller::~Controller() { Drain(); }

absl::StatusOr<std::unique_ptr<Controller>> Controller::Start(
    const ControllerOptions& options, storage::Store* store,
    std::function<void(const absl::Status&)> on_failure) {
  static const SystemClock clock;
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<Audit> audit, Audit::Open(options.audit_log, &clock));
  std::unique_ptr<Controller> controller(new Controller(
      std::make_unique<Parts>(options, store, std::move(audit), std::move(on_failure))));
  HEDDLE_RETURN_IF_ERROR(controller->parts_->Start());
  return controller;
}

const std::vector<int>& Controller::ports() const { return parts_->ports(); }
void Controller::Drain() { parts_->Drain(); }

}  // namespace heddle::controller
