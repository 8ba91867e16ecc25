// What a node says of itself and what others need of it, as plain values.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "api/network.h"
#include "base/ip.h"
#include "base/mac.h"

namespace heddle {

struct Advertisement {
  PerFamily<Ip> public_address;  // where the others send to; not always an address of the host
  std::string backend_type;
  Mac vtep_mac;  // vxlan; zero with backends that have none

  friend bool operator==(const Advertisement& a, const Advertisement& b) {
    return a.public_address == b.public_address && a.backend_type == b.backend_type &&
           a.vtep_mac == b.vtep_mac;
  }
  friend bool operator!=(const Advertisement& a, const Advertisement& b) { return !(a == b); }
};

struct Peer {
  std::string node_id;
  PerFamily<Prefix> subnets;
  Advertisement advertisement;

  friend bool operator==(const Peer& a, const Peer& b) {
    return a.node_id == b.node_id && a.subnets == b.subnets && a.advertisement == b.advertisement;
  }
  friend bool operator!=(const Peer& a, const Peer& b) { return !(a == b); }
};

// 1 to 253 of [a-z0-9.-_], starting and ending with a letter or digit: a host name, or a machine
// id. InvalidArgument says what is wrong.
absl::Status ValidateNodeId(absl::string_view node_id);

// Checks what every holder of an Advertisement relies on: at least one address, each one host's
// (not zero, loopback, multicast or broadcast); a known backend; a unicast MAC where the backend is
// vxlan. InvalidArgument names the field.
absl::Status Validate(const Advertisement& advertisement);

// A digest of one peer, equal on every machine and release. The digest of a set is the sum (mod
// 2^64) of its peers', so it follows a delta in O(change).
std::uint64_t PeerDigest(const Peer& peer);

}  // namespace heddle
