// Between wire messages and plain values: the only place that knows the wire. What comes in is
// hostile: every FromProto checks lengths, families, bounds and names, and answers InvalidArgument
// naming the field; what it returns can be used without another check.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/heddle/v1/types.pb.h"
#include "api/network.h"
#include "api/peer.h"

namespace heddle {

v1::Address ToProto(const Ip& ip);
absl::StatusOr<Ip> FromProto(const v1::Address& address);

v1::Prefix ToProto(const Prefix& prefix);
// Host bits must be zero.
absl::StatusOr<Prefix> FromProto(const v1::Prefix& prefix);

v1::Network ToProto(const Network& network);
// Also runs Validate(network), which completes nothing: options must be there.
absl::StatusOr<Network> FromProto(const v1::Network& network);

v1::Advertisement ToProto(const Advertisement& advertisement);
absl::StatusOr<Advertisement> FromProto(const v1::Advertisement& advertisement);

v1::Peer ToProto(const Peer& peer);
// A subnet must be of its field's family; at least one must be there.
absl::StatusOr<Peer> FromProto(const v1::Peer& peer);

// Subnets of a message with the fields ipv4_subnet and ipv6_subnet (Peer, LeaseRecord, Lease).
template <typename Message>
absl::StatusOr<PerFamily<Prefix>> SubnetsFromProto(const Message& message);
template <typename Message>
void SubnetsToProto(const PerFamily<Prefix>& subnets, Message* message);

// Milliseconds since the epoch; 0 stands for "never" (absl::InfiniteFuture()).
std::int64_t ToUnixMs(absl::Time time);
absl::Time FromUnixMs(std::int64_t unix_ms);

}  // namespace heddle
