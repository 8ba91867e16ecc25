#include "controller/admin_messages.h"

#include <utility>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "api/convert.h"
#include "api/convert_probe.h"
#include "api/heddle/v1/node.pb.h"
#include "base/status_macros.h"
#include "controller/network_secrets.h"

namespace heddle::controller {
namespace {

struct Count {
  std::uint64_t total = 0, used = 0, resting = 0;
};

// Of the present range.
Count CountSubnets(const LeaseBook& book, Family family) {
  Count count;
  const SubnetPool* pool = book.pool(family);
  if (pool == nullptr) return count;
  count.total = pool->total_count();
  const Prefix& network = pool->range().network;
  for (const auto& [id, lease] : book.leases()) {
    for (const Prefix& subnet : lease.AllSubnets()) count.used += network.Contains(subnet);
  }
  for (const auto& [subnet, resting] : book.resting()) count.resting += network.Contains(subnet);
  return count;
}

absl::Status Annotated(absl::string_view field, const absl::Status& why) {
  return absl::Status(why.code(), absl::StrCat(field, ": ", why.message()));
}

void FillRollout(const StagedNetwork& staged, const RolloutProgress& progress,
                 v1::Rollout* rollout) {
  const bool preparing = staged.stage == RolloutStage::kPreparing;
  const std::string& active = staged.network.backend.type;
  const std::string& standby = staged.network.standby->type;
  rollout->set_from_backend(preparing ? active : standby);
  rollout->set_to_backend(preparing ? standby : active);
  rollout->set_step(preparing ? 1 : 2);
  rollout->set_steps(kRolloutSteps);
  rollout->set_nodes(progress.nodes);
  rollout->set_done(progress.done);
  rollout->set_step_began_unix_ms(ToUnixMs(staged.since));
  for (const RolloutWait& wait : progress.waiting_for) {
    v1::RolloutWait* message = rollout->add_waiting_for();
    message->set_node_id(wait.node_id);
    message->set_reason(wait.reason);
  }
}

}  // namespace

absl::Status CheckNodeId(const std::string& node_id) {
  const absl::Status status = ValidateNodeId(node_id);
  return status.ok() ? status : Annotated("node_id", status);
}

absl::StatusOr<std::vector<Prefix>> ReservedSubnets(const v1::ReserveLeaseRequest& request) {
  HEDDLE_RETURN_IF_ERROR(CheckNodeId(request.node_id()));
  PerFamily<Prefix> subnets;
  for (const v1::Prefix& wire : request.subnets()) {
    const absl::StatusOr<Prefix> subnet = FromProto(wire);
    if (!subnet.ok()) return Annotated("subnets", subnet.status());
    if (subnets[subnet->family()]) {
      return absl::InvalidArgumentError(
          absl::StrCat("subnets: more than one ", FamilyName(subnet->family()), " subnet"));
    }
    subnets[subnet->family()] = *subnet;
  }
  std::vector<Prefix> list;
  subnets.ForEach([&](Family, const Prefix& subnet) { list.push_back(subnet); });
  return list;
}

v1::Lease ToMessage(const Lease& lease, bool attached) {
  v1::Lease message;
  message.set_node_id(lease.node_id);
  SubnetsToProto(lease.subnets, &message);
  DrainingToProto(lease.draining_subnets, &message);
  if (lease.advertisement) *message.mutable_advertisement() = ToProto(*lease.advertisement);
  message.set_expires_unix_ms(ToUnixMs(lease.expires));
  message.set_state(attached ? "active" : lease.reserved ? "reserved" : "detached");
  message.set_modified_revision(lease.modified);
  return message;
}

v1::Lease ToMessage(const RestingSubnet& resting) {
  v1::Lease message;
  message.set_node_id(resting.last_node_id);
  PerFamily<Prefix> subnets;
  subnets[resting.subnet.family()] = resting.subnet;
  SubnetsToProto(subnets, &message);
  message.set_expires_unix_ms(ToUnixMs(resting.until));
  message.set_state("resting");
  message.set_modified_revision(resting.modified);
  return message;
}

v1::Node ToMessage(const NodeInfo& info) {
  v1::Node node;
  node.set_node_id(info.node_id);
  node.set_attached(info.attached);
  node.set_remote_address(info.remote_address);
  node.set_software_version(info.software_version);
  node.set_applied_revision(info.report.applied_revision);
  node.set_peers(info.report.peers);
  node.set_held_removals(info.report.held_removals);
  for (const std::string& problem : info.report.problems) node.add_problems(problem);
  *node.mutable_reachability() = ToProto(info.report.reachability);
  node.set_attached_unix_ms(ToUnixMs(info.attached_at));
  node.set_last_heard_unix_ms(ToUnixMs(info.last_heard));
  return node;
}

v1::Step ToMessage(const NetworkStep& step) {
  v1::Step message;
  message.set_title(step.title);
  for (const std::string& effect : step.effects) message.add_effects(effect);
  for (const std::string& command : step.commands) message.add_commands(command);
  return message;
}

void FillNetwork(const LeaseBook& book, const std::optional<RolloutProgress>& rollout,
                 v1::GetNetworkResponse* response) {
  if (rollout) FillRollout(book.staged_network(), *rollout, response->mutable_rollout());
  *response->mutable_network() = ToProto(WithoutSecrets(*book.network()));
  response->set_source_json(JsonWithoutSecrets(book.network_source()));
  response->set_revision(book.revision());
  const Count v4 = CountSubnets(book, Family::kV4), v6 = CountSubnets(book, Family::kV6);
  response->set_subnets_total_ipv4(v4.total);
  response->set_subnets_used_ipv4(v4.used);
  response->set_subnets_resting_ipv4(v4.resting);
  response->set_subnets_total_ipv6(v6.total);
  response->set_subnets_used_ipv6(v6.used);
  response->set_subnets_resting_ipv6(v6.resting);
  response->set_leases_draining(book.DrainingLeases().size());
}

void FillLeases(const LeaseBook& book, const absl::flat_hash_set<std::string>& attached,
                bool include_resting, v1::ListLeasesResponse* response) {
  response->set_revision(book.revision());
  for (const auto& [id, lease] : book.leases()) {
    *response->add_leases() = ToMessage(lease, attached.contains(id));
  }
  if (!include_resting) return;
  for (const auto& [subnet, resting] : book.resting()) *response->add_leases() = ToMessage(resting);
}

void FillNodes(const LeaseBook& book, const std::vector<NodeInfo>& known,
               v1::ListNodesResponse* response) {
  response->set_revision(book.revision());
  absl::btree_map<std::string, v1::Node> nodes;
  for (const NodeInfo& info : known) nodes[info.node_id] = ToMessage(info);
  for (const auto& [id, lease] : book.leases()) {
    v1::Node& node = nodes[id];
    node.set_node_id(id);
    *node.mutable_lease() = ToMessage(lease, node.attached());
  }
  for (auto& [id, node] : nodes) *response->add_nodes() = std::move(node);
}

v1::WatchEvent ToMessage(const AnnouncedChange& change) {
  v1::WatchEvent event;
  event.set_revision(change.revision);
  event.set_kind(change.removed ? "removed" : "put");
  event.mutable_peer()->set_node_id(change.node_id);
  v1::Chunk chunk;
  if (!change.removed && chunk.ParseFromString(change.bytes) && chunk.changes_size() == 1) {
    *event.mutable_peer() = chunk.changes(0).put();
  }
  return event;
}

v1::WatchEvent NetworkEvent(storage::Revision revision, const Network& network) {
  v1::WatchEvent event;
  event.set_revision(revision);
  event.set_kind("network");
  *event.mutable_network() = ToProto(WithoutSecrets(network));
  return event;
}

}  // namespace heddle::controller
