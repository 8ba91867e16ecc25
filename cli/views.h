// From a controller's answers to what is shown. Pure: time is an argument.
//
// Lists are sorted by node id, runs of digits as numbers (node-2 before node-10), then by subnet.
// JSON keys are camelCase, always there and always in the same order; what is absent is null. An
// answer that api/convert refuses gives its InvalidArgument.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/heddle/v1/admin.pb.h"
#include "cli/backup_path.h"
#include "cli/identity_choice.h"
#include "cli/view.h"

namespace heddle::cli {

absl::StatusOr<View> LeaseListView(const v1::ListLeasesResponse& answer, absl::Time now);
absl::StatusOr<View> LeaseView(const v1::Lease& lease, absl::Time now);
// The lease that a command gave or took: a sentence for people, the lease for programs.
enum class LeaseChange { kReserved, kReleased, kRenumbered, kFinished };
absl::StatusOr<View> LeaseChangeView(const v1::Lease& lease, LeaseChange change);

absl::StatusOr<View> NodeListView(const v1::ListNodesResponse& answer, absl::Time now);
// `newest_revision`: of the list that the node came from.
absl::StatusOr<View> NodeView(const v1::Node& node, std::uint64_t newest_revision, absl::Time now);
// "detached", "problem", "held", "lagging" or "ready": the first that is so.
absl::string_view NodeState(const v1::Node& node, std::uint64_t newest_revision);

absl::StatusOr<View> NetworkView(const v1::GetNetworkResponse& answer);
View NetworkChangeView(const v1::SetNetworkResponse& answer, bool dry_run);

// What "network set" would do, step by step.
View NetworkPlanView(const v1::SetNetworkResponse& answer);
Json StepsJson(const v1::SetNetworkResponse& answer);

// A change of the backend under way: "Step 1 of 3: every node builds host-gw beside vxlan".
std::string RolloutStepText(const v1::Rollout& rollout);
// "h3 (it is not attached ...), h4 (...), 7 more": at most `limit` are named; "" when none waits.
std::string RolloutWaitText(const v1::Rollout& rollout, int limit);
// The same as sentences; none without a change.
std::vector<std::string> RolloutLines(const v1::GetNetworkResponse& answer, int limit);
Json RolloutJson(const v1::GetNetworkResponse& answer);  // null without one

// One controller each; what is wrong with one stands below the table.
View ControllerListView(const v1::ListControllersResponse& answer, absl::Time now);
View ControllerView(const v1::ControllerState& controller, absl::Time now);
View StepDownView(const v1::StepDownResponse& answer);
// "leader", "follower", "stale" (cut off from the store), "leaderless" or "silent".
absl::string_view ControllerStateText(const v1::ControllerState& controller);

// What of a controller's state an administrator must not overlook, one sentence each.
std::vector<std::string> StatusRemarks(const v1::GetStatusResponse& status, absl::Time now);
// A controller's own state, into a table of names and values, and into JSON.
void AddStatus(const v1::GetStatusResponse& status, absl::Time now, View* view);
// `network`: for a change that is under way; empty when there is no network.
View StatusView(const v1::GetStatusResponse& answer, const v1::GetNetworkResponse& network,
                absl::string_view controller, absl::Time now);

// One event: a single line, and a JSON object.
absl::StatusOr<View> WatchEventView(const v1::WatchEvent& event);

View BackupView(const std::string& path, const BackupSummary& saved);
View RestoreView(const v1::RestoreResponse& answer, bool dry_run);

View TokenListView(const v1::ListTokensResponse& answer, absl::Time now);
// `ticket`: the line, "" when it went into `file`.
View TokenCreatedView(const v1::CreateTokenResponse& answer, const std::string& ticket,
                      const std::string& file, absl::Time now);
View CertificateListView(const v1::ListCertificatesResponse& answer, absl::Time now);
// `whose`: what was to be revoked; `release`: its lease was to be released.
View RevokedView(const v1::RevokeCertificateResponse& answer, const std::string& whose,
                 bool release);
// An identity file, or three files of an own PKI. InvalidArgument: its roots cannot be read.
absl::StatusOr<View> IdentityView(const Identity& identity, absl::Time now);
// What a command has written into `path`.
View IssuedView(const std::string& sentence, const std::string& path,
                const identity::Credentials& credentials);

// The answer to a command that gives back only a revision.
View RevisionView(std::string sentence, std::uint64_t revision);

// Nodes that have not applied a revision: "wait" of a command's JSON.
void AddWait(const v1::WaitAppliedResponse& answer, Json* wait);
// "node-2 (at revision 12), node-3 (detached, at revision 9)", sorted; at most `limit` of them are
// named, the rest counted.
std::string LaggardNames(const v1::WaitAppliedResponse& answer, int limit);

}  // namespace heddle::cli
