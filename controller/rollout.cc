#include "controller/rollout.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"

namespace heddle::controller {
namespace {

// Stored to the millisecond, so that a book and its record agree.
absl::Time ToMilliseconds(absl::Time time) {
  return absl::FromUnixMillis(absl::ToUnixMillis(time));
}

StagedNetwork Stage(const Network& network, BackendConfig backend,
                    std::optional<BackendConfig> standby, RolloutStage stage, absl::Time since) {
  StagedNetwork staged{network, stage, ToMilliseconds(since)};
  staged.network.backend = std::move(backend);
  staged.network.standby = std::move(standby);
  return staged;
}

absl::Status ThirdBackend(const StagedNetwork& present, const std::string& asked) {
  const bool retiring = present.stage == RolloutStage::kRetiring;
  const std::string& active = present.network.backend.type;
  const std::string& standby = present.network.standby->type;
  const std::string& from = retiring ? standby : active;
  return absl::FailedPreconditionError(
      absl::StrCat("the change from ", from, " to ", retiring ? active : standby,
                   " is under way and packets go through both. Wait until `heddlectl network show` "
                   "tells of no change any more, then set ",
                   asked, "; or set ", from, " to go back"));
}

// Why a node is waited for; "" when it has done its part.
std::string ReasonToWait(const RolloutNode& node, absl::string_view target_type,
                         storage::Revision needed, absl::Time left_at, absl::Time now) {
  if (!node.attached) {
    const absl::Duration more = absl::Ceil(left_at - now, absl::Seconds(1));
    return absl::StrCat("it is not attached; it is left behind unless it comes back within ",
                        absl::FormatDuration(more));
  }
  std::string reason;
  if (!node.runs_target) {
    reason = absl::StrCat("it has not announced ", target_type, " yet");
  } else if (node.applied < needed) {
    reason = absl::StrCat("it has applied revision ", node.applied, ", not yet ", needed);
  } else {
    return "";
  }
  return node.problem.empty() ? reason : absl::StrCat(reason, ": ", node.problem);
}

// Packets go through both.
absl::StatusOr<StagedNetwork> RestageBetweenBoth(const StagedNetwork& present, const Network& asked,
                                                 absl::Time now) {
  const BackendConfig& active = present.network.backend;
  const BackendConfig& standby = *present.network.standby;
  const bool retiring = present.stage == RolloutStage::kRetiring;
  if (asked.backend.type == active.type) {
    return Stage(asked, asked.backend, standby, RolloutStage::kRetiring,
                 retiring ? present.since : now);
  }
  if (asked.backend.type != standby.type) return ThirdBackend(present, asked.backend.type);
  const bool same = !retiring && asked.backend == standby;
  StagedNetwork turned =
      Stage(asked, active, asked.backend, RolloutStage::kPreparing, same ? present.since : now);
  turned.turned_round = true;
  return turned;
}

}  // namespace

Network TargetOf(const StagedNetwork& staged) {
  Network target = staged.network;
  if (staged.stage == RolloutStage::kPreparing && target.standby) {
    target.backend = *target.standby;
  }
  target.standby.reset();
  return target;
}

absl::StatusOr<StagedNetwork> Restage(const StagedNetwork& present, const Network& asked,
                                      absl::Time now) {
  const BackendConfig& active = present.network.backend;
  const std::optional<BackendConfig>& standby = present.network.standby;
  const bool stays = asked.backend.type == active.type;
  if (!standby) {
    if (stays) return Stage(asked, asked.backend, std::nullopt, RolloutStage::kSettled, now);
    return Stage(asked, active, asked.backend, RolloutStage::kPreparing, now);
  }
  if (present.stage == RolloutStage::kPreparing && !present.turned_round) {
    if (stays) return Stage(asked, asked.backend, std::nullopt, RolloutStage::kSettled, now);
    const bool same = asked.backend == *standby;
    return Stage(asked, active, asked.backend, RolloutStage::kPreparing,
                 same ? present.since : now);
  }
  return RestageBetweenBoth(present, asked, now);
}

StagedNetwork Advance(const StagedNetwork& present, absl::Time now) {
  const Network& network = present.network;
  if (present.stage == RolloutStage::kPreparing) {
    return Stage(network, *network.standby, network.backend, RolloutStage::kRetiring, now);
  }
  return Stage(network, network.backend, std::nullopt, RolloutStage::kSettled, now);
}

absl::Duration KeyAgreement(const BackendConfig& backend) {
  const BackendSchema* schema = FindBackend(backend.type);
  return schema != nullptr && schema->agrees_on_keys ? kKeyAgreement : absl::ZeroDuration();
}

absl::Duration PauseAfter(const StagedNetwork& staged) {
  if (staged.stage == RolloutStage::kRetiring) return kInFlight;
  return staged.network.standby ? KeyAgreement(*staged.network.standby) : absl::ZeroDuration();
}

RolloutProgress Judge(const std::vector<RolloutNode>& nodes, absl::string_view target_type,
                      storage::Revision needed, absl::Duration grace, absl::Time now) {
  RolloutProgress progress;
  for (const RolloutNode& node : nodes) {
    const absl::Time left_at = node.absent_since + grace;
    if (!node.attached) {
      if (left_at <= now) continue;
      progress.look_again = std::min(progress.look_again, left_at);
    }
    ++progress.nodes;
    std::string reason = ReasonToWait(node, target_type, needed, left_at, now);
    if (reason.empty()) {
      ++progress.done;
    } else if (progress.waiting_for.size() < kWaitsNamed) {
      progress.waiting_for.push_back({node.node_id, std::move(reason)});
    }
  }
  return progress;
}

}  // namespace heddle::controller
