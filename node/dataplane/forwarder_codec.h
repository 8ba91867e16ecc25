// What heddle-forwarder holds, between NetworkState and the messages of control.proto. Pure. What
// it says is checked as anything from outside.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "node/dataplane/forwarder/control.pb.h"
#include "node/state/network_state.h"

namespace heddle::node {

namespace control = forwarder::control;

// `sockets` descriptors go with it.
void Encode(const UdpListener& listener, int sockets, control::Listener* out);
void Encode(const UdpTunnelKey& key, const UdpTunnel& tunnel, control::Tunnel* out);

// Adds the listeners and tunnels of `from`, as those of `link`. InvalidArgument: one of them makes
// no sense; then `state` is left alone.
absl::Status Decode(const control::State& from, const std::string& link, NetworkState* state);

}  // namespace heddle::node
