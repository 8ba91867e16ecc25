// A path as the address of a Unix socket.
#pragma once

#include <sys/un.h>

#include <string>

#include "absl/status/statusor.h"

namespace heddle::node::forwarder {

// InvalidArgument: it is empty, or longer than the kernel's 107 bytes.
absl::StatusOr<sockaddr_un> ToUnixAddress(const std::string& path);

}  // namespace heddle::node::forwarder
