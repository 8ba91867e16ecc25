// net-conf.json, flannel's configuration file: its keys in any letter case, its defaults and its
// arithmetic. What flannel lets pass and then fails on is refused here, naming the key.
//
// For IPv4 (IPv6 in brackets), with P the length of Network:
//   SubnetLen  absent or 0: 24 [64] if P <= 22 [62], else P + 2; at least P + 2, at most 30 [126]
//   SubnetMin  absent: the second subnet of Network
//   SubnetMax  absent: the last subnet of Network
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/network.h"

namespace heddle::controller {

struct ParsedNetConf {
  Network network;  // passes Validate; the backend may be one that RequireBuilt refuses
  std::vector<std::string> notices;  // what the user should know, one sentence each
};

// InvalidArgument, naming the key and what to write instead. Safe on any input of any size.
absl::StatusOr<ParsedNetConf> ParseNetConf(absl::string_view json);

}  // namespace heddle::controller
