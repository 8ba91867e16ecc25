// Other people's nftables chains that drop what pods send through this host. Pure: it reads what
// `nft --json` prints.
//
// In nftables an accept ends only its own chain, so our rules cannot save a packet from another
// chain that drops by default: docker's FORWARD, or a firewall's.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ip.h"

namespace heddle::node {

struct ForwardChain {
  std::string family;  // nft's word: "ip", "ip6", "inet"
  std::string table, name;

  // Whether packets of the family come through it.
  bool Sees(Family f) const {
    return family == "inet" || family == (f == Family::kV4 ? "ip" : "ip6");
  }
};

// The base chains on the forward hook with policy drop, ours left out, in a listing of all chains.
// DataLoss: it is no such listing.
absl::StatusOr<std::vector<ForwardChain>> DroppingForwardChains(absl::string_view chains_json);

// Whether a rule in the listing of the chain's table accepts, and is about `pods`: it names a
// prefix that overlaps them, a device of ours or the CNI's bridge, or nothing at all (it accepts
// everything). Doubt counts as acceptance, so that nobody is blamed without reason.
absl::StatusOr<bool> AcceptsPods(absl::string_view table_json, const Prefix& pods);

}  // namespace heddle::node
