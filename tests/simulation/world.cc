#include "tests/simulation/world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/backend_schema.h"
#include "base/status_macros.h"
#include "node/backend/backend.h"

namespace heddle::simulation {
namespace {

constexpr absl::Duration kTtl = absl::Seconds(120);
constexpr absl::Duration kRest = absl::Seconds(20);

Network MakeNetwork(int bits) {
  Network network;
  Range range;
  range.network = Prefix(Ip(Family::kV4, 10u << 24), bits);
  range.subnet_length = 26;
  range.subnet_min = range.network.at(64);
  range.subnet_max = Prefix(range.network.last(), 26).base();
  network.ranges[Family::kV4] = range;
  network.backend = *CompleteBackend({"vxlan", {}});
  return network;
}

}  // namespace

World::World(std::uint64_t seed, WorldOptions options)
    : seed_(seed), options_(options), random_(seed) {
  store_.HoldDelivery(true);
  for (int n = 1; n <= options_.nodes; ++n) {
    nodes_.push_back(std::make_unique<SimNode>(n, &clock_, random_()));
  }
}

World::~World() {
  store_.Crash();
  controller_.reset();
}

bool World::Chance(double probability) {
  return std::uniform_real_distribution<double>(0, 1)(random_) < probability;
}

std::size_t World::Below(std::size_t bound) {
  return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
}

absl::Status World::Run() {
  StartController();
  for (int step = 0; step < options_.steps; ++step) {
    HEDDLE_RETURN_IF_ERROR(Step(/*faults=*/true));
  }
  HEDDLE_RETURN_IF_ERROR(Heal());
  HEDDLE_RETURN_IF_ERROR(CheckSettled());
  for (const auto& node : nodes_) {
    counts_.deltas += static_cast<int>(node->executor().deltas());
    counts_.full_passes += static_cast<int>(node->executor().full_passes());
  }
  return CheckControllerLossChangesNothing();
}

absl::Status World::Step(bool faults) {
  clock_.now += Chance(0.05) ? absl::Seconds(1 + Below(40)) : absl::Milliseconds(1 + Below(200));
  if (faults && Chance(0.25)) CauseFault();
  if (controller_ == nullptr && (!faults || Chance(0.2))) StartController();
  if (controller_ != nullptr && !controller_->writer().book().network() &&
      controller_->writer().idle()) {
    controller_->writer().SetNetwork(MakeNetwork(network_bits_), "{}", [](auto) {});
  }
  for (const auto& node : nodes_) {
    if (!node->running()) {
      if (!faults || Chance(0.1)) node->StartProcess();
    } else if (node->wire() == nullptr && controller_ != nullptr && (!faults || Chance(0.3))) {
      Connect(node.get());
    }
    if (Chance(0.3)) node->SaveToDisk();
  }
  HEDDLE_RETURN_IF_ERROR(Exchange(/*everything=*/!faults));
  return CheckAlways();
}

void World::Connect(SimNode* node) {
  wires_.push_back(node->Connect());
  if (controller_ != nullptr) {
    controller_->Connect(wires_.back());
  } else {
    wires_.back()->controller_open = false;
  }
}

// Moves a random part of what waits, in random order between the wires.
absl::Status World::Exchange(bool everything) {
  for (std::size_t rounds = everything ? 20 : 1 + Below(4); rounds > 0; --rounds) {
    while ((everything || Chance(0.7)) && store_.Step()) {
    }
    if (controller_ != nullptr) controller_->Pump();
    std::shuffle(wires_.begin(), wires_.end(), random_);
    for (const WirePtr& wire : wires_) {
      while (controller_ != nullptr && !wire->cut && !wire->to_controller.empty() &&
             wire->controller_open && (everything || Chance(0.7))) {
        controller_->Receive(wire);
      }
    }
    for (const auto& node : nodes_) {
      while (node->running() && node->wire() && !node->wire()->cut &&
             !node->wire()->to_node.empty() && (everything || Chance(0.7))) {
        HEDDLE_RETURN_IF_ERROR(node->Receive());
      }
      if (everything || Chance(0.8)) HEDDLE_RETURN_IF_ERROR(node->Tick());
    }
    if (controller_ != nullptr) controller_->Pump();
  }
  wires_.erase(std::remove_if(
                   wires_.begin(), wires_.end(),
                   [](const WirePtr& wire) { return !wire->node_open && !wire->controller_open; }),
               wires_.end());
  return absl::OkStatus();
}

void World::StartController() {
  controller_started_ = clock_.now;
  controller_ =
      std::make_unique<SimController>(&store_, &clock_, controller::LeasePolicy{kTtl, kRest});
  if (!controller_->Start().ok()) controller_.reset();
}

void World::CrashController() {
  store_.Crash();
  controller_.reset();
}

absl::Status World::CheckAlways() {
  if (controller_ == nullptr) return absl::OkStatus();
  HEDDLE_RETURN_IF_ERROR(controller_->writer().book().CheckInvariants());
  // Nothing is told before it is committed.
  if (controller_->hub().head() > store_.Describe().position.revision) {
    return absl::InternalError("published a revision that is not committed");
  }
  return options_.kernel_faults ? absl::OkStatus() : CheckPaths();
}

// A node that was left behind by a change of the backend, or never was in it, holds nobody to
// anything until it has applied all again; nor does one whose lease was released, which is not
// waited for from then on, though it may be away and not know. Nobody is held to a path to one that
// is back who has not heard of it, as while the controller has just been started again.
void World::NoteStandings() {
  const controller::LeaseBook& book = controller_->writer().book();
  std::map<std::string, controller::NodeInfo> known;
  for (const auto& info : controller_->registry().List()) known[info.node_id] = info;
  for (const auto& node : nodes_) {
    Standing& standing = standings_[node->id()];
    const controller::Lease* lease = book.Find(node->id());
    if (lease == nullptr) standing = {};
    if (lease != nullptr && !(lease->subnets == standing.subnets)) standing.receives = false;
    const auto info = known.find(node->id());
    const bool attached = info != known.end() && info->second.attached;
    const absl::Time heard = info != known.end() ? info->second.last_heard : controller_started_;
    if (!attached && heard + controller::Writer::Options().rollout_grace <= clock_.now) {
      standing = {};
    }
    if (lease == nullptr || !attached || !node->running() || !node->executor().self() ||
        !(node->executor().self()->subnets == lease->subnets) ||
        node->executor().applied().revision != controller_->hub().head()) {
      continue;
    }
    const storage::Revision since = standing.receives ? standing.since : controller_->hub().head();
    standing = {node->instance(), lease->subnets, true, since};
  }
}

// Whenever a node sends to a peer through a plane, the peer has that plane's device: a tunnel's has
// one name on every host.
absl::Status World::CheckPaths() {
  NoteStandings();
  for (const auto& node : nodes_) {
    const Standing& standing = standings_[node->id()];
    if (!node->running() || standing.instance != node->instance()) continue;
    HEDDLE_RETURN_IF_ERROR(CheckPathsFrom(*node));
  }
  return absl::OkStatus();
}

absl::Status World::CheckPathsFrom(SimNode& from) {
  const node::NetworkState& state = from.kernel().state();
  for (const auto& to : nodes_) {
    const Standing& standing = standings_[to->id()];
    if (to.get() == &from || !standing.receives) continue;
    if (from.executor().applied().revision < standing.since) continue;
    const auto route = state.routes.find({*standing.subnets[Family::kV4], 0});
    if (route == state.routes.end()) continue;
    const auto* id = std::get_if<std::uint32_t>(&route->second.via);
    const auto nexthop = id == nullptr ? state.nexthops.end() : state.nexthops.find(*id);
    if (nexthop == state.nexthops.end() || nexthop->second.link == "eth0") continue;
    ++counts_.paths_checked;
    if (to->kernel().state().links.contains(nexthop->second.link)) continue;
    return absl::InternalError(absl::StrCat(from.id(), " sends to ", to->id(), " through ",
                                            nexthop->second.link, ", which is not there"));
  }
  return absl::OkStatus();
}

absl::Status World::Heal() {
  store_.FailNextCommits(0);
  store_.AnswerUnknownNext(0, false);
  for (const auto& node : nodes_) {
    node->kernel().faults = {};
    node->kernel().RestoreUnderlay("eth0");
    if (node->running()) node->KernelForgot();
    if (node->wire() && node->wire()->cut) node->wire()->controller_open = false;
  }
  for (const WirePtr& wire : wires_) {
    if (!wire->cut) continue;
    wire->to_node.clear();
    wire->to_controller.clear();
    wire->controller_open = wire->node_open = false;
  }
  for (int step = 0; step < 600; ++step) {
    HEDDLE_RETURN_IF_ERROR(Step(/*faults=*/false));
    for (const auto& node : nodes_) {
      if (controller_ == nullptr || !node->running() ||
          node->executor().applied().held_removals == 0) {
        continue;
      }
      const auto stream = controller_->registry().FindStream(node->id());
      if (stream != nullptr) stream->SendAcceptRemovals();
    }
    if (step > 100 && Settled()) return absl::OkStatus();
  }
  return absl::OkStatus();  // CheckSettled says what is not
}

bool World::Settled() { return CheckSettled().ok(); }

node::NetworkState World::Wanted(SimNode& node) {
  node::PeerTable::Peers peers;
  for (const auto& [id, lease] : controller_->writer().book().leases()) {
    if (lease.advertisement) peers[id] = lease.ToPeer();
  }
  const Network& network = *controller_->writer().book().network();
  node::PlanOptions options;
  options.ip_masq = true;
  return node::PlanAll({network, peers.at(node.id()), node.host(), options}, peers);
}

absl::Status World::CheckSettled() {
  if (controller_ == nullptr) return absl::InternalError("the controller did not start");
  if (controller_->writer().book().changes_backend()) {
    return absl::InternalError("a change of the backend has not ended");
  }
  for (const auto& node : nodes_) {
    const controller::Lease* lease = controller_->writer().book().Find(node->id());
    if (lease == nullptr || !lease->advertisement) {
      return absl::InternalError(absl::StrCat(
          node->id(), " has no lease; it is ", node->running() ? "running" : "dead", ", ",
          node->attached() ? "attached" : "detached",
          ", and says: ", node->running() ? absl::StrJoin(node->executor().problems(), "; ") : ""));
    }
    const node::NetworkState wanted = Wanted(*node);
    if (!(node->kernel().state() == wanted)) {
      std::string left;
      for (const auto& operation : node::Diff(node->kernel().state(), wanted)) {
        absl::StrAppend(&left, "\n  ", operation.ToString());
      }
      return absl::InternalError(
          absl::StrCat(node->id(), " at revision ", node->executor().applied().revision,
                       ": its kernel lacks or has too much:", left,
                       "\nit says: ", absl::StrJoin(node->executor().problems(), "; ")));
    }
    if (node->executor().applied().revision != controller_->hub().head()) {
      return absl::InternalError(absl::StrCat(node->id(), " did not report the newest revision"));
    }
  }
  return absl::OkStatus();
}

absl::Status World::CheckControllerLossChangesNothing() {
  CrashController();
  for (const WirePtr& wire : wires_) wire->controller_open = false;
  std::vector<std::uint64_t> before;
  for (const auto& node : nodes_) before.push_back(node->kernel().operation_count());
  for (int minute = 0; minute < 120; ++minute) {
    clock_.now += absl::Minutes(1);
    for (const auto& node : nodes_) HEDDLE_RETURN_IF_ERROR(node->Tick());
  }
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    if (nodes_[n]->kernel().operation_count() != before[n]) {
      return absl::InternalError(
          absl::StrCat(nodes_[n]->id(), " changed its kernel while no controller was there"));
    }
  }
  return absl::OkStatus();
}

}  // namespace heddle::simulation
