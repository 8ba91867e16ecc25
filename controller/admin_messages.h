// The controller's values as messages for administrators, and what these ask for, checked. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "api/heddle/v1/admin.pb.h"
#include "controller/lease_book.h"
#include "controller/network_steps.h"
#include "controller/node_registry.h"
#include "controller/rollout.h"
#include "controller/watch_hub.h"

namespace heddle::controller {

v1::Lease ToMessage(const Lease& lease, bool attached);
v1::Lease ToMessage(const RestingSubnet& resting);
v1::Node ToMessage(const NodeInfo& info);
// `rollout`: of the change of the backend that is under way, if one is.
void FillNetwork(const LeaseBook& book, const std::optional<RolloutProgress>& rollout,
                 v1::GetNetworkResponse* response);
v1::Step ToMessage(const NetworkStep& step);
void FillLeases(const LeaseBook& book, const absl::flat_hash_set<std::string>& attached,
                bool include_resting, v1::ListLeasesResponse* response);
// Every node with a lease or a stream, by id.
void FillNodes(const LeaseBook& book, const std::vector<NodeInfo>& known,
               v1::ListNodesResponse* response);
v1::WatchEvent ToMessage(const AnnouncedChange& change);
v1::WatchEvent NetworkEvent(storage::Revision revision, const Network& network);

// InvalidArgument: it is no node's id.
absl::Status CheckNodeId(const std::string& node_id);
// At most one of each family. InvalidArgument names the field.
absl::StatusOr<std::vector<Prefix>> ReservedSubnets(const v1::ReserveLeaseRequest& request);

}  // namespace heddle::controller
