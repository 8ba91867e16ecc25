#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>

#include "node/dataplane/codec/codec.h"
#include "node/state/dependents.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

using Kind = Operation::Kind;

constexpr char kVxlanKind[] = "vxlan", kIpipKind[] = "ipip", kWireguardKind[] = "wireguard",
               kTunKind[] = "tun";

std::uint16_t LocalAttribute(Family family) {
  return family == Family::kV4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6;
}

// What is not said stays at the kernel's default: outer checksums on, as the wire expects.
void EncodeKind(const VxlanLink& vxlan, int lower_index, MessageBuilder* out) {
  MessageBuilder::Nest link_info(out, IFLA_LINKINFO);
  out->AttributeText(IFLA_INFO_KIND, kVxlanKind);
  MessageBuilder::Nest parameters(out, IFLA_INFO_DATA);
  out->AttributeNumber(IFLA_VXLAN_ID, vxlan.vni);
  out->AttributeNumber(IFLA_VXLAN_PORT, htons(vxlan.port));
  out->AttributeNumber(IFLA_VXLAN_LINK, static_cast<std::uint32_t>(lower_index));
  out->AttributeIp(LocalAttribute(vxlan.local.family()), vxlan.local);
  out->AttributeNumber(IFLA_VXLAN_LEARNING, static_cast<std::uint8_t>(vxlan.learning));
  if (vxlan.gbp) out->Attribute(IFLA_VXLAN_GBP, {});
}

void EncodeKind(const IpipLink& ipip, int, MessageBuilder* out) {
  MessageBuilder::Nest link_info(out, IFLA_LINKINFO);
  out->AttributeText(IFLA_INFO_KIND, kIpipKind);
  MessageBuilder::Nest parameters(out, IFLA_INFO_DATA);
  out->AttributeIp(IFLA_IPTUN_LOCAL, ipip.local);
}

void EncodeKind(const WireguardLink&, int, MessageBuilder* out) {
  MessageBuilder::Nest link_info(out, IFLA_LINKINFO);
  out->AttributeText(IFLA_INFO_KIND, kWireguardKind);
}

// As the kernel says it; it makes none over rtnetlink (tun_device.h does).
void EncodeKind(const TunLink& tun, int, MessageBuilder* out) {
  MessageBuilder::Nest link_info(out, IFLA_LINKINFO);
  out->AttributeText(IFLA_INFO_KIND, kTunKind);
  MessageBuilder::Nest parameters(out, IFLA_INFO_DATA);
  out->AttributeNumber(IFLA_TUN_TYPE, static_cast<std::uint8_t>(IFF_TUN));
  out->AttributeNumber(IFLA_TUN_PERSIST, static_cast<std::uint8_t>(tun.persistent));
}

ifinfomsg UpOrDown(bool up) {
  ifinfomsg header{};
  header.ifi_change = IFF_UP;
  header.ifi_flags = up ? IFF_UP : 0;
  return header;
}

// The device is born with its MAC, down, so that nobody sees it with another.
void EncodeNewLink(const std::string& name, const Link& link, int lower_index,
                   MessageBuilder* out) {
  out->Begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  out->AttributeText(IFLA_IFNAME, name);
  if (!link.mac.is_zero()) out->AttributeMac(IFLA_ADDRESS, link.mac);
  out->AttributeNumber(IFLA_MTU, static_cast<std::uint32_t>(link.mtu_bytes));
  std::visit([&](const auto& kind) { EncodeKind(kind, lower_index, out); }, link.kind);
}

VxlanLink DecodeVxlan(const Attributes& parameters, const LinkNames& names) {
  VxlanLink vxlan;
  vxlan.vni = parameters.Number<std::uint32_t>(IFLA_VXLAN_ID).value_or(0);
  vxlan.port = ntohs(parameters.Number<std::uint16_t>(IFLA_VXLAN_PORT).value_or(0));
  const auto lower = parameters.Number<std::uint32_t>(IFLA_VXLAN_LINK);
  if (lower) vxlan.lower = NameOf(names, static_cast<int>(*lower));
  for (Family family : kFamilies) {
    const auto local = parameters.Address(LocalAttribute(family));
    if (local) vxlan.local = *local;
  }
  vxlan.learning = parameters.Number<std::uint8_t>(IFLA_VXLAN_LEARNING).value_or(0) != 0;
  vxlan.gbp = parameters.Has(IFLA_VXLAN_GBP);
  return vxlan;
}

// An ipip device with a remote is not one that we made: it decodes to no local address, which no
// backend plans.
IpipLink DecodeIpip(const Attributes& parameters) {
  IpipLink ipip;
  const auto remote = parameters.Address(IFLA_IPTUN_REMOTE);
  if (remote && !remote->is_zero()) return ipip;
  const auto local = parameters.Address(IFLA_IPTUN_LOCAL);
  if (local) ipip.local = *local;
  return ipip;
}

// A kernel before 4.17 says no more than the kind. A TAP device is not one that we made.
TunLink DecodeTun(const Attributes& parameters) {
  TunLink tun;
  tun.persistent = parameters.Number<std::uint8_t>(IFLA_TUN_PERSIST).value_or(1) != 0 &&
                   parameters.Number<std::uint8_t>(IFLA_TUN_TYPE).value_or(IFF_TUN) == IFF_TUN;
  return tun;
}

// False: a kind that we never make.
bool DecodeKind(const Attributes& link_info, const LinkNames& names, Link* link) {
  const std::string kind = link_info.Text(IFLA_INFO_KIND);
  const Attributes parameters = link_info.Nested(IFLA_INFO_DATA);
  if (kind == kVxlanKind) {
    link->kind = DecodeVxlan(parameters, names);
  } else if (kind == kIpipKind) {
    link->kind = DecodeIpip(parameters);
  } else if (kind == kWireguardKind) {
    link->kind = WireguardLink{};
  } else if (kind == kTunKind) {
    link->kind = DecodeTun(parameters);
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::string Footing(const std::string&, const Link& link) { return std::string(LowerOf(link)); }

void EncodeLink(Kind kind, const std::string& name, const Link& link, int lower_index, bool set_mac,
                MessageBuilder* out) {
  if (kind == Kind::kAdd) return EncodeNewLink(name, link, lower_index, out);
  if (kind == Kind::kRemove) {
    out->Begin(RTM_DELLINK, 0, ifinfomsg{});
    out->AttributeText(IFLA_IFNAME, name);
    return;
  }
  out->Begin(RTM_SETLINK, 0, UpOrDown(link.up));
  out->AttributeText(IFLA_IFNAME, name);
  if (set_mac) out->AttributeMac(IFLA_ADDRESS, link.mac);
  out->AttributeNumber(IFLA_MTU, static_cast<std::uint32_t>(link.mtu_bytes));
}

void EncodeLinkStart(const std::string& name, const Link& link, MessageBuilder* out) {
  out->Begin(RTM_SETLINK, 0, ifinfomsg{});
  out->AttributeText(IFLA_IFNAME, name);
  {
    // A link-local address would be one more that is there for nobody, with its announcements.
    MessageBuilder::Nest families(out, IFLA_AF_SPEC);
    MessageBuilder::Nest ipv6(out, AF_INET6);
    out->AttributeNumber(IFLA_INET6_ADDR_GEN_MODE,
                         static_cast<std::uint8_t>(IN6_ADDR_GEN_MODE_NONE));
  }
  if (!link.up) return;
  out->Begin(RTM_SETLINK, 0, UpOrDown(true));
  out->AttributeText(IFLA_IFNAME, name);
}

std::optional<std::pair<int, std::string>> DecodeLinkName(const Message& message) {
  const auto header = message.HeaderAs<ifinfomsg>();
  if (!header || (message.type != RTM_NEWLINK && message.type != RTM_DELLINK) ||
      header->ifi_family != AF_UNSPEC) {
    return std::nullopt;
  }
  const std::string name = Attributes(message.After(sizeof(*header))).Text(IFLA_IFNAME);
  if (name.empty()) return std::nullopt;
  return std::make_pair(header->ifi_index, name);
}

std::optional<std::pair<std::string, Link>> DecodeLink(const Message& message,
                                                       const LinkNames& names) {
  const auto name = DecodeLinkName(message);
  if (!name || !IsOurLinkName(name->second)) return std::nullopt;
  const auto header = message.HeaderAs<ifinfomsg>();
  const Attributes attributes(message.After(sizeof(*header)));
  const Attributes link_info = attributes.Nested(IFLA_LINKINFO);
  Link link;
  if (!DecodeKind(link_info, names, &link)) return std::nullopt;
  link.mac = attributes.MacAddress(IFLA_ADDRESS).value_or(Mac{});
  link.mtu_bytes = static_cast<int>(attributes.Number<std::uint32_t>(IFLA_MTU).value_or(0));
  link.up = (header->ifi_flags & IFF_UP) != 0;
  return std::make_pair(name->second, link);
}

void EncodeLinkDump(MessageBuilder* out) {
  out->Begin(RTM_GETLINK, 0, ifinfomsg{});
  out->AttributeNumber(IFLA_EXT_MASK, static_cast<std::uint32_t>(RTEXT_FILTER_SKIP_STATS));
}

void EncodeLinkGet(const std::string& name, MessageBuilder* out) {
  EncodeLinkDump(out);
  out->AttributeText(IFLA_IFNAME, name);
}

}  // namespace heddle::node
