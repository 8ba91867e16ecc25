// The Diagnose call of the AdminService: whom to ask, and what to bring back.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "api/heddle/v1/admin.pb.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "controller/access.h"
#include "controller/admitted_streams.h"
#include "controller/diagnose_reactor.h"
#include "controller/leader_proxy.h"
#include "controller/node_registry.h"
#include "controller/probe_reports.h"
#include "controller/pump.h"
#include "controller/watch_hub.h"
#include "controller/writer_thread.h"

namespace heddle::controller {

// Thread-safe. Everything in the wiring outlives it; the gRPC server ends before it does.
class DiagnoseService {
 public:
  struct Wiring {
    WatchHub* hub = nullptr;
    NodeRegistry* registry = nullptr;
    WriterThread* writer = nullptr;
    Pump* pump = nullptr;  // gets a task here: construct before Pump::Start
    ProbeReports* reports = nullptr;
    const Clock* clock = nullptr;
    LeaderProxy* proxy = nullptr;
    const Access* access = nullptr;
    AdmittedStreams* streams = nullptr;
  };
  explicit DiagnoseService(const Wiring& wiring);

  // Begins a call, here or at the leader, and answers its reactor. Refused, as the call's status:
  // who may not, nodes that do not exist (NotFound), more calls at once than a few
  // (ResourceExhausted).
  grpc::ServerWriteReactor<v1::DiagnoseEvent>* Begin(grpc::CallbackServerContext* context,
                                                     const v1::DiagnoseRequest& request);
  void CloseAll(const absl::Status& why);

 private:
  using Reactor = std::shared_ptr<DiagnoseReactor>;
  void BeginHere(const Caller& caller, const Reactor& reactor, const v1::DiagnoseRequest& request);
  // What is wrong with the request, else asks.
  absl::Status Ask(const Reactor& reactor, const v1::DiagnoseRequest& request, Writer* writer);
  std::vector<Reactor> Live();
  void Remove(DiagnoseReactor* reactor);
  absl::Time OnTime(absl::Time now);

  const Wiring wiring_;
  Mutex mutex_;
  absl::flat_hash_map<DiagnoseReactor*, Reactor> live_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
