#include "node/host/inventory_decode.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
// After the kernel's headers, which it knows how to meet.
#include <net/if.h>

#include <algorithm>
#include <cstring>

#include "node/dataplane/codec/codec.h"

namespace heddle::node {
namespace {

using HostRoute = HostInventory::Route;

// Where a route, or one leg of a multipath route, leads.
void FillNextHop(const Attributes& attributes, HostRoute* route) {
  route->gateway = attributes.Address(RTA_GATEWAY);
  // RFC 5549: an IPv4 route through an IPv6 router. A struct rtvia is a family and the address.
  const auto via = attributes.Find(RTA_VIA);
  if (!route->gateway && via && via->size() > sizeof(rtvia)) {
    const auto address = Ip::FromBytes(via->substr(sizeof(rtvia)));
    if (address.ok()) route->gateway = *address;
  }
}

std::vector<HostRoute> DecodeLegs(const HostRoute& route, absl::string_view bytes) {
  std::vector<HostRoute> legs;
  rtnexthop header;
  while (bytes.size() >= sizeof(header)) {
    std::memcpy(&header, bytes.data(), sizeof(header));
    if (header.rtnh_len < sizeof(header) || header.rtnh_len > bytes.size()) break;
    HostRoute leg = route;
    leg.link_index = header.rtnh_ifindex;
    FillNextHop(Attributes(bytes.substr(sizeof(header), header.rtnh_len - sizeof(header))), &leg);
    legs.push_back(leg);
    bytes.remove_prefix(std::min<std::size_t>(RTNH_ALIGN(header.rtnh_len), bytes.size()));
  }
  return legs;
}

}  // namespace

std::optional<HostInventory::Link> DecodeHostLink(const Message& message) {
  const auto header = message.HeaderAs<ifinfomsg>();
  if (!header || message.type != RTM_NEWLINK || header->ifi_index <= 0) return std::nullopt;
  const Attributes attributes(message.After(sizeof(*header)));
  HostInventory::Link link;
  link.index = header->ifi_index;
  link.name = attributes.Text(IFLA_IFNAME);
  if (link.name.empty()) return std::nullopt;
  link.mtu_bytes = static_cast<int>(attributes.Number<std::uint32_t>(IFLA_MTU).value_or(0));
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
  return link;
}

std::optional<std::pair<int, HostInventory::Address>> DecodeHostAddress(const Message& message) {
  const auto header = message.HeaderAs<ifaddrmsg>();
  if (!header || message.type != RTM_NEWADDR) return std::nullopt;
  const auto family = FamilyOf(header->ifa_family);
  const Attributes attributes(message.After(sizeof(*header)));
  // On a point-to-point link IFA_ADDRESS is the other end's.
  auto ip = attributes.Address(IFA_LOCAL);
  if (!ip) ip = attributes.Address(IFA_ADDRESS);
  if (!family || !ip || ip->family() != *family || header->ifa_prefixlen > BitsOf(*family)) {
    return std::nullopt;
  }
  const std::uint32_t flags =
      attributes.Number<std::uint32_t>(IFA_FLAGS).value_or(header->ifa_flags);
  HostInventory::Address address;
  address.address = *ip;
  address.prefix_length = header->ifa_prefixlen;
  address.deprecated = (flags & IFA_F_DEPRECATED) != 0;
  // The same bit says "secondary" of an IPv4 address, which is no defect.
  address.temporary = *family == Family::kV6 && (flags & IFA_F_TEMPORARY) != 0;
  address.tentative = (flags & IFA_F_DADFAILED) != 0 ||
                      ((flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0);
  address.dynamic = (flags & IFA_F_PERMANENT) == 0;
  return std::make_pair(static_cast<int>(header->ifa_index), address);
}

std::vector<HostRoute> DecodeHostRoutes(const Message& message) {
  const auto header = message.HeaderAs<rtmsg>();
  if (!header || message.type != RTM_NEWROUTE || header->rtm_protocol == kRouteProtocol) return {};
  const auto family = FamilyOf(header->rtm_family);
  const Attributes attributes(message.After(sizeof(*header)));
  const auto table = attributes.Number<std::uint32_t>(RTA_TABLE).value_or(header->rtm_table);
  if (!family || table != RT_TABLE_MAIN || header->rtm_type != RTN_UNICAST ||
      (header->rtm_flags & RTM_F_CLONED) != 0 || header->rtm_src_len != 0) {
    return {};
  }
  const auto base = attributes.Has(RTA_DST) ? attributes.Address(RTA_DST) : Ip(*family, 0);
  if (!base || base->family() != *family || header->rtm_dst_len > BitsOf(*family)) return {};
  HostRoute route;
  route.destination = Prefix(*base, header->rtm_dst_len);
  route.metric = attributes.Number<std::uint32_t>(RTA_PRIORITY).value_or(0);
  route.source = attributes.Address(RTA_PREFSRC);
  if (const auto legs = attributes.Find(RTA_MULTIPATH)) return DecodeLegs(route, *legs);
  const auto index = attributes.Number<std::uint32_t>(RTA_OIF);
  if (!index) return {};
  route.link_index = static_cast<int>(*index);
  FillNextHop(attributes, &route);
  return {route};
}

}  // namespace heddle::node
