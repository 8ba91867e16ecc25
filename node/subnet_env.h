// subnet.env: what a CNI plugin reads to give pods their addresses. flannel's format, byte for
// byte, so that flannel's own plugin works unchanged.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/network.h"
#include "api/peer.h"

namespace heddle::node {

// The file's content for a node with the lease `self`. `mtu_bytes` is the pods'.
//
// The network is always one prefix: the range that the subnet is of. While the cluster moves to
// another range that is the former one until this node is renumbered, so that the two lines fit
// each other and nothing on the host changes before. A plugin makes of it no more than a route in
// the pod, beside the default route; a list of both ranges is an error to most readers.
std::string SubnetEnvText(const Network& network, const Peer& self, int mtu_bytes, bool ip_masq);

// The subnets that such a file gave this host, to ask for again when nothing else remembers them.
// The content is hostile: unknown lines are passed over, as a shell's reader would; a subnet that
// makes no sense is InvalidArgument, naming its line. The last of several lines counts.
absl::StatusOr<PerFamily<Prefix>> ParseSubnetEnv(absl::string_view content);

// Replaces `path` atomically, readable by all (0644).
absl::Status WriteSubnetEnv(const std::string& path, absl::string_view content);
// NotFound: there is none. Otherwise as ParseSubnetEnv, naming the file.
absl::StatusOr<PerFamily<Prefix>> ReadSubnetEnv(const std::string& path);

}  // namespace heddle::node
