// Making TUN devices, which rtnetlink cannot do. All else about them is rtnetlink's, as with any
// other link.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace heddle::node {

// Makes a persistent device `name` in the calling thread's network namespace, down, with what the
// kernel can do of several queues and of a virtio_net_hdr before each packet. AlreadyExists: there
// is a device of that name. Unimplemented: the kernel has no TUN devices; or what else the kernel
// says. Each with what to do.
absl::Status MakeTunDevice(const std::string& name);

}  // namespace heddle::node
