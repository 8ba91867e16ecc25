// A pod: a namespace on the host's bridge, addressed from the host's subnet.
#pragma once

#include <string>

#include "base/ip.h"
#include "tests/lab/host.h"
#include "tests/lab/netns.h"
#include "tests/lab/subnet_env.h"

namespace heddle::lab {

// What flannel's CNI plugin makes of subnet.env: the bridge cni0 on the host with the subnet's
// first address, and on it the pod's eth0 with a default route. The bridge stays when the pod goes.
class Pod {
 public:
  // Named "<host>-p<number>"; its address is the subnet's base + 1 + number.
  Pod(const Host& host, const SubnetEnv& env, int number = 1);

  const NetworkNamespace& netns() const { return netns_; }
  Ip address(Family family) const;
  const PerFamily<Ip>& addresses() const { return addresses_; }
  int mtu_bytes() const { return mtu_bytes_; }

 private:
  NetworkNamespace netns_;
  PerFamily<Ip> addresses_;
  int mtu_bytes_;
};

}  // namespace heddle::lab
