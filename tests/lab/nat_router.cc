#include "tests/lab/nat_router.h"

#include "absl/strings/str_cat.h"
#include "tests/lab/command.h"

namespace heddle::lab {

NatRouter::NatRouter(const Lab& lab, Host& host)
    : netns_("router"), gateway_(*lab.gateway()[Family::kV4]) {
  host.UnplugUnderlay();
  netns_.SetSysctl("net/ipv4/ip_forward", "1");
  RunIpBatch(&lab.wire(), {"link add to-router type veth peer name outside netns router",
                           "link set to-router master wire up"});
  RunIpBatch(&netns_, {"link set outside up",
                       "link add inside type veth peer name eth0 netns " + host.name(),
                       "link set inside up", "addr add 10.77.0.1/24 dev inside"});
  RunIpBatch(&host.netns(), {"link set eth0 up", "addr add 10.77.0.2/24 dev eth0",
                             "route add default via 10.77.0.1"});
  RunCommand(&netns_, "nft add table ip nat");
  RunCommand(&netns_, "nft add chain ip nat out { type nat hook postrouting priority srcnat ; }");
}

void NatRouter::SendFrom(const Ip& outside, std::uint16_t inner_port, std::uint16_t outer_port) {
  RunCommand(&netns_, "nft flush chain ip nat out");
  RunCommand(&netns_, absl::StrCat("nft add rule ip nat out oifname outside udp sport ", inner_port,
                                   " masquerade to :", outer_port));
  RunCommand(&netns_, "nft add rule ip nat out oifname outside masquerade");
  // The kernel forgets what it masqueraded with an address when that address goes.
  RunIpBatch(&netns_, {"addr flush dev outside scope global",
                       absl::StrCat("addr add ", outside.ToString(), "/24 dev outside"),
                       absl::StrCat("route replace default via ", gateway_.ToString())});
}

}  // namespace heddle::lab
