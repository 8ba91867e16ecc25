// For tests: a network of the process's own, with an underlay device, that ends with the process.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ip.h"

namespace heddle::node {

// The underlay device, a veth with MTU 1500, and its addresses.
inline constexpr char kTestUnderlay[] = "under0";
Ip TestUnderlayAddress(Family family);  // 192.0.2.1, 2001:db8::1

// Moves the calling thread (and those it starts later) into new network and mount namespaces, and
// makes the underlay there. May be called again for a fresh one. Needs root.
absl::Status EnterPrivateNetwork();

// Runs a command line with the shell; an error holds what it printed.
absl::Status RunShell(const std::string& command);
// The same; returns what it printed.
absl::StatusOr<std::string> OutputOf(const std::string& command);

}  // namespace heddle::node
