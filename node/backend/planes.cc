#include "node/backend/planes.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace heddle::node {
namespace {

absl::Status Lacking(absl::string_view type) {
  return absl::UnimplementedError(absl::StrCat("this release of heddle-node has no backend '", type,
                                               "': set another one, or upgrade heddle-node"));
}

absl::Status AnnouncePlane(const Network& network, const BackendConfig& config,
                           const Identity& identity, const HostFacts& host,
                           Advertisement* advertisement) {
  const Backend* row = FindBackend(config.type);
  if (row == nullptr) return Lacking(config.type);
  HEDDLE_RETURN_IF_ERROR(row->advertise({network, config, host}, identity, advertisement));
  return absl::OkStatus();
}

std::vector<std::vector<Family>> UnderlaysOf(const Network& network, const Plane& plane) {
  if (plane.row->underlays == nullptr) return {FamiliesOf(network)};
  return plane.row->underlays(network, *plane.config);
}

std::vector<Family> Union(const std::vector<Family>& a, const std::vector<Family>& b) {
  std::vector<Family> both;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

}  // namespace

std::vector<Family> FamiliesOf(const Network& network) {
  std::vector<Family> families;
  network.ranges.ForEach([&](Family family, const Range&) { families.push_back(family); });
  return families;
}

std::vector<std::vector<Family>> UnderlayChoices(const Network& network) {
  const std::vector<Plane> planes = PlanesOf(network);
  if (planes.empty()) return {FamiliesOf(network)};
  std::vector<std::vector<Family>> choices = {{}};
  // The standby's wishes first, so that what comes last is what the network's backend needs alone.
  for (auto plane = planes.rbegin(); plane != planes.rend(); ++plane) {
    std::vector<std::vector<Family>> joined;
    for (const auto& with : choices) {
      for (const auto& set : UnderlaysOf(network, *plane)) joined.push_back(Union(set, with));
    }
    choices = std::move(joined);
    if (&*plane != &planes.front()) choices.push_back({});
  }
  std::vector<std::vector<Family>> distinct;
  for (const auto& set : choices) {
    if (std::find(distinct.begin(), distinct.end(), set) == distinct.end()) distinct.push_back(set);
  }
  return distinct;
}

std::vector<Plane> PlanesOf(const Network& network) {
  std::vector<Plane> planes;
  const auto add = [&](const BackendConfig& config) {
    const Backend* row = FindBackend(config.type);
    if (row != nullptr) planes.push_back({row, &config});
  };
  add(network.backend);
  if (network.standby) add(*network.standby);
  return planes;
}

Announcement Announce(const Network& network, const Identity& identity, const HostFacts& host) {
  Advertisement own;
  own.backend_type = network.backend.type;
  const absl::Status status = AnnouncePlane(network, network.backend, identity, host, &own);
  if (!status.ok()) return {status, absl::OkStatus()};
  if (!network.standby) return {own, absl::OkStatus()};
  Advertisement both = own;
  both.standby_type = network.standby->type;
  const absl::Status standby = AnnouncePlane(network, *network.standby, identity, host, &both);
  if (standby.ok()) return {both, absl::OkStatus()};
  return {own, absl::Status(standby.code(),
                            absl::StrCat("this node cannot take part in the change between ",
                                         network.backend.type, " and ", network.standby->type, ": ",
                                         standby.message()))};
}

absl::StatusOr<int> PodMtuBytes(const Network& network, const HostFacts& host) {
  std::optional<int> smallest;
  for (const Plane& plane : PlanesOf(network)) {
    const absl::StatusOr<int> bytes = plane.row->pod_mtu_bytes({network, *plane.config, host});
    // A standby that this host cannot have says so in Announce.
    if (!bytes.ok() && plane.config == &network.backend) return bytes;
    if (bytes.ok()) smallest = std::min(smallest.value_or(*bytes), *bytes);
  }
  if (!smallest) return Lacking(network.backend.type);
  return *smallest;
}

}  // namespace heddle::node
