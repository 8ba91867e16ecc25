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
#include "base/wireguard_key.h"

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

// An ipip device without a remote: the nexthop's gateway is the outer destination.
struct IpipLink {
  Ip local;  // outer source address
  auto tie() const { return std::tie(local); }
};

// A wireguard device. What it is made of stands in `wireguard_devices`, for it can be changed.
struct WireguardLink {
  auto tie() const { return std::tie(); }
};

// A TUN device that outlives whoever has it open. Where its packets go stands in `udp_listeners`
// and `udp_tunnels`.
struct TunLink {
  bool persistent = true;  // false: not one that we made
  auto tie() const { return std::tie(persistent); }
};

struct Link {
  std::variant<VxlanLink, IpipLink, WireguardLink, TunLink> kind;
  Mac mac;  // zero: the kind has none
  int mtu_bytes = 0;
  bool up = true;
  auto tie() const { return std::tie(kind, mac, mtu_bytes, up); }
};

// The device fills in the checksums of what is sent through it.
inline constexpr char kTransmitChecksum[] = "tx-checksum-ip-generic";

// A feature of a device, by ethtool's name, that is on unless it stands here.
struct FeatureKey {
  std::string link, feature;
  auto tie() const { return std::tie(link, feature); }
};
struct FeatureOff {
  auto tie() const { return std::tie(); }
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

// A zero gateway says the family, and that the link itself leads there (WireGuard, a TUN device).
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
  std::vector<Prefix> pods;     // this host's subnets, sorted
  bool masquerade = false;
  bool forward = false;
  auto tie() const { return std::tie(cluster, pods, masquerade, forward); }
};

// What a wireguard device is. The private key is the dataplane's own and never stands here: it sets
// the one that belongs to `public_key`.
struct WireguardDevice {
  WireguardKey public_key;
  std::uint16_t listen_port = 0;
  auto tie() const { return std::tie(public_key, listen_port); }
};

struct WireguardPeerKey {
  std::string link;
  WireguardKey public_key;
  auto tie() const { return std::tie(link, public_key); }
};
struct WireguardPeer {
  std::optional<Ip> endpoint;  // absent: not known
  std::uint16_t endpoint_port = 0;
  std::vector<Prefix> allowed;  // sorted
  std::uint16_t keepalive_seconds = 0;
  WireguardKey preshared_key;  // zero: none. A secret: never in words
  // Read back, never planned, never compared: a session is alive, so `endpoint` is where the peer's
  // authenticated packets come from. See KeepRoamedEndpoints.
  bool is_alive = false;
  auto tie() const {
    return std::tie(endpoint, endpoint_port, allowed, keepalive_seconds, preshared_key);
  }
};

// Where heddle-forwarder sends from and receives at: one address of a family.
struct UdpListenerKey {
  std::string link;
  Family family = Family::kV4;
  auto tie() const { return std::tie(link, family); }
};
struct UdpListener {
  Ip local;
  std::uint16_t port = 0;
  std::vector<Prefix> subnets;  // this host's own, sorted: packets to others are not for it
  auto tie() const { return std::tie(local, port, subnets); }
};

// What heddle-forwarder sends packets to a subnet to, and takes packets from it from.
struct UdpTunnelKey {
  std::string link;
  Prefix subnet;
  auto tie() const { return std::tie(link, subnet); }
};
struct UdpTunnel {
  Ip endpoint;
  std::uint16_t port = 0;
  auto tie() const { return std::tie(endpoint, port); }
};

// A command of the administrator's that was run, or is to be (the extension backend). Keyed by what
// it is for: "post-startup", or "subnet 10.3.7.0/24".
struct Hook {
  std::string run;   // split on white space, no shell; what adding it does
  std::string undo;  // what removing it does; empty: nothing
  std::vector<std::pair<std::string, std::string>> environment;  // sorted
  std::string input;                                             // standard input
  auto tie() const { return std::tie(run, undo, environment, input); }
};
struct HookKey {
  std::string purpose;
  auto tie() const { return std::tie(purpose); }
};

#define HEDDLE_TIED_COMPARISON(Type)                                                  \
  inline bool operator==(const Type& a, const Type& b) { return a.tie() == b.tie(); } \
  inline bool operator!=(const Type& a, const Type& b) { return a.tie() != b.tie(); }
#define HEDDLE_TIED_ORDER(Type) \
  HEDDLE_TIED_COMPARISON(Type)  \
  inline bool operator<(const Type& a, const Type& b) { return a.tie() < b.tie(); }
HEDDLE_TIED_COMPARISON(VxlanLink)
HEDDLE_TIED_COMPARISON(IpipLink)
HEDDLE_TIED_COMPARISON(WireguardLink)
HEDDLE_TIED_COMPARISON(TunLink)
HEDDLE_TIED_COMPARISON(Link)
HEDDLE_TIED_COMPARISON(FeatureOff)
HEDDLE_TIED_COMPARISON(Address)
HEDDLE_TIED_COMPARISON(Neighbour)
HEDDLE_TIED_COMPARISON(FdbEntry)
HEDDLE_TIED_COMPARISON(Nexthop)
HEDDLE_TIED_COMPARISON(RouteVia)
HEDDLE_TIED_COMPARISON(Route)
HEDDLE_TIED_COMPARISON(RuleSet)
HEDDLE_TIED_COMPARISON(WireguardDevice)
HEDDLE_TIED_COMPARISON(WireguardPeer)
HEDDLE_TIED_COMPARISON(UdpListener)
HEDDLE_TIED_COMPARISON(UdpTunnel)
HEDDLE_TIED_COMPARISON(Hook)
HEDDLE_TIED_ORDER(WireguardPeerKey)
HEDDLE_TIED_ORDER(UdpListenerKey)
HEDDLE_TIED_ORDER(UdpTunnelKey)
HEDDLE_TIED_ORDER(HookKey)
HEDDLE_TIED_ORDER(FeatureKey)
HEDDLE_TIED_ORDER(AddressKey)
HEDDLE_TIED_ORDER(NeighbourKey)
HEDDLE_TIED_ORDER(FdbKey)
HEDDLE_TIED_ORDER(RouteKey)
#undef HEDDLE_TIED_ORDER
#undef HEDDLE_TIED_COMPARISON

struct NetworkState {
  absl::btree_map<std::string, Link> links;           // by name
  absl::btree_map<std::string, std::string> sysctls;  // "net/ipv6/conf/<link>/accept_ra" -> "0"
  absl::btree_map<FeatureKey, FeatureOff> features_off;
  absl::btree_map<AddressKey, Address> addresses;
  absl::btree_map<std::string, WireguardDevice> wireguard_devices;  // by link
  absl::btree_map<WireguardPeerKey, WireguardPeer> wireguard_peers;
  absl::btree_map<UdpListenerKey, UdpListener> udp_listeners;
  absl::btree_map<UdpTunnelKey, UdpTunnel> udp_tunnels;
  absl::btree_map<FdbKey, FdbEntry> fdb;
  absl::btree_map<NeighbourKey, Neighbour> neighbours;
  absl::btree_map<std::uint32_t, Nexthop> nexthops;  // by id
  absl::btree_map<RouteKey, Route> routes;
  absl::btree_map<Family, RuleSet> rules;
  absl::btree_map<HookKey, Hook> hooks;

  bool empty() const;
  std::size_t size() const;  // objects in all tables
  // One line per object in a stable order, for golden tests and `heddle-node plan`-like output.
  std::string ToString() const;
  friend bool operator==(const NetworkState& a, const NetworkState& b);
};

}  // namespace heddle::node
