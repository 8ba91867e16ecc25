// What changes in a host's kernel while one watches.
#pragma once

#include <string>
#include <vector>

#include "tests/lab/host.h"
#include "tests/lab/process.h"

namespace heddle::lab {

// Listens from construction on, with `ip monitor` and `bridge monitor`.
class KernelMonitor {
 public:
  explicit KernelMonitor(const Host& host);

  // The notifications so far that are about Heddle's objects: devices named heddle*, routes and
  // nexthops of protocol 104; not the neighbours that the kernel makes and forgets by itself for
  // multicast groups. Waits a moment for what is on its way.
  std::vector<std::string> ChangesOfOurs();

 private:
  Process ip_, bridge_;
};

// The nftables rules of the host with the kernel's handles: equal only if nobody rewrote them.
std::string RulesWithHandles(const Host& host);

}  // namespace heddle::lab
