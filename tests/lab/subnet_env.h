// subnet.env, read as a container runtime's network plugin reads it.
#pragma once

#include <optional>
#include <string>

#include "base/ip.h"

namespace heddle::lab {

struct SubnetEnv {
  std::string text;           // the whole file
  PerFamily<Prefix> network;  // FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK
  PerFamily<Prefix> subnet;   // of FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET
  PerFamily<Ip> gateway;      // the address they name: the bridge's
  int mtu_bytes = 0;          // FLANNEL_MTU
};

// Nothing if there is no such file; throws LabError if it cannot be understood.
std::optional<SubnetEnv> ReadSubnetEnv(const std::string& path);

}  // namespace heddle::lab
