// The controller of the node benchmark: on loopback, with a given number of peers, and telling of
// one changed peer when asked to.
#pragma once

#include <chrono>
#include <condition_variable>
#include <optional>
#include <string>
#include <vector>

#include "api/peer.h"
#include "base/mutex.h"
#include "node/fake_controller.h"

namespace heddle::bench {

using SteadyClock = std::chrono::steady_clock;

class ScriptedController {
 public:
  // Node `kSelf` and `peers` others.
  static constexpr char kSelf[] = "node-0";
  explicit ScriptedController(int peers);

  std::string address() const { return server_->address(); }
  std::uint64_t revision() const { return revision_; }

  // Gives a peer another address and MAC, and tells the node. Only while the node is attached.
  void ChangePeer(int number);
  // Forgets what was reported, for a node that is about to be started anew.
  void ForgetApplied();
  // When the node reported the present revision as applied, with all peers; nothing when it has not
  // within the time.
  std::optional<SteadyClock::time_point> WaitForApplied(std::chrono::seconds limit);

 private:
  using Wire = node::FakeController::Wire;
  grpc::Status Serve(Wire* wire);
  void Grant(const v1::Advertise& advertise, bool resumes, Wire* wire);
  void WriteSynced(Wire* wire) const;
  void SetWire(Wire* wire);

  std::vector<Peer> peers_;  // [0] is the node itself
  std::vector<v1::ControllerMessage> chunks_;
  std::uint64_t revision_ = 1, set_hash_ = 0;

  Mutex mutex_;
  std::condition_variable reported_;
  Wire* wire_ = nullptr;                          // guarded by mutex_; of a granted node
  std::uint64_t applied_ = 0;                     // guarded by mutex_
  SteadyClock::time_point applied_at_;            // guarded by mutex_
  std::unique_ptr<node::FakeController> server_;  // last: its threads use the above
};

}  // namespace heddle::bench
