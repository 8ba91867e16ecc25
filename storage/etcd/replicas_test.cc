// Several stores on one etcd, and what happens to etcd under them: real members, killed, paused,
// filled up, restored.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "storage/etcd/replicas_fixture.h"

namespace heddle::storage {
namespace {

TEST_F(Replicas, AllHaveTheSameFeedAndReadWhatTheOtherWrote) {
  StartCluster(1);
  const auto a = MustOpen(Options("a")), b = MustOpen(Options("b"));
  const Position start = a->Describe().position;
  RecordingSink at_a, at_b;
  auto from_a = a->Subscribe("", start, &at_a);
  auto from_b = b->Subscribe("", {start.history, b->Describe().position.revision}, &at_b);
  ASSERT_TRUE(from_a.ok() && from_b.ok()) << from_a.status() << from_b.status();
  for (int i = 0; i < 20; ++i) {
    Store& writer = i % 2 == 0 ? *a : *b;
    Store& reader = i % 2 == 0 ? *b : *a;
    MustPut(writer, "k", absl::StrCat(i));
    const auto read = reader.Get("k", Store::Consistency::kLinearizable);
    ASSERT_TRUE(read.ok() && *read) << read.status();
    EXPECT_EQ((*read)->value, absl::StrCat(i));
  }
  ASSERT_TRUE(at_a.WaitForCount(20));
  ASSERT_TRUE(at_b.WaitForCount(20));
  EXPECT_EQ(at_a.revisions(), at_b.revisions());
}

TEST_F(Replicas, TheLeadIsGivenAwayAtOnce) {
  StartCluster(1);
  const auto a = MustOpen(Options("a")), b = MustOpen(Options("b"));
  RecordingListener at_a, at_b;
  auto first = a->Campaign({"a", "a:1", "1"}, &at_a);
  ASSERT_TRUE(first.ok()) << first.status();
  const std::optional<Fence> old_fence = at_a.WaitForElection();
  ASSERT_TRUE(old_fence);
  auto second = b->Campaign({"b", "b:1", "1"}, &at_b);
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_TRUE(Eventually(kPatience, [&] { return b->Describe().members.size() == 2; }));
  ASSERT_TRUE(Eventually(kPatience, [&] { return a->Describe().members.size() == 2; }));
  EXPECT_EQ(at_b.leader()->id, "a");
  const absl::Time before = absl::Now();
  const absl::Status stepped = (*first)->StepDown();
  ASSERT_TRUE(stepped.ok()) << stepped;
  ASSERT_TRUE(at_b.WaitForElection());
  const absl::Duration took = absl::Now() - before;
  RecordProperty("step_down_ms", absl::StrCat(absl::ToInt64Milliseconds(took)));
  EXPECT_LT(took, kTtl / 2);
  EXPECT_TRUE(Eventually(kPatience, [&] { return at_a.leader() && at_a.leader()->id == "b"; }));
  EXPECT_EQ(at_a.depositions(), 1);
  EXPECT_EQ(CommitAndWait(*a, {old_fence, {}, {Put("k", "v")}})->kind, Outcome::Kind::kFenced);
  EXPECT_EQ(CommitAndWait(*b, {at_b.fence(), {}, {Put("k", "v")}})->kind, Outcome::Kind::kApplied);

  second->reset();  // resigns
  ASSERT_TRUE(Eventually(kPatience, [&] { return at_a.fence().has_value(); }));
  EXPECT_TRUE(Eventually(kPatience, [&] { return a->Describe().members.size() == 1; }));
  EXPECT_EQ(at_a.fence()->token(), old_fence->token()) << "the same lease of etcd's";
  EXPECT_EQ(CommitAndWait(*a, {old_fence, {}, {Put("k", "v")}})->kind, Outcome::Kind::kFenced)
      << "but of another term";
}

// Its only member of etcd stands still: it cannot renew, the others elect, and it is fenced when it
// comes back.
TEST_F(Replicas, ALeaderThatIsCutOffIsReplacedAndFenced) {
  StartCluster(3);
  const std::optional<int> etcd_leader = cluster_->Leader();
  ASSERT_TRUE(etcd_leader);
  const int cut = (*etcd_leader + 1) % 3;
  EtcdOptions alone = Options("a");
  alone.endpoints = {cluster_->endpoint(cut)};
  EtcdOptions others = Options("b");
  others.endpoints.erase(others.endpoints.begin() + cut);
  const auto a = MustOpen(alone), b = MustOpen(others);
  RecordingListener at_a, at_b;
  auto first = a->Campaign({"a", "a:1", "1"}, &at_a);
  ASSERT_TRUE(first.ok()) << first.status();
  const std::optional<Fence> old_fence = at_a.WaitForElection();
  ASSERT_TRUE(old_fence);
  auto second = b->Campaign({"b", "b:1", "1"}, &at_b);
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_TRUE(Eventually(kPatience, [&] { return b->Describe().members.size() == 2; }));

  cluster_->Pause(cut);
  const absl::Time before = absl::Now();
  ASSERT_TRUE(at_b.WaitForElection());
  EXPECT_LT(absl::Now() - before, kTtl + absl::Seconds(2));
  EXPECT_FALSE((*first)->Leads());
  EXPECT_TRUE((*second)->Leads());
  EXPECT_TRUE(Eventually(kPatience, [&] { return at_a.depositions() == 1; }));
  EXPECT_TRUE(Eventually(kPatience, [&] { return a->Describe().unreachable_since.has_value(); }));
  EXPECT_FALSE(b->Describe().unreachable_since);
  ASSERT_EQ(CommitAndWait(*b, {at_b.fence(), {}, {Put("k", "new")}})->kind,
            Outcome::Kind::kApplied);

  cluster_->Continue(cut);
  ASSERT_TRUE(Eventually(kPatience, [&] { return Local(*a, "k") == "new"; }));
  ASSERT_TRUE(Eventually(kPatience, [&] { return !a->Describe().unreachable_since; }));
  EXPECT_EQ(CommitAndWait(*a, {old_fence, {}, {Put("k", "old")}})->kind, Outcome::Kind::kFenced);
  EXPECT_EQ(at_a.leader()->id, "b");
}

TEST_F(Replicas, WithoutEtcdTheCopyIsServedAndItHeals) {
  StartCluster(1);
  auto a = MustOpen(Options("a"));
  const Position known = MustPut(*a, "k", "before");
  EXPECT_FALSE(a->Describe().unreachable_since);
  cluster_->Kill(0);
  ASSERT_TRUE(Eventually(kPatience, [&] { return a->Describe().unreachable_since.has_value(); }));
  EXPECT_FALSE(a->Describe().writable);
  EXPECT_EQ(Local(*a, "k"), "before");
  const absl::Status refused = CommitAndWait(*a, {{}, {}, {Put("k", "x")}}).status();
  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  EXPECT_TRUE(absl::IsUnavailable(a->Get("k", Store::Consistency::kLinearizable).status()));
  const absl::Time since = *a->Describe().unreachable_since;

  a.reset();
  a = MustOpen(Options("a"));
  EXPECT_EQ(Local(*a, "k"), "before");
  EXPECT_EQ(a->Describe().position.history, known.history);
  ASSERT_TRUE(a->Describe().unreachable_since);
  EXPECT_LE(*a->Describe().unreachable_since, since);
  RecordingSink sink;
  auto subscription = a->Subscribe("", known, &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  const absl::Status nothing = OpenEtcdStore(Options("fresh")).status();
  EXPECT_TRUE(absl::IsUnavailable(nothing)) << nothing;
  EXPECT_TRUE(absl::StrContains(nothing.message(), cluster_->endpoint(0))) << nothing;

  ASSERT_TRUE(cluster_->Restart(0).ok());
  ASSERT_TRUE(cluster_->WaitUntilServing().ok());
  ASSERT_TRUE(Eventually(kPatience, [&] { return !a->Describe().unreachable_since; }));
  EXPECT_TRUE(PutEventually(*a, "k", "after"));
  ASSERT_TRUE(sink.WaitForCount(1));
  EXPECT_EQ(sink.seen()[0].changes[0].record.value, "after");
}

TEST_F(Replicas, TheLossOfAnyMemberOfThreeIsPassedOver) {
  StartCluster(3);
  const auto a = MustOpen(Options("a"));
  RecordingSink sink;
  auto subscription = a->Subscribe("", a->Describe().position, &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  for (int member = 0; member < 3; ++member) {
    cluster_->Kill(member);
    EXPECT_TRUE(PutEventually(*a, absl::StrCat("k", member), "v"));
    ASSERT_TRUE(cluster_->Restart(member).ok());
    const absl::Status serving = cluster_->WaitUntilServing();
    ASSERT_TRUE(serving.ok()) << serving;
  }
  EXPECT_TRUE(PutEventually(*a, "last", "v"));
  std::vector<std::string> keys;
  Revision before = 0;
  for (const RecordingSink::Seen& seen : sink.seen()) {
    EXPECT_GT(seen.revision, before);
    before = seen.revision;
    keys.push_back(seen.changes[0].record.key);
  }
  for (const char* key : {"k0", "k1", "k2", "last"}) {
    EXPECT_GE(std::count(keys.begin(), keys.end(), key), 1) << key;
  }
}

TEST_F(Replicas, ARestoredEtcdBeginsANewHistoryByItself) {
  StartCluster(1);
  const auto a = MustOpen(Options("a")), b = MustOpen(Options("b"));
  RecordingListener listener;
  auto candidacy = a->Campaign({"a", "a:1", "1"}, &listener);
  ASSERT_TRUE(candidacy.ok()) << candidacy.status();
  const std::optional<Fence> old_fence = listener.WaitForElection();
  ASSERT_TRUE(old_fence);
  MustPut(*a, "k", "old");
  const std::string snapshot = scratch_.path() + "/snapshot";
  const absl::Status saved = cluster_->SaveSnapshot(snapshot);
  ASSERT_TRUE(saved.ok()) << saved;
  Position newest;
  for (int i = 0; i < 30; ++i) newest = MustPut(*a, "k", absl::StrCat("new ", i));
  RecordingSink at_a, at_b;
  auto from_a = a->Subscribe("", newest, &at_a);
  ASSERT_TRUE(Eventually(kPatience, [&] { return Local(*b, "k") == "new 29"; }));
  auto from_b = b->Subscribe("", newest, &at_b);
  ASSERT_TRUE(from_a.ok() && from_b.ok());

  const absl::Status restored = cluster_->RestoreSnapshot(snapshot);
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_TRUE(at_a.WaitForEnd());
  EXPECT_TRUE(at_b.WaitForEnd());
  for (Store* store : {a.get(), b.get()}) {
    EXPECT_TRUE(Eventually(kPatience, [&] { return store->Describe().writable; }));
    EXPECT_NE(store->Describe().history.id, newest.history);
    EXPECT_TRUE(store->Describe().history.restored);
    EXPECT_EQ(Local(*store, "k"), "old");
  }
  EXPECT_EQ(a->Describe().history.id, b->Describe().history.id);
  EXPECT_EQ(CommitAndWait(*a, {old_fence, {}, {Put("k", "x")}})->kind, Outcome::Kind::kFenced);
}

TEST_F(Replicas, ANewHistoryEndsTheSubscriptionsOfAll) {
  StartCluster(1);
  const auto a = MustOpen(Options("a")), b = MustOpen(Options("b"));
  MustPut(*a, "k", "v");
  const auto known = b->Get("k", Store::Consistency::kLinearizable);
  ASSERT_TRUE(known.ok()) << known.status();
  const Position before = b->Describe().position;
  RecordingSink sink;
  auto subscription = b->Subscribe("", before, &sink);
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  const absl::Status begun = a->StartNewHistory();
  ASSERT_TRUE(begun.ok()) << begun;
  EXPECT_NE(a->Describe().history.id, before.history);
  EXPECT_TRUE(sink.WaitForEnd());
  EXPECT_EQ(b->Describe().history.id, a->Describe().history.id);
  EXPECT_TRUE(b->Describe().history.restored);
  EXPECT_EQ(Local(*b, "k"), "v");
}

TEST_F(Replicas, AFullEtcdIsAnAlarmAndIsReadStill) {
  EtcdTestCluster::Options small;
  small.more_arguments = {"--quota-backend-bytes=4000000"};
  auto cluster = EtcdTestCluster::Start(small);
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  cluster_ = *std::move(cluster);
  auto a = MustOpen(Options("a"));
  absl::Status status;
  for (int i = 0; i < 50 && status.ok(); ++i) {
    status = CommitAndWait(*a, {{}, {}, {Put(absl::StrCat("k", i), std::string(500'000, 'v'))}})
                 .status();
  }
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const Health health = a->Describe();
    return health.alarms.size() == 1 && absl::StrContains(health.alarms[0], "NOSPACE");
  }));
  const auto read = a->Get("k0", Store::Consistency::kLinearizable);
  EXPECT_TRUE(read.ok()) << read.status();
  a.reset();
  a = MustOpen(Options("a"));
  EXPECT_FALSE(a->Describe().unreachable_since);
}

}  // namespace
}  // namespace heddle::storage
