// The file in which a node keeps what hooks were run: JSON, of which an administrator can read what
// this host was told to do. Pure.
#pragma once

#include <string>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "node/state/network_state.h"

namespace heddle::node {

struct HookRecord {
  std::string boot_id;  // of the kernel that the commands ran under
  absl::btree_map<HookKey, Hook> hooks;
};

// InvalidArgument: a text is not UTF-8.
absl::StatusOr<std::string> EncodeHookRecord(const HookRecord& record);
// DataLoss: what is wrong with `content`.
absl::StatusOr<HookRecord> DecodeHookRecord(absl::string_view content);

}  // namespace heddle::node
