#include "node/probe/rounds.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace heddle::node {
namespace {

// One turn of so many is for a peer that failed last.
constexpr std::uint64_t kFailingTurn = 4;
// Turns between two looks for peers that are gone.
constexpr std::uint64_t kForgetTurns = 16;
constexpr std::size_t kNamedFailures = 8;

}  // namespace

void Rounds::BeginRound(const PeerTable::Peers& peers, const std::string& self_id) {
  for (const auto& [node_id, peer] : peers) {
    if (node_id != self_id) left_.push_back(node_id);
  }
  std::shuffle(left_.begin(), left_.end(), random_);
}

void Rounds::ForgetMissing(const PeerTable::Peers& peers) {
  absl::erase_if(failing_, [&](const auto& entry) { return !peers.contains(entry.first); });
  absl::erase_if(well_, [&](const std::string& node_id) { return !peers.contains(node_id); });
}

std::string Rounds::Next(const PeerTable::Peers& peers, const std::string& self_id) {
  if (turns_++ % kForgetTurns == 0) ForgetMissing(peers);
  if (turns_ % kFailingTurn == 0 && !failing_.empty()) {
    auto next = failing_.upper_bound(last_failing_);
    if (next == failing_.end()) next = failing_.begin();
    last_failing_ = next->first;
    if (peers.contains(last_failing_)) return last_failing_;
  }
  for (bool fresh = false;; fresh = true) {
    while (!left_.empty()) {
      const std::string node_id = std::move(left_.back());
      left_.pop_back();
      if (peers.contains(node_id)) return node_id;
    }
    if (fresh) return "";
    BeginRound(peers, self_id);
  }
}

void Rounds::Record(const std::string& node_id, std::string failure) {
  if (failure.empty()) {
    failing_.erase(node_id);
    well_.insert(node_id);
  } else {
    well_.erase(node_id);
    failing_[node_id] = std::move(failure);
  }
}

void Rounds::Leave(const std::string& node_id) {
  well_.erase(node_id);
  failing_.erase(node_id);
}

Reachability Rounds::Summary() const {
  Reachability summary;
  summary.reachable = well_.size();
  summary.probed = well_.size() + failing_.size();
  for (const auto& [node_id, failure] : failing_) {
    if (summary.failures.size() == kNamedFailures) {
      summary.failures.push_back(
          absl::StrCat(failing_.size() - kNamedFailures, " more peers are not reached"));
      break;
    }
    summary.failures.push_back(failure);
  }
  return summary;
}

}  // namespace heddle::node
