// Settings under /proc/sys, keyed as "net/ipv6/conf/<link>/accept_ra" or
// "net/ipv4/conf/<link>/accept_local".
#pragma once

#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace heddle::node {

// The settings that we plan for links of ours, and therefore read: those of the calling thread's
// network namespace. A kernel without IPv6 accepts no router advertisement: it reads as "0".
absl::StatusOr<absl::btree_map<std::string, std::string>> ReadSysctls(
    const std::vector<std::string>& links);

// InvalidArgument for a key that ReadSysctls would not read back.
absl::Status WriteSysctl(const std::string& key, const std::string& value);

}  // namespace heddle::node
