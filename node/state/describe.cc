#include "node/state/describe.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace heddle::node {
namespace {

constexpr std::size_t kCommandCharacters = 200;

// A command in quotes, in ASCII.
std::string Shortened(absl::string_view command) {
  return absl::StrCat("'", absl::CEscape(command.substr(0, kCommandCharacters)),
                      command.size() > kCommandCharacters ? "...'" : "'");
}

std::string Joined(const std::vector<Prefix>& prefixes) {
  return absl::StrJoin(prefixes, ",", [](std::string* out, const Prefix& prefix) {
    absl::StrAppend(out, prefix.ToString());
  });
}

std::string Via(const std::string& link, const Ip& gateway, bool onlink) {
  if (gateway.is_zero()) return absl::StrCat("on ", link);
  return absl::StrCat("via ", gateway.ToString(), " on ", link, onlink ? " onlink" : "");
}

std::string DescribeKind(const VxlanLink& vxlan) {
  return absl::StrCat("vxlan vni ", vxlan.vni, " port ", vxlan.port, " lower ", vxlan.lower,
                      " local ", vxlan.local.ToString(), vxlan.learning ? " learning" : "",
                      vxlan.gbp ? " gbp" : "");
}

std::string DescribeKind(const IpipLink& ipip) {
  return absl::StrCat("ipip local ", ipip.local.ToString());
}

std::string DescribeKind(const WireguardLink&) { return "wireguard"; }

std::string DescribeKind(const TunLink& tun) {
  return absl::StrCat("tun", tun.persistent ? "" : " not persistent");
}

}  // namespace

std::string Describe(const std::string& name, const Link& link) {
  return absl::StrCat("link ", name, " ",
                      std::visit([](const auto& kind) { return DescribeKind(kind); }, link.kind),
                      link.mac.is_zero() ? "" : absl::StrCat(" mac ", link.mac.ToString()), " mtu ",
                      link.mtu_bytes, link.up ? " up" : " down");
}

std::string Describe(const std::string& key, const std::string& value) {
  return absl::StrCat("sysctl ", key, " = ", value);
}

std::string Describe(const FeatureKey& key, const FeatureOff&) {
  return absl::StrCat("feature ", key.feature, " off on ", key.link);
}

std::string Describe(const AddressKey& key, const Address& address) {
  return absl::StrCat("address ", key.address.ToString(), "/", address.prefix_length, " on ",
                      key.link);
}

std::string Describe(const FdbKey& key, const FdbEntry& entry) {
  return absl::StrCat("fdb ", key.mac.ToString(), " to ", entry.remote.ToString(), " on ",
                      key.link);
}

std::string Describe(const NeighbourKey& key, const Neighbour& neighbour) {
  return absl::StrCat("neighbour ", key.address.ToString(), " is ", neighbour.mac.ToString(),
                      " on ", key.link);
}

std::string Describe(std::uint32_t id, const Nexthop& nexthop) {
  return absl::StrCat("nexthop ", id, " ", Via(nexthop.link, nexthop.gateway, nexthop.onlink));
}

std::string Describe(const RouteKey& key, const Route& route) {
  std::string text = absl::StrCat("route ", key.destination.ToString());
  if (const auto* id = std::get_if<std::uint32_t>(&route.via)) {
    absl::StrAppend(&text, " nexthop ", *id);
  } else {
    const RouteVia& via = std::get<RouteVia>(route.via);
    absl::StrAppend(&text, " ", Via(via.link, via.gateway, via.onlink));
  }
  if (key.metric != 0) absl::StrAppend(&text, " metric ", key.metric);
  return text;
}

std::string Describe(Family family, const RuleSet& rules) {
  return absl::StrCat("rules ", FamilyName(family), " cluster ", Joined(rules.cluster), " pods ",
                      Joined(rules.pods), rules.masquerade ? " masquerade" : "",
                      rules.forward ? " forward" : "");
}

std::string Describe(const std::string& link, const WireguardDevice& device) {
  return absl::StrCat("wireguard ", link, " key ", device.public_key.ToBase64(), " port ",
                      device.listen_port);
}

std::string Describe(const WireguardPeerKey& key, const WireguardPeer& peer) {
  std::string text =
      absl::StrCat("wireguard peer ", key.public_key.ToBase64(), " allowed ", Joined(peer.allowed));
  if (peer.endpoint) {
    absl::StrAppend(&text, " at ", peer.endpoint->ToString(), " port ", peer.endpoint_port);
  }
  if (peer.keepalive_seconds != 0) {
    absl::StrAppend(&text, " keepalive ", peer.keepalive_seconds, "s");
  }
  if (!peer.preshared_key.is_zero()) absl::StrAppend(&text, " with preshared key");
  return absl::StrCat(text, " on ", key.link);
}

std::string Describe(const UdpListenerKey& key, const UdpListener& listener) {
  return absl::StrCat("udp listener ", listener.local.ToString(), " port ", listener.port,
                      " subnets ", Joined(listener.subnets), " on ", key.link);
}

std::string Describe(const UdpTunnelKey& key, const UdpTunnel& tunnel) {
  return absl::StrCat("udp tunnel ", key.subnet.ToString(), " to ", tunnel.endpoint.ToString(),
                      " port ", tunnel.port, " on ", key.link);
}

std::string Describe(const HookKey& key, const Hook& hook) {
  std::string text = absl::StrCat("hook ", key.purpose);
  if (!hook.run.empty()) absl::StrAppend(&text, " run ", Shortened(hook.run));
  if (!hook.undo.empty()) absl::StrAppend(&text, " undo ", Shortened(hook.undo));
  for (const auto& [name, value] : hook.environment) absl::StrAppend(&text, " ", name, "=", value);
  if (!hook.input.empty()) absl::StrAppend(&text, " input ", hook.input.size(), " bytes");
  return text;
}

}  // namespace heddle::node
