#include "controller/admin_calls.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "api/convert.h"
#include "controller/admin_messages.h"
#include "controller/net_conf.h"
#include "controller/network_effects.h"
#include "controller/network_secrets.h"
#include "controller/network_steps.h"

namespace heddle::controller {
namespace {

constexpr std::uint32_t kMaxWaitSeconds = 3600;

absl::Status Detached(const std::string& node_id) {
  return absl::FailedPreconditionError(absl::StrCat(
      "node '", node_id, "' is not attached, so it cannot be told. See `heddlectl node list`"));
}

void FillLaggards(storage::Revision asked, const std::vector<NodeInfo>& laggards,
                  v1::WaitAppliedResponse* response) {
  response->set_revision(asked);
  for (const NodeInfo& info : laggards) {
    v1::Laggard* laggard = response->add_laggards();
    laggard->set_node_id(info.node_id);
    laggard->set_attached(info.attached);
    laggard->set_applied_revision(info.report.applied_revision);
  }
}

}  // namespace

absl::Duration WaitOf(const v1::WaitAppliedRequest& request) {
  return absl::Seconds(std::min(request.timeout_seconds(), kMaxWaitSeconds));
}

void AdminCalls::GetNetwork(v1::GetNetworkResponse* response, Reply reply) {
  OnWriter(reply, [response](Writer& writer, const Reply& reply) {
    if (!writer.book().network()) {
      reply(absl::NotFoundError(
          "no network is configured yet; set one with `heddlectl network set net-conf.json`"));
      return;
    }
    std::optional<RolloutProgress> rollout;
    if (writer.book().changes_backend()) rollout = writer.JudgeRollout();
    FillNetwork(writer.book(), rollout, response);
    reply(absl::OkStatus());
  });
}

void AdminCalls::SetNetwork(const v1::SetNetworkRequest* request, v1::SetNetworkResponse* response,
                            Reply reply) {
  // Parsed here where that can be: it may be long, and only what is hidden must be looked up.
  if (!absl::StrContains(request->net_conf_json(), kHidden)) {
    SetNetworkTo(request->net_conf_json(), request, response, reply);
    return;
  }
  OnWriter(reply, [this, request, response](Writer& writer, const Reply& reply) {
    const std::optional<Network> stored = writer.book().target_network();
    const absl::StatusOr<std::string> json =
        JsonWithSecretsOf(stored ? &*stored : nullptr, request->net_conf_json());
    if (!json.ok()) return reply(json.status());
    SetNetworkTo(*json, request, response, reply);
  });
}

void AdminCalls::SetNetworkTo(const std::string& json, const v1::SetNetworkRequest* request,
                              v1::SetNetworkResponse* response, const Reply& reply) {
  absl::StatusOr<ParsedNetConf> parsed = ParseNetConf(json);
  if (!parsed.ok()) return reply(parsed.status());
  if (const absl::Status built = RequireBuilt(parsed->network.backend); !built.ok()) {
    return reply(built);
  }
  for (const std::string& notice : parsed->notices) response->add_notices(notice);
  OnWriter(reply, [this, json, request, response, network = parsed->network](Writer& writer,
                                                                             const Reply& reply) {
    const LeaseBook& book = writer.book();
    const absl::StatusOr<Network> next = book.Settle(network, request->drain());
    if (!next.ok()) return reply(next.status());
    const bool same = book.target_network() == *next;
    for (const std::string& effect : DescribeNetworkChange(book, *next)) {
      response->add_effects(effect);
    }
    for (const NetworkStep& step : PlanNetworkChange(book, *next)) {
      *response->add_steps() = ToMessage(step);
    }
    response->set_revision(book.revision());
    response->set_changed(!same);
    if (request->dry_run() || same) {
      const auto decide = [&] {
        return book.DecideSetNetwork(network, json, wiring_.clock->Now(), std::nullopt,
                                     request->drain());
      };
      reply(request->dry_run() ? decide().status() : absl::OkStatus());
      return;
    }
    writer.SetNetwork(
        network, json,
        [response, reply](const absl::StatusOr<Committed>& result) {
          if (result.ok()) response->set_revision(result->revision);
          reply(result.status());
        },
        std::nullopt, request->drain());
  });
}

void AdminCalls::ListLeases(const v1::ListLeasesRequest* request, v1::ListLeasesResponse* response,
                            Reply reply) {
  OnWriter(reply, [this, request, response](Writer& writer, const Reply& reply) {
    FillLeases(writer.book(), wiring_.registry->Alive(), request->include_resting(), response);
    reply(absl::OkStatus());
  });
}

void AdminCalls::ReserveLease(const v1::ReserveLeaseRequest* request, v1::LeaseResponse* response,
                              Reply reply) {
  const absl::StatusOr<std::vector<Prefix>> subnets = ReservedSubnets(*request);
  if (!subnets.ok()) return reply(subnets.status());
  OnWriter(reply,
           [this, request, response, subnets = *subnets](Writer& writer, const Reply& reply) {
             writer.Reserve(request->node_id(), subnets,
                            [this, response, reply](const absl::StatusOr<LeaseGrant>& grant) {
                              reply(FillGrant(grant, response));
                            });
           });
}

void AdminCalls::RenumberNode(const v1::RenumberNodeRequest* request, v1::LeaseResponse* response,
                              Reply reply) {
  if (const absl::Status status = CheckNodeId(request->node_id()); !status.ok()) {
    return reply(status);
  }
  OnWriter(reply, [this, request, response](Writer& writer, const Reply& reply) {
    writer.Renumber(request->node_id(), request->finish(),
                    [this, response, reply](const absl::StatusOr<LeaseGrant>& grant) {
                      reply(FillGrant(grant, response));
                    });
  });
}

void AdminCalls::ReleaseLease(const v1::ReleaseLeaseRequest* request, v1::LeaseResponse* response,
                              Reply reply) {
  if (const absl::Status status = CheckNodeId(request->node_id()); !status.ok()) {
    return reply(status);
  }
  if (IsAttached(request->node_id())) {
    return reply(absl::FailedPreconditionError(
        absl::StrCat("node '", request->node_id(),
                     "' is attached: releasing its lease would take the addresses of its pods. "
                     "Stop heddle-node there first, or use `heddlectl node remove ",
                     request->node_id(), "`")));
  }
  OnWriter(reply, [request, response](Writer& writer, const Reply& reply) {
    if (const Lease* lease = writer.book().Find(request->node_id())) {
      *response->mutable_lease() = ToMessage(*lease, /*attached=*/false);
      response->mutable_lease()->set_state("resting");
    }
    writer.Release(request->node_id(), [response, reply](const absl::StatusOr<Committed>& result) {
      if (result.ok()) response->set_revision(result->revision);
      reply(result.status());
    });
  });
}

void AdminCalls::ListNodes(v1::ListNodesResponse* response, Reply reply) {
  OnWriter(reply, [this, response](Writer& writer, const Reply& reply) {
    FillNodes(writer.book(), wiring_.registry->List(), response);
    // What nodes can have applied: the book's own revision rises with renewals, too.
    response->set_revision(wiring_.hub->head());
    reply(absl::OkStatus());
  });
}

void AdminCalls::AcceptRemovals(const v1::NodeRequest* request, v1::RevisionResponse* response,
                                Reply reply) {
  if (const absl::Status status = CheckNodeId(request->node_id()); !status.ok()) {
    return reply(status);
  }
  const auto stream = wiring_.registry->FindStream(request->node_id());
  if (stream == nullptr) return reply(Detached(request->node_id()));
  if (!HoldsRemovals(request->node_id())) {
    return reply(absl::FailedPreconditionError(absl::StrCat(
        "node '", request->node_id(), "' holds no removals back; there is nothing to accept")));
  }
  stream->SendAcceptRemovals();
  response->set_revision(wiring_.hub->head());
  reply(absl::OkStatus());
}

void AdminCalls::RemoveNode(const v1::NodeRequest* request, v1::RevisionResponse* response,
                            Reply reply) {
  if (const absl::Status status = CheckNodeId(request->node_id()); !status.ok()) {
    return reply(status);
  }
  OnWriter(reply, [this, request, response](Writer& writer, const Reply& reply) {
    const auto stream = wiring_.registry->FindStream(request->node_id());
    if (stream != nullptr) {
      stream->Close(absl::AbortedError(
          absl::StrCat("node '", request->node_id(), "' was removed by an administrator")));
      if (writer.book().Find(request->node_id()) == nullptr) {
        // It waited for a lease; its stream was all there was to remove.
        response->set_revision(wiring_.hub->head());
        reply(absl::OkStatus());
        return;
      }
    }
    writer.Release(request->node_id(),
                   [this, request, response, reply](const absl::StatusOr<Committed>& result) {
                     if (result.ok()) response->set_revision(result->revision);
                     wiring_.registry->Forget(request->node_id());
                     reply(result.status());
                   });
  });
}

void AdminCalls::GetStatus(v1::GetStatusResponse* response, Reply reply) {
  const storage::Health health = wiring_.store->Describe();
  response->set_version(wiring_.version);
  response->set_engine(health.engine);
  response->mutable_position()->set_history(health.position.history);
  response->mutable_position()->set_revision(health.position.revision);
  std::string detail = health.detail;
  for (const std::string& alarm : health.alarms) {
    absl::StrAppend(&detail, detail.empty() ? "" : "; ", alarm);
  }
  response->set_store_detail(detail);
  response->set_store_bytes(health.bytes);
  // Its own, of which all are known; at the leader those of the others would be counted twice.
  response->set_attached_nodes(wiring_.registry->LocalChangesAfter(0)->attached.size());
  response->set_oldest_delta_revision(wiring_.hub->oldest_delta_revision());
  response->set_started_unix_ms(ToUnixMs(started_));
  response->set_controller_id(wiring_.leadership->self_id());
  const std::optional<storage::Member> leader = wiring_.leadership->state().leader;
  if (leader) response->set_leader_id(leader->id);
  if (health.unreachable_since) {
    response->set_store_unreachable_since_unix_ms(ToUnixMs(*health.unreachable_since));
  }
  OnWriter(reply, [response, writable = health.writable, knows_leader = leader.has_value()](
                      Writer& writer, const Reply& reply) {
    response->set_writable(writable && knows_leader);
    response->set_leases(writer.book().leases().size());
    if (writer.settling()) {
      response->set_settling_until_unix_ms(ToUnixMs(writer.settling()->until));
    }
    // Leases are the leader's to end, and it alone knows all nodes.
    if (writer.leads()) {
      response->set_expiry_held_until_unix_ms(ToUnixMs(writer.expiry_held_until()));
      if (writer.settling()) response->set_known_nodes_missing(writer.settling()->missing);
    }
    if (const auto& settling = writer.settling()) {
      response->set_settling_until_unix_ms(ToUnixMs(settling->until));
      // Only the leader knows the nodes of all controllers.
      if (writer.leads()) response->set_known_nodes_missing(settling->missing);
    }
    reply(absl::OkStatus());
  });
}

std::string AddressText(const v1::AllowAddressRequest& request) {
  const auto address = Ip::FromBytes(request.address());
  return absl::StrCat(address.ok() ? address->ToString() : "an address that cannot be read", " of ",
                      request.node_id().empty() ? "no node" : request.node_id());
}

void AdminCalls::AllowAddress(const v1::AllowAddressRequest* request,
                              v1::AllowAddressResponse* response, Reply reply) {
  const auto address = Ip::FromBytes(request->address());
  if (!address.ok()) return reply(address.status());
  OnWriter(reply, [request, response, address = *address](Writer& writer, const Reply& reply) {
    writer.AllowAddress(request->node_id(), address,
                        [response, reply](const absl::StatusOr<Committed>& result) {
                          if (result.ok()) response->set_revision(result->revision);
                          reply(result.status());
                        });
  });
}

void AdminCalls::WaitApplied(const v1::WaitAppliedRequest* request,
                             v1::WaitAppliedResponse* response, std::function<bool()> cancelled,
                             Reply reply) {
  OnWriter(reply, [this, request, response, cancelled = std::move(cancelled)](Writer& writer,
                                                                              const Reply& reply) {
    const storage::Revision newest = writer.book().revision();
    if (request->revision() > newest) {
      reply(absl::OutOfRangeError(absl::StrCat("revision ", request->revision(),
                                               " does not exist yet; the newest is ", newest)));
      return;
    }
    const storage::Revision revision = request->revision() == 0 ? newest : request->revision();
    const absl::Time until = wiring_.clock->Now() + WaitOf(*request);
    const auto leads = [this] {
      return wiring_.leadership->state().role == Leadership::Role::kLeader;
    };
    applied_wait_.Add(
        revision, until, [cancelled, leads] { return cancelled() || !leads(); },
        [response, reply, leads](storage::Revision asked, const std::vector<NodeInfo>& laggards) {
          // The nodes of other controllers report to the next leader from now on.
          if (!laggards.empty() && !leads()) {
            return reply(absl::UnavailableError("this controller does not lead any more"));
          }
          FillLaggards(asked, laggards, response);
          reply(absl::OkStatus());
        });
    wiring_.pump->Wake();
  });
}

bool AdminCalls::IsAttached(const std::string& node_id) const {
  return wiring_.registry->FindStream(node_id) != nullptr;
}

bool AdminCalls::HoldsRemovals(const std::string& node_id) const {
  for (const NodeInfo& info : wiring_.registry->List()) {
    if (info.node_id == node_id) return info.report.held_removals > 0;
  }
  return false;
}

absl::Status AdminCalls::FillGrant(const absl::StatusOr<LeaseGrant>& grant,
                                   v1::LeaseResponse* response) const {
  if (!grant.ok()) return grant.status();
  response->set_revision(grant->revision);
  *response->mutable_lease() = ToMessage(grant->lease, IsAttached(grant->lease.node_id));
  return absl::OkStatus();
}

void AdminCalls::OnWriter(const Reply& reply,
                          std::function<void(Writer& writer, const Reply& reply)> job) {
  const absl::Status posted =
      wiring_.writer->Post([reply, job = std::move(job)](Writer& writer) { job(writer, reply); });
  if (!posted.ok()) reply(posted);
}

}  // namespace heddle::controller
