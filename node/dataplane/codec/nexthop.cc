#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "node/dataplane/codec/codec.h"

namespace heddle::node {

using Kind = Operation::Kind;

std::string Footing(std::uint32_t, const Nexthop& nexthop) { return nexthop.link; }

void Encode(Kind kind, std::uint32_t id, const Nexthop& nexthop, int link_index,
            MessageBuilder* out) {
  const bool remove = kind == Kind::kRemove;
  nhmsg header{};
  if (!remove) {
    header.nh_family = ToAddressFamily(nexthop.gateway.family());
    header.nh_protocol = kRouteProtocol;
    header.nh_flags = nexthop.onlink ? RTNH_F_ONLINK : 0;
  }
  out->Begin(remove ? RTM_DELNEXTHOP : RTM_NEWNEXTHOP, remove ? 0 : GuardedFlags(kind), header);
  out->AttributeNumber(NHA_ID, id);
  if (remove) return;
  out->AttributeNumber(NHA_OIF, static_cast<std::uint32_t>(link_index));
  if (!nexthop.gateway.is_zero()) out->AttributeIp(NHA_GATEWAY, nexthop.gateway);
}

std::optional<std::pair<std::uint32_t, Nexthop>> DecodeNexthop(const Message& message,
                                                               const LinkNames& names) {
  const auto header = message.HeaderAs<nhmsg>();
  if (!header || (message.type != RTM_NEWNEXTHOP && message.type != RTM_DELNEXTHOP) ||
      header->nh_protocol != kRouteProtocol) {
    return std::nullopt;
  }
  const Attributes attributes(message.After(sizeof(*header)));
  const auto id = attributes.Number<std::uint32_t>(NHA_ID);
  if (!id) return std::nullopt;
  Nexthop nexthop;  // stays empty for a group or a black hole, which we never make
  const auto index = attributes.Number<std::uint32_t>(NHA_OIF);
  const auto family = FamilyOf(header->nh_family);
  if (index && family) {
    nexthop.link = NameOf(names, static_cast<int>(*index));
    nexthop.gateway = attributes.Address(NHA_GATEWAY).value_or(Ip(*family, 0));
    nexthop.onlink = (header->nh_flags & RTNH_F_ONLINK) != 0;
  }
  return std::make_pair(*id, nexthop);
}

void EncodeNexthopDump(MessageBuilder* out) { out->Begin(RTM_GETNEXTHOP, 0, nhmsg{}); }

}  // namespace heddle::node
