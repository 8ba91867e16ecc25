// Sessions with real members of etcd.
#include "storage/etcd/session.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "storage/etcd/test_candidate.h"
#include "storage/etcd/test_cluster.h"

namespace heddle::storage {
namespace {

namespace pb = etcdserverpb;

const Member kA{"a", "10.0.0.1:7411", "1"};
const Member kB{"b", "10.0.0.2:7411", "1"};
// Long enough for a machine that is busy with other tests.
constexpr absl::Duration kPatience = absl::Seconds(20);

class EtcdSessionTest : public ::testing::Test {
 protected:
  void Start(int members) {
    EtcdTestCluster::Options options;
    options.members = members;
    auto cluster = EtcdTestCluster::Start(options);
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
    options_.endpoints = cluster_->endpoints();
    options_.leader_ttl = absl::Seconds(3);
    options_.call_timeout = absl::Seconds(1);
  }
  // With `first` before the others.
  EtcdOptions Through(int first) {
    EtcdOptions options = options_;
    std::swap(options.endpoints[0], options.endpoints[first]);
    return options;
  }
  EtcdOptions ThroughOnly(int member) {
    EtcdOptions options = options_;
    options.endpoints = {cluster_->endpoint(member)};
    return options;
  }
  // A member of etcd that does not lead etcd.
  int Follower() {
    std::optional<int> leader;
    EXPECT_TRUE(Eventually(kPatience, [&] { return (leader = cluster_->Leader()).has_value(); }));
    return (leader.value_or(0) + 1) % cluster_->size();
  }
  // What a process leaves behind that was killed while it led: its entry and the leader key, under
  // a lease that lives for a minute. The lease.
  std::int64_t LeaveBehind(EtcdClient* client, const Member& member) {
    pb::LeaseGrantRequest grant;
    grant.set_ttl(60);
    const auto lease =
        Ask<pb::LeaseGrantResponse>([&](auto done) { client->LeaseGrant(grant, std::move(done)); });
    EXPECT_TRUE(lease.ok()) << lease.status();
    for (const std::string& key : {absl::StrCat("member/", member.id), std::string("leader")}) {
      pb::PutRequest put;
      put.set_key(options_.prefix + key);
      put.set_value(EncodeMember(member));
      put.set_lease(lease->id());
      const auto done = Ask<pb::PutResponse>([&](auto done) { client->Put(put, std::move(done)); });
      EXPECT_TRUE(done.ok()) << done.status();
    }
    return lease->id();
  }
  std::vector<Member> Members(EtcdClient* client) {
    pb::RangeRequest range;
    range.set_key(options_.prefix + "member/");
    range.set_range_end(options_.prefix + "member0");
    const auto listed =
        Ask<pb::RangeResponse>([&](auto done) { client->Range(range, std::move(done)); });
    EXPECT_TRUE(listed.ok()) << listed.status();
    std::vector<Member> members;
    for (const auto& kv : listed->kvs()) members.push_back(*DecodeMember(kv.value()));
    return members;
  }

  std::unique_ptr<EtcdTestCluster> cluster_;
  EtcdOptions options_;
};

TEST(EtcdMember, IsEncodedAndDecoded) {
  const auto decoded = DecodeMember(EncodeMember(kA));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_TRUE(*decoded == kA);
  for (const char* noise : {"", "noise", "\x12\x01x"}) {
    EXPECT_TRUE(absl::IsDataLoss(DecodeMember(noise).status())) << noise;
  }
}

TEST_F(EtcdSessionTest, OneOfTwoLeadsAndTheOtherWhenItStepsDownOrResigns) {
  Start(1);
  TestCandidate a(options_, kA);
  ASSERT_TRUE(Eventually(kPatience, [&] { return a.leads(); }));
  TestCandidate b(options_, kB);
  ASSERT_TRUE(Eventually(kPatience, [&] { return Members(&b.client()).size() == 2; }));
  EXPECT_FALSE(b.leads());
  const Fence first = *a.session().fence();
  EXPECT_TRUE(a.session().leads());
  absl::Time before = absl::Now();
  a.session().StepDown([](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
  EXPECT_FALSE(a.session().leads()) << "etcd may give the lead to another from now on";
  ASSERT_TRUE(Eventually(kPatience, [&] { return b.leads(); }));
  EXPECT_LT(absl::Now() - before, absl::Milliseconds(200));
  EXPECT_FALSE(a.leads());
  EXPECT_GT(b.session().fence()->term(), first.term());
  absl::Status again;
  a.session().StepDown([&](const absl::Status& status) { again = status; });
  EXPECT_TRUE(absl::IsFailedPrecondition(again)) << again;
  before = absl::Now();
  b.Stop();
  EXPECT_TRUE(Eventually(kPatience, [&] { return a.leads(); }));
  EXPECT_LT(absl::Now() - before, absl::Milliseconds(400));
  EXPECT_EQ(Members(&a.client()), std::vector<Member>{kA});
  EXPECT_EQ(a.deposed, 0);
}

TEST_F(EtcdSessionTest, WhoStepsDownAloneLeadsAgainAfterOneTtl) {
  Start(1);
  TestCandidate a(options_, kA);
  ASSERT_TRUE(Eventually(kPatience, [&] { return a.leads(); }));
  const Fence first = *a.session().fence();
  const absl::Time before = absl::Now();
  a.session().StepDown([](const absl::Status& status) { EXPECT_TRUE(status.ok()) << status; });
  ASSERT_TRUE(Eventually(kPatience, [&] { return !a.leads(); }));
  ASSERT_TRUE(Eventually(kPatience, [&] { return a.leads(); }));
  EXPECT_GT(absl::Now() - before, options_.leader_ttl * 0.9);
  EXPECT_GT(a.session().fence()->term(), first.term());
}

TEST_F(EtcdSessionTest, ALeaderThatIsNotAnsweredIsDeposedBeforeAnotherLeads) {
  Start(3);
  const int paused = Follower();
  TestCandidate a(ThroughOnly(paused), kA);
  ASSERT_TRUE(Eventually(kPatience, [&] { return a.leads(); }));
  TestCandidate b(ThroughOnly((paused + 1) % 3), kB);
  ASSERT_TRUE(Eventually(kPatience, [&] { return Members(&b.client()).size() == 2; }));
  const Fence former = *a.session().fence();
  cluster_->Pause(paused);
  const absl::Time silent = absl::Now();
  ASSERT_TRUE(Eventually(kPatience, [&] { return a.deposed == 1; }));
  EXPECT_FALSE(a.leads());
  EXPECT_FALSE(b.leads());  // the lease lives for another third of its time
  EXPECT_LT(absl::Now() - silent, options_.leader_ttl);
  ASSERT_TRUE(Eventually(kPatience, [&] { return b.leads(); }));
  RecordProperty("other_leads_after_ms",
                 static_cast<int>((absl::Now() - silent) / absl::Milliseconds(1)));
  EXPECT_GT(b.session().fence()->term(), former.term());
  cluster_->Continue(paused);
  // It comes back as a follower, with a lease and an entry of its own.
  a.Watch();
  EXPECT_TRUE(Eventually(kPatience, [&] { return Members(&b.client()).size() == 2; }));
  EXPECT_FALSE(a.leads());
  b.Stop();
  EXPECT_TRUE(Eventually(kPatience, [&] { return a.leads(); }));
}

TEST_F(EtcdSessionTest, TheLeadOutlivesTheMemberItWasHeldThrough) {
  Start(3);
  options_.leader_ttl = absl::Seconds(6);
  const int killed = Follower();
  TestCandidate a(Through(killed), kA);
  ASSERT_TRUE(Eventually(kPatience, [&] { return a.leads(); }));
  const Fence fence = *a.session().fence();
  cluster_->Kill(killed);
  const absl::Time end = absl::Now() + options_.leader_ttl * 1.5;
  while (absl::Now() < end) {
    ASSERT_TRUE(a.leads());
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_EQ(a.session().fence()->term(), fence.term());
  EXPECT_EQ(a.deposed, 0);
}

TEST_F(EtcdSessionTest, ALeaseThatIsRevokedIsReplaced) {
  Start(1);
  TestCandidate a(options_, kA);
  ASSERT_TRUE(Eventually(kPatience, [&] { return a.leads(); }));
  const Fence former = *a.session().fence();
  ASSERT_TRUE(cluster_->Etcdctl({"lease", "revoke", former.token()}).ok());
  ASSERT_TRUE(Eventually(kPatience, [&] {
    const auto fence = a.session().fence();
    return fence && fence->term() > former.term();
  }));
  EXPECT_NE(a.session().fence()->token(), former.token());
  EXPECT_EQ(Members(&a.client()), std::vector<Member>{kA});
}

TEST_F(EtcdSessionTest, AControllerThatWasKilledLeadsAtOnceWhenItIsStartedAgain) {
  Start(1);
  const auto client = EtcdClient::Create(options_);
  ASSERT_TRUE(client.ok()) << client.status();
  LeaveBehind(client->get(), {kA.id, kA.address, "an older release"});
  const absl::Time before = absl::Now();
  TestCandidate a(options_, kA);
  ASSERT_TRUE(Eventually(kPatience, [&] { return a.leads(); }));
  EXPECT_LT(absl::Now() - before, absl::Seconds(5));  // the lease left behind lives for a minute
  EXPECT_EQ(Members(client->get()), std::vector<Member>{kA});
}

TEST_F(EtcdSessionTest, SomebodyElseWithTheSameIdIsWaitedFor) {
  Start(1);
  const auto client = EtcdClient::Create(options_);
  ASSERT_TRUE(client.ok()) << client.status();
  const Member twin{kA.id, kB.address, "1"};
  const std::int64_t lease = LeaveBehind(client->get(), twin);
  TestCandidate a(options_, kA);
  EXPECT_FALSE(Eventually(options_.leader_ttl, [&] { return a.leads(); }));
  EXPECT_EQ(Members(client->get()), std::vector<Member>{twin});
  ASSERT_TRUE(cluster_->Etcdctl({"lease", "revoke", absl::StrFormat("%x", lease)}).ok());
  EXPECT_TRUE(Eventually(kPatience, [&] { return a.leads(); }));
  EXPECT_EQ(Members(client->get()), std::vector<Member>{kA});
}

TEST_F(EtcdSessionTest, AnEtcdThatComesBackIsServedAgain) {
  Start(1);
  TestCandidate a(options_, kA);
  ASSERT_TRUE(Eventually(kPatience, [&] { return a.leads(); }));
  cluster_->Kill(0);
  ASSERT_TRUE(Eventually(kPatience, [&] { return a.deposed == 1; }));
  ASSERT_TRUE(cluster_->Restart(0).ok());
  ASSERT_TRUE(cluster_->WaitUntilServing().ok());
  a.Watch();
  EXPECT_TRUE(Eventually(kPatience, [&] { return a.leads(); }));
}

}  // namespace
}  // namespace heddle::storage
