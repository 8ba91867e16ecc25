// Who a call is for, and how that is told to the controller that a call is passed on to.
#pragma once

#include <grpcpp/grpcpp.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "identity/principal.h"

namespace heddle::controller {

struct Caller {
  // Whom the certificate shown is of; of a forwarded call, whom the controller named. Without a
  // name: nobody, as who joins.
  identity::Principal principal;
  std::string serial;  // of that one's certificate; "" when there is none
  absl::Time not_after = absl::InfiniteFuture();  // of the certificate shown here
  std::string remote_address;  // of the caller, as gRPC has it: "ipv4:192.0.2.1:4711"
  bool secure = false;         // else nothing of the above was proven
  // The controller that passed the call on, and the serial of its certificate.
  std::optional<identity::Principal> through;
  std::string through_serial;

  // For the audit log and for records: "admin/alice", "insecure", "" for nobody.
  std::string who() const;
  // OK when the caller is this node, or nothing is proven here. PermissionDenied names both.
  absl::Status RequireNode(absl::string_view node_id) const;
};

// In the metadata of a call that one controller passes to another: "admin/alice", or empty when it
// is for nobody; the serial of that one's certificate, and where it called from. Believed of a
// controller only.
inline constexpr char kOnBehalfOfMetadata[] = "heddle-on-behalf-of";
inline constexpr char kOnBehalfOfSerialMetadata[] = "heddle-on-behalf-of-serial";
inline constexpr char kOnBehalfOfAddressMetadata[] = "heddle-on-behalf-of-address";

// Says in a call to another controller whom it is for. Nothing when `caller` has proven nothing.
void NameCaller(const Caller& caller, grpc::ClientContext* client);

}  // namespace heddle::controller
