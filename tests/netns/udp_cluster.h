// Clusters with the udp backend, for its tests.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tests/lab/cluster.h"
#include "tests/lab/transfer.h"

namespace heddle::lab {

constexpr std::uint16_t kUdpPort = 8285;  // flannel's, and the default
constexpr char kUdpDevice[] = "heddle.udp";

enum class PodFamilies { kV4, kV6, kBoth };

// Two hosts; the underlay has both families in any case.
ClusterOptions UdpCluster(PodFamilies families);

// The families as a test's name has them.
std::string NameOf(PodFamilies families);

// From pod 1 to pod 2.
Route PodRoute(Cluster& cluster, Family family);

// What the forwarder of a node has counted, by name, as `heddle-node show` has it.
using Counts = std::map<std::string, std::int64_t>;
Counts CountsOf(const Node& node);
// How far one has come since.
std::int64_t Grown(const Node& node, const Counts& before, const std::string& name);

// The one forwarder of a node; throws LabError unless there is just one.
pid_t ForwarderOf(const Node& node);

}  // namespace heddle::lab
