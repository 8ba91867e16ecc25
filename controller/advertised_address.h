// The address that a controller tells the other controllers, where it is not given.
#pragma once

#include <string>
#include <vector>

namespace heddle::controller {

// What this host can be reached by; empty where it has none.
struct HostAddresses {
  std::string ipv4, ipv6;  // towards the default route
  std::string name;
};
// Of the calling thread's network namespace. Sends nothing.
HostAddresses ReadHostAddresses();

// host:port: the first of `listen` that is one address, not all of them; else the host's own with
// the first port. `listen` has at least one, each host:port.
std::string AdvertisedAddress(const std::vector<std::string>& listen, const HostAddresses& host);

}  // namespace heddle::controller
