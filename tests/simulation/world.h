// A whole cluster in one thread: a store, a controller, nodes, wires, and a seed that decides
// everything that happens, faults included. A failure is a seed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "storage/memory/memory_store.h"
#include "tests/simulation/sim_controller.h"
#include "tests/simulation/sim_node.h"
#include "tests/simulation/wire.h"

namespace heddle::simulation {

struct WorldOptions {
  int nodes = 5;
  int steps = 400;  // with faults; then everything is healed and must settle
  // Without them every path must lead somewhere at every step: see CheckPaths.
  bool kernel_faults = true;
};

class World {
 public:
  World(std::uint64_t seed, WorldOptions options);
  ~World();

  // Runs the whole. Internal names the invariant that broke.
  absl::Status Run();

  // What this run met, so that a test can see that faults did happen.
  struct Counts {
    int controller_crashes = 0, node_crashes = 0, wires_cut = 0, commits_failed = 0,
        kernel_faults = 0, admin_changes = 0, moves = 0, renumbered = 0, backend_changes = 0,
        paths_checked = 0, deltas = 0, full_passes = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  bool Chance(double probability);
  std::size_t Below(std::size_t bound);
  SimNode& AnyNode() { return *nodes_[Below(nodes_.size())]; }

  absl::Status Step(bool faults);
  void CauseFault();
  void KernelFault(SimNode* node);
  void AdminChange();
  void MoveRange();
  void ChangeBackend();
  void CutWire(SimNode* node);
  void SwapAddresses(SimNode* node);
  void Connect(SimNode* node);
  void StartController();
  void CrashController();
  absl::Status Exchange(bool everything);
  absl::Status CheckAlways();
  void NoteStandings();
  absl::Status CheckPaths();
  absl::Status CheckPathsFrom(SimNode& from);
  absl::Status Heal();
  bool Settled();
  absl::Status CheckSettled();
  absl::Status CheckControllerLossChangesNothing();
  node::NetworkState Wanted(SimNode& node);

  const std::uint64_t seed_;
  const WorldOptions options_;
  std::mt19937_64 random_;
  SimClock clock_;
  storage::MemoryStore store_;
  std::unique_ptr<SimController> controller_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::vector<WirePtr> wires_;
  // Who can be held to a path. By node id.
  struct Standing {
    int instance = 0;  // the process that last had applied all; 0: none had
    PerFamily<Prefix> subnets;
    bool receives = false;        // it had applied all, and was never left behind since
    storage::Revision since = 0;  // the revision at which that began
  };
  std::map<std::string, Standing> standings_;
  absl::Time controller_started_;
  int next_address_ = 100;
  int network_bits_ = 22;
  Counts counts_;
};

}  // namespace heddle::simulation
