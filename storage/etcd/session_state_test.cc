#include "storage/etcd/session_state.h"

#include "gtest/gtest.h"

namespace heddle::storage {
namespace {

using Step = SessionState::Step;

constexpr absl::Duration kTtl = absl::Seconds(6);  // renewed at 2, silent at 3, over at 4
const Member kSelf{"a", "10.0.0.1:7411", "2"};
const Member kBefore{"a", "10.0.0.1:7411", "1"};
const Member kTwin{"a", "10.0.0.9:7411", "2"};
const Member kOther{"b", "10.0.0.2:7411", "2"};

class SessionStateTest : public ::testing::Test {
 protected:
  // The one step that is due, expected to be `step`.
  SessionState::Plan Expect(Step step) {
    const SessionState::Plan plan = state_.Next(now_);
    EXPECT_EQ(static_cast<int>(plan.step), static_cast<int>(step)) << "at " << now_;
    return plan;
  }
  void ExpectIdleUntil(Instant wake) { EXPECT_EQ(Expect(Step::kNone).wake, wake); }
  EtcdSession::LeaderKey Key(const Member& member, std::int64_t created, std::int64_t lease) {
    return {member, EncodeMember(member), created, lease};
  }
  // As far as the entry, with etcd at revision 100; the leader key is not known.
  void Begin(std::int64_t lease = 7) {
    state_.OnGranted(Expect(Step::kGrantLease).turn, lease, 100, now_);
    Expect(Step::kOpenKeepAlive);
    state_.OnEntryPut(Expect(Step::kPutEntry).turn);
  }
  void Lead() {
    Begin();
    ASSERT_TRUE(state_.OnLeaderKey(std::nullopt).ok());
    state_.OnCampaigned(Expect(Step::kCampaign).turn, now_);
    ASSERT_TRUE(state_.OnLeaderKey(Key(kSelf, 101, 7)).ok());
  }

  SessionState state_{kSelf, kTtl};
  Instant now_ = absl::Seconds(1000);
};

TEST_F(SessionStateTest, ComesToLead) {
  Begin();
  ExpectIdleUntil(now_ + kTtl / 3);  // without knowing the leader key it does not campaign
  EXPECT_FALSE(state_.fence(now_));
  ASSERT_TRUE(state_.OnLeaderKey(std::nullopt).ok());
  const auto campaign = Expect(Step::kCampaign);
  ExpectIdleUntil(now_ + kTtl / 3);
  state_.OnCampaigned(campaign.turn, now_);
  EXPECT_FALSE(state_.fence(now_));  // only the watch says who won
  ASSERT_TRUE(state_.OnLeaderKey(Key(kSelf, 101, 7)).ok());
  const auto fence = state_.fence(now_);
  ASSERT_TRUE(fence);
  EXPECT_EQ(fence->term(), 101u);
  EXPECT_EQ(fence->token(), "0000000000000007");
}

TEST_F(SessionStateTest, RenewsEveryThirdOfTheTime) {
  Lead();
  for (int i = 0; i < 10; ++i) {
    ExpectIdleUntil(now_ + kTtl / 3);
    now_ += kTtl / 3;
    Expect(Step::kKeepAlive);
    ExpectIdleUntil(now_ + kTtl / 6);  // then it is silent
    state_.OnKeptAlive(7, 6);
  }
  EXPECT_TRUE(state_.fence(now_));
}

TEST_F(SessionStateTest, TheTimeCountsFromTheQuestionNotFromTheAnswer) {
  Lead();
  now_ += kTtl / 3;
  Expect(Step::kKeepAlive);
  now_ += kTtl / 12;
  state_.OnKeptAlive(7, 6);
  ExpectIdleUntil(now_ - kTtl / 12 + kTtl / 3);
}

TEST_F(SessionStateTest, ASilentStreamIsOpenedElsewhereBeforeTheLeadIsGivenUp) {
  Lead();
  now_ += kTtl / 3;
  Expect(Step::kKeepAlive);
  now_ += kTtl / 6;
  Expect(Step::kMoveOn);
  Expect(Step::kOpenKeepAlive);
  Expect(Step::kKeepAlive);
  EXPECT_TRUE(state_.fence(now_));
  state_.OnKeptAlive(7, 6);
  ExpectIdleUntil(now_ + kTtl / 3);
}

TEST_F(SessionStateTest, TwoThirdsWithoutAnAnswerAreTheEndOfTheLead) {
  Lead();
  const Instant answered = now_;
  now_ = answered + kTtl * 2 / 3 - absl::Milliseconds(1);
  EXPECT_TRUE(state_.fence(now_));
  now_ = answered + kTtl * 2 / 3;
  EXPECT_FALSE(state_.fence(now_));  // even when nobody has asked what to do next
  EXPECT_TRUE(Expect(Step::kGiveUpLease).had_lead);
  // All over, with a new lease; what is left of the old one is cleared away, not waited for.
  const auto grant = Expect(Step::kGrantLease);
  state_.OnGranted(grant.turn, 8, 110, now_);
  Expect(Step::kOpenKeepAlive);
  const auto entry = Expect(Step::kPutEntry);
  EXPECT_EQ(state_.entry_modified(), 0);
  ASSERT_TRUE(state_.OnEntryTaken(entry.turn, kSelf, 7, 100, now_).ok());
  EXPECT_EQ(state_.entry_modified(), 100);
  state_.OnEntryPut(Expect(Step::kPutEntry).turn);
  state_.OnFormerLeadRemoved(Expect(Step::kRemoveFormerLead).turn, now_);
  EXPECT_EQ(state_.remove_created(), 101);
  ASSERT_TRUE(state_.OnLeaderKey(std::nullopt).ok());
  Expect(Step::kCampaign);
}

TEST_F(SessionStateTest, ALeaseThatEtcdNoLongerHasIsGivenUpAtOnce) {
  Lead();
  now_ += kTtl / 3;
  Expect(Step::kKeepAlive);
  state_.OnKeptAlive(7, 0);
  EXPECT_FALSE(state_.fence(now_));
  EXPECT_TRUE(Expect(Step::kGiveUpLease).had_lead);
  Expect(Step::kGrantLease);
}

TEST_F(SessionStateTest, ATransactionThatFindsNoLeaseEndsIt) {
  Begin();
  ASSERT_TRUE(state_.OnLeaderKey(std::nullopt).ok());
  const auto campaign = Expect(Step::kCampaign);
  state_.OnLeaseUnknown(campaign.turn);
  EXPECT_FALSE(Expect(Step::kGiveUpLease).had_lead);
  state_.OnLeaseUnknown(campaign.turn);  // says nothing of the next one
  state_.OnGranted(Expect(Step::kGrantLease).turn, 8, 110, now_);
  Expect(Step::kOpenKeepAlive);
}

TEST_F(SessionStateTest, AFollowersLeaseIsLostWithoutALead) {
  Begin();
  ASSERT_TRUE(state_.OnLeaderKey(Key(kOther, 90, 5)).ok());
  now_ += kTtl;
  EXPECT_FALSE(Expect(Step::kGiveUpLease).had_lead);
}

TEST_F(SessionStateTest, AnAnswerThatComesAfterTheLeaseWasGivenUpCountsForNothing) {
  Begin();
  ASSERT_TRUE(state_.OnLeaderKey(std::nullopt).ok());
  const auto campaign = Expect(Step::kCampaign);
  now_ += kTtl;
  Expect(Step::kGiveUpLease);
  const auto grant = Expect(Step::kGrantLease);
  state_.OnCampaigned(campaign.turn, now_);
  state_.OnStepFailed(campaign.turn, now_);
  state_.OnKeptAlive(7, 6);
  ExpectIdleUntil(absl::InfiniteDuration());  // for the answer to the grant
  state_.OnGranted(grant.turn, 8, 110, now_);
  EXPECT_EQ(state_.lease(), 8);
}

TEST_F(SessionStateTest, FollowsALeaderAndCampaignsWhenItsKeyGoes) {
  Begin();
  ASSERT_TRUE(state_.OnLeaderKey(Key(kOther, 90, 5)).ok());
  ExpectIdleUntil(now_ + kTtl / 3);
  ASSERT_TRUE(state_.OnLeaderKey(std::nullopt).ok());
  Expect(Step::kCampaign);
}

TEST_F(SessionStateTest, DoesNotCampaignWhileTheWatchIsLost) {
  Begin();
  ASSERT_TRUE(state_.OnLeaderKey(std::nullopt).ok());
  state_.OnWatchLost();
  ExpectIdleUntil(now_ + kTtl / 3);
}

TEST_F(SessionStateTest, AnUnknownOutcomeIsTriedAgainUnlessTheWatchSaysWhoWon) {
  Begin();
  ASSERT_TRUE(state_.OnLeaderKey(std::nullopt).ok());
  state_.OnStepFailed(Expect(Step::kCampaign).turn, now_);
  const Instant retry = Expect(Step::kNone).wake;
  EXPECT_GT(retry, now_);
  now_ = retry;
  Expect(Step::kCampaign);
  ASSERT_TRUE(state_.OnLeaderKey(Key(kSelf, 101, 7)).ok());
  EXPECT_TRUE(state_.fence(now_));
}

TEST_F(SessionStateTest, AfterSteppingDownAnotherIsGivenOneTtlToLead) {
  Lead();
  const Instant until = now_ + kTtl / 4;
  state_.Withhold(until);
  EXPECT_TRUE(state_.fence(now_));  // until the watch brings the delete
  ASSERT_TRUE(state_.OnLeaderKey(std::nullopt).ok());
  EXPECT_FALSE(state_.fence(now_));
  ExpectIdleUntil(until);
  now_ = until;
  Expect(Step::kCampaign);
}

TEST_F(SessionStateTest, OnceAnotherHasLedItCampaignsAgain) {
  Lead();
  state_.Withhold(now_ + kTtl);
  ASSERT_TRUE(state_.OnLeaderKey(std::nullopt).ok());
  ASSERT_TRUE(state_.OnLeaderKey(Key(kOther, 105, 9)).ok());
  ASSERT_TRUE(state_.OnLeaderKey(std::nullopt).ok());
  Expect(Step::kCampaign);
}

TEST_F(SessionStateTest, ACrashedProcessOfThisControllerIsNotWaitedFor) {
  ASSERT_TRUE(state_.OnLeaderKey(Key(kBefore, 50, 3)).ok());
  state_.OnGranted(Expect(Step::kGrantLease).turn, 7, 100, now_);
  Expect(Step::kOpenKeepAlive);
  ASSERT_TRUE(state_.OnEntryTaken(Expect(Step::kPutEntry).turn, kBefore, 3, 49, now_).ok());
  state_.OnEntryPut(Expect(Step::kPutEntry).turn);
  Expect(Step::kRemoveFormerLead);
  EXPECT_EQ(state_.remove_created(), 50);
}

TEST_F(SessionStateTest, SomebodyElseWithThisIdIsLeftAloneAndComplainedOf) {
  state_.OnGranted(Expect(Step::kGrantLease).turn, 7, 100, now_);
  Expect(Step::kOpenKeepAlive);
  const absl::Status taken = state_.OnEntryTaken(Expect(Step::kPutEntry).turn, kTwin, 3, 49, now_);
  EXPECT_TRUE(absl::IsAlreadyExists(taken)) << taken;
  EXPECT_TRUE(absl::IsAlreadyExists(state_.OnLeaderKey(Key(kTwin, 50, 3))));
  // It neither campaigns nor removes anything; it looks again whether the other is gone.
  EXPECT_EQ(state_.entry_modified(), 0);
  Expect(Step::kPutEntry);
}

TEST_F(SessionStateTest, WhoTookThisIdAndAddressLaterIsNotDeposed) {
  Begin();
  EXPECT_TRUE(absl::IsAlreadyExists(state_.OnLeaderKey(Key(kSelf, 120, 9))));
  ExpectIdleUntil(now_ + kTtl / 3);
}

TEST_F(SessionStateTest, AStreamThatEndedIsOpenedAgain) {
  Begin();
  state_.OnKeepAliveEnded(now_);
  const Instant wake = Expect(Step::kNone).wake;
  EXPECT_GT(wake, now_);
  EXPECT_LT(wake, now_ + kTtl / 6);
  now_ = wake;
  Expect(Step::kOpenKeepAlive);
}

}  // namespace
}  // namespace heddle::storage
