// Which subnet is behind which endpoint: what a worker looks up for each packet, both ways. Built
// whole, never changed, swapped whole (swapped.h). Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "base/ip.h"

namespace heddle::node::forwarder {

struct Endpoint {
  Ip address;
  std::uint16_t port = 0;
  friend bool operator==(const Endpoint& a, const Endpoint& b) {
    return a.address == b.address && a.port == b.port;
  }
};

struct Tunnel {
  Prefix subnet;
  Endpoint endpoint;
};

// What is thought of a packet that came from an underlay address.
enum class Verdict {
  kAccepted,
  kUnknownPeer,  // no tunnel leads to the address
  kSpoofed,      // its inner source is not in a subnet behind the address
  kNotOurs,      // its inner destination is not in a subnet of this host
};

class TunnelTable {
 public:
  TunnelTable() = default;
  // The later of two tunnels of one subnet counts.
  TunnelTable(const std::vector<Tunnel>& tunnels, const std::vector<Prefix>& own_subnets);

  // The longest prefix that `destination` is in; null: there is none. Valid as long as the table.
  const Endpoint* Find(const Ip& destination) const;
  Verdict Judge(const Ip& from, const Ip& inner_source, const Ip& inner_destination) const;
  // The base address of this host's first subnet of the family, which ICMP errors come from.
  const Ip* OwnAddress(Family family) const;

 private:
  // By prefix length, longest first: one look-up each, and a network has one or two lengths.
  struct Level {
    int length;
    absl::flat_hash_map<Ip, Endpoint> by_base;
  };
  std::vector<Level> levels_[2];
  absl::flat_hash_set<Ip> endpoints_;
  std::vector<Prefix> own_subnets_;
};

}  // namespace heddle::node::forwarder
