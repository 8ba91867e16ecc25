#include "tests/simulation/sim_node.h"

#include <set>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "node/wire.h"

namespace heddle::simulation {
namespace {

using Route = std::pair<node::RouteKey, node::Route>;

// Destinations that the operations take away and do not bring back.
std::set<Prefix> RoutesTakenAway(const std::vector<node::Operation>& operations) {
  std::set<Prefix> gone;
  for (const node::Operation& operation : operations) {
    const auto* route = std::get_if<Route>(&operation.object);
    if (route == nullptr) continue;
    if (operation.kind == node::Operation::Kind::kRemove) {
      gone.insert(route->first.destination);
    }
  }
  for (const node::Operation& operation : operations) {
    const auto* route = std::get_if<Route>(&operation.object);
    if (route != nullptr && operation.kind != node::Operation::Kind::kRemove) {
      gone.erase(route->first.destination);
    }
  }
  return gone;
}

}  // namespace

std::vector<node::Failure> WatchedDataplane::Apply(const std::vector<node::Operation>& operations) {
  operations_applied += operations.size();
  const std::set<Prefix> gone = RoutesTakenAway(operations);
  if (!saw_complete_transfer && !gone.empty() && violation.ok()) {
    violation = absl::InternalError(absl::StrCat("route to ", gone.begin()->ToString(),
                                                 " removed before the first complete transfer"));
  }
  return kernel_->Apply(operations);
}

SimNode::SimNode(int number, const SimClock* clock, std::uint64_t seed)
    : id_(absl::StrCat("n", number)),
      clock_(clock),
      seed_(seed),
      kernel_(seed),
      watched_(&kernel_) {
  host_.underlay_link = "eth0";
  host_.underlay_mtu_bytes = 1500;
  host_.onlink_prefixes = {*Prefix::Parse("192.0.0.0/16")};  // all that a machine moves to
  MoveTo(Ip(Family::kV4, 0xC0000200u + number));
}

void SimNode::MoveTo(const Ip& address) {
  host_.source_address[Family::kV4] = host_.public_address[Family::kV4] = address;
  if (executor_) executor_->SetHost(host_, clock_->Now());
}

void SimNode::StartProcess() {
  ++instances_;
  watched_.saw_complete_transfer = false;
  node::ExecutorOptions options;
  options.identity.node_id = id_;
  options.plan.ip_masq = true;
  options.seed = seed_ + instances_;
  executor_.emplace(options, &watched_);
  highest_ = {};
  if (disk_) executor_->Restore(*disk_);
  executor_->SetHost(host_, clock_->Now());
}

void SimNode::KillProcess() {
  executor_.reset();
  Drop();
  resume_ = true;
}

void SimNode::Drop() {
  if (wire_) wire_->node_open = false;
  wire_ = nullptr;
  welcomed_ = false;
}

WirePtr SimNode::Connect() {
  Drop();
  wire_ = std::make_shared<Wire>();
  advertised_.reset();
  reported_.reset();
  v1::NodeMessage message;
  v1::Hello& hello = *message.mutable_hello();
  hello.set_protocol_version(1);
  hello.set_node_id(id_);
  hello.set_instance_id(absl::StrCat(id_, "-", instances_));
  hello.mutable_resume()->set_history(executor_->position().history);
  hello.mutable_resume()->set_revision(executor_->position().revision);
  hello.set_set_hash(executor_->set_hash());
  hello.set_need_snapshot(!resume_ || executor_->need_snapshot());
  Say(message);
  return wire_;
}

void SimNode::Say(const v1::NodeMessage& message) {
  if (!wire_->cut) wire_->to_controller.push_back(message.SerializeAsString());
}

absl::Status SimNode::Receive() {
  v1::ControllerMessage message;
  if (!message.ParseFromString(wire_->to_node.front())) return absl::InternalError("bad frame");
  wire_->to_node.pop_front();
  absl::StatusOr<node::Update> update = node::Decode(message);
  if (!update.ok()) return update.status();
  const bool synced = std::holds_alternative<node::Synced>(*update);
  const bool heartbeat = std::holds_alternative<node::Heartbeat>(*update);
  if (std::holds_alternative<node::Welcome>(*update)) welcomed_ = true;
  if (const absl::Status status = executor_->Handle(*std::move(update), clock_->Now());
      !status.ok()) {
    Drop();
    resume_ = false;
    return absl::OkStatus();
  }
  if (synced) {
    resume_ = true;
    watched_.saw_complete_transfer = true;
  }
  if (heartbeat) reported_.reset();
  // As the agent does: what was refused is asked for again.
  if (heartbeat && executor_->self() && advertised_ &&
      executor_->self()->advertisement != *advertised_) {
    advertised_.reset();
  }
  SayWhatIsNew();
  return absl::OkStatus();
}

void SimNode::SayWhatIsNew() {
  if (!attached()) return;
  const auto& wanted = executor_->advertisement();
  if (wanted && advertised_ != wanted) {
    advertised_ = wanted;
    std::vector<Prefix> preferred;
    if (executor_->self()) {
      executor_->self()->subnets.ForEach(
          [&](Family, const Prefix& subnet) { preferred.push_back(subnet); });
    }
    Say(node::EncodeAdvertise(*wanted, preferred));
  }
  const node::Applied applied = executor_->applied();
  if (advertised_ && (!reported_ || *reported_ != applied)) {
    reported_ = applied;
    Say(node::EncodeApplied(applied));
  }
}

// Within one process and one history, what is applied never goes back.
absl::Status SimNode::CheckRevision() {
  const node::Position position = executor_->position();
  if (position.history == highest_.history && position.revision < highest_.revision) {
    return absl::InternalError(absl::StrCat(id_, " went back from revision ", highest_.revision,
                                            " to ", position.revision));
  }
  if (!position.history.empty()) highest_ = position;
  return absl::OkStatus();
}

absl::Status SimNode::Tick() {
  if (!executor_) return absl::OkStatus();
  if (executor_->next_due() <= clock_->Now()) executor_->Step(clock_->Now());
  if (wire_ && !wire_->controller_open && wire_->to_node.empty()) Drop();
  if (wire_) SayWhatIsNew();
  if (absl::Status status = CheckRevision(); !status.ok()) return status;
  return watched_.violation;
}

void SimNode::SaveToDisk() {
  if (executor_ && executor_->remembered()) disk_ = executor_->remembered();
}

}  // namespace heddle::simulation
