// The whole node in a network namespace of its own: a real kernel, a scripted controller.
#include "node/agent.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

#include "absl/strings/match.h"
#include "api/backend_schema.h"
#include "api/convert.h"
#include "base/file.h"
#include "node/dataplane/private_network.h"
#include "node/enrolment/fake_identity.h"
#include "node/fake_controller.h"

namespace heddle::node {
namespace {

Network TestNetwork() {
  Network network;
  network.ranges[Family::kV4] =
      Range{*Prefix::Parse("10.0.0.0/16"), 24, *Ip::Parse("10.0.1.0"), *Ip::Parse("10.0.255.0")};
  network.backend = *CompleteBackend({"vxlan", {}});
  return network;
}

Peer MakePeer(int n, const Advertisement& advertisement) {
  Peer peer;
  peer.node_id = absl::StrCat("node-", n);
  peer.subnets[Family::kV4] = *Prefix::Parse(absl::StrCat("10.0.", n, ".0/24"));
  peer.advertisement = advertisement;
  return peer;
}

Advertisement Remote(int n) {
  Advertisement advertisement;
  advertisement.public_address[Family::kV4] = *Ip::Parse(absl::StrCat("192.0.2.", 100 + n));
  advertisement.backend_type = "vxlan";
  advertisement.vtep_mac = Mac{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(n)}};
  return advertisement;
}

// Node 1's controller: grants what is asked, tells of node 2, and remembers what was reported.
class Scripted {
 public:
  static void Greet(FakeController::Wire* wire) {
    v1::ControllerMessage welcome;
    welcome.mutable_welcome()->set_history("h");
    welcome.mutable_welcome()->set_heartbeat_seconds(60);
    *welcome.mutable_welcome()->mutable_network() = ToProto(TestNetwork());
    wire->Write(welcome);
  }
  grpc::Status operator()(int, FakeController::Wire* wire,
                          std::uint64_t applied_revision_that_ends = UINT64_MAX) {
    v1::NodeMessage message;
    wire->Read(&message);  // Hello
    Greet(wire);
    while (wire->Read(&message)) {
      if (message.has_advertise()) Grant(message.advertise(), wire);
      if (message.has_applied()) {
        MutexLock lock(&mutex_);
        applied_ = message.applied();
        ++reports_;
        if (applied_.revision() >= applied_revision_that_ends) return grpc::Status::OK;
      }
    }
    return grpc::Status::OK;
  }
  int reports() {
    MutexLock lock(&mutex_);
    return reports_;
  }
  v1::Applied applied() {
    MutexLock lock(&mutex_);
    return applied_;
  }

 private:
  static void Grant(const v1::Advertise& advertise, FakeController::Wire* wire) {
    const Peer self = MakePeer(1, *FromProto(advertise.advertisement()));
    const Peer other = MakePeer(2, Remote(2));
    v1::ControllerMessage lease, begin, chunk, synced;
    *lease.mutable_own_lease()->mutable_self() = ToProto(self);
    begin.mutable_snapshot_begin()->set_revision(7);
    *chunk.mutable_chunk()->add_changes()->mutable_put() = ToProto(self);
    *chunk.mutable_chunk()->add_changes()->mutable_put() = ToProto(other);
    synced.mutable_synced()->set_revision(7);
    synced.mutable_synced()->set_set_hash(PeerDigest(self) + PeerDigest(other));
    for (const auto& part : {lease, begin, chunk, synced}) wire->Write(part);
  }

  Mutex mutex_;
  v1::Applied applied_;
  int reports_ = 0;
};

// A running agent, in a thread as it has in the program.
class Running {
 public:
  explicit Running(const AgentOptions& options, std::optional<EnrolmentOptions> joining = {})
      : stop_fd_(eventfd(0, EFD_CLOEXEC)) {
    thread_ = std::thread([this, options, joining] {
      auto kernel = OpenKernelDataplane();
      ASSERT_TRUE(kernel.ok()) << kernel.status();
      auto watch = KernelWatch::Open();
      ASSERT_TRUE(watch.ok()) << watch.status();
      std::unique_ptr<Enrolment> enrolment;
      if (joining) {
        auto started = Enrolment::Start(*joining);
        ASSERT_TRUE(started.ok()) << started.status();
        enrolment = *std::move(started);
      }
      Agent agent(options, WatchedDataplane(*std::move(kernel), *std::move(watch)),
                  std::move(enrolment));
      const absl::Status status = agent.Run(stop_fd_);
      EXPECT_TRUE(status.ok()) << status;
    });
  }
  ~Running() {
    const std::uint64_t one = 1;
    EXPECT_EQ(write(stop_fd_, &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
    thread_.join();
    close(stop_fd_);
  }

 private:
  int stop_fd_;
  std::thread thread_;
};

class AgentTest : public testing::Test {
 protected:
  void SetUp() override {
    const absl::Status entered = EnterPrivateNetwork();
    ASSERT_TRUE(entered.ok()) << entered;
    ASSERT_TRUE(RunShell("ip link set lo up && sysctl -qw net.ipv4.ip_forward=1").ok());
    controller_ = std::make_unique<FakeController>(
        [this](int stream, FakeController::Wire* wire) { return scripted_(stream, wire); });
    const std::string folder =
        absl::StrCat(testing::TempDir(), "/agent-", getpid(), "-",
                     testing::UnitTest::GetInstance()->current_test_info()->name());
    options_.executor.identity.node_id = options_.session.node_id = "node-1";
    options_.session.instance_id = "i";
    options_.session.insecure = true;
    options_.session.controllers = {controller_->address()};
    options_.underlay.iface = {kTestUnderlay};
    options_.subnet_file = folder + "/subnet.env";
    options_.snapshot_file = folder + "/snapshot";
  }

  static bool Within(absl::Duration time, const std::function<bool()>& done) {
    const absl::Time end = absl::Now() + time;
    while (absl::Now() < end) {
      if (done()) return true;
      absl::SleepFor(absl::Milliseconds(10));
    }
    return done();
  }
  NetworkState Kernel() {
    auto kernel = OpenKernelDataplane();
    EXPECT_TRUE(kernel.ok()) << kernel.status();
    auto state = (*kernel)->Read();
    EXPECT_TRUE(state.ok()) << state.status();
    return *std::move(state);
  }
  // With certificates, by a ticket in that folder.
  EnrolmentOptions Joining(const std::string& folder) {
    EnrolmentOptions joining;
    joining.node_id = "node-1";
    joining.join_file = folder + "/ticket";
    joining.state = StateFilesIn(folder);
    joining.server_name = identity::kControllerServerName;
    joining.look_spacing = absl::Milliseconds(50);
    options_.session.insecure = false;
    options_.session.controllers.clear();
    return joining;
  }
  bool SubnetFileSays(const std::string& line) {
    const auto content = ReadFile(options_.subnet_file);
    return content.ok() &&
           absl::StrCat("\n", *content).find(absl::StrCat("\n", line, "\n")) != std::string::npos;
  }

  Scripted scripted_;
  std::unique_ptr<FakeController> controller_;
  AgentOptions options_;
};

TEST_F(AgentTest, JoinsRepairsAndFollowsTheUnderlay) {
  const Running agent(options_);
  ASSERT_TRUE(Within(absl::Seconds(10), [&] { return scripted_.applied().revision() == 7; }));
  EXPECT_EQ(scripted_.applied().peers(), 1u);
  EXPECT_EQ(scripted_.applied().problems_size(), 0) << scripted_.applied().problems(0);
  EXPECT_TRUE(SubnetFileSays("FLANNEL_SUBNET=10.0.1.1/24"));
  EXPECT_TRUE(SubnetFileSays("FLANNEL_MTU=1450"));
  const NetworkState good = Kernel();
  EXPECT_EQ(good.routes.size(), 1u);
  EXPECT_EQ(good.fdb.size(), 1u);

  for (const char* drift :
       {"ip link set heddle.1 down && ip link set heddle.1 up", "ip link del heddle.1",
        "ip route del 10.0.2.0/24", "ip neigh flush dev heddle.1 nud permanent",
        "bridge fdb del 02:00:00:00:00:02 dev heddle.1", "ip addr flush dev heddle.1"}) {
    SCOPED_TRACE(drift);
    const absl::Status done = RunShell(drift);
    ASSERT_TRUE(done.ok()) << done;
    EXPECT_TRUE(Within(absl::Seconds(1), [&] { return Kernel() == good; }))
        << Kernel().ToString() << "instead of\n"
        << good.ToString();
  }
  ASSERT_TRUE(RunShell(absl::StrCat("ip link set ", kTestUnderlay, " mtu 1400")).ok());
  EXPECT_TRUE(Within(absl::Seconds(1), [&] {
    return SubnetFileSays("FLANNEL_MTU=1350") && Kernel().links.at("heddle.1").mtu_bytes == 1350;
  }));
}

// The controller does not believe a revision that its stream has not sent yet.
TEST_F(AgentTest, SaysWhatItHasAgainOnceAResumedStreamHasSentAll) {
  std::atomic<bool> heard{false};
  const FakeController controller([&](int stream, FakeController::Wire* wire) {
    if (stream == 1) return scripted_(stream, wire, /*applied_revision_that_ends=*/7);
    v1::NodeMessage message;
    wire->Read(&message);  // Hello
    Scripted::Greet(wire);
    bool advertised = false, applied = false;
    v1::ControllerMessage synced;
    synced.mutable_synced()->set_revision(7);
    while (!(advertised && applied) && wire->Read(&message)) {
      advertised |= message.has_advertise();
      applied |= message.has_applied();
      if (message.has_applied()) {
        synced.mutable_synced()->set_set_hash(message.applied().set_hash());
      }
    }
    wire->Write(synced);
    while (wire->Read(&message)) {
      if (message.has_applied() && message.applied().revision() == 7) heard = true;
    }
    return grpc::Status::OK;
  });
  options_.session.controllers = {controller.address()};
  const Running agent(options_);
  EXPECT_TRUE(Within(absl::Seconds(10), [&] { return heard.load(); }));
}

// As when a controller that the node has left carries out late what was asked of it.
TEST_F(AgentTest, AdvertisesAgainWhenItsLeaseHasAnotherAddress) {
  std::atomic<int> advertised{0};
  const FakeController controller([&](int, FakeController::Wire* wire) {
    v1::NodeMessage message;
    wire->Read(&message);  // Hello
    Scripted::Greet(wire);
    v1::ControllerMessage lease, heartbeat;
    *lease.mutable_own_lease()->mutable_self() = ToProto(MakePeer(1, Remote(1)));
    heartbeat.mutable_heartbeat()->set_revision(0);
    while (wire->Read(&message)) {
      if (!message.has_advertise()) continue;
      // Never what was asked, however often.
      wire->Write(lease);
      if (++advertised == 2) wire->Write(heartbeat);
    }
    return grpc::Status::OK;
  });
  options_.session.controllers = {controller.address()};
  const Running agent(options_);
  EXPECT_TRUE(Within(absl::Seconds(10), [&] { return advertised >= 3; }));
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_EQ(advertised, 3) << "at the first, for the lease, and at the heartbeat";
}

TEST_F(AgentTest, IsConnectedFromItsSavedSnapshotWithoutAController) {
  {
    const Running agent(options_);
    ASSERT_TRUE(Within(absl::Seconds(10), [&] { return scripted_.applied().revision() == 7; }));
  }
  const NetworkState good = Kernel();
  EXPECT_EQ(good.routes.size(), 1u) << "stopping leaves the data plane in place";
  controller_.reset();
  ASSERT_TRUE(RunShell("ip link del heddle.1 && nft flush ruleset").ok());  // a reboot
  unlink(options_.subnet_file.c_str());
  const Running agent(options_);
  EXPECT_TRUE(Within(absl::Seconds(5), [&] {
    return SubnetFileSays("FLANNEL_SUBNET=10.0.1.1/24") && Kernel() == good;
  }));
}

// As with a full disk: one report, and both files as soon as they can be written.
TEST_F(AgentTest, FilesThatCannotBeWrittenAreTriedAgainInPeace) {
  const std::string folder = options_.subnet_file.substr(0, options_.subnet_file.rfind('/'));
  ASSERT_TRUE(
      RunShell(absl::StrCat("mkdir -p ", folder, " && mount -t tmpfs -o nr_inodes=1 none ", folder))
          .ok());
  {
    const Running agent(options_);
    ASSERT_TRUE(
        Within(absl::Seconds(10), [&] { return scripted_.applied().problems_size() == 2; }));
    const int reports = scripted_.reports();
    absl::SleepFor(absl::Milliseconds(500));
    EXPECT_LE(scripted_.reports(), reports + 2) << "a failure that stays is told once";
    ASSERT_TRUE(RunShell(absl::StrCat("mount -o remount,nr_inodes=100 ", folder)).ok());
    EXPECT_TRUE(Within(absl::Seconds(10), [&] {
      return SubnetFileSays("FLANNEL_SUBNET=10.0.1.1/24") &&
             ReadFile(options_.snapshot_file).ok() && scripted_.applied().problems_size() == 0;
    }));
  }
  EXPECT_TRUE(RunShell(absl::StrCat("umount ", folder)).ok());
}

// A host that lost its identity, or has not got one yet, keeps the pods that it has connected.
TEST_F(AgentTest, IsConnectedFromItsSavedSnapshotWhileItWaitsToJoin) {
  {
    const Running agent(options_);
    ASSERT_TRUE(Within(absl::Seconds(10), [&] { return scripted_.applied().revision() == 7; }));
  }
  const NetworkState good = Kernel();
  ASSERT_TRUE(RunShell("ip link del heddle.1 && nft flush ruleset").ok());  // a reboot
  const std::string folder = options_.snapshot_file.substr(0, options_.snapshot_file.rfind('/'));
  Scripted secured;
  FakeIdentity fake(folder,
                    [&](int stream, FakeController::Wire* wire) { return secured(stream, wire); });
  const EnrolmentOptions joining = Joining(folder);
  const Running agent(options_, joining);
  ASSERT_TRUE(Within(absl::Seconds(5), [&] { return Kernel() == good; }));
  EXPECT_EQ(fake.controller().streams(), 0);
  ASSERT_TRUE(
      WriteFileAtomically(joining.join_file, identity::EncodeTicket(fake.Ticket()), 0600).ok());
  EXPECT_TRUE(Within(absl::Seconds(10), [&] { return secured.applied().revision() == 7; }));
  EXPECT_EQ(secured.applied().problems_size(), 0) << secured.applied().problems(0);
}

// Nobody lets it in any more: with another ticket it comes back by itself.
TEST_F(AgentTest, ComesBackWithAnotherTicketWhenItsCertificateIsRevoked) {
  const std::string folder = options_.snapshot_file.substr(0, options_.snapshot_file.rfind('/'));
  Scripted secured;
  FakeIdentity fake(folder, [&](int stream, FakeController::Wire* wire) {
    return fake.joins() == 1 ? grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "it's revoked")
                             : secured(stream, wire);
  });
  const EnrolmentOptions joining = Joining(folder);
  const auto write = [&](const identity::Ticket& ticket) {
    return WriteFileAtomically(joining.join_file, identity::EncodeTicket(ticket), 0600);
  };
  ASSERT_TRUE(write(fake.Ticket("00000000000000aa")).ok());
  const Running agent(options_, joining);
  ASSERT_TRUE(Within(absl::Seconds(10), [&] {
    return absl::StrContains(ReadProblem(joining.state.problem), "is refused (it's revoked)");
  })) << ReadProblem(joining.state.problem);
  EXPECT_EQ(fake.joins(), 1);
  ASSERT_TRUE(write(fake.Ticket()).ok());
  EXPECT_TRUE(Within(absl::Seconds(15), [&] { return secured.applied().revision() == 7; }));
  EXPECT_EQ(fake.joins(), 2);
  EXPECT_TRUE(Within(absl::Seconds(5), [&] { return ReadProblem(joining.state.problem).empty(); }));
}

TEST_F(AgentTest, SaysThatForwardingIsOff) {
  ASSERT_TRUE(RunShell("sysctl -qw net.ipv4.ip_forward=0").ok());
  const Running agent(options_);
  ASSERT_TRUE(Within(absl::Seconds(10), [&] { return scripted_.applied().revision() == 7; }));
  ASSERT_EQ(scripted_.applied().problems_size(), 1);
  EXPECT_NE(scripted_.applied().problems(0).find("sysctl -w net.ipv4.ip_forward=1"),
            std::string::npos);
}

}  // namespace
}  // namespace heddle::node
