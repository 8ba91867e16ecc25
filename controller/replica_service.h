// The leader's side of what controllers say to each other (api/heddle/v1/replica.proto): it has the
// followers' nodes in its own registry as if they were attached here, says through the followers
// what those nodes are to be told, and commits what the followers ask for.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "base/clock.h"
#include "controller/access.h"
#include "controller/admitted_streams.h"
#include "controller/leadership.h"
#include "controller/node_registry.h"
#include "controller/probe_reports.h"
#include "controller/watch_hub.h"
#include "controller/writer_thread.h"

namespace grpc {
class Service;
}

namespace heddle::controller {

// Thread-safe. Everything in the wiring outlives it; the gRPC server ends before it does. When this
// controller loses the lead, every follower's stream ends, and its nodes detach.
class ReplicaService {
 public:
  struct Wiring {
    WatchHub* hub = nullptr;
    NodeRegistry* registry = nullptr;
    ProbeReports* probe_reports = nullptr;
    WriterThread* writer = nullptr;
    Leadership* leadership = nullptr;  // gets a listener here: construct before its first Set
    const Clock* clock = nullptr;
    const Access* access = nullptr;
    AdmittedStreams* streams = nullptr;
  };
  explicit ReplicaService(const Wiring& wiring);
  ~ReplicaService();

  grpc::Service* service();
  // Ends every stream, saying why.
  void CloseAll(const absl::Status& why);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace heddle::controller
