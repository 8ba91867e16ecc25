#include "node/dataplane/forwarder/icmp_errors.h"

namespace heddle::node::forwarder {

std::vector<std::uint8_t> IcmpErrors::Make(IcmpError error, const Packet& packet,
                                           const TunnelTable& table, absl::Time now) {
  const Ip* const own = table.OwnAddress(packet.family);
  if (own == nullptr || !bucket_.Take(now)) return {};
  return MakeIcmpError(error, packet, *own);
}

}  // namespace heddle::node::forwarder
