#include "tests/chaos/convergence.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/convert.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/wait.h"

namespace heddle::chaos {
namespace {

constexpr std::chrono::seconds kPatience(5);

// What one controller says.
struct View {
  std::string status, leases, nodes;         // equal everywhere
  std::string defect;                        // or why it could not be told, or is wrong already
  std::map<std::string, std::string> peers;  // subnets by node
  std::map<std::string, Ip> addresses;       // announced, by node
};

template <typename Request, typename Response>
std::string Ask(v1::AdminService::Stub* stub,
                grpc::Status (v1::AdminService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                               Response*),
                Response* response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  const grpc::Status status = (stub->*method)(&context, Request(), response);
  return status.ok() ? "" : std::string(status.error_message());
}

// Who is not attached, or has not applied what the controller announced.
std::string NodeDefect(const v1::ListNodesResponse& nodes, const std::set<std::string>& expected) {
  std::set<std::string> missing = expected;
  for (const v1::Node& node : nodes.nodes()) {
    if (expected.count(node.node_id()) == 0 || !node.attached()) continue;
    // More is as good: a controller that has just started announces all at the store's revision,
    // which may be beyond the last that changed a peer.
    if (node.applied_revision() >= nodes.revision()) missing.erase(node.node_id());
  }
  if (missing.empty()) return "";
  return absl::StrCat("not attached, or not at revision ", nodes.revision(), ": ",
                      absl::StrJoin(missing, " "));
}

View Look(v1::AdminService::Stub* stub, const std::set<std::string>& nodes) {
  View view;
  v1::GetStatusResponse status;
  v1::ListLeasesResponse leases;
  v1::ListNodesResponse listed;
  for (const std::string& error : {Ask(stub, &v1::AdminService::Stub::GetStatus, &status),
                                   Ask(stub, &v1::AdminService::Stub::ListLeases, &leases),
                                   Ask(stub, &v1::AdminService::Stub::ListNodes, &listed)}) {
    if (!error.empty()) view.defect = error;
  }
  if (!view.defect.empty()) return view;
  view.status = absl::StrCat("leader '", status.leader_id(), "', ", status.position().history(),
                             "@", status.position().revision(), ", ", status.leases(), " leases",
                             status.writable() ? "" : ", not writable");
  for (const v1::Lease& lease : leases.leases()) {
    const auto subnet = FromProto(lease.ipv4_subnet());
    const std::string text = subnet.ok() ? subnet->ToString() : "no subnet";
    absl::StrAppend(&view.leases, lease.node_id(), " ", text, "@", lease.modified_revision(), "\n");
    if (!lease.has_advertisement()) continue;
    view.peers[lease.node_id()] = text;
    const auto ip = FromProto(lease.advertisement().public_ipv4());
    if (ip.ok()) view.addresses[lease.node_id()] = *ip;
  }
  view.defect = NodeDefect(listed, nodes);
  return view;
}

std::string KernelDefect(World* world, const View& view) {
  for (int number = 1; number <= world->nodes(); ++number) {
    lab::Node& node = world->node(number);
    const auto own = view.peers.find(node.id());
    if (own == view.peers.end()) return node.id() + " has no lease";
    const auto address = view.addresses.find(node.id());
    if (address == view.addresses.end() || address->second != world->address(number)) {
      return node.id() + " is not announced at " + world->address(number).ToString();
    }
    const auto env = node.subnet_env();
    if (!env || env->subnet[Family::kV4]->ToString() != own->second) {
      return absl::StrCat("subnet.env of ", node.id(), " is not of its lease ", own->second);
    }
    std::set<std::string> expected;
    for (const auto& [id, subnet] : view.peers) {
      if (id != node.id()) expected.insert(subnet);
    }
    const std::string difference = lab::Difference(expected, lab::OurRoutes(node.host()));
    if (!difference.empty()) return "routes of " + node.id() + ":" + difference;
  }
  return "";
}

}  // namespace

testing::AssertionResult Converges(World* world,
                                   const std::vector<std::unique_ptr<Observer>>& observers,
                                   absl::Duration limit) {
  std::set<std::string> nodes;
  for (int number = 1; number <= world->nodes(); ++number) nodes.insert(world->node(number).id());
  std::vector<std::unique_ptr<v1::AdminService::Stub>> stubs;
  for (const Endpoint& controller : world->controllers()) {
    stubs.push_back(v1::AdminService::NewStub(ChannelTo(controller, "admin/judge")));
  }
  for (std::size_t i = 0; i < observers.size(); ++i) {
    observers[i]->StayWith(world->controllers()[i % stubs.size()].name);
    nodes.insert(observers[i]->node());
  }
  return lab::Within(limit, "one mind", [&]() -> std::string {
    std::vector<View> views;
    for (std::size_t i = 0; i < stubs.size(); ++i) {
      views.push_back(Look(stubs[i].get(), nodes));
      const std::string& name = world->controllers()[i].name;
      if (!views[i].defect.empty()) return name + ": " + views[i].defect;
      if (views[i].status != views[0].status) {
        return absl::StrCat(name, " says ", views[i].status, " but another ", views[0].status);
      }
      if (views[i].leases != views[0].leases) return name + " has other leases";
    }
    for (const auto& observer : observers) {
      if (observer->seen().set_hash != observers[0]->seen().set_hash) {
        return absl::StrCat(observer->seen().controller, " has other peers");
      }
    }
    return KernelDefect(world, views[0]);
  });
}

}  // namespace heddle::chaos
