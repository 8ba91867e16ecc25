#include "tests/netns/udp_cluster.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/lab/error.h"
#include "tests/lab/forwarders.h"

namespace heddle::lab {

ClusterOptions UdpCluster(PodFamilies families) {
  const std::string v4 = R"("Network": "10.244.0.0/16", )";
  const std::string v6 = R"("EnableIPv6": true, "IPv6Network": "fd00:244::/48", )";
  ClusterOptions options;
  options.lab.hosts = 2;
  options.net_conf =
      absl::StrCat("{", families == PodFamilies::kV6 ? R"("EnableIPv4": false, )" : v4,
                   families == PodFamilies::kV4 ? "" : v6, R"("Backend": {"Type": "udp"}})");
  return options;
}

std::string NameOf(PodFamilies families) {
  if (families == PodFamilies::kBoth) return "DualStack";
  return families == PodFamilies::kV4 ? "IPv4" : "IPv6";
}

Route PodRoute(Cluster& cluster, Family family) {
  return {cluster.pod(1).netns(), cluster.pod(2).netns(), cluster.pod(2).address(family)};
}

// Lines of "forwarder count <name> <value>".
Counts CountsOf(const Node& node) {
  const CommandResult show = node.Show();
  if (show.exit_code != 0) throw LabError("heddle-node show: " + show.err);
  Counts counts;
  for (const absl::string_view line : absl::StrSplit(show.out, '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    std::int64_t value = 0;
    if (words.size() == 4 && words[0] == "forwarder" && words[1] == "count" &&
        absl::SimpleAtoi(words[3], &value)) {
      counts[words[2]] = value;
    }
  }
  if (counts.empty()) throw LabError("heddle-node show has no counts:\n" + show.out);
  return counts;
}

std::int64_t Grown(const Node& node, const Counts& before, const std::string& name) {
  return CountsOf(node).at(name) - before.at(name);
}

pid_t ForwarderOf(const Node& node) {
  const std::vector<pid_t> found = ForwardersAt(node.forwarder_socket());
  if (found.size() != 1) {
    throw LabError(absl::StrCat(node.id(), " has ", found.size(), " forwarders"));
  }
  return found.front();
}

}  // namespace heddle::lab
