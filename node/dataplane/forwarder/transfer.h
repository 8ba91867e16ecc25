// For tests: a TCP stream between two hosts whose every byte is compared.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "base/ip.h"
#include "node/dataplane/forwarder/two_hosts.h"

namespace heddle::node::forwarder {

// Sends `bytes` that do not repeat from the first host's pod to the second's. An error says what
// did not come, or came otherwise.
absl::Status Transfer(TwoHosts* hosts, Family family, std::size_t bytes);

}  // namespace heddle::node::forwarder
