// The rows that table.cc lists, each defined in the file of its name.
#pragma once

#include "node/backend/backend.h"

namespace heddle::node {

extern const Backend kVxlanBackend;
extern const Backend kHostGwBackend;
extern const Backend kIpipBackend;
extern const Backend kWireguardBackend;
extern const Backend kUdpBackend;
extern const Backend kAllocBackend;
extern const Backend kExtensionBackend;

}  // namespace heddle::node
