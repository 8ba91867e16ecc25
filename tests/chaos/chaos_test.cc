// A cluster of the real programs under kills, pauses and cuts by a seed, with clients on many
// threads, nodes that come, go and move, and traffic that must not notice.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/chaos/churn.h"
#include "tests/chaos/client.h"
#include "tests/chaos/convergence.h"
#include "tests/chaos/faults.h"
#include "tests/chaos/linearizability.h"
#include "tests/chaos/logs.h"
#include "tests/chaos/observer.h"
#include "tests/chaos/options.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::chaos {
namespace {

constexpr int kSteadyNodes = 5;  // with pods, and traffic from each to the next
constexpr int kClients = 8, kObservers = 6;
constexpr int kFewOperations = 100;
constexpr absl::Duration kTick = absl::Milliseconds(20);
// Sequence numbers of pings are 16 bits wide.
constexpr absl::Duration kPingsRenewedEvery = absl::Minutes(5);

// The pods of the steady nodes, each pinging the next.
class Traffic {
 public:
  explicit Traffic(World* world) {
    for (int number = 1; number <= kSteadyNodes; ++number) {
      pods_.push_back(
          std::make_unique<lab::Pod>(world->host(number), *world->node(number).subnet_env()));
    }
  }

  // Paths that carry one ping carry all.
  testing::AssertionResult Begin() {
    for (std::size_t i = 0; i < pods_.size(); ++i) {
      const auto pings = lab::Pings(pods_[i]->netns(), To(i), 84, absl::Seconds(10));
      if (!pings) return pings;
      streams_.push_back(std::make_unique<lab::PingStream>(pods_[i]->netns(), To(i)));
    }
    began_ = absl::Now();
    return testing::AssertionSuccess();
  }
  void End() {
    for (auto& stream : streams_) {
      EXPECT_TRUE(stream->StopWithoutLoss());
      sent_ += stream->sent();
    }
    streams_.clear();
  }
  void Renew(absl::Time now) {
    if (now < began_ + kPingsRenewedEvery) return;
    End();
    EXPECT_TRUE(Begin());
  }
  int sent() const { return sent_; }
  const lab::Pod& pod(int number) const { return *pods_.at(static_cast<std::size_t>(number) - 1); }

 private:
  Ip To(std::size_t from) const { return pods_[(from + 1) % pods_.size()]->address(Family::kV4); }

  std::vector<std::unique_ptr<lab::Pod>> pods_;
  std::vector<std::unique_ptr<lab::PingStream>> streams_;
  absl::Time began_;
  int sent_ = 0;
};

class ChaosTest : public testing::Test {
 protected:
  void Live(const WorldOptions& world_options, absl::Duration faults_for);

 private:
  testing::AssertionResult Start();
  void Torment(absl::Duration length);
  void JudgeHistory();
  void JudgeLogs();
  void PingMovedNodes();
  void KeepLogs();

  std::unique_ptr<World> world_;
  Recorder recorder_;
  SetHashes hashes_;
  std::unique_ptr<Churn> churn_;
  std::unique_ptr<Faults> faults_;
  std::unique_ptr<Traffic> traffic_;
  std::vector<std::unique_ptr<Observer>> observers_;
};

testing::AssertionResult ChaosTest::Start() {
  churn_->StartAll();
  const auto leased = lab::Within(absl::Seconds(60), "the steady nodes are ready", [this] {
    for (int number = 1; number <= kSteadyNodes; ++number) {
      if (!world_->node(number).ready()) return world_->node(number).id();
    }
    return std::string();
  });
  if (!leased) return leased;
  traffic_ = std::make_unique<Traffic>(world_.get());
  return traffic_->Begin();
}

void ChaosTest::Torment(absl::Duration length) {
  std::vector<std::unique_ptr<Client>> clients;
  Playground playground;
  playground.controllers = world_->controllers();
  for (int i = 0; i < 8; ++i) {
    playground.contended_subnets.push_back(absl::StrCat("10.244.", 119 + i, ".0/24"));
  }
  for (int i = 1; i <= kClients; ++i) {
    clients.push_back(std::make_unique<Client>(i, options.seed, playground, &recorder_));
  }
  const absl::Time end = absl::Now() + length;
  for (absl::Time now = absl::Now(); now < end; now = absl::Now()) {
    faults_->Step(now);
    churn_->Step(now);
    traffic_->Renew(now);
    for (auto& server : world_->servers()) {
      ASSERT_TRUE(server->AsExpected()) << server->name() << " ended by itself";
    }
    absl::SleepFor(kTick);
  }
}

void ChaosTest::JudgeHistory() {
  const History history = recorder_.history();
  int counts[3] = {};
  for (const Operation& operation : history) {
    ++counts[static_cast<int>(operation.outcome)];
    for (const Faults::Outage& outage : faults_->outages()) {
      EXPECT_FALSE(operation.written && operation.invoked > outage.begin &&
                   operation.completed < outage.end)
          << operation.client << " had a write acknowledged while no majority of etcd worked";
    }
  }
  std::cout << history.size() << " operations: " << counts[0] << " done, " << counts[1]
            << " refused, " << counts[2] << " without an answer\n";
  EXPECT_GT(counts[0], kFewOperations) << "hardly anything was answered: this run proves little";
  std::string around;
  EXPECT_EQ(FindContradiction(history, &around), "");
  if (!around.empty()) std::cout << "all calls for these nodes:" << around << "\n";
  EXPECT_EQ(hashes_.histories(), 1u);
}

void ChaosTest::JudgeLogs() {
  for (Server* server : world_->ServersOf(Server::Role::kController)) {
    EXPECT_EQ(ForbiddenLines(server->Log()), "") << "in the log of " << server->name();
  }
}

// Where Bazel keeps what a test leaves behind.
void ChaosTest::KeepLogs() {
  const char* folder = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  for (auto& server : world_->servers()) {
    if (folder != nullptr)
      std::ofstream(absl::StrCat(folder, "/", server->name())) << server->Log();
  }
}

void ChaosTest::PingMovedNodes() {
  for (const int number : churn_->moved()) {
    const lab::Pod pod(world_->host(number), *world_->node(number).subnet_env());
    EXPECT_TRUE(lab::Pings(traffic_->pod(1).netns(), pod.address(Family::kV4)));
  }
}

void ChaosTest::Live(const WorldOptions& world_options, absl::Duration faults_for) {
  world_ = std::make_unique<World>(world_options);
  churn_ = std::make_unique<Churn>(world_.get(), kSteadyNodes + 1, options.seed, &recorder_);
  faults_ = std::make_unique<Faults>(world_.get(), options.seed);
  ASSERT_TRUE(Start());
  for (int i = 1; i <= kObservers; ++i) {
    observers_.push_back(
        std::make_unique<Observer>(i, options.seed, world_->controllers(), &hashes_, &recorder_));
  }
  Torment(faults_for);
  faults_->HealAll();
  churn_->BringAllBack();
  EXPECT_TRUE(Converges(world_.get(), observers_, absl::Seconds(60)));
  traffic_->End();
  churn_->WriteDownAll();
  for (const Endpoint& controller : world_->controllers()) {
    Asking("judge", controller, &recorder_).List(/*newest=*/true);
  }
  JudgeHistory();
  JudgeLogs();
  PingMovedNodes();
  observers_.clear();
  std::cout << "faults: " << faults_->Summary() << "\nnodes: " << churn_->Summary() << "\n"
            << traffic_->sent() << " pings\n";
  EXPECT_GT(faults_->count(), 0);
  EXPECT_GT(churn_->count(), 0);
  if (HasFailure()) {
    std::cout << "what was done when:\n" << faults_->log();
    KeepLogs();
  }
}

TEST_F(ChaosTest, OneControllerWithAStoreOfItsOwn) {
  WorldOptions one;
  one.etcd_members = 0;
  one.controllers = 1;
  one.nodes = options.nodes;
  one.controller_flags = {"--rest", "1s", "--heartbeat-seconds", "1"};
  Live(one, options.faults_for / 3);
}

TEST_F(ChaosTest, ThreeControllersOnThreeEtcdMembers) {
  WorldOptions three;
  three.nodes = options.nodes;
  three.controller_flags = {"--rest", "1s", "--heartbeat-seconds", "1"};
  Live(three, options.faults_for);
}

}  // namespace
}  // namespace heddle::chaos
