#include "tests/lab/host.h"

#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/lab/error.h"
#include "tests/lab/socket_address.h"

namespace heddle::lab {
namespace {

int PrefixLength(Family family) { return family == Family::kV4 ? 24 : 64; }

Ip UnderlayAddress(Family family, int number) {
  return family == Family::kV4 ? ParseIp(absl::StrCat("192.0.2.", number))
                               : ParseIp(absl::StrCat("fd00:2::", number));
}

}  // namespace

Host::Host(std::string name, int number, const Underlay& underlay)
    : underlay_(underlay), netns_(name), folder_("/run/lab/" + name), wire_end_("to-" + name) {
  std::filesystem::remove_all(folder_);  // an earlier lab's
  std::filesystem::create_directories(folder_);
  underlay.gateway.ForEach(
      [&](Family family, const Ip&) { addresses_[family] = UnderlayAddress(family, number); });
  netns_.SetSysctl("net/ipv4/ip_forward", "1");
  netns_.SetSysctl("net/ipv6/conf/all/forwarding", "1");
  PlugUnderlay();
}

Ip Host::address(Family family) const {
  if (!addresses_[family]) {
    throw LabError(name() + " has no " + std::string(FamilyName(family)) + " address");
  }
  return *addresses_[family];
}

std::string Host::IpCommand(const std::string& command) const {
  return RunCommand(&netns_, "ip " + command);
}

nlohmann::json Host::IpJson(const std::string& command) const {
  return RunJson(&netns_, "ip -j " + command);
}

void Host::UnplugUnderlay() { IpCommand("link delete eth0"); }

void Host::PlugUnderlay() {
  const std::string mtu = absl::StrCat(" mtu ", underlay_.mtu_bytes);
  RunIpBatch(&underlay_.netns,
             {absl::StrCat("link add ", wire_end_, mtu, " type veth peer name eth0", mtu, " netns ",
                           name()),
              absl::StrCat("link set ", wire_end_, " master ", underlay_.bridge, " up")});
  IpCommand("link set eth0 up");
  AddUnderlayAddresses();
}

void Host::AddUnderlayAddresses() {
  std::vector<std::string> lines;
  addresses_.ForEach([&](Family family, const Ip& ip) {
    lines.push_back(absl::StrCat("addr replace ", ip.ToString(), "/", PrefixLength(family),
                                 " dev eth0", family == Family::kV6 ? " nodad" : ""));
    lines.push_back(absl::StrCat("route replace default via ",
                                 underlay_.gateway[family]->ToString(), " dev eth0"));
  });
  RunIpBatch(&netns_, lines);
}

}  // namespace heddle::lab
