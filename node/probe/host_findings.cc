#include "node/probe/host_findings.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "node/dataplane/nft_program.h"
#include "node/forwarding.h"
#include "node/probe/forward_chains.h"
#include "spdlog/spdlog.h"

namespace heddle::node {
namespace {

constexpr int kStrict = 1;
constexpr std::size_t kMostUnsupported = 4;

void AddForwarding(const PlanInput& input, const std::string& root,
                   std::vector<HostFinding>* findings) {
  ForwardingProblems(input.network, root).ForEach([&](Family family, const std::string& problem) {
    findings->push_back({std::string(kIpForward), problem, family});
  });
}

void AddUnsupported(const std::vector<std::string>& unsupported,
                    std::vector<HostFinding>* findings) {
  for (const std::string& sentence : unsupported) {
    if (findings->size() == kMostUnsupported) return;
    findings->push_back(
        {std::string(kKernelModule),
         absl::StrCat(
             sentence,
             ". The kernel lacks what the backend needs: load or install its module (ipip, "
             "wireguard, vxlan, tun), or set another backend"),
         std::nullopt});
  }
}

// Nothing when the device is not there, or has no MAC.
std::optional<Mac> MacOf(const std::string& link) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::nullopt;
  absl::Cleanup close_fd = [fd] { close(fd); };
  ifreq request{};
  strncpy(request.ifr_name, link.c_str(), IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFHWADDR, &request) != 0 || request.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
    return std::nullopt;
  }
  const auto mac = Mac::FromBytes({request.ifr_hwaddr.sa_data, 6});
  return mac.ok() ? std::optional<Mac>(*mac) : std::nullopt;
}

void AddWrongMacs(const NetworkState& own, std::vector<HostFinding>* findings) {
  for (const auto& [name, link] : own.links) {
    const auto mac = link.mac.is_zero() ? std::nullopt : MacOf(name);
    if (!mac || *mac == link.mac) continue;
    findings->push_back(
        {std::string(kWrongVtep),
         absl::StrCat(name, " has the MAC ", mac->ToString(), ", but ", link.mac.ToString(),
                      " is announced. heddle-node sets it; find out which other "
                      "program changes it"),
         std::nullopt});
  }
}

std::string FirewallMessage(const ForwardChain& chain, const Prefix& pods) {
  const std::string rule =
      absl::StrCat("nft insert rule ", chain.family, " ", chain.table, " ", chain.name, " ",
                   pods.family() == Family::kV4 ? "ip" : "ip6");
  return absl::StrCat("the chain ", chain.name, " of the nftables table ", chain.family, " ",
                      chain.table,
                      " drops what is forwarded unless a rule accepts it, and none is "
                      "about the pods of ",
                      pods.ToString(), ": run '", rule, " saddr ", pods.ToString(),
                      " accept' and the same with daddr, and keep it in that firewall's own "
                      "configuration");
}

void AddFirewalls(const PlanInput& input, std::vector<HostFinding>* findings) {
  const auto listing = RunNft("list chains\n", NftOutput::kJson);
  if (!listing.ok()) return;  // without nft there are no rules of ours either, which is told
  const auto chains = DroppingForwardChains(*listing);
  if (!chains.ok()) {
    spdlog::debug("cannot look for firewalls: {}", std::string(chains.status().message()));
    return;
  }
  for (const ForwardChain& chain : *chains) {
    const auto table =
        RunNft(absl::StrCat("list table ", chain.family, " ", chain.table, "\n"), NftOutput::kJson);
    input.network.ranges.ForEach([&](Family family, const Range& range) {
      if (!chain.Sees(family) || !table.ok()) return;
      const auto accepts = AcceptsPods(*table, range.network);
      if (!accepts.ok() || *accepts) return;
      findings->push_back({std::string(kFirewall), FirewallMessage(chain, range.network), family});
    });
  }
}

// Whether packets may come in over one device of ours while the way back is another.
bool MayBeAsymmetric(const Network& network) {
  return network.standby.has_value() || network.backend.Bool("DirectRouting");
}

}  // namespace

void HostFindings::AddRpFilter(const PlanInput& input, const NetworkState& own,
                               std::vector<HostFinding>* findings) {
  if (!input.network.ranges[Family::kV4]) return;  // Linux has no such filter for IPv6
  const auto netstat = ReadFile("/proc/thread-self/net/netstat");
  const auto drops = netstat.ok() ? ReversePathDrops(*netstat) : std::nullopt;
  const std::uint64_t more = drops && reverse_path_drops_ && *drops > *reverse_path_drops_
                                 ? *drops - *reverse_path_drops_
                                 : 0;
  reverse_path_drops_ = drops;
  if (!MayBeAsymmetric(input.network) && more == 0) return;
  const auto read = [&](absl::string_view device) {
    int value = 0;
    const auto text = ReadFile(absl::StrCat(sysctl_root_, "/net/ipv4/conf/", device, "/rp_filter"));
    return text.ok() && absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &value) ? value : 0;
  };
  std::vector<std::string> devices = {input.host.underlay_link}, strict;
  for (const auto& [name, link] : own.links) devices.push_back(name);
  for (const std::string& device : devices) {
    // The kernel takes the larger of the two, so that 2 (loose) on either wins over 1 (strict).
    if (std::max(read("all"), read(device)) == kStrict) strict.push_back(device);
  }
  if (strict.empty()) return;
  std::string message = absl::StrCat("strict reverse path filtering (rp_filter = 1) on ",
                                     absl::StrJoin(strict, " and "),
                                     " drops packets whose way back leads through another device");
  absl::StrAppend(&message, more > 0 ? absl::StrCat(" (", more, " since the last look)")
                                     : " (DirectRouting and a change of the backend make such)");
  absl::StrAppend(&message,
                  ": run 'sysctl -w net.ipv4.conf.all.rp_filter=2', which is loose and "
                  "still refuses forged sources, and keep it in /etc/sysctl.d");
  findings->push_back({std::string(kRpFilter), message, Family::kV4});
}

std::vector<HostFinding> HostFindings::Look(const PlanInput& input,
                                            const std::vector<std::string>& unsupported) {
  std::vector<HostFinding> findings;
  const NetworkState own = PlanSelf(input);
  AddUnsupported(unsupported, &findings);
  AddForwarding(input, sysctl_root_, &findings);
  AddWrongMacs(own, &findings);
  AddRpFilter(input, own, &findings);
  AddFirewalls(input, &findings);
  constexpr std::size_t kMost = 16;  // of one message; see api/convert_probe.h
  if (findings.size() > kMost) findings.resize(kMost);
  return findings;
}

std::optional<std::uint64_t> ReversePathDrops(absl::string_view netstat) {
  std::vector<absl::string_view> names;
  for (absl::string_view line : absl::StrSplit(netstat, '\n')) {
    std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    if (words.front() != "TcpExt:") continue;
    if (names.empty()) {
      names = std::move(words);
      continue;
    }
    const auto name = std::find(names.begin(), names.end(), "IPReversePathFilter");
    const std::size_t at = name - names.begin();
    std::uint64_t count = 0;
    if (at >= words.size() || !absl::SimpleAtoi(words[at], &count)) return std::nullopt;
    return count;
  }
  return std::nullopt;
}

}  // namespace heddle::node
