// The wireguard backend: pod packets encrypted between hosts. In mode `separate` each family's
// subnets travel over the underlay of the same family, through a device each; in the other modes
// one device carries both over what underlay there is.
#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/backend/planes.h"
#include "node/backend/rows.h"
#include "node/backend/underlay.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

// What one packet grows by, in bytes: outer IPv6 40, UDP 8, WireGuard 32. On IPv4 it is 20 less,
// but a peer may roam from one to the other.
constexpr int kOverheadBytes = 80;

// Of a standby whose option sends none. The kernel sends one as soon as it is told, so the sessions
// are there, and stay, before pods' packets need them: they would wait for a handshake, and where
// many are made at once the kernel drops those that wait too long.
constexpr int kStandbyKeepaliveSeconds = 25;

int KeepaliveSeconds(const PlaneFacts& facts) {
  const int option = facts.config.Int("PersistentKeepaliveInterval");
  return option == 0 && IsStandby(facts) ? kStandbyKeepaliveSeconds : option;
}

bool IsSeparate(const PlaneFacts& facts) { return facts.config.Text("Mode") == "separate"; }

// The underlay's family that the mode names; nothing: either will do, or that of the pods.
std::optional<Family> OnlyUnderlay(const PlaneFacts& facts) {
  const std::string mode = facts.config.Text("Mode");
  if (mode == "ipv4") return Family::kV4;
  if (mode == "ipv6") return Family::kV6;
  return std::nullopt;
}

std::string DeviceName(const PlaneFacts& facts, Family pods) {
  return IsSeparate(facts) && pods == Family::kV6 ? kWireguardLinkName6 : kWireguardLinkName;
}

std::uint16_t ListenPort(const PlaneFacts& facts, Family pods) {
  const bool v6 = IsSeparate(facts) && pods == Family::kV6;
  const std::int64_t port = facts.config.Int(v6 ? "ListenPortV6" : "ListenPort");
  return port == 0 ? (v6 ? 51821 : 51820) : port;
}

std::vector<std::vector<Family>> Underlays(const Network& network, const BackendConfig& config) {
  const std::string mode = config.Text("Mode");
  if (mode == "ipv4") return {{Family::kV4}};
  if (mode == "ipv6") return {{Family::kV6}};
  if (mode == "auto") return {{Family::kV4, Family::kV6}, {Family::kV4}, {Family::kV6}};
  return {FamiliesOf(network)};
}

absl::Status AdvertiseUnderlay(const PlaneFacts& facts, Advertisement* advertisement) {
  if (IsSeparate(facts)) return AdvertiseAddresses(facts, advertisement);
  if (const auto only = OnlyUnderlay(facts)) {
    return AdvertiseAddress(facts, *only, "the backend's Mode asks for it", "set another Mode",
                            advertisement);
  }
  // `auto`: what there is.
  absl::Status last;
  for (Family family : {Family::kV6, Family::kV4}) {
    const absl::Status status = AdvertiseAddress(facts, family, "the backend sends over it",
                                                 "name another interface", advertisement);
    if (!status.ok()) last = status;
  }
  return advertisement->public_address.empty() ? last : absl::OkStatus();
}

absl::Status Advertise(const PlaneFacts& facts, const Identity& identity,
                       Advertisement* advertisement) {
  if (identity.wireguard_public_key.is_zero()) {
    return absl::FailedPreconditionError(
        absl::StrCat("this node has no WireGuard key: ", identity.wireguard_key_problem));
  }
  Advertisement own;
  HEDDLE_RETURN_IF_ERROR(AdvertiseUnderlay(facts, &own));
  own.public_address.ForEach([&](Family family, const Ip& address) {
    advertisement->public_address[family] = address;
    advertisement->wireguard_port[family] = ListenPort(facts, family);
  });
  advertisement->wireguard_public_key = identity.wireguard_public_key;
  return absl::OkStatus();
}

int DeviceMtuBytes(const PlaneFacts& facts) { return CarriedMtuBytes(facts) - kOverheadBytes; }

absl::StatusOr<int> PodMtu(const PlaneFacts& facts) {
  return CheckPodMtu(DeviceMtuBytes(facts), facts);
}

void PlanOwn(const PlaneInput& input, Family family, NetworkState* state) {
  // What the peers were told. Until then nobody could send here.
  const WireguardKey& key = input.self.advertisement.wireguard_public_key;
  if (key.is_zero()) return;
  const std::string device = DeviceName(input, family);
  Link link;
  link.kind = WireguardLink{};
  link.mtu_bytes = DeviceMtuBytes(input);
  state->links[device] = link;
  state->wireguard_devices[device] = {key, ListenPort(input, family)};
  PlanOwnAddresses(input, device, family, state);
}

// In mode `auto`: over IPv4 if the peer can be reached by nothing else, or is on the Internet with
// it; over IPv6 if both are on the Internet with that; else over IPv4.
Family ChooseUnderlay(const HostFacts& host, const PerFamily<Ip>& peer) {
  const auto usable = [&](Family family) { return host.source_address[family] && peer[family]; };
  if (!usable(Family::kV6)) return Family::kV4;
  if (!usable(Family::kV4)) return Family::kV6;
  const auto& own = host.public_address[Family::kV6];
  const bool both_public = own && IsPublic(*own) && IsPublic(*peer[Family::kV6]);
  return !IsPublic(*peer[Family::kV4]) && both_public ? Family::kV6 : Family::kV4;
}

Family UnderlayTo(const PlaneInput& input, const Peer& peer, Family pods) {
  if (IsSeparate(input)) return pods;
  if (const auto only = OnlyUnderlay(input)) return *only;
  return ChooseUnderlay(input.host, peer.advertisement.public_address);
}

absl::Status CheckKeys(const PlaneInput& input, const Advertisement& peer) {
  if (peer.wireguard_public_key.is_zero()) {
    return absl::FailedPreconditionError(
        "it announces no WireGuard key; restart heddle-node there");
  }
  if (peer.wireguard_public_key == input.self.advertisement.wireguard_public_key) {
    return absl::FailedPreconditionError(
        "it announces this node's own WireGuard key; remove the copied key file on one of the two "
        "and restart heddle-node there");
  }
  return absl::OkStatus();
}

// All subnets of a peer behind one device are one WireGuard peer: each call adds its own.
absl::StatusOr<std::optional<PeerPath>> PlanPath(const PlaneInput& input, const Peer& peer,
                                                 const Prefix& subnet, NetworkState* state) {
  // The device is made once this node's key has been announced.
  if (input.self.advertisement.wireguard_public_key.is_zero()) return std::nullopt;
  HEDDLE_RETURN_IF_ERROR(CheckKeys(input, peer.advertisement));
  const Family underlay = UnderlayTo(input, peer, subnet.family());
  HEDDLE_ASSIGN_OR_RETURN(const Ip endpoint, PublicAddressOf(peer, underlay));
  const std::string device = DeviceName(input, subnet.family());
  WireguardPeer& planned =
      state->wireguard_peers[{device, peer.advertisement.wireguard_public_key}];
  planned.endpoint = endpoint;
  planned.endpoint_port =
      peer.advertisement.wireguard_port[underlay].value_or(ListenPort(input, subnet.family()));
  planned.keepalive_seconds = KeepaliveSeconds(input);
  const auto preshared_key = WireguardKey::Parse(input.config.Text("PSK"));
  if (preshared_key.ok()) planned.preshared_key = *preshared_key;  // the schema has checked it
  auto& allowed = planned.allowed;
  allowed.insert(std::upper_bound(allowed.begin(), allowed.end(), subnet), subnet);
  return PeerPath{device, Ip(subnet.family(), 0), /*onlink=*/false};
}

}  // namespace

const Backend kWireguardBackend = {"wireguard", Advertise, PodMtu, PlanOwn, PlanPath, Underlays};

}  // namespace heddle::node
