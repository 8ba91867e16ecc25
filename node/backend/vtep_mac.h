// The MAC address of a node's VXLAN devices: derived, so that it is known before the device exists
// and the same after every restart and rebuild.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/mac.h"

namespace heddle::node {

// A locally administered unicast address from the node id and the VNI. `mac_prefix` is the
// network's MacPrefix option (its schema guarantees two or three bytes such as "0E-2A", or
// nothing); it replaces the first bytes. Fewer bytes tell nodes apart then, so two nodes may come
// to share an address, which Problems in backend.h reports.
Mac DeriveVtepMac(absl::string_view node_id, std::uint32_t vni, absl::string_view mac_prefix);

}  // namespace heddle::node
