// All that a forwarder has and does: a device, listeners, tunnels, and the workers that move
// packets between them. Survives whoever told it so.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "base/ip.h"
#include "node/dataplane/forwarder/change.h"
#include "node/dataplane/forwarder/control.pb.h"
#include "node/dataplane/forwarder/counters.h"
#include "node/dataplane/forwarder/descriptor.h"
#include "node/dataplane/forwarder/features.h"
#include "node/dataplane/forwarder/ports.h"
#include "node/dataplane/forwarder/swapped.h"
#include "node/dataplane/forwarder/worker.h"

namespace heddle::node::forwarder {

// Owned and called by one thread, the control thread. Workers run while there is a device.
class Forwarder {
 public:
  // `wanted`: what of the kernel's features may be used. `on_gone` is called by a worker's thread
  // when the device was removed: ForgetDeviceIfGone is to be called soon.
  Forwarder(const Features& wanted, std::function<void()> on_gone);

  // Does all of it, or says what is wrong and leaves all as it was. Packets that come while queues
  // or sockets change wait in the kernel; while only tunnels or subnets do, none waits.
  absl::Status Apply(const control::Request::Change& change, std::vector<Descriptor> descriptors);

  control::State Describe() const;

  // Stops the workers, and borrows out all descriptors, in the order of Describe(). What a worker
  // had taken is passed on; what comes now waits in the kernel.
  std::vector<int> Suspend();
  // Goes on after all.
  void Resume();

  void ForgetDeviceIfGone();
  // Whether there is anything to live for.
  bool serves() const { return device_.has_value() || !listeners_.empty() || !tunnels_.empty(); }

 private:
  struct Parts {
    std::optional<Device> device;
    std::vector<Listener> listeners;
  };

  absl::StatusOr<Parts> TakeParts(const ChangeTerms& terms, std::vector<Descriptor>* descriptors);
  absl::Status CheckReaddress(const ChangeTerms& terms) const;
  void ChangeParts(const ChangeTerms& terms, Parts parts);
  void ChangeTunnels(const ChangeTerms& terms);
  void ForgetDevice();
  void StartWorkers();
  void StopWorkers();
  void PublishTable();
  bool HasWorkerThat(bool (Worker::*is)() const) const;

  const Features wanted_;
  const std::function<void()> on_gone_;
  std::optional<Device> device_;
  PerFamily<Listener> listeners_;
  absl::btree_map<Prefix, Endpoint> tunnels_;
  Features used_;                                  // by the present workers
  std::array<std::uint64_t, kCountSize> ended_{};  // counts of workers that are no more
  Swapped<TunnelTable> table_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace heddle::node::forwarder
