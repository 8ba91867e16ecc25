// Several writers on one store: who leads changes, and commands go on.
#include <optional>
#include <random>

#include "controller/test_replicas.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

using ::testing::HasSubstr;

class WriterReplicasTest : public ::testing::Test {
 protected:
  // c-0 leads.
  void Start(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(all_.Start(i).ok());
    all_.Run();
    ASSERT_TRUE(all_.writer(0).leads());
    ASSERT_TRUE(SetNetwork(0).ok());
  }
  absl::Status SetNetwork(
      std::size_t index,
      const std::string& json = R"({"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}})") {
    absl::Status status = absl::InternalError("no answer");
    all_.writer(index).SetNetwork(
        TestNetwork(json), json,
        [&status](const absl::StatusOr<Committed>& result) { status = result.status(); });
    all_.Run();
    return status;
  }
  using Grant = std::optional<absl::StatusOr<LeaseGrant>>;
  std::shared_ptr<Grant> Ask(std::size_t index, int number, std::vector<Prefix> presented = {}) {
    auto answer = std::make_shared<Grant>();
    all_.writer(index).Acquire(
        {absl::StrCat("node-", number), TestAdvertisement(number), std::move(presented)},
        [answer](const absl::StatusOr<LeaseGrant>& grant) { *answer = grant; });
    all_.Run();
    return answer;
  }
  absl::Status Acquire(std::size_t index, int number) {
    const auto answer = Ask(index, number);
    return *answer ? (*answer)->status() : absl::InternalError("no answer");
  }

  TestReplicas all_;
};

TEST_F(WriterReplicasTest, AFollowerGrantsWhatTheLeaderCommitted) {
  Start(3);
  EXPECT_EQ(all_.replicas[0]->leadership->state().role, Leadership::Role::kLeader);
  EXPECT_EQ(all_.replicas[2]->leadership->state().leader, TestReplicas::Member(0));
  const auto answer = Ask(2, 1);
  ASSERT_TRUE(*answer && (*answer)->ok()) << (*answer)->status();
  EXPECT_EQ(all_.forwarded, 1);
  EXPECT_GE(all_.writer(2).book().revision(), (**answer)->revision);
  EXPECT_EQ(all_.replicas[2]->hub.peer_count(), 1u) << "published here before it is answered";
  for (int i : {0, 1, 2}) EXPECT_NE(all_.writer(i).book().Find("node-1"), nullptr);
}

TEST_F(WriterReplicasTest, TheAnswerWaitsForTheFollowersOwnFeed) {
  Start(2);
  all_.replicas[1]->store.Cut();
  const auto answer = Ask(1, 1);
  EXPECT_NE(all_.writer(0).book().Find("node-1"), nullptr);
  EXPECT_FALSE(*answer);
  all_.replicas[1]->store.End();
  all_.Run();
  ASSERT_TRUE(*answer && (*answer)->ok());
}

TEST_F(WriterReplicasTest, ALeaseOfTheBookIsGrantedWithoutAnyLeader) {
  Start(2);
  ASSERT_TRUE(Acquire(1, 1).ok());
  all_.store.HoldDelivery(true);  // so that nobody hears of what follows
  all_.replicas[1]->store.failing_positions = 1000;
  all_.Kill(0);
  const int before = all_.forwarded;
  const Prefix subnet = *all_.writer(1).book().Find("node-1")->subnets[Family::kV4];
  const auto granted = Ask(1, 1, {subnet});
  EXPECT_TRUE(*granted && (*granted)->ok());
  EXPECT_EQ(all_.forwarded, before);
  all_.clock.now += absl::Hours(25);
  const auto expired = Ask(1, 1, {subnet});
  EXPECT_FALSE(*expired && (*expired)->ok()) << "its time is over: another may have it";
  all_.store.HoldDelivery(false);
}

TEST_F(WriterReplicasTest, AReplicaThatIsCutOffDoesNotGrantWhatWasReleasedMeanwhile) {
  Start(2);
  ASSERT_TRUE(Acquire(1, 1).ok());
  all_.replicas[1]->store.Cut();
  all_.writer(0).Release("node-1", [](const absl::StatusOr<Committed>&) {});
  all_.Run();
  ASSERT_EQ(all_.writer(0).book().Find("node-1"), nullptr);
  ASSERT_NE(all_.writer(1).book().Find("node-1"), nullptr) << "it has not heard of it";
  const auto answer = Ask(1, 1);
  EXPECT_FALSE(*answer) << "not before the book has come to where the store is";
  all_.replicas[1]->store.End();
  all_.Run();
  ASSERT_TRUE(*answer && (*answer)->ok());
  EXPECT_NE(all_.writer(0).book().Find("node-1"), nullptr) << "asked of the leader anew";
}

// What it has may have been released meanwhile, and a node that knows of no subnet uses none.
TEST_F(WriterReplicasTest, WithoutTheStoreOnlyWhoPresentsItsSubnetIsGrantedIt) {
  Start(2);
  ASSERT_TRUE(Acquire(1, 1).ok());
  const Prefix subnet = *all_.writer(1).book().Find("node-1")->subnets[Family::kV4];
  all_.store.HoldDelivery(true);
  all_.replicas[1]->store.failing_positions = 1000;
  all_.Kill(0);  // which replica 1 does not hear of
  EXPECT_FALSE(*Ask(1, 1));
  EXPECT_EQ(all_.forwarded, 2) << "the leader may know better";
  all_.Pass(absl::Seconds(11));  // it gives up ...
  all_.Pass(absl::Seconds(1));   // ... and makes room
  const auto presented = Ask(1, 1, {subnet});
  EXPECT_TRUE(*presented && (*presented)->ok());
  while (all_.store.Step()) all_.Run();
  all_.store.HoldDelivery(false);
}

TEST_F(WriterReplicasTest, CommandsWaitForALeaderAndThenGoOn) {
  Start(2);
  all_.store.HoldDelivery(true);
  all_.Kill(0);
  const auto answer = Ask(1, 1);
  EXPECT_FALSE(*answer);
  all_.Pass(absl::Seconds(1));
  EXPECT_FALSE(*answer);
  EXPECT_GE(all_.forwarded, 2) << "tried again";
  while (all_.store.Step()) all_.Run();
  EXPECT_TRUE(all_.writer(1).leads());
  ASSERT_TRUE(*answer && (*answer)->ok()) << (*answer)->status();
  all_.store.HoldDelivery(false);
}

TEST_F(WriterReplicasTest, WithoutALeaderPatienceEndsWithTheReason) {
  all_.store.HoldDelivery(true);
  ASSERT_TRUE(all_.Start(0).ok()) << "needs no leader";
  all_.replicas[0]->store.unreachable_since = absl::FromUnixSeconds(1'700'000'000);
  const auto answer = Ask(0, 1);
  all_.Pass(absl::Seconds(9));
  EXPECT_FALSE(*answer);
  all_.Pass(absl::Seconds(2));
  ASSERT_TRUE(*answer);
  EXPECT_TRUE(absl::IsUnavailable((*answer)->status()));
  EXPECT_THAT(std::string((*answer)->status().message()),
              HasSubstr("no controller leads: the store has not been reached since "
                        "2023-11-14T22:13:20Z; nothing was changed"));
  EXPECT_TRUE(all_.writer(0).idle());
  all_.store.HoldDelivery(false);
}

// The leader does not know yet that it is none.
TEST_F(WriterReplicasTest, AFencedRequestIsForwarded) {
  Start(2);
  all_.store.HoldDelivery(true);
  all_.store.Depose();
  const auto answer = Ask(0, 1);
  const auto network = std::make_shared<absl::Status>(absl::InternalError("no answer"));
  const std::string grown = R"({"Network":"10.240.0.0/12","SubnetLen":24,
      "Backend":{"Type":"vxlan"}})";
  all_.writer(0).SetNetwork(
      TestNetwork(grown), grown,
      [network](const absl::StatusOr<Committed>& result) { *network = result.status(); });
  EXPECT_FALSE(*answer);
  all_.RunAll();
  ASSERT_TRUE(*answer && (*answer)->ok()) << (*answer)->status();
  EXPECT_EQ(all_.forwarded, 1);
  EXPECT_TRUE(all_.writer(1).leads());
  EXPECT_TRUE(absl::IsUnavailable(*network));
  EXPECT_THAT(std::string(network->message()),
              HasSubstr("the controller 'c-1' at 192.0.2.1:7411 leads, and this one cannot do it; "
                        "nothing was changed"));
  EXPECT_TRUE(all_.writer(0).idle());
  all_.store.HoldDelivery(false);
}

// As when it was stopped for a while: what its book has may have been released meanwhile.
TEST_F(WriterReplicasTest, ALeaderWhoseTimeIsOverGrantsNothingFromItsBook) {
  Start(2);
  ASSERT_TRUE(Acquire(0, 1).ok());
  all_.store.HoldDelivery(true);
  all_.replicas[0]->store.lead_is_over = true;
  const auto answer = Ask(0, 1);
  absl::Status released;
  all_.writer(0).Release("node-2", [&released](const absl::StatusOr<Committed>& result) {
    released = result.status();
  });
  all_.Pass(absl::Seconds(1));
  EXPECT_FALSE(*answer);
  EXPECT_TRUE(released.ok()) << "not said to be none: " << released;
  all_.store.Depose();
  all_.RunAll();
  EXPECT_TRUE(all_.writer(1).leads());
  ASSERT_TRUE(*answer && (*answer)->ok()) << (*answer)->status();
  EXPECT_EQ(all_.forwarded, 0) << "it is confirmed";
  EXPECT_TRUE(absl::IsUnavailable(released)) << released;
  all_.store.HoldDelivery(false);
}

TEST_F(WriterReplicasTest, ALeaderThatRenewedLateButInTimeGoesOn) {
  Start(2);
  all_.replicas[0]->store.lead_is_over = true;
  const auto answer = Ask(0, 1);
  EXPECT_FALSE(*answer);
  all_.replicas[0]->store.lead_is_over = false;
  all_.Pass(absl::Seconds(1));
  ASSERT_TRUE(*answer && (*answer)->ok());
}

// An answer of the former term must not end the present one.
TEST_F(WriterReplicasTest, ALateRefusalDoesNotDeposeAgain) {
  Start(1);
  all_.store.HoldDelivery(true);
  all_.store.Depose();  // alone, it leads again at once
  const auto answer = Ask(0, 1);
  all_.RunAll();
  EXPECT_TRUE(all_.writer(0).leads());
  ASSERT_TRUE(*answer && (*answer)->ok()) << (*answer)->status();
  all_.store.HoldDelivery(false);
}

TEST_F(WriterReplicasTest, WhatIsTheLeadersAloneIsRefusedElsewhere) {
  Start(2);
  absl::Status refused;
  all_.writer(1).Reserve("node-1", {}, [&refused](const absl::StatusOr<LeaseGrant>& grant) {
    refused = grant.status();
  });
  EXPECT_TRUE(absl::IsUnavailable(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("'c-0' at 192.0.2.0:7411 leads"));
  all_.writer(1).AcquireHere(
      {"node-1", TestAdvertisement(1), {}},
      [&refused](const absl::StatusOr<LeaseGrant>& grant) { refused = grant.status(); });
  EXPECT_TRUE(absl::IsUnavailable(refused));
  EXPECT_EQ(all_.forwarded, 0);
}

TEST_F(WriterReplicasTest, TheLeadersRefusalReachesTheNode) {
  Start(2);
  const std::string small = R"({"Network":"10.244.0.0/22","SubnetLen":24,
      "Backend":{"Type":"vxlan"}})";
  ASSERT_TRUE(SetNetwork(0, small).ok());
  for (int number : {1, 2, 3}) ASSERT_TRUE(Acquire(1, number).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Acquire(1, 4)));
}

TEST_F(WriterReplicasTest, AStepDownMovesTheLeadAndLosesNothing) {
  Start(3);
  EXPECT_TRUE(absl::IsFailedPrecondition(all_.writer(1).StepDown()));
  ASSERT_TRUE(all_.writer(0).StepDown().ok());
  all_.Run();
  EXPECT_TRUE(all_.writer(1).leads());
  EXPECT_EQ(all_.replicas[0]->leadership->state().role, Leadership::Role::kFollower);
  EXPECT_EQ(all_.writer(1).expiry_held_until(), all_.clock.now + LeasePolicy().ttl);
  for (int i : {0, 1, 2}) EXPECT_TRUE(Acquire(i, i + 1).ok());
  for (int i : {0, 1, 2}) EXPECT_EQ(all_.writer(i).book().leases().size(), 3u);
}

TEST_F(WriterReplicasTest, AnUnknownCommitWaitsUntilThePositionIsKnown) {
  Start(1);
  for (const bool applied : {true, false}) {
    SCOPED_TRACE(applied);
    all_.store.AnswerUnknownNext(1, applied);
    all_.replicas[0]->store.failing_positions = 2;
    const auto answer = Ask(0, applied ? 1 : 2);
    EXPECT_FALSE(*answer);
    all_.Pass(absl::Seconds(1));
    EXPECT_FALSE(*answer) << "asked again, in vain";
    all_.Pass(absl::Seconds(1));
    ASSERT_TRUE(*answer && (*answer)->ok());
  }
  EXPECT_EQ(all_.writer(0).book().leases().size(), 2u);
}

TEST_F(WriterReplicasTest, WaitsForARevision) {
  Start(2);
  all_.replicas[1]->store.Cut();
  ASSERT_TRUE(Acquire(0, 1).ok());
  const storage::Revision revision = all_.writer(0).book().revision();
  std::vector<absl::Status> answers;
  const auto note = [&answers](const absl::Status& status) { answers.push_back(status); };
  const absl::Time now = all_.clock.now;
  all_.writer(1).WhenReached(revision - 1, now + absl::Seconds(1), note);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].ok());
  all_.writer(1).WhenReached(revision, now + absl::Seconds(1), note);
  all_.writer(1).WhenReached(revision, now + absl::Seconds(5), note);
  EXPECT_LE(all_.writer(1).tick_at(), now + absl::Seconds(1));
  all_.Pass(absl::Seconds(1));
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_TRUE(absl::IsDeadlineExceeded(answers[1])) << answers[1];
  all_.replicas[1]->store.End();
  all_.Run();
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_TRUE(answers[2].ok());
}

// Anything at any replica, in any order, with leaders deposed and processes killed.
class RandomReplicas : public WriterReplicasTest {
 protected:
  static constexpr int kNodes = 6, kKept = 0;  // the latter is never released

  void Step(std::mt19937_64* random) {
    const auto below = [random](std::size_t bound) { return (*random)() % bound; };
    const std::size_t index = below(3);
    if (all_.replicas[index] == nullptr) {
      ASSERT_TRUE(all_.Start(index).ok());
      return;
    }
    const int number = static_cast<int>(below(kNodes));
    switch (below(16)) {
      case 0:
        return all_.Kill(index);
      case 1:
      case 2:
        return all_.store.Depose();
      case 3:
        return all_.store.AnswerUnknownNext(1, below(2) == 0);
      case 4:
        return all_.Pass(absl::Milliseconds(300));
      case 5:
        if (number == kKept) return;
        return all_.writer(index).Release(absl::StrCat("node-", number),
                                          [](const absl::StatusOr<Committed>&) {});
      case 6:
      case 7:
      case 8:
      case 9:
        return AskRandomly(index, number, static_cast<int>(below(3)));
      default:
        if (below(2) == 0) all_.store.Step();
        all_.RunOne(index);
    }
  }

  void AskRandomly(std::size_t index, int number, int version) {
    const AcquireRequest request{
        absl::StrCat("node-", number), TestAdvertisement(number, version), {}};
    all_.writer(index).Acquire(request, [this, number](const absl::StatusOr<LeaseGrant>& grant) {
      if (!grant.ok()) return;
      ++granted_;
      if (number != kKept) return;
      const Prefix subnet = *grant->lease.subnets[Family::kV4];
      EXPECT_EQ(kept_.value_or(subnet), subnet) << "granted, and nobody let go of it";
      kept_ = subnet;
    });
  }

  void ExpectBooksToAgree() {
    const LeaseBook* first = nullptr;
    for (const auto& replica : all_.replicas) {
      if (replica == nullptr) continue;
      EXPECT_TRUE(replica->writer->idle());
      const LeaseBook& book = replica->writer->book();
      EXPECT_TRUE(book.CheckInvariants().ok()) << book.CheckInvariants();
      if (first == nullptr) first = &book;
      EXPECT_TRUE(book.leases() == first->leases());
      const Lease* kept = book.Find(absl::StrCat("node-", kKept));
      EXPECT_TRUE(!kept_ || (kept != nullptr && kept->subnets[Family::kV4] == kept_));
    }
  }

  std::optional<Prefix> kept_;
  int granted_ = 0;
};

TEST_F(RandomReplicas, NoSubnetIsGrantedTwiceAndBooksAgree) {
  spdlog::set_level(spdlog::level::off);
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937_64 random(seed);
    all_.replicas.clear();
    all_.store.HoldDelivery(false);
    for (std::size_t i : {0, 1, 2}) ASSERT_TRUE(all_.Start(i).ok());
    all_.Run();
    if (seed == 1) {
      ASSERT_TRUE(SetNetwork(0).ok());
    }
    all_.store.HoldDelivery(true);
    for (int step = 0; step < 300; ++step) ASSERT_NO_FATAL_FAILURE(Step(&random));
    all_.store.AnswerUnknownNext(0, false);
    for (int second = 0; second < 30; ++second) {
      all_.RunAll();
      all_.Pass(absl::Seconds(1));
    }
    ExpectBooksToAgree();
  }
  EXPECT_GT(granted_, 1000);
  EXPECT_GT(all_.forwarded, 1000);
  all_.store.HoldDelivery(false);
  spdlog::set_level(spdlog::level::info);
}

}  // namespace
}  // namespace heddle::controller
