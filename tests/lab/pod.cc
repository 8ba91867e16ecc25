#include "tests/lab/pod.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/lab/command.h"
#include "tests/lab/error.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

std::string AddressLine(const Ip& ip, int length, const std::string& link) {
  return absl::StrCat("addr replace ", ip.ToString(), "/", length, " dev ", link,
                      ip.family() == Family::kV6 ? " nodad" : "");
}

void SetUpBridge(const Host& host, const SubnetEnv& env) {
  if (TryRun({{"ip", "link", "show", "dev", "cni0"}, {}, &host.netns()}).exit_code != 0) {
    host.IpCommand("link add cni0 type bridge mcast_snooping 0");
  }
  std::vector<std::string> lines = {absl::StrCat("link set cni0 up mtu ", env.mtu_bytes)};
  env.subnet.ForEach([&](Family family, const Prefix& subnet) {
    lines.push_back(AddressLine(*env.gateway[family], subnet.length(), "cni0"));
  });
  RunIpBatch(&host.netns(), lines);
}

// A link that is switched on gets its queue only when the kernel has looked at its carrier, which a
// busy machine does tens of milliseconds later. Until then it drops what is sent.
void WaitUntilUp(const NetworkNamespace& netns, const std::string& link) {
  const testing::AssertionResult up = Within(absl::Seconds(10), link + " to be up", [&] {
    const CommandResult shown = TryRun({{"ip", "-o", "link", "show", "dev", link}, {}, &netns});
    return absl::StrContains(shown.out, " state UP ");
  });
  if (!up) throw LabError(up.message());
}

}  // namespace

Pod::Pod(const Host& host, const SubnetEnv& env, int number)
    : netns_(absl::StrCat(host.name(), "-p", number)), mtu_bytes_(env.mtu_bytes) {
  SetUpBridge(host, env);
  const std::string mtu = absl::StrCat(" mtu ", mtu_bytes_);
  const std::string host_end = absl::StrCat("pod", number);
  RunIpBatch(&host.netns(), {absl::StrCat("link add ", host_end, mtu, " type veth peer name eth0",
                                          mtu, " netns ", netns_.name()),
                             absl::StrCat("link set ", host_end, " master cni0 up")});
  std::vector<std::string> lines = {"link set eth0 up"};
  env.subnet.ForEach([&](Family family, const Prefix& subnet) {
    addresses_[family] = subnet.at(1 + number);
    lines.push_back(AddressLine(*addresses_[family], subnet.length(), "eth0"));
    lines.push_back(absl::StrCat("route replace default via ", env.gateway[family]->ToString()));
  });
  RunIpBatch(&netns_, lines);
  WaitUntilUp(netns_, "eth0");
  for (const std::string& link : {host_end, std::string("cni0")}) WaitUntilUp(host.netns(), link);
}

Ip Pod::address(Family family) const {
  if (!addresses_[family]) {
    throw LabError(netns_.name() + " has no " + std::string(FamilyName(family)) + " address");
  }
  return *addresses_[family];
}

}  // namespace heddle::lab
