// Probes peers: one now and then, all the time, and all of them when asked. It lives in its owner's
// poll loop: nothing blocks, and no thread is started. Peers need no responder: their kernels
// answer.
//
// What goes out is bounded: the steady probing has one peer at a time, a request at most 32, and
// 200 a second; a peer costs four packets when all is well and some eighty when a size is searched
// for on both ways. Requests wait for each other; beyond four they are refused.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "api/probe.h"
#include "node/backend/backend.h"
#include "node/peer_table.h"
#include "node/probe/echo_socket.h"
#include "node/probe/path_probe.h"
#include "node/probe/rounds.h"
#include "node/probe/vxlan_port.h"

namespace heddle::node {

struct ProberOptions {
  absl::Duration interval = absl::Seconds(1);  // between two peers; zero: only when asked
  std::uint64_t seed = 0;
};

// What there is to probe. References: valid for the call only.
struct ProbeWorld {
  const PlanInput& input;
  const PeerTable::Peers& peers;
  const std::vector<HostFinding>& findings;  // of this host
};

// Owned and called by one thread, in the network namespace that it probes from.
class Prober {
 public:
  explicit Prober(ProberOptions options);
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Readable when an answer has come. For poll(2).
  int fd() const { return epoll_fd_; }
  absl::Time next_due() const;

  // Takes the answers and sends what is due. `world` is null while there is no lease.
  void Step(absl::Time now, const ProbeWorld* world);

  // Probes now; TakeReports has the answer, after later Steps.
  void Ask(ProbeRequest request);
  std::vector<ProbeReport> TakeReports();
  // Drops what was asked: who asked is gone.
  void ForgetRequests();

  // What the steady probing found. Sentences change only with what is wrong, not with each probe.
  const Reachability& reachability() const { return reachability_; }

 private:
  struct Running {
    PathProbe path;
    bool is_steady;
    std::optional<VxlanPort> port;  // once a frame for every MAC was sent
  };
  struct Sent {
    PathProbe* path;
    PathProbe::Packet packet;
    absl::Time at;  // by the wall clock, as answers are
  };
  struct Request {
    ProbeRequest asked;
    bool is_begun = false;
    std::vector<ProbeTarget> targets;  // not yet begun
    ProbeReport report;                // not yet given out
    absl::Time report_due;
  };

  void TakeAnswers(absl::Time now);
  void BeginSteady(absl::Time now, const ProbeWorld& world);
  void BeginRequested(absl::Time now, const ProbeWorld* world);
  void Plan(const ProbeWorld& world, Request* request);
  void Start(ProbeTarget target, bool is_steady);
  void Drive(absl::Time now);
  absl::Status Send(Running* running, const PathProbe::Packet& packet);
  // Opens what the targets need.
  absl::Status OpenSockets(const std::vector<ProbeTarget>& targets);
  void Finish(const Running& running, const ProbeWorld* world);
  void GiveReport(absl::Time now);
  std::size_t CountRequested() const;

  const ProberOptions options_;
  std::mt19937_64 random_;
  int epoll_fd_ = -1;
  PerFamily<EchoSocket> sockets_;
  std::list<Running> running_;  // whose addresses stay
  absl::flat_hash_map<std::uint64_t, Sent> sent_;

  Rounds rounds_;
  absl::Time steady_due_ = absl::InfinitePast();
  std::string steady_id_, steady_failure_;  // of the peer whose turn it is
  Reachability reachability_;

  std::deque<Request> requests_;  // the first is being answered
  absl::Time start_due_ = absl::InfinitePast();
  std::vector<ProbeReport> reports_;
};

}  // namespace heddle::node
