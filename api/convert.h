// Between wire messages and plain values: the only place that knows the wire. What comes in is
// hostile: every FromProto checks lengths, families, bounds and names, and answers InvalidArgument
// naming the field; what it returns can be used without another check.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/heddle/v1/types.pb.h"
#include "api/network.h"
#include "api/peer.h"
#include "base/status_macros.h"

namespace heddle {

v1::Address ToProto(const Ip& ip);
absl::StatusOr<Ip> FromProto(const v1::Address& address);

v1::Prefix ToProto(const Prefix& prefix);
// Host bits must be zero.
absl::StatusOr<Prefix> FromProto(const v1::Prefix& prefix);

v1::Network ToProto(const Network& network);
// An option that is not there gets its default, as an earlier release did not know it. Also runs
// Validate(network): an option that is not known here is refused.
absl::StatusOr<Network> FromProto(const v1::Network& network);

v1::Advertisement ToProto(const Advertisement& advertisement);
absl::StatusOr<Advertisement> FromProto(const v1::Advertisement& advertisement);

v1::Peer ToProto(const Peer& peer);
// A subnet must be of its field's family; at least one must be there.
absl::StatusOr<Peer> FromProto(const v1::Peer& peer);

// A node's subnet of the given family; its length leaves room for four addresses.
absl::StatusOr<Prefix> SubnetFromProto(const v1::Prefix& prefix, Family family);

// Subnets of a message with the fields ipv4_subnet and ipv6_subnet (Peer, LeaseRecord, Lease); one
// or both must be there.
template <typename Message>
absl::StatusOr<PerFamily<Prefix>> SubnetsFromProto(const Message& message) {
  PerFamily<Prefix> subnets;
  if (message.has_ipv4_subnet()) {
    HEDDLE_ASSIGN_OR_RETURN(subnets[Family::kV4],
                            SubnetFromProto(message.ipv4_subnet(), Family::kV4));
  }
  if (message.has_ipv6_subnet()) {
    HEDDLE_ASSIGN_OR_RETURN(subnets[Family::kV6],
                            SubnetFromProto(message.ipv6_subnet(), Family::kV6));
  }
  if (subnets.empty()) {
    return absl::InvalidArgumentError("ipv4_subnet and ipv6_subnet: one of them must be there");
  }
  return subnets;
}

// The same for draining_ipv4_subnet and draining_ipv6_subnet; none need be there.
template <typename Message>
absl::StatusOr<PerFamily<Prefix>> DrainingFromProto(const Message& message) {
  PerFamily<Prefix> subnets;
  if (message.has_draining_ipv4_subnet()) {
    HEDDLE_ASSIGN_OR_RETURN(subnets[Family::kV4],
                            SubnetFromProto(message.draining_ipv4_subnet(), Family::kV4));
  }
  if (message.has_draining_ipv6_subnet()) {
    HEDDLE_ASSIGN_OR_RETURN(subnets[Family::kV6],
                            SubnetFromProto(message.draining_ipv6_subnet(), Family::kV6));
  }
  return subnets;
}

template <typename Message>
void DrainingToProto(const PerFamily<Prefix>& subnets, Message* message) {
  if (const auto& v4 = subnets[Family::kV4]) {
    *message->mutable_draining_ipv4_subnet() = ToProto(*v4);
  }
  if (const auto& v6 = subnets[Family::kV6]) {
    *message->mutable_draining_ipv6_subnet() = ToProto(*v6);
  }
}

template <typename Message>
void SubnetsToProto(const PerFamily<Prefix>& subnets, Message* message) {
  if (subnets[Family::kV4]) *message->mutable_ipv4_subnet() = ToProto(*subnets[Family::kV4]);
  if (subnets[Family::kV6]) *message->mutable_ipv6_subnet() = ToProto(*subnets[Family::kV6]);
}

// Milliseconds since the epoch; 0 stands for "never" (absl::InfiniteFuture()). A finite time within
// a millisecond of the epoch becomes 1, so that it does not turn into "never".
std::int64_t ToUnixMs(absl::Time time);
absl::Time FromUnixMs(std::int64_t unix_ms);

}  // namespace heddle
