// rtnetlink messages to the parts of a HostInventory. Pure; what makes no sense decodes to nothing.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "node/dataplane/netlink_message.h"
#include "node/host/host_facts.h"

namespace heddle::node {

// A link without its addresses.
std::optional<HostInventory::Link> DecodeHostLink(const Message& message);

// An address and the index of its link.
std::optional<std::pair<int, HostInventory::Address>> DecodeHostAddress(const Message& message);

// One entry per next hop; none when the route is ours, not unicast, or not of the main table.
std::vector<HostInventory::Route> DecodeHostRoutes(const Message& message);

}  // namespace heddle::node
