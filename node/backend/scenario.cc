#include "node/backend/scenario.h"

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "node/backend/vtep_mac.h"

namespace heddle::node {
namespace {

Prefix UnderlayPrefix(Family family) {
  return family == Family::kV4 ? *Prefix::Parse("192.0.2.0/24") : *Prefix::Parse("2001:db8::/64");
}

Prefix PrefixBehindRouter(Family family) {
  return family == Family::kV4 ? *Prefix::Parse("198.51.100.0/24")
                               : *Prefix::Parse("2001:db8:1::/64");
}

WireguardKey KeyOf(int number) {
  WireguardKey key;
  key.bytes.fill(0xa5);
  key.bytes[0] = static_cast<std::uint8_t>(number >> 8);
  key.bytes[1] = static_cast<std::uint8_t>(number);
  return key;
}

// What the modes of one device have: its port on every underlay there is.
void AddWireguard(const BackendConfig& config, int number, Advertisement* advertisement) {
  advertisement->wireguard_public_key = KeyOf(number);
  const bool separate = config.Text("Mode") == "separate";
  advertisement->public_address.ForEach([&](Family family, const Ip&) {
    advertisement->wireguard_port[family] = static_cast<std::uint16_t>(
        config.Int(separate && family == Family::kV6 ? "ListenPortV6" : "ListenPort"));
  });
}

Peer MakePeer(const Network& network, int number) {
  Peer peer;
  peer.node_id = absl::StrCat("node-", number);
  peer.advertisement.backend_type = network.backend.type;
  if (network.backend.type == "vxlan") {
    peer.advertisement.vtep_mac =
        DeriveVtepMac(peer.node_id, static_cast<std::uint32_t>(network.backend.Int("VNI")),
                      network.backend.Text("MacPrefix"));
  }
  for (Family family : kFamilies) {
    const auto& range = network.ranges[family];
    if (!range) continue;
    const absl::uint128 size = absl::uint128(1) << (BitsOf(family) - range->subnet_length);
    peer.subnets[family] = Prefix(range->network.at(size * number), range->subnet_length);
    peer.advertisement.public_address[family] = UnderlayPrefix(family).at(number);
  }
  if (network.backend.type == "wireguard") {
    AddWireguard(network.backend, number, &peer.advertisement);
  }
  return peer;
}

Scenario Make(const std::string& backend, bool ipv4, bool ipv6) {
  Scenario scenario;
  if (ipv4) scenario.SetRange(*Prefix::Parse("10.3.0.0/16"), 24);
  if (ipv6) scenario.SetRange(*Prefix::Parse("fd00:3::/48"), 64);
  scenario.network.backend = *CompleteBackend({backend, {}});
  scenario.Lease(3);
  Advertisement& last = scenario.peers.rbegin()->second.advertisement;
  last.public_address.ForEach([&](Family family, const Ip&) {
    last.public_address[family] = PrefixBehindRouter(family).at(4);
  });
  return scenario;
}

}  // namespace

Identity Scenario::identity() const {
  Identity identity;
  identity.node_id = self.node_id;
  identity.wireguard_public_key = KeyOf(1);
  return identity;
}

void Scenario::SetRange(const Prefix& network_prefix, int subnet_length) {
  Range range;
  range.network = network_prefix;
  range.subnet_length = subnet_length;
  const absl::uint128 size = absl::uint128(1) << (BitsOf(network_prefix.family()) - subnet_length);
  range.subnet_min = network_prefix.at(size);
  range.subnet_max = Prefix(network_prefix.last(), subnet_length).base();
  network.ranges[network_prefix.family()] = range;
}

void Scenario::Lease(int count) {
  self = MakePeer(network, 1);
  host.underlay_link = "eth0";
  host.underlay_mtu_bytes = 1500;
  host.source_address = host.public_address = self.advertisement.public_address;
  for (Family family : kFamilies) {
    if (network.ranges[family]) host.onlink_prefixes.push_back(UnderlayPrefix(family));
  }
  for (int number = 2; number < count + 2; ++number) {
    const Peer peer = MakePeer(network, number);
    peers.emplace(peer.node_id, peer);
  }
}

Scenario Ipv4Scenario(const std::string& backend) { return Make(backend, true, false); }
Scenario Ipv6Scenario(const std::string& backend) { return Make(backend, false, true); }
Scenario DualStackScenario(const std::string& backend) { return Make(backend, true, true); }

}  // namespace heddle::node
