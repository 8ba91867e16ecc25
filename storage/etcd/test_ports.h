// Ports of loopback addresses that nobody listens on now.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace heddle::storage {

// host:port. The port is below those that the kernel gives to connections, so that it is still free
// when a server that was stopped wants it back.
absl::StatusOr<std::string> FreeEndpoint(const std::string& ipv4_address);

}  // namespace heddle::storage
