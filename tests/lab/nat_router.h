// A router that hides a host behind one address, as a home or office line does.
#pragma once

#include <cstdint>

#include "base/ip.h"
#include "tests/lab/host.h"
#include "tests/lab/lab.h"
#include "tests/lab/netns.h"

namespace heddle::lab {

// The host keeps its name and its number, but no longer the addresses they stand for. IPv4 only.
class NatRouter {
 public:
  // Takes the host off the wire and puts it behind this router. Nothing comes out before the first
  // SendFrom. The router goes before the lab does.
  NatRouter(const Lab& lab, Host& host);

  // From now on the host's packets come from `outside`, an address on the wire; those from its UDP
  // port `inner_port` come from `outer_port` there. Connections that went through the router
  // before are forgotten, as when a line is dialled anew, and only the host can open new ones.
  void SendFrom(const Ip& outside, std::uint16_t inner_port, std::uint16_t outer_port);

 private:
  NetworkNamespace netns_;
  Ip gateway_;
};

}  // namespace heddle::lab
