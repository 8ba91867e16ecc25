// A change of the backend, driven: when every node has done its part of a stage, the next one is
// committed.
#include <algorithm>
#include <string>
#include <utility>

#include "controller/writer.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

// While a change is under way: a look costs two counters unless something moved.
constexpr absl::Duration kLookEvery = absl::Milliseconds(20);
// After a commit that failed; what failed it says so in the log.
constexpr absl::Duration kTryAgainAfter = absl::Seconds(1);

}  // namespace

std::vector<RolloutNode> Writer::RolloutNodes(const std::string& target_type) const {
  absl::flat_hash_map<std::string, NodeInfo> known;
  if (wiring_.registry != nullptr) {
    for (NodeInfo& info : wiring_.registry->List()) known[info.node_id] = std::move(info);
  }
  std::vector<RolloutNode> nodes;
  for (const auto& [node_id, lease] : book_.leases()) {
    if (!lease.advertisement) continue;
    RolloutNode node;
    node.node_id = node_id;
    node.runs_target = lease.advertisement->Runs(target_type);
    // One that was not seen here, or not for long, may be attached to another controller, which has
    // had no time yet to say so.
    node.absent_since = elected_at_;
    if (const auto found = known.find(node_id); found != known.end()) {
      const NodeInfo& info = found->second;
      node.attached = info.attached;
      node.absent_since = std::max(elected_at_, info.last_heard);
      node.applied = info.report.applied_revision;
      if (!info.report.problems.empty()) node.problem = info.report.problems.front();
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

// A record may be newer than what nodes were told of it: a renewal is not told.
storage::Revision Writer::RolloutNeeds(const std::string& target_type) const {
  storage::Revision newest = book_.network_modified();
  for (const auto& [node_id, lease] : book_.leases()) {
    const bool runs = lease.advertisement && lease.advertisement->Runs(target_type);
    if (runs) newest = std::max(newest, lease.modified);
  }
  return std::min(newest, wiring_.hub->head());
}

RolloutProgress Writer::JudgeRollout() const {
  const std::string target_type = book_.target_network()->backend.type;
  return Judge(RolloutNodes(target_type), target_type, RolloutNeeds(target_type),
               options_.rollout_grace, wiring_.clock->Now());
}

void Writer::DriveRollout(absl::Time now) {
  next_rollout_ = now + kLookEvery;
  if (advancing_ || !MayRun()) return;
  if (judged_network_ != book_.network_modified()) {
    judged_network_ = book_.network_modified();
    all_done_since_.reset();
    judge_again_ = now;
  }
  const std::uint64_t reports = wiring_.registry != nullptr ? wiring_.registry->reports() : 0;
  if (reports == judged_reports_ && book_.revision() == judged_revision_ && now < judge_again_) {
    return;
  }
  judged_reports_ = reports;
  judged_revision_ = book_.revision();
  const RolloutProgress progress = JudgeRollout();
  judge_again_ = progress.look_again;
  if (progress.done < progress.nodes) {
    all_done_since_.reset();
    return;
  }
  if (!all_done_since_) all_done_since_ = now;
  const absl::Time due = *all_done_since_ + PauseAfter(book_.staged_network());
  judge_again_ = std::min(judge_again_, due);
  if (now >= due) AdvanceRollout(now);
}

void Writer::AdvanceRollout(absl::Time now) {
  advancing_ = true;
  judge_again_ = now + kTryAgainAfter;
  Enqueue(
      Scope::kNetwork, "",
      [this, judged = judged_network_](absl::Time at) -> absl::StatusOr<Decision> {
        return book_.DecideAdvance(judged, at);
      },
      [this](const absl::StatusOr<Committed>& result) {
        advancing_ = false;
        if (!result.ok()) {
          spdlog::warn("the next step of the change of the backend failed, will be tried again: {}",
                       std::string(result.status().message()));
          return;
        }
        if (!result->changed) return;
        const StagedNetwork staged = book_.staged_network();
        if (staged.stage == RolloutStage::kRetiring) {
          spdlog::info("every node has {} up: packets are sent through it from revision {}",
                       staged.network.backend.type, result->revision);
        } else {
          spdlog::info("every node sends through {}: the former backend ends at revision {}",
                       staged.network.backend.type, result->revision);
        }
      });
}

}  // namespace heddle::controller
