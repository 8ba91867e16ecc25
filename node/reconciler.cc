#include "node/reconciler.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "node/state/roamed_endpoints.h"
#include "node/state/tables.h"

namespace heddle::node {
namespace {

constexpr int kRounds = 3;
constexpr std::size_t kNamed = 16;

bool Holds(const NetworkState& state, const Object& object) {
  return std::visit(
      [&](const auto& pair) {
        using Pair = std::decay_t<decltype(pair)>;
        using Table = absl::btree_map<typename Pair::first_type, typename Pair::second_type>;
        bool found = false;
        ForEachTable([&](auto table) {
          if constexpr (std::is_same_v<std::decay_t<decltype(state.*table)>, Table>) {
            found = (state.*table).contains(pair.first);
          }
        });
        return found;
      },
      object);
}

bool IsHook(const Failure& failure) {
  return std::holds_alternative<std::pair<HookKey, Hook>>(failure.operation.object);
}

// Adds to `desired` what the kernel holds under keys that nothing asks for.
void KeepUnasked(const NetworkState& actual, NetworkState* desired) {
  ForEachTable([&](auto table) {
    for (const auto& [key, value] : actual.*table) (desired->*table).try_emplace(key, value);
  });
}

// The later one wins, as in a plan of all.
void Merge(const NetworkState& from, NetworkState* to) {
  ForEachTable([&](auto table) {
    for (const auto& [key, value] : from.*table) (to->*table).insert_or_assign(key, value);
  });
}

// One difference for each node: from what it was before the first of its changes to what it is
// after the last. What it was in between never reached the kernel.
std::vector<PeerDifference> EndToEnd(const std::vector<PeerDifference>& differences) {
  std::vector<PeerDifference> whole;
  absl::flat_hash_map<absl::string_view, std::size_t> places;
  for (const PeerDifference& step : differences) {
    const Peer& named = step.before ? *step.before : *step.after;
    const auto [place, is_first] = places.emplace(named.node_id, whole.size());
    if (is_first) {
      whole.push_back(step);
    } else {
      whole[place->second].after = step.after;
    }
  }
  return whole;
}

absl::btree_set<WireguardPeerKey> Moved(const PlanInput& input,
                                        const std::vector<PeerDifference>& differences) {
  NetworkState before, after;
  for (const auto& [old_peer, new_peer] : EndToEnd(differences)) {
    if (!old_peer || !new_peer) continue;
    Merge(PlanPeer(input, *old_peer), &before);
    Merge(PlanPeer(input, *new_peer), &after);
  }
  return MovedPeers(before, after);
}

// At most kNamed sentences, and how many more there are.
std::vector<std::string> Bounded(std::vector<std::string> sentences, const char* what) {
  if (sentences.size() > kNamed) {
    const std::size_t more = sentences.size() - kNamed;
    sentences.resize(kNamed);
    sentences.push_back(absl::StrCat(more, " more ", what));
  }
  return sentences;
}

}  // namespace

bool Reconciler::FullPass(const PlanBasis& basis, const PeerTable::Peers& peers,
                          const std::vector<PeerDifference>& differences, Unasked unasked) {
  ForgetFailures();
  own_objects_made_ = false;
  if (FindBackend(basis.network.backend.type) == nullptr) {
    Complain(absl::StrCat("this release has no backend '", basis.network.backend.type,
                          "': set another one, or upgrade heddle-node"));
    return false;
  }
  const PlanInput input{basis.network, basis.self, basis.host, options_};
  basis_ = basis;
  plan_problems_ = Bounded(Problems(input, peers), "peers have problems");
  return Converge({PlanSelf(input), PlanAll(input, peers), Moved(input, differences)}, unasked);
}

bool Reconciler::Converge(Wanted wanted, Unasked unasked) {
  for (int round = 0; round < kRounds; ++round) {
    absl::StatusOr<NetworkState> actual = dataplane_->Read();
    if (!actual.ok()) {
      Complain(absl::StrCat("cannot read the kernel's state: ", actual.status().message()));
      return false;
    }
    KeepRoamedEndpoints(*actual, wanted.moved, &wanted.all);
    std::vector<Operation> operations;
    if (unasked == Unasked::kKeep) {
      NetworkState kept = wanted.all;
      KeepUnasked(*actual, &kept);
      operations = Diff(*actual, kept);
    } else {
      operations = Diff(*actual, wanted.all);
    }
    if (operations.empty()) {
      ForgetFailures();
      own_objects_made_ = true;
      return true;
    }
    const std::vector<Failure> failed = dataplane_->Apply(operations);
    ForgetFailures();
    Record(failed);
    own_objects_made_ = std::none_of(failed.begin(), failed.end(), [&](const Failure& failure) {
      return Holds(wanted.own, failure.operation.object);
    });
    // One more try helps what failed because of something that is gone now; not a third. Commands
    // have one.
    if (std::any_of(failed.begin(), failed.end(), IsHook)) return false;
    if (!failed.empty() && round > 0) return false;
    if (round == kRounds - 1) {
      Complain(absl::StrCat("the kernel does not stay as it is set; last to ",
                            operations.front().ToString(),
                            ": find out which other program changes it"));
    }
  }
  return false;
}

bool Reconciler::Delta(const std::vector<PeerDifference>& differences,
                       const PeerTable::Peers& peers) {
  if (FindBackend(basis_->network.backend.type) == nullptr) return false;  // FullPass complained
  const PlanInput input{basis_->network, basis_->self, basis_->host, options_};
  NetworkState before, after;
  bool problematic = !plan_problems_.empty();
  for (const auto& [old_peer, new_peer] : EndToEnd(differences)) {
    if (old_peer) Merge(PlanPeer(input, *old_peer), &before);
    if (!new_peer) continue;
    Merge(PlanPeer(input, *new_peer), &after);
    problematic = problematic || !PeerProblems(input, *new_peer).empty();
  }
  // Costs a look at every peer, but only while something is wrong.
  if (problematic) plan_problems_ = Bounded(Problems(input, peers), "peers have problems");
  LeaveEndpoints(&before, &after);
  const std::vector<Operation> operations = Diff(before, after);
  if (operations.empty()) return true;
  const std::vector<Failure> failed = dataplane_->Apply(operations);
  Record(failed);
  return failed.empty();
}

std::vector<std::string> Reconciler::failures() const {
  std::vector<std::string> sentences = failures_;
  if (failures_left_out_ > 0) {
    sentences.push_back(absl::StrCat(failures_left_out_, " more objects failed"));
  }
  return sentences;
}

void Reconciler::Record(const std::vector<Failure>& failures) {
  for (const Failure& failure : failures) {
    Complain(std::string(failure.status.message()));
    has_more_ |= IsHook(failure) && absl::IsUnavailable(failure.status);
    if (!IsHook(failure) && absl::IsUnimplemented(failure.status) && unsupported_.size() < kNamed) {
      unsupported_.emplace_back(failure.status.message());
    }
  }
}

void Reconciler::Complain(std::string sentence) {
  if (failures_.size() < kNamed) {
    failures_.push_back(std::move(sentence));
  } else {
    ++failures_left_out_;
  }
}

void Reconciler::ForgetFailures() {
  failures_.clear();
  unsupported_.clear();
  failures_left_out_ = 0;
  has_more_ = false;
}

}  // namespace heddle::node
