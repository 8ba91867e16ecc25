// What the AdminService says of the controllers themselves: which there are and how each is, and
// the change of the leader that an administrator asks for.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "controller/admin_calls.h"
#include "controller/leader_proxy.h"

namespace heddle::controller {

// Thread-safe. Everything in the wiring outlives it.
class ControllerCalls {
 public:
  using Reply = AdminCalls::Reply;
  struct Wiring {
    storage::Store* store = nullptr;
    Leadership* leadership = nullptr;
    WriterThread* writer = nullptr;
    PeerChannels* channels = nullptr;
    LeaderProxy* proxy = nullptr;
    AdminCalls* calls = nullptr;
    const Clock* clock = nullptr;
    std::string version;
    const std::atomic<bool>* ending = nullptr;  // then nothing is waited for any more
  };
  explicit ControllerCalls(const Wiring& wiring) : wiring_(wiring) {}

  // Every member of the cluster, asked for its status at once, on behalf of `caller`; within a
  // second.
  void List(const Caller& caller, v1::ListControllersResponse* response, Reply reply);
  // The leader's. Replies when another leads; FailedPrecondition: there is no other.
  // DeadlineExceeded: it has stepped down, and nobody else has taken the lead yet.
  void StepDown(v1::StepDownResponse* response, Reply reply);

 private:
  struct Listing;
  void AskMember(const Caller& caller, const storage::Member& member, v1::ControllerState* state,
                 std::function<void()> done);

  const Wiring wiring_;
};

}  // namespace heddle::controller
