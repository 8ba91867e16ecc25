// Who is calling, and whether that one may: asked first in every call of every service.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "controller/audit.h"
#include "controller/call_rates.h"
#include "controller/caller.h"
#include "identity/peer_verifier.h"

namespace heddle::controller {

// What a call needs of its caller.
enum class Need {
  kNothing,     // Join: the token is the proof
  kNode,        // a node; which one, the call itself compares
  kController,  // another controller of this cluster
  kViewer,      // viewer or admin; a controller on behalf of one
  kAdmin,       // admin; a controller on behalf of one
  kAnyone,      // a certificate of whatever role
};

// What is the same in all that the audit log says of a call.
AuditEntry EntryFor(const Caller& caller, absl::string_view action);

// Thread-safe.
class Access {
 public:
  struct Wiring {
    bool insecure = false;  // everybody may everything; the audit log says "insecure"
    const Clock* clock = nullptr;
    Audit* audit = nullptr;
    identity::PeerVerifier* verifier = nullptr;  // null when insecure
  };
  explicit Access(const Wiring& wiring);

  // Unauthenticated: no certificate, or one that is not believed, not valid now, or revoked.
  // PermissionDenied: another role. ResourceExhausted: calls too often (controller/call_rates.h);
  // that alone is not in the audit log, which it would fill. The others are, with `action` (the
  // method's name). Says to the caller what to do.
  absl::StatusOr<Caller> Admit(const grpc::ServerContextBase& context, Need need,
                               absl::string_view action) const;
  // The same for who was admitted before, as for a stream that goes on: PermissionDenied once the
  // certificate is revoked, or that of the controller which passed the call on.
  absl::Status StillAdmitted(const Caller& caller) const;

  // Puts into the audit log that the caller, who was admitted, was refused for what was said later.
  void RecordRefusal(const Caller& caller, absl::string_view action, absl::string_view object,
                     const absl::Status& why) const;

  // On the writer's thread, as the certificate book learns of it. Listeners are called with the
  // serials, on the same thread; added before the server starts.
  void OnRevoked(const std::vector<std::string>& serials);
  void AddListener(std::function<void(const std::vector<std::string>& serials)> listener);

  bool insecure() const { return wiring_.insecure; }
  Audit* audit() const { return wiring_.audit; }

 private:
  absl::Status Judge(const grpc::ServerContextBase& context, Need need, absl::string_view action,
                     Caller* caller) const;
  absl::Status Identify(const grpc::ServerContextBase& context, Caller* caller) const;
  absl::Status CheckNotRevoked(const Caller& caller) const;

  const Wiring wiring_;
  mutable CallRates rates_;
  mutable Mutex mutex_;
  absl::flat_hash_set<std::string> revoked_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::function<void(const std::vector<std::string>&)>> listeners_;
};

}  // namespace heddle::controller
