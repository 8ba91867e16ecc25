// Who is behind an address, for limits on strangers.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace heddle::controller {

// Of a peer as gRPC has it ("ipv4:192.0.2.1:4711"): the address without its port. Of IPv6 the /64,
// since whoever has one address there has them all. What is no address of either stays as it is.
std::string RemoteHost(absl::string_view peer);

}  // namespace heddle::controller
