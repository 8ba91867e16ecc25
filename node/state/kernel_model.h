// What a kernel would refuse, for fakes and tests.
#pragma once

#include <string>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "node/state/diff.h"
#include "node/state/network_state.h"

namespace heddle::node {

// Whether a kernel that holds `state`, and devices `host_links` that are not ours, would carry out
// `operation`. AlreadyExists: kAdd of what is there (not on links of ours, where it replaces).
// NotFound: what it stands on is missing or down. FailedPrecondition: IPv6's rule that no route
// through another link may lead to an on-link gateway. Removing what is not there is OK.
absl::Status Admit(const NetworkState& state, const absl::btree_set<std::string>& host_links,
                   const Operation& operation);

}  // namespace heddle::node
