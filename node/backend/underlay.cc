#include "node/backend/underlay.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace heddle::node {
namespace {

constexpr int MinimumMtuBytes(Family family) { return family == Family::kV4 ? 68 : 1280; }

absl::string_view PublicAddressFlag(Family family) {
  return family == Family::kV4 ? "--public-ip" : "--public-ipv6";
}

absl::Status NoAddress(Family family, absl::string_view kind, absl::string_view mend,
                       const HostFacts& host) {
  return absl::FailedPreconditionError(
      absl::StrCat("the cluster network has an ", FamilyName(family), " range, but ",
                   host.underlay_link, " has no ", FamilyName(family), " address to ", kind, "; ",
                   mend, ", or take the range out of the network"));
}

}  // namespace

absl::Status AdvertiseAddresses(const PlaneFacts& facts, Advertisement* advertisement) {
  const HostFacts& host = facts.host;
  for (Family family : kFamilies) {
    if (!facts.network.ranges[family]) continue;
    if (!host.public_address[family]) {
      return NoAddress(family, "announce",
                       absl::StrCat("give it one, name another interface with --iface, or name the "
                                    "address with ",
                                    PublicAddressFlag(family)),
                       host);
    }
    if (!host.source_address[family]) {
      return NoAddress(family, "send from", "give it one, or name another interface with --iface",
                       host);
    }
    advertisement->public_address[family] = host.public_address[family];
  }
  return absl::OkStatus();
}

absl::StatusOr<Ip> PublicAddressOf(const Peer& peer, Family family) {
  const auto& address = peer.advertisement.public_address[family];
  if (address) return *address;
  return absl::FailedPreconditionError(absl::StrCat("it announces no ", FamilyName(family),
                                                    " address; give it one, or name it with ",
                                                    PublicAddressFlag(family), " there"));
}

void PlanOwnAddresses(const PlaneInput& input, const std::string& link, Family family,
                      NetworkState* state) {
  for (const Prefix& subnet : input.self.SubnetsOf(family)) {
    state->addresses[AddressKey{link, subnet.base()}] = Address{BitsOf(family)};
  }
}

bool IsOnlink(const HostFacts& host, const Ip& address) {
  return std::any_of(host.onlink_prefixes.begin(), host.onlink_prefixes.end(),
                     [&](const Prefix& prefix) { return prefix.Contains(address); });
}

std::optional<PeerPath> DirectPath(const PlaneInput& input, const Ip& remote) {
  if (!input.config.Bool("DirectRouting") || !IsOnlink(input.host, remote)) return std::nullopt;
  return PeerPath{input.host.underlay_link, remote, /*onlink=*/false};
}

absl::StatusOr<int> CheckPodMtu(int mtu_bytes, const PlaneFacts& facts) {
  const HostFacts& host = facts.host;
  for (Family family : kFamilies) {
    if (!facts.network.ranges[family] || mtu_bytes >= MinimumMtuBytes(family)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("an MTU of ", mtu_bytes, " bytes would be left for pods; ", FamilyName(family),
                     " needs ", MinimumMtuBytes(family), ": raise the MTU of ", host.underlay_link,
                     " (", host.underlay_mtu_bytes, " bytes) or the backend's MTU option"));
  }
  return mtu_bytes;
}

}  // namespace heddle::node
