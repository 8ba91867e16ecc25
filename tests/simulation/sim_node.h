// One host of the simulation: a kernel that outlives its node process, a disk that keeps the last
// snapshot, and the real Executor as the process. It plays the session's and the agent's part:
// hello, advertise, applied.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api/heddle/v1/node.pb.h"
#include "node/dataplane/fake.h"
#include "node/executor.h"
#include "tests/simulation/wire.h"

namespace heddle::simulation {

// Passes everything on, and notes what must not happen: a route taken away by a process that has
// not seen a complete transfer.
class WatchedDataplane final : public node::Dataplane {
 public:
  explicit WatchedDataplane(node::FakeDataplane* kernel) : kernel_(kernel) {}
  absl::StatusOr<node::NetworkState> Read() override { return kernel_->Read(); }
  std::vector<node::Failure> Apply(const std::vector<node::Operation>& operations) override;

  bool saw_complete_transfer = false;
  std::size_t operations_applied = 0;
  absl::Status violation;

 private:
  node::FakeDataplane* const kernel_;
};

class SimNode {
 public:
  SimNode(int number, const SimClock* clock, std::uint64_t seed);

  void StartProcess();
  // Power cut or SIGKILL: what the kernel and the disk hold stays.
  void KillProcess();
  bool running() const { return executor_.has_value(); }

  // Opens a new wire with Hello on it; the former one is left as it is.
  WirePtr Connect();
  const WirePtr& wire() const { return wire_; }
  // Takes the oldest message that waits. An error is an invariant broken, not a bad message.
  absl::Status Receive();
  // Works off what is due, says what is new, notices a closed wire.
  absl::Status Tick();
  // Writes the last good snapshot; until then a crash loses what came after the former one.
  void SaveToDisk();
  void MoveTo(const Ip& address);
  const Ip& address() const { return *host_.source_address[Family::kV4]; }
  void KernelForgot() {
    if (executor_) executor_->LookAgain(clock_->Now());
  }

  const std::string& id() const { return id_; }
  node::Executor& executor() { return *executor_; }
  node::FakeDataplane& kernel() { return kernel_; }
  const node::HostFacts& host() const { return host_; }
  WatchedDataplane& watched() { return watched_; }
  int instance() const { return instances_; }  // of the process; counts from 1
  bool attached() const { return wire_ != nullptr && welcomed_; }

 private:
  void Say(const v1::NodeMessage& message);
  void SayWhatIsNew();
  void Drop();
  absl::Status CheckRevision();

  const std::string id_;
  const SimClock* const clock_;
  std::uint64_t seed_;
  int instances_ = 0;
  node::FakeDataplane kernel_;
  WatchedDataplane watched_;
  std::optional<node::Remembered> disk_;
  node::HostFacts host_;

  std::optional<node::Executor> executor_;
  WirePtr wire_;
  bool welcomed_ = false, resume_ = true;
  std::optional<Advertisement> advertised_;
  std::optional<node::Applied> reported_;
  node::Position highest_;
};

}  // namespace heddle::simulation
