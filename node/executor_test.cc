#include "node/executor.h"

#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"

namespace heddle::node {
namespace {

// A kernel that never errs, unless it is told to, and counts.
class CountingKernel final : public Dataplane {
 public:
  absl::StatusOr<NetworkState> Read() override {
    ++reads;
    if (!read_status.ok()) return read_status;
    return state;
  }
  std::vector<Failure> Apply(const std::vector<Operation>& operations) override {
    std::vector<Failure> failures;
    for (const Operation& operation : operations) {
      ++writes;
      removals += operation.kind == Operation::Kind::kRemove;
      if (fails && fails(operation)) {
        failures.push_back({operation, absl::InternalError("refused " + operation.ToString())});
      } else {
        ApplyTo(&state, {operation});
      }
    }
    return failures;
  }
  void ResetCounts() { reads = writes = removals = 0; }

  NetworkState state;
  absl::Status read_status;
  std::function<bool(const Operation&)> fails;
  int reads = 0, writes = 0, removals = 0;
};

Network TestNetwork(const std::string& backend = "vxlan") {
  Network network;
  network.ranges[Family::kV4] =
      Range{*Prefix::Parse("10.0.0.0/8"), 24, *Ip::Parse("10.0.1.0"), *Ip::Parse("10.255.255.0")};
  network.backend = *CompleteBackend({backend, {}});
  return network;
}

HostFacts TestHost() {
  HostFacts host;
  host.underlay_link = "eth0";
  host.underlay_mtu_bytes = 1500;
  host.source_address[Family::kV4] = host.public_address[Family::kV4] = *Ip::Parse("192.0.2.1");
  host.onlink_prefixes = {*Prefix::Parse("192.0.0.0/16")};
  return host;
}

Peer MakePeer(int n, const std::string& backend = "vxlan") {
  Peer peer;
  peer.node_id = absl::StrCat("node-", n);
  peer.subnets[Family::kV4] = *Prefix::Parse(absl::StrCat("10.", n / 256, ".", n % 256, ".0/24"));
  peer.advertisement.public_address[Family::kV4] =
      *Ip::Parse(absl::StrCat("192.0.", 2 + n / 250, ".", n % 250));
  peer.advertisement.backend_type = backend;
  if (backend == "vxlan") {
    peer.advertisement.vtep_mac =
        Mac{{2, 0, 0, 0, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)}};
  }
  return peer;
}

PeerTable::Peers MakePeers(int count, const std::string& backend = "vxlan") {
  PeerTable::Peers peers;
  for (int n = 1; n <= count; ++n) peers[MakePeer(n).node_id] = MakePeer(n, backend);
  return peers;
}

std::uint64_t HashOf(const PeerTable::Peers& peers) {
  std::uint64_t hash = 0;
  for (const auto& [id, peer] : peers) hash += PeerDigest(peer);
  return hash;
}

// This node is node-1. Drives an executor as a controller and an agent would.
class ExecutorTest : public testing::Test {
 protected:
  ExecutorTest() { Restart(); }

  // A new process: the kernel stays.
  void Restart() {
    ExecutorOptions options;
    options.node_id = "node-1";
    executor_ = std::make_unique<Executor>(options, &kernel_);
  }

  void Say(Update update) {
    const absl::Status status = executor_->Handle(std::move(update), now_);
    EXPECT_TRUE(status.ok()) << status;
  }
  void Attach(const std::string& backend = "vxlan") {
    Say(Welcome{"h", TestNetwork(backend), absl::Seconds(10), "test"});
    executor_->SetHost(TestHost(), now_);
    Say(OwnLease{MakePeer(1, backend), absl::InfiniteFuture()});
  }
  void Snapshot(const PeerTable::Peers& peers) {
    Say(SnapshotBegin{++revision_});
    Chunk chunk;
    for (const auto& [id, peer] : peers) chunk.changes.push_back({id, peer});
    Say(chunk);
    Say(Synced{revision_, HashOf(peers)});
    told_ = peers;
  }
  void Delta(const std::vector<PeerUpdate>& changes) {
    for (const PeerUpdate& change : changes) {
      if (change.peer) {
        told_[change.node_id] = *change.peer;
      } else {
        told_.erase(change.node_id);
      }
    }
    Say(Chunk{changes});
    Say(Synced{++revision_, HashOf(told_)});
  }
  // Attached, with these peers, all applied, counts at zero.
  void Settle(int peers) {
    Attach();
    Snapshot(MakePeers(peers));
    executor_->Step(now_);
    ASSERT_EQ(executor_->applied().revision, revision_) << Problems();
    kernel_.ResetCounts();
  }
  void Pass(absl::Duration time) { now_ += time; }
  // Steps whatever is due within `time`.
  void Run(absl::Duration time) {
    const absl::Time end = now_ + time;
    while (executor_->next_due() <= end) {
      now_ = std::max(now_, executor_->next_due());
      executor_->Step(now_);
    }
    now_ = end;
  }
  std::string Problems() const {
    std::string all;
    for (const std::string& problem : executor_->problems()) absl::StrAppend(&all, problem, "\n");
    return all;
  }

  CountingKernel kernel_;
  std::unique_ptr<Executor> executor_;
  absl::Time now_ = absl::UnixEpoch();
  std::uint64_t revision_ = 10;
  PeerTable::Peers told_;
};

TEST_F(ExecutorTest, AppliesASnapshotAndIsReady) {
  Attach();
  executor_->Step(now_);
  EXPECT_FALSE(executor_->ready()) << "no complete snapshot yet";
  EXPECT_EQ(executor_->applied().revision, 0u);
  Snapshot(MakePeers(5));
  EXPECT_EQ(executor_->applied().revision, 0u) << "told, not applied";
  executor_->Step(now_);
  EXPECT_TRUE(executor_->ready());
  EXPECT_EQ(kernel_.state.routes.size(), 4u);
  const Applied applied = executor_->applied();
  EXPECT_EQ(applied.revision, revision_);
  EXPECT_EQ(applied.set_hash, HashOf(MakePeers(5)));
  EXPECT_EQ(applied.peers, 4u);
  EXPECT_TRUE(applied.problems.empty()) << Problems();
}

TEST_F(ExecutorTest, DeltaCostsItsChangeOnly) {
  int writes_small = 0;
  for (int peers : {10, 1000}) {
    kernel_.state = {};
    Restart();
    Settle(peers);
    Delta({{"node-5000", MakePeer(5000)}});
    executor_->Step(now_);
    EXPECT_EQ(executor_->applied().revision, revision_);
    EXPECT_EQ(kernel_.reads, 0);
    if (writes_small == 0) writes_small = kernel_.writes;
    EXPECT_EQ(kernel_.writes, writes_small);
    EXPECT_LE(kernel_.writes, 4);  // FDB, neighbour, nexthop, route
    Delta({{"node-5000", std::nullopt}});
    executor_->Step(now_);
    EXPECT_EQ(kernel_.state.routes.size(), static_cast<std::size_t>(peers - 1));
    EXPECT_EQ(kernel_.reads, 0);
  }
}

TEST_F(ExecutorTest, DriftIsRepairedSoonAndHintsAreMerged) {
  Settle(10);
  const NetworkState good = kernel_.state;
  Pass(absl::Seconds(5));
  kernel_.state.routes.clear();
  for (int hint = 0; hint < 100; ++hint) executor_->LookAgain(now_);
  Run(absl::Milliseconds(50));
  EXPECT_EQ(kernel_.state, good);
  EXPECT_EQ(kernel_.reads, 2) << "one to see, one to be sure";
  const auto before = executor_->full_passes();
  for (int i = 0; i < 100; ++i) {  // a kernel that never rests
    executor_->LookAgain(now_);
    Run(absl::Milliseconds(10));
  }
  EXPECT_LE(executor_->full_passes() - before, 6u) << "in a second";
}

TEST_F(ExecutorTest, DriftWithoutAHintIsFoundByTheTimer) {
  Settle(10);
  const NetworkState good = kernel_.state;
  kernel_.state.fdb.clear();
  Run(absl::Seconds(61));
  EXPECT_EQ(kernel_.state, good);
}

TEST_F(ExecutorTest, FailureIsReportedAndRetriedUntilItIsWell) {
  Settle(10);
  const std::uint64_t applied = executor_->applied().revision;
  kernel_.fails = [](const Operation& operation) {
    return operation.ToString().find("route 10.0.77.0/24") != std::string::npos;
  };
  Delta({{"node-77", MakePeer(77)}, {"node-78", MakePeer(78)}});
  executor_->Step(now_);
  EXPECT_EQ(executor_->applied().revision, applied) << "not all of it is in the kernel";
  EXPECT_NE(Problems().find("10.0.77.0/24"), std::string::npos);
  EXPECT_TRUE(kernel_.state.routes.contains({*Prefix::Parse("10.0.78.0/24"), 0}));
  Run(absl::Seconds(5));
  const auto tries = executor_->full_passes();
  Run(absl::Seconds(60));
  EXPECT_LT(executor_->full_passes() - tries, 20u) << "the wait grows";
  kernel_.fails = nullptr;
  Run(absl::Seconds(31));
  EXPECT_EQ(executor_->applied().revision, revision_);
  EXPECT_EQ(Problems(), "");
}

TEST_F(ExecutorTest, DeltasStayCheapAndQuickWhileSomethingFails) {
  Settle(10);
  kernel_.fails = [](const Operation& operation) {
    return operation.ToString().find("route 10.0.77.0/24") != std::string::npos;
  };
  Delta({{"node-77", MakePeer(77)}});
  executor_->Step(now_);
  kernel_.ResetCounts();
  Delta({{"node-78", MakePeer(78)}});
  executor_->Step(now_);
  EXPECT_EQ(kernel_.reads, 0);
  EXPECT_TRUE(kernel_.state.routes.contains({*Prefix::Parse("10.0.78.0/24"), 0}));
}

TEST_F(ExecutorTest, ProblemsAreBounded) {
  Attach();
  kernel_.fails = [](const Operation&) { return true; };
  Snapshot(MakePeers(200));
  executor_->Step(now_);
  EXPECT_LT(executor_->problems().size(), 40u);
  EXPECT_NE(Problems().find("more objects failed"), std::string::npos);
  EXPECT_FALSE(executor_->ready()) << "own objects failed";
}

TEST_F(ExecutorTest, FailingPeersDoNotDelayReadiness) {
  Attach();
  kernel_.fails = [](const Operation& operation) {
    return operation.ToString().find("route 10.0.2.0/24") != std::string::npos;
  };
  Snapshot(MakePeers(5));
  executor_->Step(now_);
  EXPECT_TRUE(executor_->ready());
}

TEST_F(ExecutorTest, KernelThatCannotBeReadIsReadAgain) {
  Attach();
  Snapshot(MakePeers(5));
  kernel_.read_status = absl::UnavailableError("interrupted");
  executor_->Step(now_);
  EXPECT_EQ(kernel_.writes, 0);
  EXPECT_NE(Problems().find("interrupted"), std::string::npos);
  kernel_.read_status = absl::OkStatus();
  Run(absl::Seconds(1));
  EXPECT_TRUE(executor_->ready());
}

TEST_F(ExecutorTest, RestartFindsAllRightAndWritesNothing) {
  Settle(100);
  Restart();
  kernel_.ResetCounts();
  Attach();
  executor_->Step(now_);
  Snapshot(MakePeers(100));
  executor_->Step(now_);
  EXPECT_EQ(kernel_.writes, 0);
  EXPECT_EQ(executor_->applied().revision, revision_);
}

TEST_F(ExecutorTest, RestartRemovesWhatVanishedButNotBeforeSynced) {
  Settle(10);
  const auto routes = kernel_.state.routes.size();
  Restart();
  Attach();
  executor_->Step(now_);
  Say(SnapshotBegin{++revision_});  // half a snapshot
  Say(Chunk{{{"node-1", MakePeer(1)}}});
  executor_->LookAgain(now_);
  Run(absl::Seconds(100));
  EXPECT_EQ(kernel_.removals, 0);
  EXPECT_EQ(kernel_.state.routes.size(), routes);
  Attach();
  Snapshot(MakePeers(8));
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state.routes.size(), routes - 2);
}

TEST_F(ExecutorTest, RememberedSnapshotConnectsWithoutAController) {
  Settle(10);
  const NetworkState good = kernel_.state;
  const auto remembered = executor_->remembered();
  ASSERT_TRUE(remembered.has_value());
  kernel_.state = {};  // a reboot
  Restart();
  executor_->Restore(*remembered);
  executor_->SetHost(TestHost(), now_);
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state, good);
  EXPECT_TRUE(executor_->ready());
  EXPECT_EQ(executor_->resume_position(), (Position{"h", revision_}));
  EXPECT_EQ(executor_->applied().revision, 0u) << "no controller has confirmed it";
  // Resumed: only the delta comes.
  Attach();
  Delta({{"node-3", std::nullopt}});
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state.routes.size(), good.routes.size() - 1);
  EXPECT_EQ(executor_->applied().revision, revision_);
}

TEST_F(ExecutorTest, HeldRemovalsKeepTheKernelAndAreAccepted) {
  Settle(20);
  PeerTable::Peers few = MakePeers(5);
  Snapshot(few);
  Run(absl::Seconds(70));
  EXPECT_EQ(kernel_.removals, 0);
  EXPECT_EQ(executor_->applied().held_removals, 15u);
  EXPECT_EQ(executor_->applied().revision, revision_);
  EXPECT_NE(Problems().find("heddlectl node accept node-1"), std::string::npos);
  EXPECT_EQ(executor_->remembered()->position, Position{}) << "a restart must judge again";
  Say(AcceptRemovals{});
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state.routes.size(), 4u);
  EXPECT_EQ(executor_->applied().held_removals, 0u);
  EXPECT_EQ(Problems(), "");
}

TEST_F(ExecutorTest, ForeignLeaseAndDivergenceDropTheStream) {
  Settle(10);
  EXPECT_FALSE(executor_->Handle(OwnLease{MakePeer(2), absl::InfiniteFuture()}, now_).ok());
  EXPECT_EQ(executor_->Handle(Heartbeat{revision_, 1}, now_).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(executor_->resume_position(), Position{});
  Run(absl::Seconds(120));
  EXPECT_EQ(kernel_.writes, 0) << "losing the controller changes nothing";
}

TEST_F(ExecutorTest, UnderlayMtuAndAddressAreFollowed) {
  Settle(10);
  HostFacts host = TestHost();
  host.underlay_mtu_bytes = 1400;
  executor_->SetHost(host, now_);
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state.links.begin()->second.mtu_bytes, 1350);
  const auto before = *executor_->advertisement();
  host.source_address[Family::kV4] = host.public_address[Family::kV4] = *Ip::Parse("192.0.2.99");
  executor_->SetHost(host, now_);
  EXPECT_NE(*executor_->advertisement(), before);
  executor_->Step(now_);
  EXPECT_EQ(std::get<VxlanLink>(kernel_.state.links.begin()->second.kind).local,
            *Ip::Parse("192.0.2.99"));
  EXPECT_EQ(kernel_.state.routes.size(), 9u);
}

TEST_F(ExecutorTest, LostUnderlayKeepsTheKernelAndSaysWhy) {
  Settle(10);
  executor_->SetHost(absl::NotFoundError("no interface has a default route"), now_);
  Run(absl::Seconds(120));
  EXPECT_EQ(kernel_.writes, 0);
  EXPECT_NE(Problems().find("default route"), std::string::npos);
}

TEST_F(ExecutorTest, BackendChangeKeepsPathsUntilPeersHaveChangedOver) {
  Settle(3);
  Say(TestNetwork("host-gw"));
  EXPECT_EQ(executor_->advertisement()->backend_type, "host-gw");
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state.routes.size(), 2u) << "the peers still speak vxlan";
  Say(OwnLease{MakePeer(1, "host-gw"), absl::InfiniteFuture()});
  Delta({{"node-1", MakePeer(1, "host-gw")}, {"node-2", MakePeer(2, "host-gw")}});
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state.routes.size(), 2u);
  EXPECT_FALSE(kernel_.state.links.empty());
  Delta({{"node-3", MakePeer(3, "host-gw")}});
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state.routes.size(), 2u);
  EXPECT_TRUE(kernel_.state.links.empty()) << "nobody needs the vxlan device any more";
  EXPECT_EQ(executor_->applied().revision, revision_);
}

TEST_F(ExecutorTest, BackendChangeEndsEvenIfAPeerNeverFollows) {
  Settle(3);
  Say(TestNetwork("host-gw"));
  Run(absl::Seconds(31));
  EXPECT_TRUE(kernel_.state.links.empty());
}

}  // namespace
}  // namespace heddle::node
