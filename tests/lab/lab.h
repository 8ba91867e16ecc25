// Hosts on one wire.
#pragma once

#include <memory>
#include <vector>

#include "tests/lab/host.h"
#include "tests/lab/netns.h"

namespace heddle::lab {

struct LabOptions {
  int hosts = 3;  // 1 to 200
  bool ipv4 = true, ipv6 = true;
  int underlay_mtu_bytes = 1500;
};

// Network namespaces "h1", "h2", ... and "control" (for a controller), joined by a bridge in the
// namespace "wire", whose addresses are the hosts' default gateway. All gone with this object; one
// at a time.
class Lab {
 public:
  explicit Lab(const LabOptions& options);

  int size() const { return static_cast<int>(hosts_.size()); }
  Host& host(int number) { return *hosts_.at(static_cast<std::size_t>(number) - 1); }
  Host& control() { return *control_; }
  // Something outside the cluster: the default gateway.
  const NetworkNamespace& wire() const { return wire_; }
  const PerFamily<Ip>& gateway() const { return gateway_; }
  // For further hosts on the same wire, with numbers from 201 to 249.
  Underlay underlay() const { return {wire_, "wire", underlay_mtu_bytes_, gateway_}; }

 private:
  NetworkNamespace wire_;
  const int underlay_mtu_bytes_;
  PerFamily<Ip> gateway_;
  std::unique_ptr<Host> control_;
  std::vector<std::unique_ptr<Host>> hosts_;
};

}  // namespace heddle::lab
