// The extension backend: commands of the administrator's make the paths between hosts. What a peer
// announces reaches them on standard input only, or as an address that was checked.
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/backend/rows.h"
#include "node/backend/underlay.h"

namespace heddle::node {
namespace {

constexpr char kPreStartup[] = "PreStartupCommand", kPostStartup[] = "PostStartupCommand",
               kSubnetAdd[] = "SubnetAddCommand", kSubnetRemove[] = "SubnetRemoveCommand";

absl::Status Advertise(const PlaneFacts& facts, const Identity& identity,
                       Advertisement* advertisement) {
  for (const char* key : {kPreStartup, kPostStartup, kSubnetAdd, kSubnetRemove}) {
    if (identity.runs_commands || facts.config.Text(key).empty()) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "the network's ", key,
        " would run as root on this host, which does not allow it; start "
        "heddle-node with --allow-extension-commands if whoever configures the network may do "
        "that, or set another backend"));
  }
  HEDDLE_RETURN_IF_ERROR(AdvertiseAddresses(facts, advertisement));
  if (facts.config.Text(kPreStartup).empty()) return absl::OkStatus();
  if (!identity.extension_backend_data) {
    return absl::FailedPreconditionError(
        "the extension backend's PreStartupCommand has not ended well yet; no lease is asked for "
        "until it has");
  }
  advertisement->extension_backend_data = *identity.extension_backend_data;
  return absl::OkStatus();
}

absl::StatusOr<int> PodMtu(const PlaneFacts& facts) {
  return CheckPodMtu(facts.host.underlay_mtu_bytes, facts);
}

// One command for both families, so that each call gives the same.
void PlanOwn(const PlaneInput& input, Family /*family*/, NetworkState* state) {
  Hook hook;
  hook.run = input.config.Text(kPostStartup);
  if (hook.run.empty()) return;
  const auto add = [&hook](const char* name, const auto& value) {
    if (value) hook.environment.emplace_back(name, value->ToString());
  };
  const auto add_network = [&](const char* name, Family family) {
    const auto& range = input.network.ranges[family];
    if (range) hook.environment.emplace_back(name, range->network.ToString());
  };
  add_network("IPV6NETWORK", Family::kV6);
  add("IPV6SUBNET", input.self.subnets[Family::kV6]);
  add_network("NETWORK", Family::kV4);
  add("PUBLIC_IP", input.self.advertisement.public_address[Family::kV4]);
  add("PUBLIC_IPV6", input.self.advertisement.public_address[Family::kV6]);
  add("SUBNET", input.self.subnets[Family::kV4]);
  state->hooks.insert_or_assign(HookKey{"post-startup"}, std::move(hook));
}

absl::StatusOr<std::optional<PeerPath>> PlanPath(const PlaneInput& input, const Peer& peer,
                                                 const Prefix& subnet, NetworkState* state) {
  Hook hook;
  hook.run = input.config.Text(kSubnetAdd);
  hook.undo = input.config.Text(kSubnetRemove);
  if (hook.run.empty() && hook.undo.empty()) return std::nullopt;
  HEDDLE_ASSIGN_OR_RETURN(const Ip address, PublicAddressOf(peer, subnet.family()));
  hook.environment = {{"PUBLIC_IP", address.ToString()}, {"SUBNET", subnet.ToString()}};
  // As flannel does: a script may read it with `read`.
  hook.input = absl::StrCat(peer.advertisement.extension_backend_data, "\n");
  state->hooks.insert_or_assign(HookKey{absl::StrCat("subnet ", subnet.ToString())},
                                std::move(hook));
  return std::nullopt;
}

}  // namespace

const Backend kExtensionBackend = {"extension", Advertise, PodMtu, PlanOwn, PlanPath};

}  // namespace heddle::node
