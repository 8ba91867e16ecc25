// One controller process of the simulation: the real Writer, WatchHub, NodeRegistry and NodeStreams
// on a MemoryStore, without threads. Destroying it is the process's death.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api/network.h"
#include "controller/node_registry.h"
#include "controller/node_stream.h"
#include "controller/watch_hub.h"
#include "controller/writer.h"
#include "storage/memory/memory_store.h"
#include "tests/simulation/wire.h"

namespace heddle::simulation {

class SimController {
 public:
  // Both outlive the controller.
  SimController(storage::MemoryStore* store, const SimClock* clock, controller::LeasePolicy policy);
  ~SimController();

  absl::Status Start() { return writer_->Start(); }
  void Connect(WirePtr wire);
  // Takes the oldest message that waits on `wire`; without effect on a wire of another process.
  void Receive(const WirePtr& wire);
  // Runs what is due: posted work, releases, deadlines, and what streams have to say.
  void Pump();

  controller::Writer& writer() { return *writer_; }
  controller::NodeRegistry& registry() { return registry_; }
  controller::WatchHub& hub() { return hub_; }

 private:
  class SimStream;

  void Publish(const controller::BookChanges& changes);
  void CloseEnded();

  storage::MemoryStore* const store_;
  const SimClock* const clock_;
  controller::WatchHub hub_;
  controller::NodeRegistry registry_;
  controller::NodeStream::Shared shared_;
  std::shared_ptr<std::deque<std::function<void()>>> posted_;  // shared with late callbacks
  std::unique_ptr<controller::Writer> writer_;
  std::vector<std::shared_ptr<SimStream>> streams_;
};

}  // namespace heddle::simulation
