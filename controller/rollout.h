// A change of the backend while pods talk, in stages. Pure: what the stages are, what the
// administrator's and the nodes' doings make of them, and who is waited for. Time is an argument.
//
// From A to B the network is first {backend A, standby B}: PREPARING, every node builds its part of
// B beside A. When all have, it is {backend B, standby A}: RETIRING, every node moves its routes,
// and still receives through A. When all have, and what was under way has arrived, it is
// {backend B}: SETTLED, and A goes. So at every moment a packet finds the plane that it is sent
// through at its other end. Nodes know nothing of stages: they do what the network says.
//
// Turned round while it is RETIRING, it is PREPARING the other way: {backend B, standby A} again,
// but some nodes have not moved their routes from A yet, and one that is away for a moment does not
// hear that it should. So from there A does not go before it has been RETIRING again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/network.h"
#include "storage/store.h"

namespace heddle::controller {

enum class RolloutStage { kSettled, kPreparing, kRetiring };
// As an administrator counts them; the third is what nodes do when it is settled.
inline constexpr int kRolloutSteps = 3;

// The network as it is stored; `network.standby` is set except when settled.
struct StagedNetwork {
  Network network;
  RolloutStage stage = RolloutStage::kSettled;
  absl::Time since = absl::UnixEpoch();  // when the stage began; to the millisecond
  bool turned_round = false;             // PREPARING that was RETIRING before

  friend bool operator==(const StagedNetwork& a, const StagedNetwork& b) {
    return a.network == b.network && a.stage == b.stage && a.since == b.since &&
           a.turned_round == b.turned_round;
  }
};

// The network as it will be once the change is over: what the administrator has asked for.
Network TargetOf(const StagedNetwork& staged);

// What setting `asked`, which has no standby, makes of the network as it is. A backend of another
// type is staged; all else is so at once, options of the same type included. Setting the old
// backend again takes back a change that is being prepared, and turns round one whose nodes have
// moved, as often as one likes; another one takes the place of the one that is being prepared.
// FailedPrecondition: a third backend while packets go through both; says what to wait for.
absl::StatusOr<StagedNetwork> Restage(const StagedNetwork& present, const Network& asked,
                                      absl::Time now);
// The next stage. Requires a change under way.
StagedNetwork Advance(const StagedNetwork& present, absl::Time now);

// After every node has moved its routes: packets that were sent through the old plane before may
// still wait in a queue of a host or a switch, or for fragments. Queues hold fractions of a second;
// this is several times that.
inline constexpr absl::Duration kInFlight = absl::Seconds(1);
// Before the routes move to tunnels that agree on keys first. Where both ends begin at once neither
// is answered, and WireGuard tries again after 5.0 to 5.3 s; packets would wait that long, and the
// kernel keeps only 128 of them.
inline constexpr absl::Duration kKeyAgreement = absl::Seconds(7);
// What of it `backend` needs before it is sent through: nothing where no keys are agreed on.
absl::Duration KeyAgreement(const BackendConfig& backend);
// From the last node's word that it has done its part to the stage that follows `staged`.
absl::Duration PauseAfter(const StagedNetwork& staged);

// A node with an announced lease, as far as a change of the backend goes.
struct RolloutNode {
  std::string node_id;
  bool attached = false;
  absl::Time absent_since;   // when it was last heard, or could have been; if not attached
  bool runs_target = false;  // it has announced the backend that the change leads to
  storage::Revision applied = 0;
  std::string problem;  // its own words for what is wrong there; "" when nothing is
};

struct RolloutWait {
  std::string node_id, reason;
};

// Where a stage stands. It is over when `done` is `nodes`.
struct RolloutProgress {
  std::uint64_t nodes = 0;  // that count: attached ones, and those away for less than the grace
  std::uint64_t done = 0;
  std::vector<RolloutWait> waiting_for;            // by node id; at most kWaitsNamed
  absl::Time look_again = absl::InfiniteFuture();  // when the grace of a node ends
};
inline constexpr std::size_t kWaitsNamed = 20;

// A node has done its part when it announces the target and has applied `needed`: the newest
// revision at which the network, or anybody's announcement of the target, was published. Then it
// holds its own end of the new plane and the way to everybody's. One that is not attached cannot
// say; it may be restarting and is waited for until it has been away for `grace`, then left: it
// gets the network as it then is when it comes back.
RolloutProgress Judge(const std::vector<RolloutNode>& nodes, absl::string_view target_type,
                      storage::Revision needed, absl::Duration grace, absl::Time now);

}  // namespace heddle::controller
