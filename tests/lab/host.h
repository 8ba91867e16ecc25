// A host: a network namespace with one underlay interface, eth0.
#pragma once

#include <string>

#include "base/ip.h"
#include "nlohmann/json.hpp"
#include "tests/lab/command.h"
#include "tests/lab/netns.h"

namespace heddle::lab {

// Where a host's eth0 is plugged in, and what it is given.
struct Underlay {
  const NetworkNamespace& netns;  // holds the bridge
  std::string bridge;
  int mtu_bytes = 1500;
  PerFamily<Ip> gateway;  // which families there are, and their default routes
};

// Made by Lab. Forwards packets, as a container host does.
class Host {
 public:
  // `number` (1 to 250) gives its addresses: 192.0.2.<number>/24 and fd00:2::<number>/64.
  Host(std::string name, int number, const Underlay& underlay);

  const std::string& name() const { return netns_.name(); }
  const NetworkNamespace& netns() const { return netns_; }
  // A folder for files of this host; empty at first.
  const std::string& folder() const { return folder_; }
  // Its address on the underlay; throws LabError if it has none of the family.
  Ip address(Family family) const;

  // `ip <command>` on this host.
  std::string IpCommand(const std::string& command) const;
  // `ip -j <command>`.
  nlohmann::json IpJson(const std::string& command) const;

  // Takes eth0 out of the machine, or puts a new one in with the addresses and the default route.
  void UnplugUnderlay();
  void PlugUnderlay();
  // Gives eth0 its addresses and the default routes (once more).
  void AddUnderlayAddresses();

 private:
  Underlay underlay_;
  NetworkNamespace netns_;
  std::string folder_, wire_end_;
  PerFamily<Ip> addresses_;
};

}  // namespace heddle::lab
