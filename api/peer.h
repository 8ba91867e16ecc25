// What a node says of itself and what others need of it, as plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "api/network.h"
#include "base/ip.h"
#include "base/mac.h"
#include "base/wireguard_key.h"

namespace heddle {

inline constexpr std::size_t kMaxExtensionBytes = 16 << 10;

struct Advertisement {
  PerFamily<Ip> public_address;  // where the others send to; not always an address of the host
  std::string backend_type;
  Mac vtep_mac;              // vxlan; zero with backends that have none
  std::string standby_type;  // a second backend that this node has up, during a change; or ""
  WireguardKey wireguard_public_key;        // wireguard; else zero
  PerFamily<std::uint16_t> wireguard_port;  // wireguard: of the device that listens on the family
  std::string extension_backend_data;       // extension: what PreStartupCommand printed

  // Whether this node has the backend up, to receive through it.
  bool Runs(absl::string_view type) const {
    return !type.empty() && (type == backend_type || type == standby_type);
  }

  friend bool operator==(const Advertisement& a, const Advertisement& b) {
    return a.public_address == b.public_address && a.backend_type == b.backend_type &&
           a.vtep_mac == b.vtep_mac && a.standby_type == b.standby_type &&
           a.wireguard_public_key == b.wireguard_public_key &&
           a.wireguard_port == b.wireguard_port &&
           a.extension_backend_data == b.extension_backend_data;
  }
  friend bool operator!=(const Advertisement& a, const Advertisement& b) { return !(a == b); }
};

struct Peer {
  std::string node_id;
  PerFamily<Prefix> subnets;
  Advertisement advertisement;
  PerFamily<Prefix> draining_subnets;  // that its pods may still have; see Network::draining

  // Every subnet, the draining ones included: those of `family`, or of both.
  std::vector<Prefix> SubnetsOf(Family family) const;
  std::vector<Prefix> AllSubnets() const;

  friend bool operator==(const Peer& a, const Peer& b) {
    return a.node_id == b.node_id && a.subnets == b.subnets && a.advertisement == b.advertisement &&
           a.draining_subnets == b.draining_subnets;
  }
  friend bool operator!=(const Peer& a, const Peer& b) { return !(a == b); }
};

// 1 to 253 of [a-z0-9.-_], starting and ending with a letter or digit: a host name, or a machine
// id. InvalidArgument says what is wrong.
absl::Status ValidateNodeId(absl::string_view node_id);

// InvalidArgument unless it is one host's: not zero, loopback, multicast or broadcast.
absl::Status ValidatePublicAddress(const Ip& address);

// Checks what every holder of an Advertisement relies on: at least one address, each one host's
// (not zero, loopback, multicast or broadcast); known backends, not twice the same; a unicast MAC
// where one is vxlan, a key where one is wireguard; at most kMaxExtensionBytes of extension data,
// without control characters other than newlines and tabs. InvalidArgument names the field.
absl::Status Validate(const Advertisement& advertisement);

// What Validate says of extension_backend_data alone.
absl::Status ValidateExtensionData(absl::string_view text);

// A digest of one peer, equal on every machine and release. The digest of a set is the sum (mod
// 2^64) of its peers', so it follows a delta in O(change).
std::uint64_t PeerDigest(const Peer& peer);

}  // namespace heddle
