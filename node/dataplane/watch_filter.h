// Which of the kernel's notifications could concern us. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "node/dataplane/codec/codec.h"
#include "node/dataplane/netlink_message.h"
#include "node/state/diff.h"

namespace heddle::node {

struct WatchInterest {
  std::uint32_t own_port = 0;  // KernelDataplane::netlink_port(): what it did needs no second look
  std::string underlay_link;   // the device below ours; empty when none is chosen
  // What has been applied since the last call, if anything: for of FDB entries, removed neighbours
  // and rules the kernel says that they changed, but not that it was us. May be null.
  const std::vector<Operation>* just_applied = nullptr;
};

// Remembers the indexes of our links, as the messages tell them. Messages may be hostile.
class WatchFilter {
 public:
  // Starts a run of messages with this interest.
  void Start(const WatchInterest& interest);
  // Ends it: what was just applied is forgotten.
  void Finish();

  // Whether to look again because of a message of NETLINK_ROUTE: links of ours and the underlay;
  // any address but link-local ones; routes and nexthops of kRouteProtocol; default routes;
  // neighbours and permanent FDB entries on our links. Not what our own socket did.
  bool ConcernsRoute(const Message& message);
  // The same for NETLINK_NETFILTER: our nftables tables.
  bool ConcernsNetfilter(const Message& message) const;

  // Forgets all links; they have to be told again with ConcernsRoute.
  void Reset() { our_links_.clear(); }

 private:
  bool LinkConcerns(const Message& message);
  bool AddressConcerns(const Message& message) const;
  bool NeighbourConcerns(const Message& message) const;
  bool RouteConcerns(const Message& message) const;

  std::uint32_t own_port_ = 0;
  std::string underlay_link_;
  bool rules_just_applied_ = false;
  absl::btree_set<FdbKey> fdb_just_applied_;
  absl::btree_set<NeighbourKey> neighbours_just_removed_;
  LinkNames our_links_;
};

}  // namespace heddle::node
