// The gRPC service that nodes attach to: the set of live streams, and what wakes them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "controller/access.h"
#include "controller/admitted_streams.h"
#include "controller/lease_book.h"
#include "controller/node_registry.h"
#include "controller/probe_reports.h"
#include "controller/pump.h"
#include "controller/trust_notice.h"
#include "controller/watch_hub.h"
#include "controller/writer_thread.h"

namespace grpc {
class Service;
}

namespace heddle::controller {

// Thread-safe. Everything in the wiring outlives it; the gRPC server ends before it does.
class NodeService {
 public:
  struct Wiring {
    storage::Store* store = nullptr;
    WatchHub* hub = nullptr;
    NodeRegistry* registry = nullptr;
    ProbeReports* probe_reports = nullptr;
    WriterThread* writer = nullptr;
    Pump* pump = nullptr;  // gets a task here: construct before Pump::Start
    const Clock* clock = nullptr;
    const Access* access = nullptr;
    AdmittedStreams* streams = nullptr;
    int heartbeat_seconds = 5;
    std::string version, controller_id;
    std::function<std::optional<Trust>()> trust;  // as it is now; nothing: without TLS
  };

  explicit NodeService(const Wiring& wiring);
  ~NodeService();

  grpc::Service* service();
  // After each publication, on the writer's thread.
  void OnPublished(const BookChanges& changes);
  // Ends every stream, saying why.
  void CloseAll(const absl::Status& why);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace heddle::controller
