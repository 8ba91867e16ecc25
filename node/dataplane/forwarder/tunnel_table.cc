#include "node/dataplane/forwarder/tunnel_table.h"

#include <algorithm>

namespace heddle::node::forwarder {

TunnelTable::TunnelTable(const std::vector<Tunnel>& tunnels, const std::vector<Prefix>& own_subnets)
    : own_subnets_(own_subnets) {
  for (const Tunnel& tunnel : tunnels) {
    std::vector<Level>& levels = levels_[static_cast<int>(tunnel.subnet.family())];
    const auto longer = [](const Level& level, int length) { return level.length > length; };
    auto level = std::lower_bound(levels.begin(), levels.end(), tunnel.subnet.length(), longer);
    if (level == levels.end() || level->length != tunnel.subnet.length()) {
      level = levels.insert(level, Level{tunnel.subnet.length(), {}});
    }
    level->by_base[tunnel.subnet.base()] = tunnel.endpoint;
  }
  // Of those that count, not of those that later ones took the place of.
  for (const auto& levels : levels_) {
    for (const Level& level : levels) {
      for (const auto& [base, endpoint] : level.by_base) endpoints_.insert(endpoint.address);
    }
  }
}

const Endpoint* TunnelTable::Find(const Ip& destination) const {
  for (const Level& level : levels_[static_cast<int>(destination.family())]) {
    const auto found = level.by_base.find(Prefix(destination, level.length).base());
    if (found != level.by_base.end()) return &found->second;
  }
  return nullptr;
}

Verdict TunnelTable::Judge(const Ip& from, const Ip& inner_source,
                           const Ip& inner_destination) const {
  const Endpoint* const owner = Find(inner_source);
  if (owner == nullptr || owner->address != from) {
    return endpoints_.contains(from) ? Verdict::kSpoofed : Verdict::kUnknownPeer;
  }
  const bool is_ours =
      std::any_of(own_subnets_.begin(), own_subnets_.end(),
                  [&](const Prefix& subnet) { return subnet.Contains(inner_destination); });
  return is_ours ? Verdict::kAccepted : Verdict::kNotOurs;
}

const Ip* TunnelTable::OwnAddress(Family family) const {
  for (const Prefix& subnet : own_subnets_) {
    if (subnet.family() == family) return &subnet.base();
  }
  return nullptr;
}

}  // namespace heddle::node::forwarder
