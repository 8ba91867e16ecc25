// What a host finds about itself that stops pod traffic: forwarding off, strict reverse path
// filtering where packets come back another way, a firewall that drops what is forwarded, a device
// whose MAC is not the announced one, and what the kernel has no support for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/probe.h"
#include "node/backend/backend.h"

namespace heddle::node {

// Owned and called by one thread, in the network namespace of the host.
class HostFindings {
 public:
  // `sysctl_root` is /proc/sys but in tests.
  explicit HostFindings(std::string sysctl_root = "/proc/sys")
      : sysctl_root_(std::move(sysctl_root)) {}

  // Looks now: reads a few files, and runs nft once (5 ms of CPU). `unsupported`: what could not be
  // made for want of kernel support, one sentence each. What cannot be looked at is left out.
  std::vector<HostFinding> Look(const PlanInput& input,
                                const std::vector<std::string>& unsupported);

 private:
  void AddRpFilter(const PlanInput& input, const NetworkState& own,
                   std::vector<HostFinding>* findings);

  const std::string sysctl_root_;
  std::optional<std::uint64_t> reverse_path_drops_;  // the kernel's count at the last look
};

// The kernel's count of packets that reverse path filtering has dropped, in the text of
// /proc/net/netstat; nothing when it is not there.
std::optional<std::uint64_t> ReversePathDrops(absl::string_view netstat);

}  // namespace heddle::node
