// What each call of the AdminService does, once it is where it belongs. Answers are filled in and
// then replied for; what `request` and `response` point to lives until the reply.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "api/heddle/v1/admin.pb.h"
#include "base/clock.h"
#include "controller/applied_wait.h"
#include "controller/leadership.h"
#include "controller/node_registry.h"
#include "controller/pump.h"
#include "controller/watch_hub.h"
#include "controller/writer_thread.h"
#include "storage/store.h"

namespace heddle::controller {

// Thread-safe. Everything in the wiring outlives it.
class AdminCalls {
 public:
  using Reply = std::function<void(const absl::Status&)>;
  struct Wiring {
    storage::Store* store = nullptr;
    WatchHub* hub = nullptr;
    NodeRegistry* registry = nullptr;
    WriterThread* writer = nullptr;
    const Leadership* leadership = nullptr;
    Pump* pump = nullptr;
    const Clock* clock = nullptr;
    std::string version;
  };
  explicit AdminCalls(const Wiring& wiring)
      : wiring_(wiring),
        started_(wiring.clock->Now()),
        applied_wait_(wiring.hub, wiring.registry) {}

  // ---- The leader's; those that change nothing may be asked of others, who know less. ----
  void GetNetwork(v1::GetNetworkResponse* response, Reply reply);
  void SetNetwork(const v1::SetNetworkRequest* request, v1::SetNetworkResponse* response,
                  Reply reply);
  void ListLeases(const v1::ListLeasesRequest* request, v1::ListLeasesResponse* response,
                  Reply reply);
  void ReserveLease(const v1::ReserveLeaseRequest* request, v1::LeaseResponse* response,
                    Reply reply);
  void ReleaseLease(const v1::ReleaseLeaseRequest* request, v1::LeaseResponse* response,
                    Reply reply);
  void RenumberNode(const v1::RenumberNodeRequest* request, v1::LeaseResponse* response,
                    Reply reply);
  void ListNodes(v1::ListNodesResponse* response, Reply reply);
  void AcceptRemovals(const v1::NodeRequest* request, v1::RevisionResponse* response, Reply reply);
  void RemoveNode(const v1::NodeRequest* request, v1::RevisionResponse* response, Reply reply);
  void AllowAddress(const v1::AllowAddressRequest* request, v1::AllowAddressResponse* response,
                    Reply reply);
  // `cancelled` ends the wait early.
  void WaitApplied(const v1::WaitAppliedRequest* request, v1::WaitAppliedResponse* response,
                   std::function<bool()> cancelled, Reply reply);

  // ---- Any controller's ----
  void GetStatus(v1::GetStatusResponse* response, Reply reply);

  // Answers waits whose time has come; when it wants to be called again.
  absl::Time OnTime(absl::Time now) { return applied_wait_.Check(now); }

 private:
  void SetNetworkTo(const std::string& json, const v1::SetNetworkRequest* request,
                    v1::SetNetworkResponse* response, const Reply& reply);
  bool IsAttached(const std::string& node_id) const;
  bool HoldsRemovals(const std::string& node_id) const;
  absl::Status FillGrant(const absl::StatusOr<LeaseGrant>& grant,
                         v1::LeaseResponse* response) const;
  // Runs `job` on the writer's thread, or replies why it cannot be.
  void OnWriter(const Reply& reply, std::function<void(Writer& writer, const Reply& reply)> job);

  const Wiring wiring_;
  const absl::Time started_;
  AppliedWait applied_wait_;
};

// For the audit log: which address, and whose it becomes.
std::string AddressText(const v1::AllowAddressRequest& request);
// How long a call to WaitApplied may take by its nature.
absl::Duration WaitOf(const v1::WaitAppliedRequest& request);

}  // namespace heddle::controller
