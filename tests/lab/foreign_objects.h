// Objects of somebody else on a host, to prove that nobody touches them.
#pragma once

#include <string>
#include <vector>

#include "tests/lab/host.h"

namespace heddle::lab {

// Puts on the host what administrators and other software have there: a vxlan device of another
// VNI with a neighbour and an FDB entry, routes (one in a pod network's range), a nexthop object,
// an nftables table with a forward chain. They stand on devices of their own, so that the kernel
// does not take them away with the underlay.
class ForeignObjects {
 public:
  explicit ForeignObjects(const Host& host);
  // "" while all of it is as it was made; else what it was and what it is.
  std::string Change() const;

 private:
  std::vector<std::string> Look() const;

  const Host& host_;
  std::vector<std::string> before_;
};

}  // namespace heddle::lab
