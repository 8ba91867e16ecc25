#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "node/dataplane/codec/codec.h"

namespace heddle::node {
namespace {

using Kind = Operation::Kind;

// What the kernel makes of a metric that was not given.
constexpr std::uint32_t kDefaultMetricIpv6 = 1024;

void EncodeVia(const Route& route, int link_index, MessageBuilder* out) {
  if (const auto* id = std::get_if<std::uint32_t>(&route.via)) {
    out->AttributeNumber(RTA_NH_ID, *id);
    return;
  }
  out->AttributeNumber(RTA_OIF, static_cast<std::uint32_t>(link_index));
  const Ip& gateway = std::get<RouteVia>(route.via).gateway;
  if (!gateway.is_zero()) out->AttributeIp(RTA_GATEWAY, gateway);
}

bool IsOnlink(const Route& route) {
  const auto* via = std::get_if<RouteVia>(&route.via);
  return via != nullptr && via->onlink;
}

// An id when there is one: the kernel adds the gateway behind it for older readers.
Route DecodeVia(const rtmsg& header, const Attributes& attributes, const LinkNames& names) {
  const auto id = attributes.Number<std::uint32_t>(RTA_NH_ID);
  if (id) return {*id};
  RouteVia via;
  const auto family = FamilyOf(header.rtm_family);
  const auto index = attributes.Number<std::uint32_t>(RTA_OIF);
  if (header.rtm_type != RTN_UNICAST || !family || !index) return {via};
  via.link = NameOf(names, static_cast<int>(*index));
  via.gateway = attributes.Address(RTA_GATEWAY).value_or(Ip(*family, 0));
  via.onlink = (header.rtm_flags & RTNH_F_ONLINK) != 0;
  return {via};
}

}  // namespace

std::string Footing(const RouteKey&, const Route& route) {
  const auto* via = std::get_if<RouteVia>(&route.via);
  return via != nullptr ? via->link : std::string();
}

void Encode(Kind kind, const RouteKey& key, const Route& route, int link_index,
            MessageBuilder* out) {
  const bool remove = kind == Kind::kRemove;
  rtmsg header{};
  header.rtm_family = ToAddressFamily(key.destination.family());
  header.rtm_dst_len = key.destination.length();
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = kRouteProtocol;
  header.rtm_scope = remove ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE;  // NOWHERE: any
  header.rtm_type = remove ? RTN_UNSPEC : RTN_UNICAST;
  if (!remove && IsOnlink(route)) header.rtm_flags = RTNH_F_ONLINK;
  out->Begin(remove ? RTM_DELROUTE : RTM_NEWROUTE, remove ? 0 : GuardedFlags(kind), header);
  out->AttributeIp(RTA_DST, key.destination.base());
  if (key.metric != 0) out->AttributeNumber(RTA_PRIORITY, key.metric);
  if (!remove) EncodeVia(route, link_index, out);
}

std::optional<std::pair<RouteKey, Route>> DecodeRoute(const Message& message,
                                                      const LinkNames& names) {
  const auto header = message.HeaderAs<rtmsg>();
  if (!header || (message.type != RTM_NEWROUTE && message.type != RTM_DELROUTE)) {
    return std::nullopt;
  }
  const auto family = FamilyOf(header->rtm_family);
  const Attributes attributes(message.After(sizeof(*header)));
  const auto table = attributes.Number<std::uint32_t>(RTA_TABLE).value_or(header->rtm_table);
  const bool ours = header->rtm_protocol == kRouteProtocol && table == RT_TABLE_MAIN &&
                    header->rtm_tos == 0 && header->rtm_src_len == 0 &&
                    !(header->rtm_flags & RTM_F_CLONED);
  if (!family || !ours) return std::nullopt;
  const auto base = attributes.Has(RTA_DST) ? attributes.Address(RTA_DST) : Ip(*family, 0);
  if (!base || base->family() != *family || header->rtm_dst_len > BitsOf(*family)) {
    return std::nullopt;
  }
  RouteKey key{Prefix(*base, header->rtm_dst_len),
               attributes.Number<std::uint32_t>(RTA_PRIORITY).value_or(0)};
  if (*family == Family::kV6 && key.metric == kDefaultMetricIpv6) key.metric = 0;
  return std::make_pair(key, DecodeVia(*header, attributes, names));
}

void EncodeRouteDump(Family family, MessageBuilder* out) {
  rtmsg header{};
  header.rtm_family = ToAddressFamily(family);
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = kRouteProtocol;
  out->Begin(RTM_GETROUTE, 0, header);
}

}  // namespace heddle::node
