// This node's WireGuard key pair, and the file that keeps it.
//
// The private key protects everything: who has it can read what peers send to this node from now
// on, and can pose as it. It leaves this process for the kernel alone. It never stands in a
// NetworkState, a log or a message.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/wireguard_key.h"
#include "node/dataplane/codec/wireguard.h"

namespace heddle::node {

// A private key with the public one that belongs to it. Zero: this node has none.
struct WireguardSecret {
  WireguardPrivateKey private_key{};
  WireguardKey public_key;
};

// Reads the key file (base64, one line, as `wg genkey` writes it), or makes the key and the file,
// 0600 in a folder 0700, when there is none. FailedPrecondition: the file is not a key, or others
// may read it; it is left alone. Otherwise why it cannot be read or written, naming it. No message
// has the key.
absl::StatusOr<WireguardSecret> LoadOrMakeWireguardSecret(const std::string& path);

}  // namespace heddle::node
