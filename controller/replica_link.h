// A follower's side of what controllers say to each other (api/heddle/v1/replica.proto): one stream
// to whoever leads, on which this controller's nodes and their reports go to the leader, and what
// the leader has to say to those nodes comes back; and requests for leases that only the leader can
// commit.
//
// The stream is dialled anew, with a jittered pause, when it breaks, and given up when another
// leads. Changes are collected for some milliseconds; what the leader has not taken costs nothing
// but a cursor into the registry.
#pragma once

#include <memory>

#include "base/clock.h"
#include "controller/leadership.h"
#include "controller/node_registry.h"
#include "controller/peer_channels.h"
#include "controller/probe_reports.h"
#include "controller/pump.h"
#include "controller/watch_hub.h"
#include "controller/writer.h"

namespace heddle::controller {

// Thread-safe. Everything in the wiring outlives it.
class ReplicaLink {
 public:
  struct Wiring {
    WatchHub* hub = nullptr;
    NodeRegistry* registry = nullptr;       // gets a listener here: construct before nodes attach
    ProbeReports* probe_reports = nullptr;  // likewise
    Leadership* leadership = nullptr;       // gets a listener here: construct before its first Set
    PeerChannels* channels = nullptr;
    Pump* pump = nullptr;  // gets a task here: construct before Pump::Start
    const Clock* clock = nullptr;
  };
  explicit ReplicaLink(const Wiring& wiring);
  ~ReplicaLink();

  // Writer::ForwardAcquire. DeadlineExceeded: the leader has not answered for some seconds.
  void Acquire(const storage::Member& leader, const AcquireRequest& request,
               std::function<void(absl::StatusOr<storage::Revision>)> done);
  // Ends the stream and all calls (they answer Cancelled), and waits until gRPC is done with them.
  // Later calls are refused with Unavailable. Idempotent.
  void Stop();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace heddle::controller
