// WireGuard devices and peers over generic netlink (linux/wireguard.h), within links that
// RtnetlinkWriter makes. The one place that holds this node's private key.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/wireguard_key.h"
#include "node/dataplane/dataplane.h"

namespace heddle::node {

// A private key with the public one that belongs to it. Zero: this node has none.
struct WireguardSecret {
  std::array<std::uint8_t, 32> private_key{};
  WireguardKey public_key;
};

// Reads the key file (base64, one line, as `wg genkey` writes it), or makes the key and the file,
// 0600 in a folder 0700, when there is none. FailedPrecondition: the file is not a key, or others
// may read it; it is left alone. Otherwise why it cannot be read or written, naming it. No message
// has the key.
absl::StatusOr<WireguardSecret> LoadOrMakeWireguardSecret(const std::string& path);

// Owned and called by the dataplane's thread.
class Wireguard {
 public:
  explicit Wireguard(WireguardSecret secret) : secret_(secret) {}

  // Adds what the wireguard links in `state->links` hold. Nothing is asked of the kernel when there
  // is none.
  absl::Status Read(NetworkState* state);

  // Unavailable or Unimplemented: the kernel has no WireGuard, and what to do.
  absl::Status Write(Operation::Kind kind, const std::string& link, const WireguardDevice& device);
  absl::Status Write(Operation::Kind kind, const WireguardPeerKey& key, const WireguardPeer& peer);

 private:
  WireguardSecret secret_;
};

}  // namespace heddle::node
