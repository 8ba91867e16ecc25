// What a host's kernel holds, or should hold, of ours: ordered tables keyed by what the kernel keys
// on, valued by what we set. Backends produce it (desired), the dataplane reads it (actual), Diff
// compares the two. Links are named; the codecs find the index at the last moment.
//
// Plain values, no I/O. A table for a new kind of object is added here, in diff.cc's order of
// operations, and with a codec in node/dataplane.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "absl/container/btree_map.h"
#include "base/ip.h"
#include "base/mac.h"

namespace heddle::node {

// The mark on every route and nexthop of ours (rtnetlink's rtm_protocol / nh_protocol).
inline constexpr int kRouteProtocol = 104;

// A vxlan device: parameters that the kernel cannot change once it exists.
struct VxlanLink {
  std::uint32_t vni = 0;
  std::uint16_t port = 0;
  std::string lower;  // underlay device
  Ip local;           // outer source address; its family is the underlay's
  bool learning = false, gbp = false;
  auto tie() const { return std::tie(vni, port, lower, local, learning, gbp); }
};

struct Link {
  std::variant<VxlanLink> kind;
  Mac mac;
  int mtu_bytes = 0;
  bool up = true;
  auto tie() const { return std::tie(kind, mac, mtu_bytes, up); }
};

struct AddressKey {
  std::string link;
  Ip address;
  auto tie() const { return std::tie(link, address); }
};
struct Address {
  int prefix_length = 0;
  auto tie() const { return std::tie(prefix_length); }
};

struct NeighbourKey {
  std::string link;
  Ip address;
  auto tie() const { return std::tie(link, address); }
};
struct Neighbour {  // permanent
  Mac mac;
  auto tie() const { return std::tie(mac); }
};

struct FdbKey {
  std::string link;
  Mac mac;
  auto tie() const { return std::tie(link, mac); }
};
struct FdbEntry {  // permanent, NTF_SELF
  Ip remote;
  auto tie() const { return std::tie(remote); }
};

struct Nexthop {  // keyed by its id
  std::string link;
  Ip gateway;
  bool onlink = false;
  auto tie() const { return std::tie(link, gateway, onlink); }
};

struct RouteKey {
  Prefix destination;
  std::uint32_t metric = 0;  // 0: the kernel's default
  auto tie() const { return std::tie(destination, metric); }
};
struct RouteVia {  // without a nexthop object (kernels before 5.3)
  std::string link;
  Ip gateway;
  bool onlink = false;
  auto tie() const { return std::tie(link, gateway, onlink); }
};
struct Route {                                // in the main table
  std::variant<std::uint32_t, RouteVia> via;  // a nexthop id, or a gateway
  auto tie() const { return std::tie(via); }
};

// Masquerade and forward rules of one family: the content of our own nftables table.
struct RuleSet {
  std::vector<Prefix> cluster;  // the cluster's networks: sorted, none overlapping another
  Prefix pods;                  // this host's subnet
  bool masquerade = false;
  bool forward = false;
  auto tie() const { return std::tie(cluster, pods, masquerade, forward); }
};

#define HEDDLE_TIED_COMPARISON(Type)                                                  \
  inline bool operator==(const Type& a, const Type& b) { return a.tie() == b.tie(); } \
  inline bool operator!=(const Type& a, const Type& b) { return a.tie() != b.tie(); }
#define HEDDLE_TIED_ORDER(Type) \
  HEDDLE_TIED_COMPARISON(Type)  \
  inline bool operator<(const Type& a, const Type& b) { return a.tie() < b.tie(); }
HEDDLE_TIED_COMPARISON(VxlanLink)
HEDDLE_TIED_COMPARISON(Link)
HEDDLE_TIED_COMPARISON(Address)
HEDDLE_TIED_COMPARISON(Neighbour)
HEDDLE_TIED_COMPARISON(FdbEntry)
HEDDLE_TIED_COMPARISON(Nexthop)
HEDDLE_TIED_COMPARISON(RouteVia)
HEDDLE_TIED_COMPARISON(Route)
HEDDLE_TIED_COMPARISON(RuleSet)
HEDDLE_TIED_ORDER(AddressKey)
HEDDLE_TIED_ORDER(NeighbourKey)
HEDDLE_TIED_ORDER(FdbKey)
HEDDLE_TIED_ORDER(RouteKey)
#undef HEDDLE_TIED_ORDER
#undef HEDDLE_TIED_COMPARISON

struct NetworkState {
  absl::btree_map<std::string, Link> links;           // by name
  absl::btree_map<std::string, std::string> sysctls;  // "net/ipv6/conf/<link>/accept_ra" -> "0"
  absl::btree_map<AddressKey, Address> addresses;
  absl::btree_map<FdbKey, FdbEntry> fdb;
  absl::btree_map<NeighbourKey, Neighbour> neighbours;
  absl::btree_map<std::uint32_t, Nexthop> nexthops;  // by id
  absl::btree_map<RouteKey, Route> routes;
  absl::btree_map<Family, RuleSet> rules;

  bool empty() const;
  std::size_t size() const;  // objects in all tables
  // One line per object in a stable order, for golden tests and `heddle-node plan`-like output.
  std::string ToString() const;
  friend bool operator==(const NetworkState& a, const NetworkState& b);
};

}  // namespace heddle::node
