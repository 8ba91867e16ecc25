// The gRPC service behind heddlectl: any controller serves every call, through the leader where it
// must be.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "controller/access.h"
#include "controller/admitted_streams.h"
#include "controller/issuing_calls.h"
#include "controller/leader_proxy.h"
#include "controller/leadership.h"
#include "controller/node_registry.h"
#include "controller/peer_channels.h"
#include "controller/probe_reports.h"
#include "controller/pump.h"
#include "controller/watch_hub.h"
#include "controller/writer_thread.h"
#include "storage/store.h"

namespace grpc {
class Service;
}

namespace heddle::controller {

// Thread-safe. Everything in the wiring outlives it; the gRPC server ends before it does.
class AdminService {
 public:
  struct Wiring {
    storage::Store* store = nullptr;
    WatchHub* hub = nullptr;
    NodeRegistry* registry = nullptr;
    ProbeReports* probe_reports = nullptr;
    WriterThread* writer = nullptr;
    Leadership* leadership = nullptr;  // gets a listener here: construct before its first Set
    PeerChannels* channels = nullptr;
    LeaderProxy* proxy = nullptr;
    const Access* access = nullptr;
    AdmittedStreams* streams = nullptr;
    const IssuingCalls* issuing = nullptr;
    Pump* pump = nullptr;  // gets a task here: construct before Pump::Start
    const Clock* clock = nullptr;
    std::string version;
    absl::Duration restore_settle;  // as Writer::Options says
  };

  explicit AdminService(const Wiring& wiring);
  ~AdminService();

  grpc::Service* service();
  // Ends every watch and every wait here, saying why; calls at the leader are the proxy's to end.
  void CloseAll(const absl::Status& why);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace heddle::controller
