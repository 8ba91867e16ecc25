#include "controller/access.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "identity/certificate.h"

namespace heddle::controller {
namespace {

using identity::Principal;
using identity::Role;

// More of a caller's address than this is not kept.
constexpr std::size_t kMaxAddressBytes = 128;

std::optional<std::string> Metadata(const grpc::ServerContextBase& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return std::nullopt;
  return std::string(found->second.data(), found->second.size());
}

absl::Status NoCertificate() {
  return absl::UnauthenticatedError(
      "no certificate was shown. heddlectl: give one with --identity (the first is made by "
      "`heddle-controller init`). heddle-node: start it once with --join and a ticket of "
      "`heddlectl token create`");
}

absl::Status Revoked(absl::string_view who, absl::string_view serial) {
  return absl::UnauthenticatedError(
      absl::StrCat("the certificate ", serial, " of '", who,
                   "' is revoked. See `heddlectl cert list`; to come back, its holder needs a new "
                   "one"));
}

// Replaces in `caller`, which is a controller, whom the call is for.
absl::Status TakeOnBehalfOf(const grpc::ServerContextBase& context, const std::string& named,
                            Caller* caller) {
  caller->through = std::exchange(caller->principal, Principal());
  caller->through_serial = std::exchange(caller->serial, "");
  if (!named.empty()) {
    const absl::StatusOr<Principal> principal = identity::ParsePrincipal(named);
    if (!principal.ok()) {
      return absl::PermissionDeniedError(absl::StrCat(
          "'", identity::ToString(*caller->through), "' passed on a call on behalf of ",
          "what is no principal: ", principal.status().message()));
    }
    caller->principal = *principal;
    caller->serial = Metadata(context, kOnBehalfOfSerialMetadata).value_or("");
  }
  const std::optional<std::string> from = Metadata(context, kOnBehalfOfAddressMetadata);
  if (from) caller->remote_address = from->substr(0, kMaxAddressBytes);
  return absl::OkStatus();
}

bool HasRole(const Caller& caller, Need need) {
  const Role role = caller.principal.role;
  switch (need) {
    case Need::kNothing:
    case Need::kAnyone:
      return true;
    case Need::kNode:
      return role == Role::kNode && !caller.through;
    case Need::kController:
      return role == Role::kController && !caller.through;
    case Need::kViewer:
      return role == Role::kViewer || role == Role::kAdmin;
    case Need::kAdmin:
      return role == Role::kAdmin;
  }
  return false;
}

// Who was refused has proved nothing that a share of its own could be kept for.
Caller Unproven(const Caller& caller) {
  Caller stranger;
  stranger.secure = true;
  stranger.remote_address = caller.remote_address;
  return stranger;
}

const char* NeededText(Need need) {
  switch (need) {
    case Need::kNode:
      return "is for nodes, each with its own certificate";
    case Need::kController:
      return "is for the controllers of this cluster";
    case Need::kViewer:
      return "is for administrators and viewers: give heddlectl such an identity";
    default:
      return "is for administrators: give heddlectl an identity of role admin, as `heddlectl cert "
             "create` makes them";
  }
}

}  // namespace

AuditEntry EntryFor(const Caller& caller, absl::string_view action) {
  AuditEntry entry;
  entry.who = caller.who();
  entry.serial = caller.serial;
  entry.from = caller.remote_address;
  if (caller.through) entry.through = identity::ToString(*caller.through);
  entry.action = std::string(action);
  return entry;
}

Access::Access(const Wiring& wiring) : wiring_(wiring), rates_(wiring.clock->Now()) {}

absl::StatusOr<Caller> Access::Admit(const grpc::ServerContextBase& context, Need need,
                                     absl::string_view action) const {
  Caller caller;
  caller.remote_address = context.peer();
  if (wiring_.insecure) return caller;
  caller.secure = true;
  const absl::Status status = Judge(context, need, action, &caller);
  // Also of what is refused anyway: strangers are told so no oftener than others are served.
  HEDDLE_RETURN_IF_ERROR(
      rates_.Take(status.ok() ? caller : Unproven(caller), wiring_.clock->Now()));
  if (status.ok()) return caller;
  RecordRefusal(caller, action, "", status);
  return status;
}

absl::Status Access::Judge(const grpc::ServerContextBase& context, Need need,
                           absl::string_view action, Caller* caller) const {
  const absl::Status identified = Identify(context, caller);
  if (need == Need::kNothing) {
    // Who joins may have an old certificate, or none: it is not what is judged.
    if (!identified.ok()) caller->principal = Principal();
    return absl::OkStatus();
  }
  HEDDLE_RETURN_IF_ERROR(identified);
  if (caller->principal.name.empty()) return NoCertificate();
  if (HasRole(*caller, need)) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("'", caller->who(), "' may not ask for this: ", action, " ", NeededText(need)));
}

absl::Status Access::Identify(const grpc::ServerContextBase& context, Caller* caller) const {
  const absl::StatusOr<identity::Certificate> shown =
      wiring_.verifier->Verify(*context.auth_context(), wiring_.clock->Now());
  if (absl::IsNotFound(shown.status())) return NoCertificate();
  if (absl::IsUnauthenticated(shown.status())) return shown.status();
  if (!shown.ok()) {
    return absl::UnauthenticatedError(absl::StrCat(
        "the certificate shown says of nobody here who that is: ", shown.status().message()));
  }
  caller->principal = shown->principal;
  caller->serial = shown->serial;
  caller->not_after = shown->not_after;
  HEDDLE_RETURN_IF_ERROR(identity::CheckValidity(*shown, wiring_.clock->Now()));
  if (const auto named = Metadata(context, kOnBehalfOfMetadata)) {
    if (shown->principal.role != Role::kController) {
      return absl::PermissionDeniedError(absl::StrCat(
          "'", caller->who(), "' may not ask on behalf of others: only controllers do"));
    }
    HEDDLE_RETURN_IF_ERROR(TakeOnBehalfOf(context, *named, caller));
  }
  return CheckNotRevoked(*caller);
}

absl::Status Access::CheckNotRevoked(const Caller& caller) const {
  MutexLock lock(&mutex_);
  if (revoked_.contains(caller.serial)) return Revoked(caller.who(), caller.serial);
  if (caller.through && revoked_.contains(caller.through_serial)) {
    return Revoked(identity::ToString(*caller.through), caller.through_serial);
  }
  return absl::OkStatus();
}

absl::Status Access::StillAdmitted(const Caller& caller) const {
  const absl::Status status = CheckNotRevoked(caller);
  return status.ok() ? status : absl::PermissionDeniedError(status.message());
}

void Access::RecordRefusal(const Caller& caller, absl::string_view action, absl::string_view object,
                           const absl::Status& why) const {
  AuditEntry entry = EntryFor(caller, action);
  entry.object = std::string(object);
  entry.result = why;
  wiring_.audit->Record(entry);
}

void Access::OnRevoked(const std::vector<std::string>& serials) {
  {
    MutexLock lock(&mutex_);
    revoked_.insert(serials.begin(), serials.end());
  }
  for (const auto& listener : listeners_) listener(serials);
}

void Access::AddListener(std::function<void(const std::vector<std::string>& serials)> listener) {
  listeners_.push_back(std::move(listener));
}

}  // namespace heddle::controller
