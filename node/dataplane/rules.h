// Our nftables tables: read, compared, replaced in one transaction. No other table is touched.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "node/dataplane/netlink_socket.h"
#include "node/state/diff.h"
#include "node/state/network_state.h"

namespace heddle::node {

// Owned and called by one thread.
class Rules {
 public:
  using Table = absl::btree_map<Family, RuleSet>;

  // A kernel without nf_tables holds no rules; writing some fails then.
  static absl::StatusOr<Rules> Open();

  // What our tables hold. A table that is not what we would write, in any detail, is given as a
  // RuleSet without a network, which no plan has. Lists only when anybody has changed any nftables
  // table since the last read.
  absl::StatusOr<Table> Read();

  // Replaces the family's table, or deletes it; deleting what is not there is success.
  absl::Status Write(Operation::Kind kind, Family family, const RuleSet& rules);

 private:
  explicit Rules(NetlinkSocket socket) : socket_(std::move(socket)) {}

  // The kernel's count of committed transactions; nothing when it has no nf_tables.
  absl::StatusOr<std::optional<std::uint32_t>> Generation();
  absl::StatusOr<bool> TableExists(Family family);
  absl::StatusOr<std::string> List(Family family);

  NetlinkSocket socket_;
  std::optional<std::pair<std::uint32_t, Table>> last_read_;  // and the generation it was true of
  // What nft listed after we wrote the rules, should its form ever differ from ours: otherwise such
  // a release of nft would have the rules written anew at every look.
  absl::btree_map<Family, std::pair<std::string, RuleSet>> as_written_;
};

}  // namespace heddle::node
