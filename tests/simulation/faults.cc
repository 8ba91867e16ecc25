// What can go wrong in the simulation, and what administrators do.
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "tests/simulation/world.h"

namespace heddle::simulation {

void World::CauseFault() {
  SimNode& node = AnyNode();
  switch (Below(10)) {
    case 0:
      ++counts_.controller_crashes;
      return CrashController();
    case 1:
      if (node.running()) node.KillProcess();
      ++counts_.node_crashes;
      return;
    case 2:
    case 3:
      return CutWire(&node);
    case 4:
      ++counts_.commits_failed;
      return store_.FailNextCommits(1 + Below(3));
    case 5:
      ++counts_.commits_failed;
      return store_.AnswerUnknownNext(1, Chance(0.5));
    case 6:
      if (Chance(0.3)) return SwapAddresses(&node);
      // The machine got another address.
      return node.MoveTo(Ip(Family::kV4, 0xC0000200u + next_address_++));
    case 7:
      return AdminChange();
    default:
      return options_.kernel_faults ? KernelFault(&node) : AdminChange();
  }
}

// Two machines change places: neither may keep the other out for ever, though each announces what
// the other wants.
void World::SwapAddresses(SimNode* node) {
  SimNode* other = &AnyNode();
  if (other == node) return;
  const Ip first = node->address(), second = other->address();
  node->MoveTo(second);
  other->MoveTo(first);
}

// Both ends learn later and by themselves; what was under way is lost.
void World::CutWire(SimNode* node) {
  const WirePtr wire = node->wire();
  if (wire == nullptr) return;
  ++counts_.wires_cut;
  wire->cut = true;
  wire->to_node.clear();
  wire->to_controller.clear();
  if (Chance(0.5)) {
    wire->controller_open = false;
  } else {
    // The node gives up first and comes back while the controller still believes in the old stream.
    Connect(node);
  }
}

void World::KernelFault(SimNode* node) {
  ++counts_.kernel_faults;
  node::FakeDataplane& kernel = node->kernel();
  const std::string link = "heddle.1";
  switch (Below(10)) {
    case 0:
      kernel.CycleUnderlay("eth0");
      break;
    case 1:
      kernel.DeleteUnderlay("eth0");
      kernel.RestoreUnderlay("eth0");
      break;
    case 2:
      kernel.CycleLink(link);
      break;
    case 3:
      kernel.SetMac(link, Mac{{2, 0, 0, 0, 0, 99}});
      break;
    case 4:
      kernel.FlushAddresses(link);
      break;
    case 5:
      kernel.SetMtu(link, 1000);
      break;
    case 6:
      kernel.FlushRoutes();
      break;
    case 7:
      kernel.DeleteLink(link);
      break;
    case 8:
      kernel.FlushRules();
      break;
    case 9:
      // For a while the kernel refuses, or cannot be read.
      kernel.faults.refuse_probability = Chance(0.5) ? 0.3 : 0;
      kernel.faults.read_probability = Chance(0.5) ? 0.3 : 0;
      return;
  }
  node->KernelForgot();
}

void World::AdminChange() {
  if (controller_ == nullptr) return;
  ++counts_.admin_changes;
  controller::Writer& writer = controller_->writer();
  SimNode& node = AnyNode();
  switch (Below(10)) {
    case 0:
      return writer.Reserve(node.id(), {}, [](auto) {});
    case 1:
      return writer.Release(node.id(), [](auto) {});
    case 2:
      return writer.Reserve(absl::StrCat("spare", Below(3)), {}, [](auto) {});
    case 3:
    case 4:
    case 5:
      return writer.Renumber(node.id(), /*finish=*/Chance(0.4), [this](const auto& grant) {
        if (grant.ok() && !grant->lease.draining_subnets.empty()) ++counts_.renumbered;
      });
    case 6:
      return MoveRange();
    case 7:
    case 8:
      return ChangeBackend();
    default: {
      // Grow the range, while it can.
      const auto network = writer.book().target_network();
      if (!network || network_bits_ <= 18) return;
      Network grown = *network;
      Range& range = *grown.ranges[Family::kV4];
      range.network = Prefix(range.network.base(), --network_bits_);
      range.subnet_max = Prefix(range.network.last(), range.subnet_length).base();
      return writer.SetNetwork(grown, "{}", [](auto) {});
    }
  }
}

// To another range of the same size, or back; what leases are in is left node by node.
void World::MoveRange() {
  controller::Writer& writer = controller_->writer();
  const auto network = writer.book().target_network();
  if (!network) return;
  Network moved = *network;
  Range& range = *moved.ranges[Family::kV4];
  const Ip base(Family::kV4, (10u << 24) | (static_cast<unsigned>(Below(3)) << 16));
  range.network = Prefix(base, range.network.length());
  range.subnet_min = range.network.at(64);
  range.subnet_max = Prefix(range.network.last(), range.subnet_length).base();
  writer.SetNetwork(
      moved, "{}", [this](const auto& result) { counts_.moves += result.ok() && result->changed; },
      std::nullopt, /*drain=*/true);
}

// To any other, whatever stage a change before it is in; that it is refused then and now is part of
// it.
void World::ChangeBackend() {
  controller::Writer& writer = controller_->writer();
  auto network = writer.book().target_network();
  if (!network) return;
  ++counts_.backend_changes;
  static constexpr const char* kTypes[] = {"vxlan", "host-gw", "ipip"};
  network->backend = *CompleteBackend({kTypes[Below(3)], {}});
  writer.SetNetwork(*network, "{}", [](auto) {});
}

}  // namespace heddle::simulation
