// What control.proto asks for, checked: from here on nothing of it is outside data. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/ip.h"
#include "node/dataplane/forwarder/control.pb.h"
#include "node/dataplane/forwarder/tunnel_table.h"

namespace heddle::node::forwarder {

struct DeviceTerms {
  std::string name;
  std::uint32_t index = 0;
  int queues = 0;
  bool vnet_header = false;
};

struct ListenerTerms {
  Ip local;
  std::uint16_t port = 0;
  std::vector<Prefix> subnets;
  int sockets = 0;
};

// In the order in which it is done.
struct ChangeTerms {
  bool forget_device = false;
  std::optional<DeviceTerms> device;
  std::vector<Family> stop_listening;
  std::vector<ListenerTerms> listen;     // at most one of a family
  std::vector<ListenerTerms> readdress;  // sockets: 0
  std::vector<Tunnel> set;
  std::vector<Prefix> remove;
};

// InvalidArgument names the first thing that is wrong. `descriptors` came with the message, and
// must be as many as it says.
absl::StatusOr<ChangeTerms> CheckChange(const control::Request::Change& change,
                                        std::size_t descriptors);

}  // namespace heddle::node::forwarder
