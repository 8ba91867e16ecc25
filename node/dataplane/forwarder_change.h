// A change of what heddle-forwarder does, while it is put together: the message, and the
// descriptors that go with it, which are opened here.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "node/dataplane/forwarder/control.pb.h"
#include "node/dataplane/forwarder/descriptor.h"
#include "node/state/diff.h"

namespace heddle::node {

namespace control = forwarder::control;

// What has to be known of a forwarder to change it.
struct ForwarderHolding {
  unsigned device_index = 0;  // 0: it has no device
  int workers = 0;
  absl::btree_map<Family, std::pair<Ip, std::uint16_t>> listeners;
};
ForwarderHolding HoldingOf(const control::State& state);

class ForwarderChange {
 public:
  explicit ForwarderChange(ForwarderHolding before) : holding_(std::move(before)) {}

  // Gives it the TUN device `link`: as many queues as there are processors online, at most 16.
  // Whatever it held before goes. Errors: forwarder::OpenTunQueues.
  absl::Status SetDevice(const std::string& link, unsigned index);
  // A listener that keeps its address and port keeps its sockets. Errors:
  // forwarder::OpenUdpSockets; then the change is as it was.
  absl::Status Add(Operation::Kind kind, const UdpListenerKey& key, const UdpListener& listener);
  absl::Status Add(Operation::Kind kind, const UdpTunnelKey& key, const UdpTunnel& tunnel);

  const control::Request& request() const { return request_; }
  // In the order that the message says; valid as long as this object.
  std::vector<int> descriptors() const;
  // What the forwarder holds once it has done it.
  const ForwarderHolding& holding() const { return holding_; }

 private:
  control::Request::Change* change() { return request_.mutable_change(); }

  ForwarderHolding holding_;
  control::Request request_;
  std::vector<forwarder::Descriptor> descriptors_;
};

}  // namespace heddle::node
