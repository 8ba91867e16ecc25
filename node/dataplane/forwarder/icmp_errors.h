// The ICMP errors of one worker: no more of them than a router sends.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "base/token_bucket.h"
#include "node/dataplane/forwarder/icmp_error.h"
#include "node/dataplane/forwarder/packet.h"
#include "node/dataplane/forwarder/tunnel_table.h"

namespace heddle::node::forwarder {

class IcmpErrors {
 public:
  explicit IcmpErrors(absl::Time now) : bucket_(kRate, now) {}

  // What its sender is to be told about `packet`, from this host's address in `table`. Empty:
  // nothing may be said about it (icmp_error.h), too much was said lately, or there is no address.
  std::vector<std::uint8_t> Make(IcmpError error, const Packet& packet, const TunnelTable& table,
                                 absl::Time now);

 private:
  // As the kernel's icmp_msgs_per_sec and icmp_msgs_burst.
  static constexpr Rate kRate = {50, 1000};

  TokenBucket bucket_;
};

}  // namespace heddle::node::forwarder
