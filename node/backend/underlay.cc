#include "node/backend/underlay.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/backend/planes.h"

namespace heddle::node {
namespace {

constexpr int MinimumMtuBytes(Family family) { return family == Family::kV4 ? 68 : 1280; }

absl::string_view PublicAddressFlag(Family family) {
  return family == Family::kV4 ? "--public-ip" : "--public-ipv6";
}

}  // namespace

absl::Status AdvertiseAddress(const PlaneFacts& facts, Family family, absl::string_view why,
                              absl::string_view otherwise, Advertisement* advertisement) {
  const HostFacts& host = facts.host;
  const auto lacking = [&](absl::string_view purpose, absl::string_view mend) {
    return absl::FailedPreconditionError(absl::StrCat(why, ", but ", host.underlay_link, " has no ",
                                                      FamilyName(family), " address to ", purpose,
                                                      "; ", mend, ", or ", otherwise));
  };
  if (!host.public_address[family]) {
    return lacking("announce", absl::StrCat("give it one, name another interface with --iface, or "
                                            "name the address with ",
                                            PublicAddressFlag(family)));
  }
  if (!host.source_address[family]) {
    return lacking("send from", "give it one, or name another interface with --iface");
  }
  advertisement->public_address[family] = host.public_address[family];
  return absl::OkStatus();
}

absl::Status AdvertiseAddresses(const PlaneFacts& facts, Advertisement* advertisement) {
  for (Family family : FamiliesOf(facts.network)) {
    HEDDLE_RETURN_IF_ERROR(AdvertiseAddress(
        facts, family, absl::StrCat("the cluster network has an ", FamilyName(family), " range"),
        "take the range out of the network", advertisement));
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

int CarriedMtuBytes(const PlaneFacts& facts) {
  const int option = facts.config.Int("MTU"), most = facts.host.underlay_mtu_bytes;
  return option == 0 ? most : std::min(option, most);
}

bool IsPublic(const Ip& address) {
  static const auto* const limited =
      new std::vector<Prefix>{*Prefix::Parse("10.0.0.0/8"), *Prefix::Parse("172.16.0.0/12"),
                              *Prefix::Parse("192.168.0.0/16"), *Prefix::Parse("100.64.0.0/10"),
                              *Prefix::Parse("fc00::/7")};
  return !address.is_link_local() &&
         std::none_of(limited->begin(), limited->end(),
                      [&](const Prefix& prefix) { return prefix.Contains(address); });
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
