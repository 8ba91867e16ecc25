// WireGuard over generic netlink: what the wireguard links hold. The links themselves are
// rtnetlink's. Nothing is asked of the kernel, and no socket opened, before there is such a link.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "node/dataplane/dataplane.h"
#include "node/dataplane/netlink_socket.h"
#include "node/dataplane/operation_batch.h"
#include "node/dataplane/wireguard_secret.h"

namespace heddle::node {

// Owned and called by the dataplane's thread.
class Wireguard {
 public:
  explicit Wireguard(const WireguardSecret& secret) : secret_(secret) {}

  // Adds what the wireguard links in `state->links` hold. Unavailable or Unimplemented: the kernel
  // does not speak of WireGuard, and what to do.
  absl::Status Read(NetworkState* state);

  // Starts a run of operations whose failures go to `failures`, which must outlive the run.
  void Start(std::vector<Failure>* failures);
  // Queues an operation, and sends what waits once it is enough. `operation` must live until Flush.
  // A device whose public key is not that of our secret fails.
  void Add(const Operation& operation, const std::string& link, const WireguardDevice& device);
  void Add(const Operation& operation, const WireguardPeerKey& key, const WireguardPeer& peer);
  // Sends what waits.
  void Flush();

 private:
  // Opens the socket, and asks for WireGuard's number once in a run: it is another when the module
  // was loaded anew.
  absl::Status Connect();
  void Refused(const Operation& operation, const NetlinkSocket::Refusal& refusal);

  const WireguardSecret secret_;
  std::optional<NetlinkSocket> socket_;
  std::optional<std::uint16_t> family_;
  OperationBatch batch_;
  std::vector<Failure>* failures_ = nullptr;
};

}  // namespace heddle::node
