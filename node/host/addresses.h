// Which of a link's addresses to send from.
#pragma once

#include <optional>
#include <string>

#include "node/host/host_facts.h"

namespace heddle::node {

// Whether the host can send from it at all: not tentative, not loopback's unless on such a link.
bool IsUsable(const HostInventory::Link& link, const HostInventory::Address& address);

// The link's best usable address of the family, or nullopt.
std::optional<Ip> BestAddress(const HostInventory::Link& link, Family family);

// Whether the link has `ip` as a usable address.
bool HasAddress(const HostInventory::Link& link, const Ip& ip);

// "eth0 (up, MTU 1500, 10.0.0.5/24, fe80::1/64 tentative)", for messages.
std::string Describe(const HostInventory::Link& link);

}  // namespace heddle::node
