// Which addresses are reached through a link without a router.
#pragma once

#include <vector>

#include "node/host/host_facts.h"

namespace heddle::node {

// The prefixes that `routes` lead to through the link without a gateway, less what a more specific
// route leads elsewhere; ordered, none inside another. A default route without a gateway (a
// point-to-point link, proxy ARP) makes nobody a neighbour and is left out.
std::vector<Prefix> OnlinkPrefixes(const std::vector<HostInventory::Route>& routes, int link_index);

}  // namespace heddle::node
