// Restarts, and changes of what a plan depends on.
#include <gtest/gtest.h>

#include "node/executor_fixture.h"

namespace heddle::node {
namespace {

TEST_F(ExecutorTest, RestartFindsAllRightAndWritesNothing) {
  Settle(100);
  Restart();
  CountFromHere();
  Attach();
  executor_->Step(now_);
  Snapshot(MakePeers(100));
  executor_->Step(now_);
  EXPECT_EQ(writes(), 0u);
  EXPECT_EQ(executor_->applied().revision, revision_);
}

TEST_F(ExecutorTest, RestartRemovesWhatVanishedButNotBeforeSynced) {
  Settle(10);
  const auto routes = kernel_.state().routes.size();
  Restart();
  Attach();
  executor_->Step(now_);
  Say(SnapshotBegin{++revision_});  // half a snapshot
  Say(Chunk{{{"node-1", MakePeer(1)}}});
  executor_->LookAgain(now_);
  Run(absl::Seconds(100));
  EXPECT_EQ(writes(), 0u);
  EXPECT_EQ(kernel_.state().routes.size(), routes);
  Attach();
  Snapshot(MakePeers(8));
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state().routes.size(), routes - 2);
}

TEST_F(ExecutorTest, RememberedSnapshotConnectsWithoutAController) {
  Settle(10);
  const NetworkState good = kernel_.state();
  const auto remembered = executor_->remembered();
  ASSERT_TRUE(remembered.has_value());
  kernel_.Reboot();  // a reboot
  Restart();
  executor_->Restore(*remembered);
  executor_->SetHost(TestHost(), now_);
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state(), good);
  EXPECT_TRUE(executor_->ready());
  EXPECT_EQ(executor_->position(), (Position{"h", revision_}));
  EXPECT_EQ(executor_->applied().revision, 0u) << "no controller has confirmed it";
  // Resumed: only the delta comes.
  Attach();
  Delta({{"node-3", std::nullopt}});
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state().routes.size(), good.routes.size() - 1);
  EXPECT_EQ(executor_->applied().revision, revision_);
}

TEST_F(ExecutorTest, HeldRemovalsKeepTheKernelAndAreAccepted) {
  Settle(20);
  PeerTable::Peers few = MakePeers(5);
  Snapshot(few);
  Run(absl::Seconds(70));
  EXPECT_EQ(writes(), 0u);
  EXPECT_EQ(executor_->applied().held_removals, 15u);
  EXPECT_EQ(executor_->applied().revision, revision_);
  EXPECT_NE(Problems().find("heddlectl node accept node-1"), std::string::npos);
  EXPECT_EQ(executor_->remembered()->position, Position{}) << "a restart must judge again";
  Say(AcceptRemovals{});
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state().routes.size(), 4u);
  EXPECT_EQ(executor_->applied().held_removals, 0u);
  EXPECT_EQ(Problems(), "");
}

TEST_F(ExecutorTest, PeersMissingWhileTheStoreSettlesAreHeldWithoutAProblem) {
  Settle(20);
  const PeerTable::Peers back = MakePeers(15);
  Say(Welcome{"restored", TestNetwork(), absl::Seconds(10), "test"});
  Say(SnapshotBegin{3});
  Chunk chunk;
  for (const auto& [id, peer] : back) chunk.changes.push_back({id, peer});
  Say(chunk);
  Say(Synced{3, HashOf(back), /*settling=*/true});
  Run(absl::Seconds(70));
  EXPECT_EQ(writes(), 0u);
  EXPECT_EQ(executor_->applied().held_removals, 5u);
  EXPECT_EQ(executor_->applied().revision, 3u);
  EXPECT_EQ(Problems(), "") << "nobody has to accept it";
  Say(Heartbeat{3, HashOf(back), /*settling=*/false, std::nullopt});
  Run(absl::Seconds(1));
  EXPECT_EQ(kernel_.state().routes.size(), 14u);
  EXPECT_EQ(executor_->applied().held_removals, 0u);
}

TEST_F(ExecutorTest, ARefusedAddressIsAProblemAndChangesNothing) {
  Settle(10);
  Say(OwnLease{MakePeer(1), absl::InfiniteFuture(), "its address is another's"});
  Run(absl::Seconds(1));
  EXPECT_NE(Problems().find("its address is another's"), std::string::npos) << Problems();
  EXPECT_EQ(writes(), 0u);
  Say(OwnLease{MakePeer(1), absl::InfiniteFuture()});
  EXPECT_EQ(Problems(), "");
}

TEST_F(ExecutorTest, ForeignLeaseAndDivergenceDropTheStream) {
  Settle(10);
  EXPECT_FALSE(executor_->Handle(OwnLease{MakePeer(2), absl::InfiniteFuture()}, now_).ok());
  EXPECT_EQ(executor_->Handle(Heartbeat{revision_, 1}, now_).code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(executor_->need_snapshot());
  Run(absl::Seconds(120));
  EXPECT_EQ(writes(), 0u) << "losing the controller changes nothing";
}

TEST_F(ExecutorTest, UnderlayMtuAndAddressAreFollowed) {
  Settle(10);
  HostFacts host = TestHost();
  host.underlay_mtu_bytes = 1400;
  executor_->SetHost(host, now_);
  executor_->Step(now_);
  EXPECT_EQ(kernel_.state().links.begin()->second.mtu_bytes, 1350);
  const auto before = *executor_->advertisement();
  host.source_address[Family::kV4] = host.public_address[Family::kV4] = *Ip::Parse("192.0.2.99");
  executor_->SetHost(host, now_);
  EXPECT_NE(*executor_->advertisement(), before);
  executor_->Step(now_);
  EXPECT_EQ(std::get<VxlanLink>(kernel_.state().links.begin()->second.kind).local,
            *Ip::Parse("192.0.2.99"));
  EXPECT_EQ(kernel_.state().routes.size(), 9u);
}

TEST_F(ExecutorTest, LostUnderlayKeepsTheKernelAndSaysWhy) {
  Settle(10);
  executor_->SetHost(absl::NotFoundError("no interface has a default route"), now_);
  Run(absl::Seconds(120));
  EXPECT_EQ(writes(), 0u);
  EXPECT_NE(Problems().find("default route"), std::string::npos);
}

// Two changes of one peer before the kernel heard of the first: it is brought from where it is.
TEST_F(ExecutorTest, APeerThatChangesTwiceAtOnceIsWhereItWentLast) {
  Settle(3);
  Peer moved = MakePeer(2);
  moved.advertisement.public_address[Family::kV4] = *Ip::Parse("192.0.9.9");
  Delta({{"node-2", moved}});
  Peer again = moved;
  again.advertisement.standby_type = "host-gw";
  Delta({{"node-2", again}});
  executor_->Step(now_);
  const FdbKey key{"heddle.1", moved.advertisement.vtep_mac};
  EXPECT_EQ(kernel_.state().fdb.at(key).remote, *Ip::Parse("192.0.9.9"));
  EXPECT_EQ(executor_->full_passes(), 1u);
}

// The steps in which a controller changes the backend: the standby is built beside it, then they
// change places, then the former one goes. No step leaves a peer without a path.
TEST_F(ExecutorTest, BackendChangesThroughAStandby) {
  Settle(3);
  const auto paths = [&] {
    std::vector<std::string> links;
    for (const auto& [id, nexthop] : kernel_.state().nexthops) links.push_back(nexthop.link);
    return links;
  };
  const std::vector<std::string> vxlan = {"heddle.1", "heddle.1"}, direct = {"eth0", "eth0"};
  const auto both = [](int n) {
    Peer peer = MakePeer(n, "vxlan");
    peer.advertisement.standby_type = "host-gw";
    return peer;
  };
  Network network = TestNetwork("vxlan");
  network.standby = TestNetwork("host-gw").backend;
  Say(network);
  EXPECT_EQ(executor_->advertisement()->standby_type, "") << "it is made first";
  executor_->Step(now_);
  EXPECT_EQ(executor_->advertisement()->standby_type, "host-gw");
  Say(OwnLease{both(1), absl::InfiniteFuture()});
  Delta({{"node-1", both(1)}, {"node-2", both(2)}});
  executor_->Step(now_);
  EXPECT_EQ(paths(), vxlan) << "the standby carries nothing yet";

  std::swap(network.backend, *network.standby);
  Say(network);
  executor_->Step(now_);
  EXPECT_EQ(paths(), (std::vector<std::string>{"eth0", "heddle.1"}))
      << "node-3 has not begun host-gw: it is reached as before";
  Delta({{"node-3", both(3)}});
  executor_->Step(now_);
  EXPECT_EQ(paths(), direct);
  EXPECT_EQ(kernel_.state().fdb.size(), 2u) << "what still arrives through vxlan is received";

  network.standby.reset();
  Say(network);
  executor_->Step(now_);
  EXPECT_EQ(paths(), direct);
  EXPECT_TRUE(kernel_.state().links.empty());
  EXPECT_EQ(executor_->applied().revision, revision_);
}

// The same steps to and from commands, which are run and undone by difference.
TEST_F(ExecutorTest, BackendChangesToAndFromCommands) {
  const auto hooks = [&] { return kernel_.state().hooks.size(); };
  const auto with_standby = [](int n, const std::string& standby) {
    Peer peer = MakePeer(n, "vxlan");
    peer.advertisement.standby_type = standby;
    return peer;
  };
  ExecutorOptions options;
  options.identity.node_id = "node-1";
  options.identity.runs_commands = true;
  executor_ = std::make_unique<Executor>(options, &kernel_);
  Settle(3);
  Network network = TestNetwork("vxlan");
  network.standby = TestNetwork("extension").backend;
  network.standby->options["SubnetAddCommand"] = std::string("add");
  Say(network);
  executor_->Step(now_);
  EXPECT_EQ(executor_->advertisement()->standby_type, "extension") << Problems();

  Say(OwnLease{with_standby(1, "extension"), absl::InfiniteFuture()});
  Delta({{"node-2", with_standby(2, "extension")}, {"node-3", with_standby(3, "extension")}});
  executor_->Step(now_);
  EXPECT_EQ(hooks(), 2u) << "run beside the routes that carry still";
  EXPECT_EQ(kernel_.state().routes.size(), 2u);
  CountFromHere();
  network.standby.reset();
  Say(network);
  executor_->Step(now_);
  EXPECT_EQ(hooks(), 0u);
  EXPECT_EQ(kernel_.state().routes.size(), 2u);
  EXPECT_EQ(writes(), 2u);
}

TEST_F(ExecutorTest, CommandsLeftForWantOfTimeRunSoonAndFailedOnesWithPatience) {
  Network network = TestNetwork("extension");
  network.backend.options["SubnetAddCommand"] = std::string("add");
  ExecutorOptions options;
  options.identity.node_id = "node-1";
  options.identity.runs_commands = true;
  executor_ = std::make_unique<Executor>(options, &kernel_);
  Say(Welcome{"h", network, absl::Seconds(10), "test"});
  executor_->SetHost(TestHost(), now_);
  Say(OwnLease{MakePeer(1, "extension"), absl::InfiniteFuture()});
  Snapshot(MakePeers(40, "extension"));
  int room = 0;
  kernel_.faults.refuse = [&room](const Operation& operation) {
    const bool is_hook = operation.ToString().find(" hook ") != std::string::npos;
    return !is_hook || room-- > 0 ? absl::OkStatus()
                                  : absl::UnavailableError("other commands took the time");
  };
  // Four a pass: ten passes, each soon after the one before.
  for (int pass = 1; pass <= 10; ++pass) {
    room = 4;
    executor_->Step(now_);
    EXPECT_EQ(kernel_.state().hooks.size(), std::min(39, 4 * pass));
    const absl::Duration wait = executor_->next_due() - now_;
    EXPECT_EQ(wait, pass < 10 ? ExecutorOptions().spacing : ExecutorOptions().resync);
    now_ = std::max(now_, executor_->next_due());
  }
  EXPECT_EQ(Problems(), "");

  kernel_.faults.refuse = [](const Operation&) { return absl::InternalError("it exited with 1"); };
  Delta({{"node-41", MakePeer(41, "extension")}});
  const std::uint64_t passes = executor_->full_passes();
  Run(absl::Minutes(5));
  EXPECT_GT(executor_->full_passes(), passes + 5);
  EXPECT_LT(executor_->full_passes(), passes + 60);
  EXPECT_NE(Problems().find("it exited with 1"), std::string::npos);
}

// Not announced, so not begun: it could be commands that this host was not asked to run.
TEST_F(ExecutorTest, AStandbyThatThisHostMayNotRunIsNotBegun) {
  Settle(3);
  Network network = TestNetwork("vxlan");
  network.standby = *CompleteBackend({"extension", {{"PostStartupCommand", "touch /tmp/x"}}});
  Say(network);
  Run(absl::Seconds(1));
  EXPECT_TRUE(kernel_.state().hooks.empty());
  EXPECT_EQ(executor_->advertisement()->standby_type, "");
  EXPECT_NE(Problems().find("--allow-extension-commands"), std::string::npos) << Problems();
}

// Peers send through what is announced from then on.
TEST_F(ExecutorTest, AStandbyIsAnnouncedWhenItIsMade) {
  Settle(3);
  kernel_.faults.refuse = [](const Operation& operation) {
    return operation.ToString().find("heddle.ipip") == std::string::npos
               ? absl::OkStatus()
               : absl::UnimplementedError("no such module");
  };
  Network network = TestNetwork("vxlan");
  network.standby = TestNetwork("ipip").backend;
  Say(network);
  Run(absl::Seconds(1));
  EXPECT_EQ(executor_->advertisement()->standby_type, "");
  kernel_.faults.refuse = nullptr;
  Run(absl::Seconds(60));
  EXPECT_EQ(executor_->advertisement()->standby_type, "ipip");
}

// It cannot take part, so it says so and stays where it is.
TEST_F(ExecutorTest, AStandbyThatThisHostCannotRunIsAProblem) {
  Settle(3);
  HostFacts behind_nat = TestHost();
  behind_nat.public_address[Family::kV4] = *Ip::Parse("203.0.113.1");
  executor_->SetHost(behind_nat, now_);
  Network network = TestNetwork("vxlan");
  network.standby = TestNetwork("host-gw").backend;
  Say(network);
  ASSERT_TRUE(executor_->advertisement());
  EXPECT_EQ(executor_->advertisement()->standby_type, "");
  EXPECT_NE(Problems().find("change between vxlan and host-gw"), std::string::npos) << Problems();
}

}  // namespace
}  // namespace heddle::node
