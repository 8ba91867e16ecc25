#include "node/dataplane/wireguard.h"

#include <linux/netlink.h>
#include <linux/wireguard.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"

namespace heddle::node {
namespace {

using Kind = Operation::Kind;

absl::string_view Advice(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return "; run as root or give the capability CAP_NET_ADMIN";
    case EADDRINUSE:
      return "; another program or device has this UDP port: stop it, or set another ListenPort";
    case EAFNOSUPPORT:
      return "; is IPv6 switched off on this host? Set the backend's Mode to ipv4";
    default:
      return "; it is tried again at the next look at the kernel";
  }
}

}  // namespace

absl::Status Wireguard::Connect() {
  if (family_) return absl::OkStatus();
  if (!socket_) {
    HEDDLE_ASSIGN_OR_RETURN(NetlinkSocket opened, NetlinkSocket::Open(NETLINK_GENERIC));
    socket_.emplace(std::move(opened));
  }
  MessageBuilder request;
  EncodeFamilyGet(WG_GENL_NAME, &request);
  const absl::Status status =
      socket_->Get(&request, [&](const Message& message) { family_ = DecodeFamily(message); });
  if (absl::IsNotFound(status)) {
    return absl::UnimplementedError(
        "this kernel has no WireGuard: load the module 'wireguard' (modprobe wireguard; it is part "
        "of Linux since 5.6), or use another backend");
  }
  if (status.ok() && !family_) return absl::InternalError("the kernel names no WireGuard family");
  return status;
}

absl::Status Wireguard::Read(NetworkState* state) {
  family_.reset();
  for (const auto& [name, link] : state->links) {
    if (!std::holds_alternative<WireguardLink>(link.kind)) continue;
    HEDDLE_RETURN_IF_ERROR(Connect());
    MessageBuilder request;
    EncodeWireguardDump(*family_, name, &request);
    WireguardDump dump;
    const absl::Time now = absl::Now();
    const absl::Status status = socket_->Dump(
        &request, [&] { dump = {}; },
        [&](const Message& message) { DecodeWireguard(message, *family_, now, &dump); });
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("wireguard ", name, ": ", status.message()));
    }
    dump.MoveTo(name, state);
  }
  return absl::OkStatus();
}

void Wireguard::Start(std::vector<Failure>* failures) {
  failures_ = failures;
  family_.reset();
}

void Wireguard::Add(const Operation& operation, const std::string& link,
                    const WireguardDevice& device) {
  absl::Status status = Connect();
  if (status.ok() && operation.kind != Kind::kRemove && device.public_key != secret_.public_key) {
    status = absl::FailedPreconditionError(
        "this is the key that the other nodes were told, and not the one in this node's key file; "
        "it is set once they have been told of that");
  }
  if (!status.ok()) return AddFailure(operation, status, failures_);
  Encode(*family_, operation.kind, link, device, secret_.private_key, batch_.messages());
  batch_.Own(operation);
  if (batch_.is_full()) Flush();
}

void Wireguard::Add(const Operation& operation, const WireguardPeerKey& key,
                    const WireguardPeer& peer) {
  absl::Status status = Connect();
  if (status.ok() && peer.allowed.size() > kMaxAllowedPrefixes) {
    status = absl::InvalidArgumentError(absl::StrCat(
        "it has ", peer.allowed.size(), " allowed prefixes; at most ", kMaxAllowedPrefixes));
  }
  if (!status.ok()) return AddFailure(operation, status, failures_);
  Encode(*family_, operation.kind, key, peer, batch_.messages());
  batch_.Own(operation);
  if (batch_.is_full()) Flush();
}

void Wireguard::Flush() {
  if (batch_.message_count() == 0) return;
  batch_.Flush(&*socket_, failures_,
               [this](const Operation& operation, const NetlinkSocket::Refusal& refusal) {
                 Refused(operation, refusal);
               });
}

void Wireguard::Refused(const Operation& operation, const NetlinkSocket::Refusal& refusal) {
  // With its link the object is gone, too.
  const bool absent = refusal.error == ENODEV || refusal.error == ENOENT;
  if (operation.kind == Kind::kRemove && absent) return;
  const absl::Status by_errno = absl::ErrnoToStatus(refusal.error, "");
  AddFailure(operation,
             absl::Status(by_errno.code(),
                          absl::StrCat("the kernel says: ", refusal.text, Advice(refusal.error))),
             failures_);
}

}  // namespace heddle::node
