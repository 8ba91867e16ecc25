// What a host's kernel holds, as text to compare. Read with iproute2, wg and nft, not with the
// product's own code.
#pragma once

#include <set>
#include <string>

#include "base/ip.h"
#include "tests/lab/host.h"

namespace heddle::lab {

// All of Heddle's objects, one line each: devices, their addresses, neighbours and FDB entries,
// WireGuard peers, nexthops, routes, nftables rules. Without what the kernel numbers itself
// (interface indices, handles), so that an object made anew as it was before gives the same line.
std::set<std::string> OurObjects(const Host& host);

// Destinations of Heddle's routes, both families.
std::set<std::string> OurRoutes(const Host& host);

// "" if the two are equal, else what is missing and what is there too much.
std::string Difference(const std::set<std::string>& expected, const std::set<std::string>& actual);

}  // namespace heddle::lab
