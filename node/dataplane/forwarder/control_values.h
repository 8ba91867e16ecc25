// Addresses in messages of control.proto, for both ends of the connection. Pure.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/ip.h"
#include "node/dataplane/forwarder/control.pb.h"

namespace heddle::node::forwarder {

void EncodePrefix(const Prefix& prefix, control::Prefix* to);
// InvalidArgument: no address of either family, or a length that it cannot have.
absl::StatusOr<Prefix> DecodePrefix(const control::Prefix& prefix);
// InvalidArgument: 0, or above 65535.
absl::StatusOr<std::uint16_t> DecodePort(std::uint32_t port);

}  // namespace heddle::node::forwarder
