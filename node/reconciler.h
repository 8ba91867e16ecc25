// Makes the kernel agree with a plan: whole (plan all, read, diff, apply, until nothing is left) or
// by the difference of a few peers, which costs no more than these peers do.
//
// Keeps no desired state: only the inputs of the last plan, from which what was planned for a peer
// can be worked out again. Not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "node/backend/backend.h"
#include "node/dataplane/dataplane.h"
#include "node/peer_table.h"

namespace heddle::node {

// What a plan depends on besides the peers.
struct PlanBasis {
  Network network;
  Peer self;
  HostFacts host;

  friend bool operator==(const PlanBasis& a, const PlanBasis& b) {
    return a.network == b.network && a.self == b.self && a.host == b.host;
  }
  friend bool operator!=(const PlanBasis& a, const PlanBasis& b) { return !(a == b); }
};

class Reconciler {
 public:
  // What to do with objects of ours that nothing asks for.
  enum class Unasked { kKeep, kRemove };

  // `dataplane` must outlive this object.
  Reconciler(Dataplane* dataplane, PlanOptions options)
      : dataplane_(dataplane), options_(options) {}

  // True when the kernel agreed in the end. Otherwise failures() says why, and what failed needs
  // another pass. `differences` are those since the last FullPass or Delta: a WireGuard peer that
  // announces another endpoint gets that one, any other keeps what a live session has taught the
  // kernel.
  bool FullPass(const PlanBasis& basis, const PeerTable::Peers& peers,
                const std::vector<PeerDifference>& differences, Unasked unasked);

  // Applies what changed for some peers since the last FullPass or Delta, on its basis; `peers` are
  // all there are now. Adds to failures(); true when this call added none. Requires basis().
  bool Delta(const std::vector<PeerDifference>& differences, const PeerTable::Peers& peers);

  // The basis of the last full pass that reached the kernel.
  const std::optional<PlanBasis>& basis() const { return basis_; }
  // One sentence for each thing that is not as it should be; empty when all is. Bounded.
  std::vector<std::string> failures() const;
  // Peers that no path can be planned to, and the like: not for another pass to mend. Bounded.
  const std::vector<std::string>& plan_problems() const { return plan_problems_; }
  // Of failures(): what this kernel has no support for, as when a module is missing. Bounded.
  const std::vector<std::string>& unsupported() const { return unsupported_; }
  bool clean() const { return failures_.empty() && failures_left_out_ == 0; }
  // The last FullPass or Delta left commands for the next one, for want of time and nothing else.
  bool has_more() const { return has_more_; }
  // Whether the host's own objects (not those for peers) were all made by the last full pass.
  bool own_objects_made() const { return own_objects_made_; }

 private:
  void Record(const std::vector<Failure>& failures);
  void Complain(std::string sentence);
  void ForgetFailures();
  struct Wanted {
    NetworkState own, all;                    // `all` has `own` too
    absl::btree_set<WireguardPeerKey> moved;  // peers whose announced endpoint is news
  };
  bool Converge(Wanted wanted, Unasked unasked);

  Dataplane* const dataplane_;
  const PlanOptions options_;
  std::optional<PlanBasis> basis_;
  std::vector<std::string> failures_, unsupported_, plan_problems_;
  std::size_t failures_left_out_ = 0;
  bool own_objects_made_ = false, has_more_ = false;
};

}  // namespace heddle::node
