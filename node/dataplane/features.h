// Features of our devices, over the ethtool ioctl: those that NetworkState::features_off knows.
#pragma once

#include "absl/status/status.h"
#include "node/state/network_state.h"

namespace heddle::node {

// Adds what is off on the vxlan devices in `state->links`, the one kind whose features are planned.
// They are those of the calling thread's network namespace; one that is gone by now has nothing
// off. An error: what the kernel says, with the device.
absl::Status ReadFeatures(NetworkState* state);

// Switches a feature. Turning one on where the device is gone is success. InvalidArgument: one that
// ReadFeatures would not read back. Otherwise what the kernel says.
absl::Status WriteFeature(const FeatureKey& key, bool on);

}  // namespace heddle::node
