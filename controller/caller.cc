#include "controller/caller.h"

#include "absl/strings/str_cat.h"

namespace heddle::controller {

std::string Caller::who() const {
  if (!secure) return "insecure";
  return principal.name.empty() ? "" : identity::ToString(principal);
}

absl::Status Caller::RequireNode(absl::string_view node_id) const {
  if (!secure) return absl::OkStatus();
  const bool is_it = principal.role == identity::Role::kNode && principal.name == node_id;
  if (is_it && !node_id.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "the certificate shown is of '", who(), "', which may not act as node '", node_id,
      "'. Each node needs a certificate of its own: make a ticket with `heddlectl token create` "
      "and start heddle-node with --join, or set --node-id to the certificate's"));
}

void NameCaller(const Caller& caller, grpc::ClientContext* client) {
  if (!caller.secure) return;
  client->AddMetadata(kOnBehalfOfMetadata, caller.who());
  client->AddMetadata(kOnBehalfOfSerialMetadata, caller.serial);
  client->AddMetadata(kOnBehalfOfAddressMetadata, caller.remote_address);
}

}  // namespace heddle::controller
