#include "node/dataplane/tun_device.h"

#include <net/if.h>

#include "base/status_macros.h"
#include "node/dataplane/forwarder/descriptors.h"

namespace heddle::node {

absl::Status MakeTunDevice(const std::string& name) {
  // One that is there would be opened, whoever made it.
  if (if_nametoindex(name.c_str()) != 0) {
    return absl::AlreadyExistsError(
        "there is a device of this name that is not ours: remove it (ip link delete)");
  }
  HEDDLE_ASSIGN_OR_RETURN(const forwarder::TunQueues opened, forwarder::OpenTunQueues(name, 1));
  return forwarder::KeepTunDevice(opened.queues.front());
}

}  // namespace heddle::node
