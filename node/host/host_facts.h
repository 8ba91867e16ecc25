// What planning needs to know of a host: facts, gathered before and given as arguments.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ip.h"

namespace heddle::node {

struct HostFacts {
  std::string underlay_link;
  int underlay_mtu_bytes = 0;
  PerFamily<Ip> source_address;         // the outer source: an address of underlay_link
  PerFamily<Ip> public_address;         // announced to the others; may be a NAT address
  std::vector<Prefix> onlink_prefixes;  // reached through underlay_link without a gateway
  bool has_nexthop_objects = true;      // kernel 5.3 or newer

  friend bool operator==(const HostFacts& a, const HostFacts& b) {
    return a.underlay_link == b.underlay_link && a.underlay_mtu_bytes == b.underlay_mtu_bytes &&
           a.source_address == b.source_address && a.public_address == b.public_address &&
           a.onlink_prefixes == b.onlink_prefixes && a.has_nexthop_objects == b.has_nexthop_objects;
  }
  friend bool operator!=(const HostFacts& a, const HostFacts& b) { return !(a == b); }
};

// What the kernel says of the host's own links, addresses and routes (not ours): the input of
// SelectUnderlay. Read by node/host/inventory.h.
struct HostInventory {
  struct Address {
    Ip address;
    int prefix_length = 0;
    bool deprecated = false, temporary = false, tentative = false;  // RFC 4862 / RFC 8981
    bool dynamic = false;  // has a lifetime: from DHCP or a router's advertisement
  };
  struct Link {
    int index = 0;
    std::string name;
    int mtu_bytes = 0;
    bool up = false, loopback = false;
    std::vector<Address> addresses;  // in the kernel's order
  };
  struct Route {
    Prefix destination;
    int link_index = 0;
    std::uint32_t metric = 0;
    std::optional<Ip> gateway;
    std::optional<Ip> source;  // preferred source address
  };
  std::vector<Link> links;
  std::vector<Route> routes;  // unicast routes of the main table, ours left out
  bool has_nexthop_objects = true;
};

struct UnderlayOptions {
  std::vector<std::string> iface;        // --iface: names or addresses, the first that fits
  std::vector<std::string> iface_regex;  // --iface-regex: on addresses first, then names
  std::optional<Ip> iface_can_reach;     // --iface-can-reach
  PerFamily<Ip> public_address;          // --public-ip, --public-ipv6
};

// Chooses the underlay for the families asked for, in flannel's order: `iface` (each entry in
// turn), then `iface_regex`, then `iface_can_reach`; without any of these a public address that is
// local, else the default route. With two families one link must serve both. Our own links are
// never chosen. Pure.
//
// The source address of a family is, in this order: the address that `iface` or `iface_regex`
// named; the public address, where the link has it; the route's preferred source
// (`iface_can_reach`); the link's best address: global before link-local, current before
// deprecated, lasting before temporary, the kernel's order among equals. Tentative ones are no
// addresses yet.
//
// NotFound: nothing fits, and what was looked at. InvalidArgument: a regular expression or an
// option makes no sense.
absl::StatusOr<HostFacts> SelectUnderlay(const HostInventory& inventory,
                                         const UnderlayOptions& options, bool want_ipv4,
                                         bool want_ipv6);

}  // namespace heddle::node
